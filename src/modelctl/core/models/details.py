"""Everything that is known of one model, put in order for showing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from modelctl.core.facts import FACT_FIELDS, FactValue, ModelKey
from modelctl.core.models.lifecycle import Chain
from modelctl.core.models.resolve import Obstacle
from modelctl.core.prices.timeline import PriceTimeline, timeline
from modelctl.core.runs import AuditEntry
from modelctl.core.stored import ModelsByKey, StoredModel


class Override(NamedTuple):
    """An override: its value, and what modelctl last wrote."""

    kept: FactValue
    written: FactValue


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelDetails:
    """One model with its past and its future."""

    model: StoredModel
    prices: PriceTimeline
    chain: Chain
    """Where its replacements lead."""
    chain_statuses: Mapping[ModelKey, str | None]
    """Status of each model of the chain that the database has."""
    changes: tuple[AuditEntry, ...]
    """The last ones, newest first."""
    obstacles: tuple[Obstacle, ...] = ()
    """What keeps it from being called with the platform's keys."""

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
    known: ModelsByKey,
    chain: Chain,
    changes: Iterable[AuditEntry],
    *,
    obstacles: Iterable[Obstacle] = (),
    now: datetime,
) -> ModelDetails:
    """All of a model that was read with its ledger and state; `known`: the models of all providers."""
    return ModelDetails(
        model=model,
        prices=timeline(model.prices, now),
        chain=chain,
        chain_statuses={key: known[key].facts.status for key in chain.path if key in known},
        changes=tuple(changes),
        obstacles=tuple(obstacles),
    )
