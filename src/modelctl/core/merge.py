"""One record per model out of what all sources say: field by field, the first that knows wins."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from modelctl.core.lifecycle import with_status
from modelctl.core.model import (
    FACT_FIELDS,
    UNKNOWN,
    FactValue,
    ModelFacts,
    ModelKey,
    ModelRecord,
    ModelType,
    Source,
    Tier,
    provenance_of,
)
from modelctl.core.price import PriceKey, PricePoint
from modelctl.core.snapshot import Snapshot

PREMIUM_OUTPUT_PER_MTOK = Decimal(10)
"""From this price per million output tokens on, a model is `premium` unless a catalog says otherwise."""
PREMIUM_INPUT_PER_MTOK = Decimal("2.5")
"""The same for models that have no output price."""

_NONE: Mapping[Any, Any] = MappingProxyType({})
_ACRONYMS = frozenset({"gpt", "tts", "ocr", "hd", "xl", "ai"})


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
        value, source = _best(name, stated)
        if source:
            stated_by[name] = source
        if value is not None:
            values[name] = value
    return UNKNOWN.replaced(values), provenance_of(*stated_by.items())


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


def display_name_of(model_id: str) -> str:
    """A readable name made from an id whose vendor gives none: `meta/llama-3-8b` -> `Llama 3 8b`."""
    words = re.split(r"[-_ ]+", model_id.rsplit("/", 1)[-1])
    name = " ".join(word.upper() if word in _ACRONYMS else word[:1].upper() + word[1:] for word in words if word)
    return name or model_id


BY_PRICE = "rule:price"
"""The source of a tier that was derived from the price."""


def tier_of(facts: ModelFacts) -> Tier | None:
    """The price class that the projected prices give; None while no token price is known, or it is not in USD."""
    prices = [price for price in (facts.input_price_per_mtok, facts.output_price_per_mtok) if price is not None]
    if not prices or facts.price_currency != "USD":
        return None
    if not any(prices):
        is_complete = len(prices) == 2 or facts.type not in (ModelType.CHAT, None)
        return Tier.FREE if is_complete else None  # one price of 0 does not make the other one 0
    if facts.output_price_per_mtok is not None:
        premium = facts.output_price_per_mtok >= PREMIUM_OUTPUT_PER_MTOK
    else:
        premium = prices[0] >= PREMIUM_INPUT_PER_MTOK
    return Tier.PREMIUM if premium else Tier.AFFORDABLE
