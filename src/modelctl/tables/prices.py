"""The ledger of prices."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import BigInteger, text
from sqlmodel import Field

from modelctl.core.facts import (
    AMOUNT_DECIMALS,
    AMOUNT_DIGITS,
    MAX_AMOUNT,
    MAX_COUNT,
    MODEL_ID_MAX_CHARS,
    PROVIDER_MAX_CHARS,
)
from modelctl.core.prices.price import STANDARD, Basis
from modelctl.tables.base import NOW, ZERO, Base, ExactText, Instant, Price, checks, now, one_of


class ModelPrice(Base, table=True):
    """The ledger: append-only. The point with the latest start, and of those the highest revision, is in force."""

    __tablename__ = "ai_model_prices"
    __table_args__ = checks(
        "ai_model_prices",
        provider="provider <> ''",
        model_id="model_id <> ''",
        kind="kind <> ''",
        context_above=f"context_above BETWEEN 0 AND {MAX_COUNT}",
        revision="revision >= 0",
        amount=f"amount BETWEEN 0 AND {MAX_AMOUNT}",
        currency="currency LIKE '___'",
        basis=one_of("basis", tuple(Basis)),
    )

    provider: str = Field(sa_type=ExactText(PROVIDER_MAX_CHARS), max_length=PROVIDER_MAX_CHARS, primary_key=True)
    model_id: str = Field(sa_type=ExactText(MODEL_ID_MAX_CHARS), max_length=MODEL_ID_MAX_CHARS, primary_key=True)
    kind: str = Field(sa_type=ExactText(32), max_length=32, primary_key=True)
    unit: str = Field(sa_type=ExactText(16), max_length=16, primary_key=True)
    context_above: int = Field(
        sa_type=BigInteger,
        primary_key=True,
        sa_column_kwargs={"autoincrement": False, "server_default": ZERO, "comment": "tokens of prompt; 0: any prompt"},
    )
    service_tier: str = Field(
        sa_type=ExactText(16),
        max_length=16,
        primary_key=True,
        sa_column_kwargs={"server_default": text(f"'{STANDARD}'")},
    )
    hours_utc: str = Field(
        sa_type=ExactText(64), max_length=64, primary_key=True, sa_column_kwargs={"server_default": text("''")}
    )
    effective_from: datetime = Field(
        sa_type=Instant(), primary_key=True, sa_column_kwargs={"comment": "UTC; 1970-01-01: since launch"}
    )
    revision: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False, "server_default": ZERO})
    amount: Decimal = Field(sa_type=Price(), max_digits=AMOUNT_DIGITS, decimal_places=AMOUNT_DECIMALS)
    currency: str = Field(max_length=3)
    effective_to: datetime | None = Field(
        default=None,
        sa_type=Instant(),
        sa_column_kwargs={"comment": "stated end, exclusive; NULL: until the next point"},
    )
    basis: str = Field(
        max_length=16,
        sa_column_kwargs={"server_default": text(f"'{Basis.MANUAL}'"), "comment": "documented, observed or manual"},
    )
    source: str = Field(max_length=2048)
    run: str = Field(max_length=64, sa_column_kwargs={"server_default": text("''")})
    recorded_at: datetime = Field(default_factory=now, sa_type=Instant(), sa_column_kwargs={"server_default": NOW})
