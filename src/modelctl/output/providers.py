"""What providers list, in our fields: a block for each as text, one document, or a line per model."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

from modelctl.core.edits.providers import PAGES, SETTINGS, KeyState, ProviderView, editable_of, shown_setting
from modelctl.core.facts import FACT_TYPES, FactValue, ModelRecord, Skipped, Source
from modelctl.core.planning.merge import Snapshot
from modelctl.core.prices.ledger import projection
from modelctl.core.provider import Health
from modelctl.core.text import counted
from modelctl.errors import ModelctlError
from modelctl.output.console import Cell, Column, Look, aligned, labelled, total_width
from modelctl.output.format import one_line, plain, price_object, shown, some

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


def table(found: Sequence[Discovered], look: Look) -> str:
    """A block per provider: what it is, its models, what was skipped and why."""
    return look.text("\n\n".join("\n".join(_block(each, look)) for each in found).splitlines())


def json_document(found: Sequence[Discovered], look: Look) -> str:
    """Everything, with every fact that is known and every price; what is not there is unknown."""
    document = {"version": 1, "providers": [_provider_object(each) for each in found]}
    return json.dumps(document, indent=2, ensure_ascii=not look.unicode)


def json_lines(found: Sequence[Discovered], look: Look) -> str:
    """An object per model."""
    return "\n".join(
        json.dumps(_model_object(record), ensure_ascii=not look.unicode) for each in found for record in _records(each)
    )


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
    whole = "whole listing" if found.is_whole else "not a whole listing: absence means nothing"
    yield f"{name}  {counted(len(records), 'model')}  ({whole} of {shown(found.listed_at)})"
    if found.notice:
        yield from labelled("note", found.notice, look, style="yellow", indent=2)
    for reason, ids in _by_reason(found.listing.skipped).items():
        yield from labelled("skipped", f"{len(ids):,}: {one_line(reason)} ({some(ids, MAX_NAMES)})", look, indent=2)
    yield from aligned(_fitting(_columns(records, found.listed_at), look), look)


def _by_reason(skipped: Sequence[Skipped]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for each in skipped:
        grouped.setdefault(each.reason, []).append(each.item_id)
    return grouped


def _columns(records: Sequence[ModelRecord], listed_at: datetime) -> list[Column]:
    """The id, and the facts that the API states of any model."""
    facts = [_facts(record, listed_at) for record in records]
    columns = [Column(title="model", cells=[Cell(one_line(str(record.key))) for record in records])]
    for name, title in _COLUMNS.items():
        if any(name in each for each in facts):
            cells = [_cell(each.get(name)) for each in facts]
            columns.append(Column(title=title, cells=cells, right=FACT_TYPES[name] in (int, Decimal)))
    return columns


def _facts(record: ModelRecord, listed_at: datetime) -> dict[str, FactValue]:
    return {**dict(record.facts.known()), **projection(record.prices, at=listed_at)}


def _cell(value: FactValue) -> Cell:
    return Cell(UNKNOWN_CELL, "dim") if value is None else Cell(shown(value))


def _fitting(columns: list[Column], look: Look) -> list[Column]:
    while look.width is not None and len(columns) > 1 and total_width(columns) > look.width:
        columns = columns[:-1]
    return columns


def _provider_object(found: Discovered) -> dict[str, Any]:
    skipped = found.listing.skipped if found.listing is not None else ()
    error = found.error
    return {
        "provider": found.provider,
        "whole": found.is_whole,
        "listed_at": plain(found.listed_at) if found.listed_at is not None else None,
        "reused": found.is_reused,
        "notice": found.notice,
        "error": {"message": error.message, "hint": error.hint} if error is not None else None,
        "models": [_model_object(record) for record in _records(found)],
        "skipped": [{"id": each.item_id, "reason": each.reason} for each in skipped],
    }


def _model_object(record: ModelRecord) -> dict[str, Any]:
    rules = {name: who for name, who in record.provenance.items() if who.startswith("rule:")}
    return {
        "provider": record.key.provider,
        "model_id": record.key.model_id,
        "facts": {name: plain(value) for name, value in record.facts.known()},
        "stated_none": sorted(record.stated_none),
        "by_rule": rules,
        "prices": [price_object(point) for point in record.prices],
    }


FORMATS = {"table": table, "json": json_document, "jsonl": json_lines}
"""Format name -> what renders what was found."""


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
    """A line per provider; a paragraph each where the terminal is too narrow for that."""
    columns = [
        Column(title=title, cells=cells, right=title == "models enabled")
        for title, cells in {
            "provider": [Cell(one_line(each.provider.name), "bold") for each in views],
            "kind": [Cell(one_line(each.provider.kind) or "none") for each in views],
            "switch": [Cell(_OFF[each.switched_off_by], "yellow" if each.switched_off_by else "") for each in views],
            "key": [Cell(_key_text(each)) for each in views],
            "models enabled": [Cell(f"{each.models.enabled:,} of {each.models.total:,}") for each in views],
            "health": [Cell(_health_text(each), health_style(each.health.status)) for each in views],
        }.items()
    ]
    if look.width is None or total_width(columns) <= look.width:
        return look.text(aligned(columns, look))
    first, *others = columns
    lines = []
    for index, name in enumerate(first.cells):
        lines.append(look.paint(name.text, name.style))
        text = ", ".join(f"{column.title} {column.cells[index].text}" for column in others)
        lines += labelled("", text, look, indent=0)
    return look.text(lines)


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


def providers_json(views: Sequence[ProviderView], look: Look) -> str:
    """An array of objects, one per provider."""
    return json.dumps([provider_object(each) for each in views], indent=2, ensure_ascii=not look.unicode)


def provider_json(view: ProviderView, look: Look) -> str:
    """One provider, with who stated each setting and what the catalogs would."""
    document = {
        **provider_object(view),
        "owners": dict(view.owners),
        "offered": {name: plain(shown_setting(name, value)) for name, value in view.offered.items()},
        **{name: getattr(view.provider, name) for name in PAGES},
    }
    return json.dumps(document, indent=2, ensure_ascii=not look.unicode)


def provider_object(view: ProviderView) -> dict[str, Any]:
    """The settings by the names of their columns, then what is known of key, models and health."""
    values = editable_of(view.provider)
    return {
        "name": view.provider.name,
        **{name: plain(shown_setting(name, values[name])) for name in SETTINGS},
        "headers": view.provider.headers,
        "is_enabled": view.provider.is_enabled,
        "is_builtin": view.provider.is_builtin,
        "switched_off_by": view.switched_off_by or None,
        "is_stored": view.is_stored,
        "in_catalogs": view.in_catalogs,
        "key": view.key.value,
        "key_name": view.key_name or None,
        "stored_keys": view.stored_keys,
        "models": {"total": view.models.total, "enabled": view.models.enabled, "retired": view.models.retired},
        "health_status": view.health.status,
        "health_checked_at": plain(view.health.checked_at) if view.health.checked_at else None,
        "health_latency_ms": view.health.latency_ms,
    }


VERSION = 1
_WORDS: Mapping[Health, str] = {health: health.value.replace("_", " ") for health in Health}


class ProbeView(Protocol):
    """What came of trying one provider."""

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


def tests_json(results: Results, at: datetime, stored: set[str], look: Look) -> str:
    """All results. A promise: keys are only added. `stored`: whose rows remember it."""
    document = {
        "version": VERSION,
        "checked_at": plain(at),
        "providers": [_object(name, each, name in stored) for name, each in results],
    }
    return json.dumps(document, indent=2, ensure_ascii=not look.unicode)


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


def _object(name: str, probed: ProbeView, is_stored: bool) -> dict[str, Any]:
    return {
        "provider": name,
        "health": probed.health.value,
        "problem": probed.problem or None,
        "remedy": probed.remedy or None,
        "models": probed.models,
        "skipped": probed.skipped,
        "latency_ms": probed.latency_ms,
        "key_is_proven": probed.key_is_proven,
        "is_stored": is_stored,
    }
