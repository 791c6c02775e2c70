"""What runs did: their outcomes, every change, what guards held back, and who is writing now."""

from datetime import datetime
from typing import Annotated, Any

from sqlalchemy import BigInteger, Text
from sqlmodel import Field

from modelctl.core.facts import MODEL_ID_MAX_CHARS, PROVIDER_MAX_CHARS
from modelctl.tables.base import Base, ExactText, Instant, JsonObject, Texts


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


class AuditRecord(Base, table=True):
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
    before_values: Annotated[dict[str, Any] | None, Field(sa_type=JsonObject())] = None
    after_values: Annotated[dict[str, Any] | None, Field(sa_type=JsonObject())] = None
