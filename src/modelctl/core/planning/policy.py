"""What people may choose of a sync: its sources, which models it is about, what is done with new ones, the guards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from modelctl.core.facts import ModelKey, ModelRecord, Skipped


@dataclass(frozen=True, slots=True, kw_only=True)
class Patterns:
    """Shell patterns over model ids, case-sensitive. No `include` means all; `exclude` wins."""

    include: Sequence[str] = ()
    exclude: Sequence[str] = ()

    def reason_against(self, model_id: str) -> str | None:
        """Why the model is left out, naming the pattern; None where it is taken."""
        for pattern in self.exclude:
            if fnmatchcase(model_id, pattern):
                return f"excluded by the pattern {pattern!r}"
        if self.include and not any(fnmatchcase(model_id, pattern) for pattern in self.include):
            return f"not among the included patterns {', '.join(map(repr, self.include))}"
        return None


def split(
    records: Mapping[ModelKey, ModelRecord], patterns: Patterns
) -> tuple[dict[ModelKey, ModelRecord], tuple[Skipped, ...]]:
    """The records that pass, and those that do not with the reason."""
    from modelctl.core.facts import Skipped  # settings, which hold patterns, are read without the models

    kept: dict[ModelKey, ModelRecord] = {}
    filtered: list[Skipped] = []
    for key, record in records.items():
        reason = patterns.reason_against(key.model_id)
        if reason is None:
            kept[key] = record
        else:
            filtered.append(Skipped(key.model_id, reason))
    return kept, tuple(filtered)


class SourceChoice(StrEnum):
    """Which sources a sync may ask."""

    AUTO = "auto"  # the API where there is a key, and always the catalogs
    API = "api"  # only the API; a provider without a key is an error
    CATALOG = "catalog"  # only the catalogs: no key, no network


class EnableNew(StrEnum):
    """Which new models are created switched on, whoever knows them; one that is retired never is."""

    PRICED = "priced"  # those that can be billed: their price is complete
    RECOMMENDED = "recommended"  # of these, those that a catalog recommends
    NONE = "none"
    ALL = "all"  # without a price, too


class CreateNew(StrEnum):
    """Which new models are created at all."""

    ALL = "all"
    CATALOG = "catalog"  # not those that only the provider's API knows: they are counted


@dataclass(frozen=True, slots=True, kw_only=True)
class NewModels:
    """What happens to models that have no row yet."""

    enable: EnableNew = EnableNew.PRICED
    create: CreateNew = CreateNew.ALL


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardLimits:
    """Where plausible ends. Percentages are of the provider's rows."""

    max_retired_percent: int = 30
    max_updated_percent: int = 50
    min_rows: int = 10
    """Below so many rows the two percentages say nothing."""
    max_price_rise: Decimal = Decimal(2)
    """A price may rise to so many times the old one."""
    max_price_fall: Decimal = Decimal(10)
    """A price may fall to the old one divided by this."""
    max_first_price: Decimal = Decimal(20)
    """The first price of something may be so many times the dearest of its family, or the cheapest divided by it."""
    min_listing_percent: int = 50
    """A listing must have so much of the last good one."""
    min_limit_percent: int = 50
    """A token limit must stay above so much of the old one."""
    max_limit_rise: Decimal = Decimal(20)
    """A token limit may rise to so many times the old one."""
    max_new_models: int = 500
    """So many new models may a listing bring, or as many as the provider has, if these are more."""
