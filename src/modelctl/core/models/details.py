"""Everything that is known of one model, put in order for showing. Pure; reads nothing itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import NamedTuple

from modelctl.core.facts import FACT_FIELDS, FactValue, ModelKey
from modelctl.core.models.lifecycle import Chain
from modelctl.core.prices.price import PriceKey, PriceKind, PricePoint, current
from modelctl.core.runs import AuditEntry
from modelctl.core.stored import StoredModel


class Override(NamedTuple):
    """A field that a person owns: what stands there, and what modelctl last wrote."""

    kept: FactValue
    written: FactValue


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceTimeline:
    """A ledger as of one instant, each group by kind of price and then by start."""

    now: tuple[PricePoint, ...]
    upcoming: tuple[PricePoint, ...]
    """Announced, not begun."""
    past: tuple[PricePoint, ...]
    """Ended, followed by another, or corrected by a later revision."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelDetails:
    """One model with its past and its future."""

    model: StoredModel
    prices: PriceTimeline
    chain: Chain
    """Where its replacements lead."""
    chain_statuses: Mapping[str, str | None]
    """Status of each model of the chain that the database has."""
    changes: tuple[AuditEntry, ...]
    """The last ones, newest first."""

    @property
    def sources(self) -> dict[str, str]:
        """Who stated each known fact."""
        return {name: self.model.owner_of(name) for name, _ in self.model.facts.known()}

    @property
    def overrides(self) -> dict[str, Override]:
        """The fields that a person has changed; a sync leaves them alone."""
        written = self.model.state.written if self.model.state else {}
        return {
            name: Override(getattr(self.model.facts, name), written[name].value)
            for name in FACT_FIELDS
            if name in written and written[name].value != getattr(self.model.facts, name)
        }

    @property
    def pins(self) -> tuple[str, ...]:
        """The fields that a person has claimed whatever their value."""
        return tuple(sorted(self.model.state.pins)) if self.model.state else ()

    @property
    def unknown(self) -> tuple[str, ...]:
        """The facts that nobody states."""
        return tuple(name for name in FACT_FIELDS if getattr(self.model.facts, name) is None)


def model_details(
    model: StoredModel,
    known: Mapping[ModelKey, StoredModel],
    chain: Chain,
    changes: Iterable[AuditEntry],
    *,
    now: datetime,
) -> ModelDetails:
    """The dossier of a model that was read with its ledger and state; `known`: at least its provider's models."""
    siblings = {model_id: known.get(ModelKey(model.key.provider, model_id)) for model_id in chain.path}
    return ModelDetails(
        model=model,
        prices=timeline(model.prices, at=now),
        chain=chain,
        chain_statuses={model_id: each.facts.status for model_id, each in siblings.items() if each is not None},
        changes=tuple(changes),
    )


def timeline(points: Iterable[PricePoint], *, at: datetime) -> PriceTimeline:
    """The points of a ledger in three groups."""
    ledger = sorted(points, key=lambda point: (_rank(point.key), point.effective_from, point.revision))
    in_force = set(current(ledger, at).values())
    latest = {(point.key, point.effective_from): point for point in sorted(ledger, key=attrgetter("revision"))}
    upcoming = {point for point in latest.values() if point.effective_from > at}
    return PriceTimeline(
        now=tuple(point for point in ledger if point in in_force),
        upcoming=tuple(point for point in ledger if point in upcoming),
        past=tuple(point for point in ledger if point not in in_force and point not in upcoming),
    )


def _rank(key: PriceKey) -> tuple[int, PriceKey]:
    """Plain requests before tiers and long contexts, and kinds as people think of them: input, output, the rest."""
    kinds = list(PriceKind)
    kind = kinds.index(PriceKind(key.kind)) if key.kind in kinds else len(kinds)
    special = bool(key.context_above) + 2 * (key.service_tier != "standard") + 2 * bool(key.hours_utc)
    return special * (len(kinds) + 1) + kind, key
