"""Facts and prices as JSON has them, the same in every command's output."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from modelctl.core.encoding import encode, exact_number
from modelctl.core.model import FactValue
from modelctl.core.price import PricePoint
from modelctl.core.query import COLUMNS, column_value
from modelctl.core.stored import StoredModel


def plain(value: FactValue | datetime) -> Any:
    """A fact as JSON has it: amounts as exact numbers, instants with a `Z`."""
    if isinstance(value, Decimal):
        return exact_number(value)
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return encode(value)


def price_object(point: PricePoint) -> dict[str, Any]:
    """A point of the ledger."""
    return {
        "kind": str(point.kind),
        "unit": str(point.unit),
        "amount": exact_number(point.amount),
        "currency": point.currency,
        "context_above": point.context_above,
        "service_tier": str(point.service_tier),
        "hours_utc": point.hours_utc,
        "effective_from": plain(point.effective_from),
        "effective_to": plain(point.effective_to),
        "basis": str(point.basis),
        "source": point.source,
    }


def model_object(model: StoredModel, columns: Sequence[str] = ()) -> dict[str, Any]:
    """A model by column names, all of them unless some are named; null is unknown."""
    return {name: plain(column_value(model, name)) for name in columns or COLUMNS}
