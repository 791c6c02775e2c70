"""A provider as it is shown: its settings and who stated them, its key (never the value), models and health."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from modelctl.core.health import ProviderHealth
from modelctl.core.model import FactValue
from modelctl.core.provider import Provider


class KeyState(StrEnum):
    """Whether a provider can be asked, as far as its key decides it."""

    PRESENT = "present"
    MISSING = "missing"  # no variable of its holds a key: it is synced from its catalog
    UNUSABLE = "unusable"  # what the variable holds can be no key
    NOT_WANTED = "not_wanted"  # it names no variable: it is asked without a key
    NO_LISTING = "no_listing"  # it has no API to ask


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCounts:
    """How many models of a provider the table has."""

    total: int = 0
    enabled: int = 0
    """By the application's own switch."""
    retired: int = 0

    def __add__(self, other: ModelCounts) -> ModelCounts:
        return ModelCounts(
            total=self.total + other.total,
            enabled=self.enabled + other.enabled,
            retired=self.retired + other.retired,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderView:
    """One provider."""

    provider: Provider
    """As a sync would use it: what catalogs have moved since is in it."""
    is_stored: bool
    """False: only the catalogs know it, and the first sync makes its row."""
    in_catalogs: bool
    owners: Mapping[str, str] = field(default_factory=dict)
    """Setting -> who stated its present value: `person`, `overlay` or `catalog`."""
    offered: Mapping[str, FactValue] = field(default_factory=dict)
    """Setting of a person -> what the catalogs state, where that is something else."""
    switched_off_by: str = ""
    """What keeps it out of `sync --provider all`: its row, or a settings file; empty: nothing."""
    key: KeyState = KeyState.NO_LISTING
    key_name: str = ""
    """Where the key is: a variable, or `the credential of …`; empty where there is none."""
    models: ModelCounts = field(default_factory=ModelCounts)
    health: ProviderHealth = field(default_factory=ProviderHealth)
    stored_keys: int = 0
    """Encrypted keys in the database."""
