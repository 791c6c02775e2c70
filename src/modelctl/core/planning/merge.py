"""What a provider's rows should say: all sources merged, the unasked ones remembered, the filtered left out."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from modelctl.core.facts import (
    FACT_FIELDS,
    PRICE_FIELDS,
    UNKNOWN,
    FactValue,
    ModelFacts,
    ModelKey,
    ModelRecord,
    Skipped,
    Source,
    Status,
    provenance_of,
)
from modelctl.core.models.lifecycle import BY_LISTING, DATES, api_is_newer, with_status
from modelctl.core.planning.policy import Patterns, split
from modelctl.core.prices.price import PriceKey, PricePoint
from modelctl.core.stored import ModelsByKey, StoredModel, StoredProvider, Written

_NONE: Mapping[Any, Any] = MappingProxyType({})
_ACRONYMS = frozenset({"gpt", "tts", "ocr", "hd", "xl", "ai"})
_DERIVED_HERE = frozenset({"display_name", "status", "tier", "price_currency", *PRICE_FIELDS})
"""Facts that the core itself derives anew in every run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Records by key, and the providers for which they are the whole truth."""

    source: Source
    records: Mapping[ModelKey, ModelRecord] = field(default_factory=dict)
    complete_for: frozenset[str] = frozenset()
    """Providers of which every model is here, so that absence means something."""
    skipped: tuple[Skipped, ...] = ()

    def only(self, keys: Collection[ModelKey]) -> Snapshot:
        """What it says of these models alone."""
        return replace(self, records={key: self.records[key] for key in keys if key in self.records})

    def of(self, provider: str) -> Snapshot:
        """What it says of the models of one provider."""
        return replace(self, records={key: each for key, each in self.records.items() if key.provider == provider})


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """Records by key, and those that the patterns leave out."""

    records: dict[ModelKey, ModelRecord]
    filtered: tuple[Skipped, ...]


def merge_sources(layers: Sequence[Snapshot], stored: StoredProvider, patterns: Patterns, *, today: date) -> Merged:
    """What the sources state of a provider. `layers` come in order of authority, highest first."""
    newer, older = _remembered_of_the_api(stored, layers)
    with_memory = [newer, *layers, _remembered_of_catalogs(stored, layers), older]
    merged = merge(with_memory, today=today)
    theirs = _dates_of_people(stored, merged)
    if theirs:
        merged |= merge([layer.only(theirs.keys()) for layer in with_memory], today=today, dates=theirs)
    records, filtered = split(merged, patterns)
    return Merged(records=records, filtered=filtered)


def merge(
    layers: Sequence[Snapshot], *, today: date, dates: Mapping[ModelKey, Mapping[str, FactValue]] = _NONE
) -> dict[ModelKey, ModelRecord]:
    """Every model that any layer knows, sorted by key. `layers` come in order of authority, highest first.

    `dates`: ends of models that a person set, from which the status follows; they are no part of the records.
    """
    keys = {key for layer in layers for key in layer.records}
    return {
        key: _merge_one(
            key,
            [(layer.source, layer.records[key]) for layer in layers if key in layer.records],
            today,
            dates.get(key, _NONE),
        )
        for key in sorted(keys)
    }


def display_name_of(model_id: str) -> str:
    """A readable name made from an id whose vendor gives none: `meta/llama-3-8b` -> `Llama 3 8b`."""
    words = re.split(r"[-_ ]+", model_id.rsplit("/", 1)[-1])
    name = " ".join(word.upper() if word in _ACRONYMS else word[:1].upper() + word[1:] for word in words if word)
    return name or model_id


def _merge_one(
    key: ModelKey, stated: list[tuple[Source, ModelRecord]], today: date, dates: Mapping[str, FactValue]
) -> ModelRecord:
    records = [record for _, record in stated]
    facts, stated_by = _word_of_one(*stated[0]) if len(stated) == 1 else _word_of_all(stated)
    if facts.display_name is None:
        facts = facts.replaced({"display_name": display_name_of(key.model_id)})
        stated_by = {**stated_by, "display_name": "rule:display_name"}
    listed_at = next((record.listed_at for record in records if record.listed_at is not None), None)
    remembered_on = next((record.remembered_on for record in records if record.remembered_on is not None), None)
    seen_on = listed_at.date() if listed_at is not None else remembered_on
    facts, provenance = with_status(facts, stated_by, today=today, seen_on=seen_on, dates=dates)
    return ModelRecord(
        key=key,
        facts=facts,
        prices=_merge_prices(records),
        provenance=provenance,
        known_to=_names_of(tuple(source for source, _ in stated)),
        verified_on=max((record.verified_on for record in records if record.verified_on is not None), default=None),
        listed_at=listed_at,
        remembered_on=remembered_on,
    )


@lru_cache(maxsize=32)
def _names_of(sources: tuple[Source, ...]) -> frozenset[str]:
    """One set for all models that the same sources have."""
    return frozenset(source.value for source in sources)


def _word_of_one(source: Source, record: ModelRecord) -> tuple[ModelFacts, Mapping[str, str]]:
    """The facts of a record that no other source gainsays, and whose word each one is."""
    facts = record.facts
    if not record.stated_none and len(record.provenance) == len(facts) - facts.count(None):  # all known are stated
        return facts, record.provenance
    stated_by = {name: each for name, each in record.provenance.items() if getattr(facts, name) is not None}
    for name in record.stated_none:
        stated_by.setdefault(name, source.value)
    return facts, stated_by


def _word_of_all(stated: Sequence[tuple[Source, ModelRecord]]) -> tuple[ModelFacts, Mapping[str, str]]:
    """The same of several sources: field by field, the first that knows."""
    values: dict[str, FactValue] = {}
    stated_by: dict[str, str] = {}
    unknown_to_all = (None,) * len(stated)
    stated_none = frozenset[str]().union(*(record.stated_none for _, record in stated))
    for name, alternatives in zip(FACT_FIELDS, zip(*(record.facts for _, record in stated), strict=True), strict=True):
        if alternatives == unknown_to_all and name not in stated_none:
            continue
        value, source = _best(name, stated if name != "replacement_provider" else _of_the_replacement(stated))
        if source:
            stated_by[name] = source
        if value is not None:
            values[name] = value
    return UNKNOWN.replaced(values), provenance_of(*stated_by.items())


def _of_the_replacement(stated: Sequence[tuple[Source, ModelRecord]]) -> Sequence[tuple[Source, ModelRecord]]:
    """Whose replacement counts: no other source says who sells it."""
    value, word = _best("replacement", stated)
    return [
        (source, record)
        for source, record in stated
        if record.facts.replacement == value and record.provenance.get("replacement") == word
    ][:1]


def _best(name: str, stated: Sequence[tuple[Source, ModelRecord]]) -> tuple[FactValue, str]:
    """The value that counts for a fact, and whose word it is: of the first that states one, or that there is none.

    What a discovery module derived by a rule (a type from the spelling of an id) is no statement of the API: any
    catalog outranks it.
    """
    by_rule: tuple[FactValue, str] = (None, "")
    for source, record in stated:
        value = getattr(record.facts, name)
        if value is None:
            if name in record.stated_none:
                return None, source.value
        elif not record.provenance[name].startswith("rule:"):
            return value, record.provenance[name]
        elif by_rule[0] is None:
            by_rule = value, record.provenance[name]
    return by_rule


def _merge_prices(records: Sequence[ModelRecord]) -> tuple[PricePoint, ...]:
    """What the API charges now, and for each key the dated prices of the first source that has that key.

    Before that source's first price the next one's word stands: who states a price from a day on does not deny what
    was charged until then.
    """
    if len(records) == 1:
        return records[0].prices
    observed = [point for record in records for point in record.prices if point.source == Source.API]
    announced: dict[PriceKey, list[PricePoint]] = {}
    for record in records:
        of_record: dict[PriceKey, list[PricePoint]] = {}
        for point in record.prices:
            if point.source != Source.API:
                of_record.setdefault(point.key, []).append(point)
        for key, points in of_record.items():
            above = announced.setdefault(key, [])
            first = min((point.effective_from for point in above), default=None)
            above += [point for point in points if first is None or point.effective_from < first]
    return (*(point for points in announced.values() for point in points), *observed)


class _Remembered(Mapping[ModelKey, ModelRecord]):
    """Records that are made of stored models when they are merged, and not kept: nobody looks at one twice."""

    def __init__(self, models: ModelsByKey, said: Callable[[StoredModel], ModelRecord]) -> None:
        self._models, self._said = models, said

    def __getitem__(self, key: ModelKey) -> ModelRecord:
        return self._said(self._models[key])

    def __contains__(self, key: object) -> bool:
        return key in self._models

    def __iter__(self) -> Iterator[ModelKey]:
        return iter(self._models)

    def __len__(self) -> int:
        return len(self._models)


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
