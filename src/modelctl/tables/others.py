"""The tables beside that of models: providers and their keys, prices, runs, the audit trail, holds, who is writing."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

from sqlalchemy import BigInteger, Text
from sqlmodel import Field

from modelctl.core.facts import AMOUNT_DECIMALS, AMOUNT_DIGITS, MODEL_ID_MAX_CHARS, PROVIDER_MAX_CHARS
from modelctl.tables.base import JSON_OBJECT, Base, ExactText, Instant, Price, Texts, now


class Provider(Base, table=True):
    """Who sells models, and how their API is reached."""

    __tablename__ = "ai_providers"

    name: str = Field(sa_type=ExactText(PROVIDER_MAX_CHARS), max_length=PROVIDER_MAX_CHARS, primary_key=True)
    display_name: str = Field(max_length=255)
    kind: str = Field(max_length=64, sa_column_kwargs={"comment": "discovery module; empty: no listing"})
    api_base_url: str | None = Field(default=None, max_length=2048)
    auth_header_name: str | None = Field(default=None, max_length=255)
    auth_header_prefix: str | None = Field(default=None, max_length=255)
    env_vars: Annotated[
        tuple[str, ...] | None,
        Field(
            sa_type=Texts(),
            sa_column_kwargs={"comment": "environment variables with the API key; the first one set wins"},
        ),
    ] = None
    features: Annotated[tuple[str, ...] | None, Field(sa_type=Texts())] = None
    settings: Annotated[dict[str, Any] | None, Field(sa_type=JSON_OBJECT)] = None
    is_builtin: bool = False
    is_enabled: bool = True
    health_status: str = Field(default="unknown", max_length=32)
    health_checked_at: datetime | None = Field(default=None, sa_type=Instant())
    health_latency_ms: int | None = None
    created_at: datetime = Field(default_factory=now, sa_type=Instant())
    updated_at: datetime = Field(default_factory=now, sa_type=Instant())


class ProviderCredential(Base, table=True):
    """API keys, encrypted; `project` empty = the platform's own."""

    __tablename__ = "ai_provider_credentials"

    provider: str = Field(sa_type=ExactText(PROVIDER_MAX_CHARS), max_length=PROVIDER_MAX_CHARS, primary_key=True)
    project: str = Field(sa_type=ExactText(191), max_length=191, primary_key=True)
    ciphertext: str = Field(sa_type=Text)
    key_id: str = Field(max_length=64)
    fingerprint: str = Field(max_length=64)
    created_at: datetime = Field(default_factory=now, sa_type=Instant())
    updated_at: datetime = Field(default_factory=now, sa_type=Instant())


class ModelPrice(Base, table=True):
    """The ledger: append-only. The point with the latest start, and of those the highest revision, is in force."""

    __tablename__ = "ai_model_prices"

    provider: str = Field(sa_type=ExactText(PROVIDER_MAX_CHARS), max_length=PROVIDER_MAX_CHARS, primary_key=True)
    model_id: str = Field(sa_type=ExactText(MODEL_ID_MAX_CHARS), max_length=MODEL_ID_MAX_CHARS, primary_key=True)
    kind: str = Field(sa_type=ExactText(32), max_length=32, primary_key=True)
    unit: str = Field(sa_type=ExactText(16), max_length=16, primary_key=True)
    context_above: int = Field(
        sa_type=BigInteger,
        primary_key=True,
        sa_column_kwargs={"autoincrement": False, "comment": "tokens of prompt; 0: any prompt"},
    )
    service_tier: str = Field(sa_type=ExactText(16), max_length=16, primary_key=True)
    hours_utc: str = Field(sa_type=ExactText(64), max_length=64, primary_key=True)
    effective_from: datetime = Field(
        sa_type=Instant(), primary_key=True, sa_column_kwargs={"comment": "UTC; 1970-01-01: since launch"}
    )
    revision: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    amount: Decimal = Field(sa_type=Price(), max_digits=AMOUNT_DIGITS, decimal_places=AMOUNT_DECIMALS)
    currency: str = Field(max_length=3)
    effective_to: datetime | None = Field(
        default=None,
        sa_type=Instant(),
        sa_column_kwargs={"comment": "stated end, exclusive; NULL: until the next point"},
    )
    basis: str = Field(max_length=16, sa_column_kwargs={"comment": "documented, observed or manual"})
    source: str = Field(max_length=2048)
    run: str = Field(max_length=64)
    recorded_at: datetime = Field(default_factory=now, sa_type=Instant())


class SyncRun(Base, table=True):
    """One provider's part of one run."""

    __tablename__ = "ai_sync_runs"

    run: str = Field(sa_type=ExactText(64), max_length=64, primary_key=True)
    provider: str = Field(sa_type=ExactText(PROVIDER_MAX_CHARS), max_length=PROVIDER_MAX_CHARS, primary_key=True)
    command: str = Field(max_length=64)
    actor: str = Field(max_length=255)
    sources: Annotated[tuple[str, ...] | None, Field(sa_type=Texts())] = None
    started_at: datetime = Field(sa_type=Instant())
    finished_at: datetime = Field(sa_type=Instant())
    outcome: str = Field(max_length=16)
    fetched: int | None = Field(
        default=None, sa_column_kwargs={"comment": "models in a whole listing; NULL: not asked"}
    )
    kept: int = 0
    filtered: int = 0
    skipped: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    deprecated: int = 0
    retired: int = 0
    reactivated: int = 0
    held: int = 0
    protected: int = 0
    error: str | None = Field(default=None, sa_type=Text)


class Hold(Base, table=True):
    """What a guard stopped, and what a person decided about that very move of values."""

    __tablename__ = "ai_holds"

    provider: str = Field(sa_type=ExactText(PROVIDER_MAX_CHARS), max_length=PROVIDER_MAX_CHARS, primary_key=True)
    model_id: str = Field(sa_type=ExactText(MODEL_ID_MAX_CHARS), max_length=MODEL_ID_MAX_CHARS, primary_key=True)
    guard: str = Field(sa_type=ExactText(32), max_length=32, primary_key=True)
    moves: str = Field(sa_type=Text, sa_column_kwargs={"comment": "JSON: [[what, old, new], ...]"})
    reason: str = Field(sa_type=Text)
    run: str = Field(max_length=64)
    held_at: datetime = Field(sa_type=Instant())
    verdict: str | None = Field(
        default=None, max_length=16, sa_column_kwargs={"comment": "accepted or declined; NULL: nobody has decided"}
    )
    note: str | None = Field(default=None, sa_type=Text)
    decided_by: str | None = Field(default=None, max_length=255)
    decided_at: datetime | None = Field(default=None, sa_type=Instant())


class Lease(Base, table=True):
    """Who is writing now. A row whose beat stands still belongs to a run that was killed."""

    __tablename__ = "ai_leases"

    name: str = Field(sa_type=ExactText(64), max_length=64, primary_key=True)
    run: str = Field(max_length=64)
    actor: str = Field(max_length=255)
    command: str = Field(max_length=64)
    acquired_at: datetime = Field(sa_type=Instant())
    beat_at: datetime = Field(sa_type=Instant())
    beat: int = Field(sa_type=BigInteger, sa_column_kwargs={"comment": "grows while the holder lives"})


class Change(Base, table=True):
    """The audit trail: append-only. A run changes an entity at most once, so a repeated write cannot double it."""

    __tablename__ = "ai_changes"

    run: str = Field(sa_type=ExactText(64), max_length=64, primary_key=True)
    entity: str = Field(sa_type=ExactText(16), max_length=16, primary_key=True)
    entity_key: str = Field(sa_type=ExactText(256), max_length=256, primary_key=True)
    at: datetime = Field(
        sa_type=Instant(), sa_column_kwargs={"name": "at", "quote": True}
    )  # DuckDB has the word itself
    actor: str = Field(max_length=255)
    command: str = Field(max_length=64)
    action: str = Field(max_length=16)
    before_values: Annotated[dict[str, Any] | None, Field(sa_type=JSON_OBJECT)] = None
    after_values: Annotated[dict[str, Any] | None, Field(sa_type=JSON_OBJECT)] = None
