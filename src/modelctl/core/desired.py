"""What a provider's rows should say: all sources merged, the unasked ones remembered, the filtered left out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from modelctl.core.filters import Patterns, split
from modelctl.core.lifecycle import BY_LISTING, DATES
from modelctl.core.merge import merge
from modelctl.core.model import (
    PRICE_FIELDS,
    UNKNOWN,
    FactValue,
    ModelKey,
    ModelRecord,
    Skipped,
    Source,
    Status,
    provenance_of,
)
from modelctl.core.snapshot import Snapshot
from modelctl.core.stored import StoredModel, StoredProvider, Written

_DERIVED_HERE = frozenset({"display_name", "status", "tier", "price_currency", *PRICE_FIELDS})
"""Facts that the core itself derives anew in every run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desired:
    """Records by key, and those that the patterns leave out."""

    records: dict[ModelKey, ModelRecord]
    filtered: tuple[Skipped, ...]


class _Remembered(Mapping[ModelKey, ModelRecord]):
    """Records that are made of stored models when they are merged, and not kept: nobody looks at one twice."""

    def __init__(self, models: Mapping[ModelKey, StoredModel], said: Callable[[StoredModel], ModelRecord]) -> None:
        self._models, self._said = models, said

    def __getitem__(self, key: ModelKey) -> ModelRecord:
        return self._said(self._models[key])

    def __contains__(self, key: object) -> bool:
        return key in self._models

    def __iter__(self) -> Iterator[ModelKey]:
        return iter(self._models)

    def __len__(self) -> int:
        return len(self._models)


def desired(layers: Sequence[Snapshot], stored: StoredProvider, patterns: Patterns, *, today: date) -> Desired:
    """What the sources state of a provider. `layers` come in order of authority, highest first."""
    newer, older = _remembered_of_the_api(stored, layers)
    with_memory = [newer, *layers, _remembered_of_catalogs(stored, layers), older]
    merged = merge(with_memory, today=today)
    theirs = _dates_of_people(stored, merged)
    if theirs:
        merged |= merge([layer.only(theirs.keys()) for layer in with_memory], today=today, dates=theirs)
    records, filtered = split(merged, patterns)
    return Desired(records=records, filtered=filtered)


def api_is_newer(model: StoredModel, verified_on: date | None) -> bool:
    """Whether the API showed the model on or after the day on which the catalog was verified.

    Where no catalog is read, the day on which one last confirmed the row counts.
    """
    seen_at = model.last_seen_at
    if verified_on is None and model.last_verified_at is not None:
        verified_on = model.last_verified_at.date()
    return seen_at is not None and (verified_on is None or seen_at.date() >= verified_on)


def _remembered_of_the_api(stored: StoredProvider, layers: Sequence[Snapshot]) -> tuple[Snapshot, Snapshot]:
    """What the API said of the models that it does not list this time: where no catalog is newer, and where one is.

    Without this memory, a sync with a key and one without would undo each other for ever.
    """
    listed = {key for layer in layers if layer.source is Source.API for key in layer.records}
    newer: dict[ModelKey, StoredModel] = {}
    older: dict[ModelKey, StoredModel] = {}
    for key, model in stored.models.items():
        if key not in listed and model.last_seen_at is not None:
            (newer if api_is_newer(model, _verified_on(key, layers)) else older)[key] = model
    return (
        Snapshot(source=Source.API, records=_Remembered(newer, _as_the_api_said)),
        Snapshot(source=Source.API, records=_Remembered(older, lambda model: _said_by(model, Source.API))),
    )


def _remembered_of_catalogs(stored: StoredProvider, layers: Sequence[Snapshot]) -> Snapshot:
    """What catalogs and people said of the models that no source names, and of all of them when no catalog is read.

    The API alone knows less, which is no reason to forget; and an end that was announced comes for all of them.
    """
    is_read = any(layer.source is not Source.API for layer in layers)
    named = {key for layer in layers for key in layer.records} if is_read else ()
    models = {key: model for key, model in stored.models.items() if key not in named}
    return Snapshot(source=Source.CATALOG, records=_Remembered(models, _as_the_catalogs_said))


def _dates_of_people(
    stored: StoredProvider, merged: Mapping[ModelKey, ModelRecord]
) -> dict[ModelKey, Mapping[str, FactValue]]:
    """The dates of a model's end that a person set or blanked, against the sources or not: the status follows them."""
    found: dict[ModelKey, Mapping[str, FactValue]] = {}
    for key in stored.models.keys() & merged.keys():
        model, facts = stored.models[key], merged[key].facts
        theirs = {
            name: value
            for name in DATES
            if ((value := getattr(model.facts, name)) is not None or getattr(facts, name) is not None)
            and not model.is_ours(name)
        }
        if theirs and model.state is not None:
            found[key] = theirs
    return found


def _verified_on(key: ModelKey, layers: Sequence[Snapshot]) -> date | None:
    days = [record.verified_on for layer in layers if (record := layer.records.get(key)) and record.verified_on]
    return max(days, default=None)


def _as_the_api_said(model: StoredModel) -> ModelRecord:
    # Listings show the retired, too: one that was retired when it was seen was no sign of life.
    seen_at = model.last_seen_at if model.facts.status != Status.RETIRED else None
    return replace(_said_by(model, Source.API), remembered_on=seen_at.date() if seen_at is not None else None)


def _as_the_catalogs_said(model: StoredModel) -> ModelRecord:
    said = _said_by(model, Source.PERSON, Source.OVERLAY, Source.CATALOG)
    status = _written(model).get("status")
    if status is not None and status.source == BY_LISTING:  # which is what a listing makes of a catalog's `retired`
        facts = said.facts._replace(status=Status.RETIRED)
        return replace(said, facts=facts, provenance={**said.provenance, "status": Source.CATALOG.value})
    return said


def _said_by(model: StoredModel, *sources: Source) -> ModelRecord:
    said = {name: each for name, each in _written(model).items() if _is_word_of(sources, name, each.source)}
    return ModelRecord(
        key=model.key,
        facts=UNKNOWN.replaced({name: each.value for name, each in said.items()}),
        provenance=provenance_of(*((name, each.source) for name, each in said.items())),
        stated_none=frozenset(name for name, each in said.items() if each.value is None and each.source in sources),
    )


def _is_word_of(sources: Collection[Source], name: str, source: str) -> bool:
    """Whether one of the sources said it; what a rule made of a listing (a type, say) came with the API's word."""
    origin = source.partition(":")[0]
    if origin == Source.RULE:
        return Source.API in sources and name not in _DERIVED_HERE
    return origin in sources


def _written(model: StoredModel) -> Mapping[str, Written]:
    return model.state.written if model.state is not None else {}
