"""How two states of the catalogs differ: providers, models, facts and dated prices. Pure.

What is stated is compared, not who verified it when, or on which page it stands.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from modelctl.core.edits.providers import PAGES, SETTINGS
from modelctl.core.facts import FACT_FIELDS, ModelKey, ModelRecord
from modelctl.core.planning.plan import FieldChange
from modelctl.core.prices.price import PriceKey, PricePoint
from modelctl.core.provider import Provider


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogState:
    """What catalogs state together, once they are laid over each other."""

    providers: Mapping[str, Provider]
    records: Mapping[ModelKey, ModelRecord]

    def only(self, provider: str) -> dict[str, ModelRecord]:
        """The records of one provider by model id, in order."""
        return {key.model_id: self.records[key] for key in sorted(self.records) if key.provider == provider}


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceDifference:
    """What is charged for one thing from one instant on, in the one state and in the other."""

    key: PriceKey
    effective_from: datetime
    old: PricePoint | None
    new: PricePoint | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelDifference:
    """A model that both states have, with what they say differently."""

    key: ModelKey
    fields: tuple[FieldChange, ...]
    prices: tuple[PriceDifference, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderDifference:
    """What differs of one provider."""

    provider: str
    is_added: bool = False
    """Only the new state has it."""
    is_removed: bool = False
    settings: tuple[FieldChange, ...] = ()
    added: tuple[ModelRecord, ...] = ()
    removed: tuple[ModelRecord, ...] = ()
    changed: tuple[ModelDifference, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing differs."""
        whole = self.is_added or self.is_removed
        return not (whole or self.settings or self.added or self.removed or self.changed)


def differences(old: CatalogState, new: CatalogState) -> tuple[ProviderDifference, ...]:
    """The providers of which something differs, by name. What `new` has is added, what only `old` has is removed."""
    found = (_of_provider(name, old, new) for name in sorted(old.providers.keys() | new.providers.keys()))
    return tuple(each for each in found if not each.is_empty)


def _of_provider(name: str, old: CatalogState, new: CatalogState) -> ProviderDifference:
    before, after = old.only(name), new.only(name)
    both = [_of_model(before[each], after[each]) for each in before if each in after]
    known = name in old.providers and name in new.providers
    return ProviderDifference(
        provider=name,
        is_added=name not in old.providers,
        is_removed=name not in new.providers,
        settings=tuple(_settings(old.providers[name], new.providers[name])) if known else (),
        added=tuple(after[each] for each in after if each not in before),
        removed=tuple(before[each] for each in before if each not in after),
        changed=tuple(each for each in both if each.fields or each.prices),
    )


def _settings(old: Provider, new: Provider) -> Iterator[FieldChange]:
    for name in (*SETTINGS, *PAGES):
        before, after = getattr(old, name), getattr(new, name)
        if before != after:
            yield FieldChange(name=name, old=before, new=after, source="")


def _of_model(old: ModelRecord, new: ModelRecord) -> ModelDifference:
    fields = tuple(
        FieldChange(
            name=name, old=getattr(old.facts, name), new=getattr(new.facts, name), source=new.provenance.get(name, "")
        )
        for name in FACT_FIELDS
        if getattr(old.facts, name) != getattr(new.facts, name)
    )
    return ModelDifference(key=new.key, fields=fields, prices=tuple(_prices(old, new)))


def _prices(old: ModelRecord, new: ModelRecord) -> Iterator[PriceDifference]:
    before, after = ({(each.key, each.effective_from): each for each in record.prices} for record in (old, new))
    for place in sorted(before.keys() | after.keys()):
        earlier, later = before.get(place), after.get(place)
        if earlier is None or later is None or _stated(earlier) != _stated(later):
            yield PriceDifference(key=place[0], effective_from=place[1], old=earlier, new=later)


def _stated(point: PricePoint) -> tuple[object, ...]:
    return (*point.money, point.effective_to, point.basis)
