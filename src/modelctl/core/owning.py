"""Which fields a person can own, and which of a model's a person does."""

from __future__ import annotations

from modelctl.core.model import FACT_FIELDS, PRICE_FIELDS, SET_ON_CREATION, Source
from modelctl.core.stored import StoredModel

OWNABLE = tuple(name for name in FACT_FIELDS if name not in SET_ON_CREATION)
"""The fields that a sync writes, and that a person can therefore claim."""


def protected_fields(model: StoredModel) -> tuple[str, ...]:
    """The fields that a sync leaves alone, because a person set or pinned them. A row of nobody has none."""
    if model.state is None:
        return ()
    return tuple(name for name in OWNABLE if not model.is_ours(name) or _shows_a_persons_price(model, name))


def _shows_a_persons_price(model: StoredModel, name: str) -> bool:
    return name in PRICE_FIELDS and model.state is not None and model.owner_of(name) == Source.PERSON
