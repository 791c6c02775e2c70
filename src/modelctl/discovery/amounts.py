"""Amounts of money in listings: read exactly, refused where nobody can mean them, and stamped as observed. Pure."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache

from modelctl.core.model import Source
from modelctl.core.price import Basis, PriceKind, PricePoint, PriceUnit
from modelctl.core.validate import AMOUNT_DECIMALS

MOST_PER_MTOK = Decimal(10_000)
LEAST_PER_MTOK = Decimal("0.0001")
"""Nobody charges more or less than this per million tokens. Some servers put prices per million under `prompt`,
or prices per token under `input`; such an amount lands outside and stays unknown rather than a million times off."""
LEAST_APIECE, MOST_APIECE = Decimal("0.000001"), Decimal(1_000)
"""The same for one request or one image."""
MOST_UNITS = Decimal(10**15)
"""More than any price in any server's unit."""
FLOAT_NOISE = Decimal("1e-12")


def amount_of(value: object) -> Decimal | None:
    """A price as sent; None for what is no number, and for OpenRouter's -1, which means "it varies"."""
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        return None
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and 0 <= amount <= MOST_UNITS else None


def is_plausible_per_mtok(amount: Decimal) -> bool:
    """Whether somebody may charge this per million tokens; 0 is a stated free price."""
    return amount == 0 or LEAST_PER_MTOK <= amount <= MOST_PER_MTOK


def is_plausible_apiece(amount: Decimal) -> bool:
    """Whether somebody may charge this for one request or one image."""
    return LEAST_APIECE <= amount <= MOST_APIECE


def observed(
    kind: PriceKind, amount: Decimal, now: datetime, *, unit: PriceUnit = PriceUnit.MTOK, context_above: int = 0
) -> PricePoint:
    """What the provider's API charges now."""
    return PricePoint(
        kind=kind,
        amount=_plain(amount),
        unit=unit,
        context_above=context_above,
        effective_from=now,
        basis=Basis.OBSERVED,
        source=Source.API,
    )


@lru_cache(maxsize=4096)
def _plain(amount: Decimal) -> Decimal:
    """Without the noise that a server's floating point left (0.30000000000000004), and without trailing zeros.

    One for all models of one price: a listing has many models, and few prices.
    """
    rounded = round(amount, AMOUNT_DECIMALS)
    plain = rounded if rounded and abs(rounded - amount) < FLOAT_NOISE else amount
    return Decimal(f"{plain.normalize():f}") if plain else Decimal(0)  # -0 is equal to 0, and is remembered as it
