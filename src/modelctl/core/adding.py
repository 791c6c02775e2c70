"""Which models a person may add, and the rows that this makes, planned as a sync plans. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from modelctl.core.batches import all_or_none
from modelctl.core.claims import EVERY, Taking
from modelctl.core.contradictions import contradictions
from modelctl.core.merge import merge
from modelctl.core.model import ModelKey, ModelRecord, Source
from modelctl.core.names import did_you_mean
from modelctl.core.new_rows import NewRow
from modelctl.core.plan import Plan
from modelctl.core.planning import Consulted, plan
from modelctl.core.replacing import replacement_of
from modelctl.core.resolve import Named
from modelctl.core.snapshot import Snapshot
from modelctl.core.stored import StoredModel, StoredProvider
from modelctl.core.validate import shorten
from modelctl.errors import ModelctlError, UsageError

COMMAND = "add"
_SEPARATORS = re.compile(r"[\s._-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What there is before anything is added."""

    providers: Collection[str]
    """All that are known."""
    stored: Mapping[ModelKey, StoredModel]
    layers: Sequence[Snapshot]
    """What the catalogs state, in order of authority."""

    def of(self, provider: str) -> Iterator[Named]:
        """All models of one provider that anybody knows."""
        yield from (model for key, model in self.stored.items() if key.provider == provider)
        for layer in self.layers:
            yield from (record for key, record in layer.records.items() if key.provider == provider)


def require_addable(
    rows: Sequence[NewRow | ModelctlError], ground: Ground, *, misspelt: Callable[[ModelKey], str], today: date
) -> None:
    """UsageError, or BadRows for several: for a model that is there, and for what no such model can be.

    `rows`: those that could not be read as their errors, so that all that is wrong is told at once.
    `misspelt`: what speaks against an id by its vendor's own rules; empty if nothing does, or the person insists.
    """
    places: dict[ModelKey, str] = {}
    read = [row for row in rows if isinstance(row, NewRow)]
    new = {row.key: StoredModel(key=row.key, facts=row.record.facts, is_enabled=False) for row in read}
    known = {**ground.stored, **new}

    def check(row: NewRow | ModelctlError) -> None:
        if isinstance(row, ModelctlError):
            raise row
        if row.key in places:
            raise UsageError(f"{row} is the same model as {places[row.key]}")
        places[row.key] = row.place
        _require_new(row, ground)
        if problem := misspelt(row.key):
            raise UsageError(f"{row} {problem}", "--exact insists")
        _require_sound(row, _merged([row], ground.layers, today)[row.key], known)

    all_or_none(rows, check)


def otherwise_spelt(key: ModelKey, known: Iterable[Named]) -> str:
    """What the id should be, by the models that are known of its provider; empty where nothing is like it."""
    folded = _folded(key.model_id)
    found = ""
    for each in known:
        if each.key == key:
            return ""
        if key.model_id in (each.facts.aliases or ()):
            found = f"is an alias of {each.key}"
        elif _folded(each.key.model_id) == folded:
            found = found or f"is spelled {each.key}"
    return found


def _folded(model_id: str) -> str:
    """`GPT-4o`, `gpt 4o` and `gpt4o` alike: no two models of the shipped catalogs differ in these alone (2026-11)."""
    return _SEPARATORS.sub("", model_id.casefold())


def creation(rows: Sequence[NewRow], stored: StoredProvider, layers: Sequence[Snapshot], *, now: datetime) -> Plan:
    """The plan that adds these models of one provider: a person's facts, pinned, filled up by what catalogs state.

    A row that somebody removed comes back, with its ledger.
    """
    made = plan(
        rows[0].key.provider,
        replace(stored, models={}),
        _merged(rows, layers, now.date()),
        consulted=Consulted(),
        taking=Taking(recreated=frozenset({EVERY})),
        now=now,
    )
    switches = {row.key: row.is_enabled for row in rows if row.is_enabled is not None}
    return replace(
        made,
        changes=tuple(replace(each, is_enabled=switches.get(each.key, each.is_enabled)) for each in made.changes),
        needs_review=tuple(key for key in made.needs_review if key not in switches),
    )


def _merged(rows: Sequence[NewRow], layers: Sequence[Snapshot], today: date) -> Mapping[ModelKey, ModelRecord]:
    said = {row.key: row.record for row in rows}
    below = [layer.only(said.keys()) for layer in layers]
    return merge([Snapshot(source=Source.PERSON, records=said), *below], today=today)


def _require_new(row: NewRow, ground: Ground) -> None:
    provider = row.key.provider
    if provider not in ground.providers:
        near = did_you_mean(provider, sorted(ground.providers))
        raise UsageError(f"{row}: there is no provider {shorten(provider)!r}", f"{near}, or `modelctl provider add`")
    if row.key in ground.stored:
        raise UsageError(f"{row} is there already", f"`modelctl set {row.key} FIELD=VALUE` changes it")


def _require_sound(row: NewRow, record: ModelRecord, known: Mapping[ModelKey, StoredModel]) -> None:
    for each in contradictions(record.facts):
        raise UsageError(f"{row}: {each.name}: {each.message}", "state both")
    if isinstance(name := row.facts.get("replacement"), str):
        try:
            found = replacement_of(row.key, name, known)
        except UsageError as error:
            raise UsageError(f"{row.place}: {error.message}" if row.place else error.message, error.hint) from None
        if found.model_id != name:
            raise UsageError(f"{row}: replacement {shorten(name)} means {found.model_id}", "write the id itself")
