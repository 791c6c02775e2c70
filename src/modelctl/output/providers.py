"""What providers list, in our fields: a block for each as text, one document, or a line per model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Protocol

from pydantic import RootModel
from typing_extensions import TypedDict

from modelctl.core.edits.providers import PAGES, SETTINGS, editable_of, shown_setting
from modelctl.core.facts import FACT_TYPES, FactValue, ModelRecord, Skipped, Source
from modelctl.core.planning.merge import Snapshot
from modelctl.core.prices.ledger import projection
from modelctl.core.provider import Health, KeyState, ProviderView
from modelctl.core.text import counted
from modelctl.errors import ModelctlError
from modelctl.output.console import Cell, Column, Look, columns_of, labelled, table
from modelctl.output.document import (
    AsJson,
    Documents,
    Instant,
    JsonFact,
    PriceJson,
    Printed,
    Rows,
    SkippedJson,
    VersionedDocument,
    price_json,
)
from modelctl.output.format import one_line, plain, shown, some

MAX_NAMES = 8
"""Ids listed for one reason; the rest is counted, and in the JSON."""
UNKNOWN_CELL = "-"

_COLUMNS: Mapping[str, str] = {
    "type": "type",
    "status": "status",
    "input_price_per_mtok": "input/mtok",
    "output_price_per_mtok": "output/mtok",
    "context_window": "context",
    "max_output_tokens": "max output",
    "retires_on": "retires on",
    "released_on": "released on",
}
"""Facts in the table and their titles; a narrow terminal lacks the last ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Discovered:
    """What one provider's API says, or why nobody knows."""

    provider: str
    listing: Snapshot | None = None
    listed_at: datetime | None = None
    is_reused: bool = False
    notice: str | None = None
    error: ModelctlError | None = None

    @property
    def is_whole(self) -> bool:
        """Whether the listing shows every model that the key can call."""
        return self.listing is not None and self.provider in self.listing.complete_for


def _records(found: Discovered) -> list[ModelRecord]:
    records = found.listing.records if found.listing is not None else {}
    return [records[key] for key in sorted(records)]


def _block(found: Discovered, look: Look) -> Iterator[str]:
    name = look.paint(found.provider, "bold")
    if found.listing is None or found.listed_at is None:
        yield from labelled(
            found.provider,
            f"failed: {one_line(str(found.error).removeprefix(f'{found.provider}: '))}",
            look,
            style="red",
        )
        return
    records = _records(found)
    whole = "complete listing" if found.is_whole else "not complete: a model that it lacks may still exist"
    yield f"{name}  {counted(len(records), 'model')}  ({whole} of {shown(found.listed_at)})"
    if found.notice:
        yield from labelled("note", found.notice, look, style="yellow", indent=2)
    for reason, ids in _by_reason(found.listing.skipped).items():
        yield from labelled("skipped", f"{len(ids):,}: {one_line(reason)} ({some(ids, MAX_NAMES)})", look, indent=2)
    yield from table(_columns(records, found.listed_at), look)


def _by_reason(skipped: Sequence[Skipped]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for each in skipped:
        grouped.setdefault(each.reason, []).append(each.item_id)
    return grouped


def _columns(records: Sequence[ModelRecord], listed_at: datetime) -> list[Column]:
    """The id, and the facts that the API states of any model."""
    facts = [{**dict(each.facts.known()), **projection(each.prices, at=listed_at)} for each in records]
    ids = [Cell(one_line(str(record.key))) for record in records]
    columns = [Column(title="model", cells=ids, is_id=True)]
    for name, title in _COLUMNS.items():
        if any(name in each for each in facts):
            values = [each.get(name) for each in facts]
            cells = [Cell(UNKNOWN_CELL, "dim") if each is None else Cell(shown(each)) for each in values]
            is_number = FACT_TYPES[name] in (int, Decimal)
            columns.append(Column(title=title, cells=cells, right=is_number, rank=len(columns)))
    return columns


class ListedModelJson(TypedDict):
    """A model as an API lists it: what is not there is unknown."""

    provider: str
    model_id: str
    facts: dict[str, JsonFact]
    stated_none: list[str]
    """Facts that the API says do not exist for this model, such as a day of retirement."""
    by_rule: dict[str, str]
    """Facts that no API states: which rule they follow from."""
    prices: list[PriceJson]


class ListingErrorJson(TypedDict):
    """Why a listing could not be had."""

    message: str
    hint: str


class ListingJson(TypedDict):
    """What one provider's API says."""

    provider: str
    whole: bool
    """Whether the listing shows every model that the key can call."""
    listed_at: Instant | None
    reused: bool
    notice: str | None
    error: ListingErrorJson | None
    models: list[ListedModelJson]
    skipped: list[SkippedJson]


def _listing(found: Discovered) -> ListingJson:
    skipped = found.listing.skipped if found.listing is not None else ()
    error = found.error
    return {
        "provider": found.provider,
        "whole": found.is_whole,
        "listed_at": plain(found.listed_at) if found.listed_at is not None else None,
        "reused": found.is_reused,
        "notice": found.notice,
        "error": {"message": error.message, "hint": error.hint} if error is not None else None,
        "models": [_listed_model(record) for record in _records(found)],
        "skipped": [{"id": each.item_id, "reason": each.reason} for each in skipped],
    }


def _listed_model(record: ModelRecord) -> ListedModelJson:
    return {
        "provider": record.key.provider,
        "model_id": record.key.model_id,
        "facts": {name: plain(value) for name, value in record.facts.known()},
        "stated_none": sorted(record.stated_none),
        "by_rule": {name: who for name, who in record.provenance.items() if who.startswith("rule:")},
        "prices": [price_json(point) for point in record.prices],
    }


class DiscoveryDocument(Rows, VersionedDocument):
    """What providers' APIs list, in the fields of a model."""

    providers: tuple[Annotated[Discovered, AsJson(_listing)], ...]

    def to_table(self, look: Look) -> str:
        """A block per provider: what it is, its models, what was skipped and why."""
        return look.text("\n\n".join("\n".join(_block(each, look)) for each in self.providers).splitlines())

    def rows(self) -> Sequence[Mapping[str, Any]]:
        """An object per model."""
        return [dict(_listed_model(record)) for each in self.providers for record in _records(each)]


_INDENT = 2
_KEY_WORDS: Mapping[KeyState, str] = {
    KeyState.MISSING: "none",
    KeyState.NOT_WANTED: "not wanted",
    KeyState.NO_LISTING: "no API",
}
_OFF = {"row": "disabled", "settings": "off in modelctl.toml", "": "enabled"}


def health_style(status: str) -> str:
    """The colour of a word of `Health`."""
    if status in (Health.OK, Health.UNKNOWN):
        return "green" if status == Health.OK else "dim"
    return "yellow" if status in (Health.NO_KEY, Health.KEY_NOT_PROVEN) else "red"


def provider_table(views: Sequence[ProviderView], look: Look) -> str:
    """A line per provider, and what the models come to."""
    enabled, total = (sum(getattr(each.models, name) for each in views) for name in ("enabled", "total"))
    columns = columns_of(
        views,
        {
            "provider": lambda each: Cell(one_line(each.provider.name), "bold"),
            "kind": lambda each: one_line(each.provider.kind) or "none",
            "switch": lambda each: Cell(_OFF[each.switched_off_by], "yellow" if each.switched_off_by else ""),
            "key": _key_text,
            "models enabled": lambda each: f"{each.models.enabled:,} of {each.models.total:,}",
            "health": lambda each: Cell(_health_text(each), health_style(each.health.status)),
        },
        right=["models enabled"],
        drop=["kind", "switch"],
        totals={"provider": "total", "models enabled": f"{enabled:,} of {total:,}"},
    )
    return look.text(table(columns, look))


def provider_page(view: ProviderView, look: Look) -> str:
    """Everything about one provider: each setting with who stated it, its key, models and health."""
    provider = view.provider
    title = f"{look.paint(one_line(provider.name), 'bold')}  {one_line(provider.display_name)}"
    lines = [f"{title}, {_OFF[view.switched_off_by]}"]
    for name, value in editable_of(provider).items():
        if name in (*SETTINGS[1:], "headers") and value not in (None, ()):
            lines += labelled(name, _setting_text(view, name, value), look, indent=_INDENT)
    lines += labelled("key", _key_text(view), look, indent=_INDENT)
    if view.stored_keys:
        lines += labelled("stored keys", f"{view.stored_keys} in the database, encrypted", look, indent=_INDENT)
    counts = view.models
    text = f"{counts.total:,} ({counts.enabled:,} enabled, {counts.retired:,} retired)"
    lines += labelled("models", text if counts.total else "none in the database yet", look, indent=_INDENT)
    lines += labelled("health", _health_text(view), look, indent=_INDENT, style=health_style(view.health.status))
    for name in PAGES:
        if page := getattr(provider, name):
            lines += labelled(name, one_line(page), look, indent=_INDENT)
    if not view.is_stored:
        lines += labelled("row", "none yet: the first sync makes it", look, indent=_INDENT)
    return look.text(lines)


def _setting_text(view: ProviderView, name: str, value: FactValue) -> str:
    text = shown(shown_setting(name, value)) or "empty: the bare key"
    owner = view.owners.get(name, "")
    note = owner
    if owner == Source.PERSON and name in view.offered:
        note = f"{owner}; the catalogs state {shown(shown_setting(name, view.offered[name]), unknown='nothing')}"
    return f"{text}  ({note})" if note else text


def _key_text(view: ProviderView) -> str:
    if view.key in _KEY_WORDS:
        text = _KEY_WORDS[view.key]
        wanted = " or ".join(map(one_line, view.provider.env_vars))
        return f"{text}; set {wanted}" if view.key is KeyState.MISSING else text
    place = one_line(view.key_name)
    return f"in {place}" if view.key is KeyState.PRESENT else f"unusable, in {place}"


def _health_text(view: ProviderView) -> str:
    health = view.health
    if health.checked_at is None:
        return "not tested"
    latency = f", {health.latency_ms:,} ms" if health.latency_ms is not None else ""
    return f"{one_line(health.status)}{latency}, {shown(health.checked_at)}"


class ProviderCountsJson(TypedDict):
    """How many models a provider has."""

    total: int
    enabled: int
    retired: int


class ProviderJson(TypedDict):
    """A provider: its settings by the names of their columns, then what is known of key, models and health."""

    name: str
    display_name: str
    kind: str
    api_base_url: str | None
    auth_header_name: str | None
    auth_header_prefix: str | None
    env_vars: list[str]
    headers: dict[str, str]
    is_enabled: bool
    is_builtin: bool
    switched_off_by: str | None
    is_stored: bool
    in_catalogs: bool
    key: KeyState
    key_name: str | None
    """Where the key is."""
    stored_keys: int
    models: ProviderCountsJson
    health_status: str
    health_checked_at: Instant | None
    health_latency_ms: int | None


class WholeProviderJson(ProviderJson):
    """The same, with who stated each setting, what the catalogs would, and where a person looks things up."""

    owners: dict[str, str]
    offered: dict[str, JsonFact]
    docs_url: str | None
    pricing_url: str | None
    models_url: str | None
    deprecations_url: str | None


def _provider(view: ProviderView) -> ProviderJson:
    provider = view.provider
    values = {name: plain(shown_setting(name, value)) for name, value in editable_of(provider).items()}
    return {
        "name": provider.name,
        "display_name": values["display_name"],
        "kind": values["kind"],
        "api_base_url": values["api_base_url"],
        "auth_header_name": values["auth_header_name"],
        "auth_header_prefix": values["auth_header_prefix"],
        "env_vars": values["env_vars"],
        "headers": provider.headers,
        "is_enabled": provider.is_enabled,
        "is_builtin": provider.is_builtin,
        "switched_off_by": view.switched_off_by or None,
        "is_stored": view.is_stored,
        "in_catalogs": view.in_catalogs,
        "key": view.key,
        "key_name": view.key_name or None,
        "stored_keys": view.stored_keys,
        "models": {"total": view.models.total, "enabled": view.models.enabled, "retired": view.models.retired},
        "health_status": view.health.status,
        "health_checked_at": plain(view.health.checked_at) if view.health.checked_at else None,
        "health_latency_ms": view.health.latency_ms,
    }


def _whole_provider(view: ProviderView) -> WholeProviderJson:
    provider = view.provider
    return {
        **_provider(view),
        "owners": dict(view.owners),
        "offered": {name: plain(shown_setting(name, value)) for name, value in view.offered.items()},
        "docs_url": provider.docs_url,
        "pricing_url": provider.pricing_url,
        "models_url": provider.models_url,
        "deprecations_url": provider.deprecations_url,
    }


class ProvidersDocument(Documents[Annotated[ProviderView, AsJson(_provider)]]):
    """The providers: enabled, key, models, health."""

    def to_table(self, look: Look) -> str:
        """A line per provider; a paragraph each where the terminal is too narrow for that."""
        return provider_table(self.root, look)


class ProviderDocument(Printed, RootModel[Annotated[ProviderView, AsJson(_whole_provider)]]):
    """Everything about one provider."""

    def to_table(self, look: Look) -> str:
        """Each setting with who stated it, its key, models and health."""
        return provider_page(self.root, look)


_WORDS: Mapping[Health, str] = {health: health.value.replace("_", " ") for health in Health}


class ProbeView(Protocol):
    """The outcome of testing one provider."""

    @property
    def health(self) -> Health:
        """In one word."""

    @property
    def problem(self) -> str:
        """What is wrong."""

    @property
    def remedy(self) -> str:
        """What to do."""

    @property
    def latency_ms(self) -> int | None:
        """From the first request to the first model."""

    @property
    def models(self) -> int | None:
        """How many it lists."""

    @property
    def skipped(self) -> int:
        """What it lists besides."""

    @property
    def key_is_proven(self) -> bool | None:
        """Whether a made-up key is refused."""


Results = Sequence[tuple[str, ProbeView]]


def tests_text(results: Results, look: Look) -> str:
    """A line per provider, what is wrong below it."""
    name_width = max(len(name) for name, _ in results)
    word_width = max(len(_WORDS[each.health]) for _, each in results)
    lines = []
    for name, each in results:
        word = look.paint(_WORDS[each.health].ljust(word_width), health_style(each.health))
        lines += labelled(f"{one_line(name).ljust(name_width)}  {word}", ", ".join(_probed_facts(each)), look)
        for text in filter(None, (each.problem, each.remedy and f"→ {each.remedy}")):
            lines += labelled("", one_line(text), look, indent=2)
    return look.text(lines)


class ProbeJson(TypedDict):
    """The outcome of testing one provider."""

    provider: str
    health: Health
    problem: str | None
    remedy: str | None
    models: int | None
    skipped: int
    latency_ms: int | None
    """From the first request to the first model."""
    key_is_proven: bool | None
    """Whether a made-up key is refused."""
    is_stored: bool
    """Whether the provider's row remembers it."""


def _probe(result: tuple[str, ProbeView, bool]) -> ProbeJson:
    name, probed, is_stored = result
    return {
        "provider": name,
        "health": probed.health,
        "problem": probed.problem or None,
        "remedy": probed.remedy or None,
        "models": probed.models,
        "skipped": probed.skipped,
        "latency_ms": probed.latency_ms,
        "key_is_proven": probed.key_is_proven,
        "is_stored": is_stored,
    }


class ProviderTestsDocument(VersionedDocument):
    """The outcome of testing providers and their keys."""

    checked_at: datetime
    providers: tuple[Annotated[tuple[str, ProbeView, bool], AsJson(_probe)], ...]
    """Each with its name and whether its row remembers it."""

    def to_table(self, look: Look) -> str:
        """A line per provider, what is wrong below it."""
        return tests_text([(name, probed) for name, probed, _ in self.providers], look)


def _probed_facts(probed: ProbeView) -> Iterator[str]:
    if probed.models is not None:
        yield counted(probed.models, "model")
    if probed.skipped:
        yield f"{probed.skipped:,} skipped"
    if probed.latency_ms is not None:
        yield f"{probed.latency_ms:,} ms"
    if probed.key_is_proven:
        yield "key proven"
    elif probed.models is not None and probed.key_is_proven is None:
        yield "no key wanted"
