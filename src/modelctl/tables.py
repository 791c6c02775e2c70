"""The tables as SQLModel classes, which programs share. What columns they have, `columns` says.

modelctl itself has no use for them: the core validates, Core statements read and write.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ForeignKeyConstraint, String, Table
from sqlmodel import Field, SQLModel
from sqlmodel.main import SQLModelMetaclass

from modelctl.db import tables as columns
from modelctl.db.tables import DEFAULT_PREFIX

_MYSQL_OPTIONS = {"mysql_charset": "utf8mb4", "mysql_engine": "InnoDB", "mariadb_charset": "utf8mb4"}


def _mapped(name: str, *constraints: ForeignKeyConstraint) -> Table:
    """The table among all that a program has as SQLModel classes, with what only CREATE TABLE needs."""
    table = columns.table(name, SQLModel.metadata, prefix=DEFAULT_PREFIX)
    table.dialect_kwargs.update(_MYSQL_OPTIONS)
    for constraint in constraints:
        table.append_constraint(constraint)
    return table


class _OfTable(SQLModelMetaclass):
    """Gives each attribute the column of its name in `__table__`. An attribute or a column too many is an error."""

    def __new__(mcs, name: str, bases: tuple[type, ...], body: dict[str, Any], **kwargs: Any) -> Any:
        if (table := body.get("__table__")) is not None:  # a program's class, which is made from one of these, has none
            body["__tablename__"] = table.name
            for column in table.columns:
                length = column.type.length if isinstance(column.type, String) else None
                body[column.name] = Field(default=body.get(column.name, ...), max_length=length, sa_column=column)
        return super().__new__(mcs, name, bases, body, **kwargs)


class AiProvider(SQLModel, table=True, metaclass=_OfTable):
    """Who sells models, and how their API is reached."""

    __table__ = _mapped("providers")

    name: str
    display_name: str
    kind: str
    api_base_url: str | None = None
    auth_header_name: str | None = None
    auth_header_prefix: str | None = None
    env_vars: list[str] | None = None
    features: list[str] | None = None
    settings: dict[str, Any] | None = None
    is_builtin: bool = False
    is_enabled: bool = True
    health_status: str = "unknown"
    health_checked_at: datetime | None = None
    health_latency_ms: int | None = None
    created_at: datetime
    updated_at: datetime


class AiModel(SQLModel, table=True, metaclass=_OfTable):
    """One model as one provider serves it. NULL means unknown: never "no", never free."""

    __table__ = _mapped("models", ForeignKeyConstraint(["provider"], ["ai_providers.name"]))

    id: int | None = None
    provider: str
    model_id: str
    display_name: str | None = None
    family: str | None = None
    type: str | None = None
    status: str | None = None
    input_modalities: list[str] | None = None
    output_modalities: list[str] | None = None
    vision: bool | None = None
    tools: bool | None = None
    structured_output: bool | None = None
    reasoning: bool | None = None
    streaming: bool | None = None
    prompt_caching: bool | None = None
    pdf_input: bool | None = None
    audio_input: bool | None = None
    audio_output: bool | None = None
    web_search: bool | None = None
    code_execution: bool | None = None
    computer_use: bool | None = None
    citations: bool | None = None
    batch: bool | None = None
    temperature: bool | None = None
    context_window: int | None = None
    max_input_tokens: int | None = None
    max_output_tokens: int | None = None
    knowledge_cutoff: str | None = None
    released_on: date | None = None
    deprecated_on: date | None = None
    retires_on: date | None = None
    retires_not_before: date | None = None
    after_retirement: str | None = None
    replacement: str | None = None
    aliases: list[str] | None = None
    recommended: bool | None = None
    tier: str | None = None
    tags: list[str] | None = None
    input_price_per_mtok: Decimal | None = None
    output_price_per_mtok: Decimal | None = None
    cache_read_price_per_mtok: Decimal | None = None
    cache_write_price_per_mtok: Decimal | None = None
    price_currency: str | None = None
    is_enabled: bool
    last_seen_at: datetime | None = None
    last_verified_at: datetime | None = None
    created_at: datetime
    updated_at: datetime


class AiModelPrice(SQLModel, table=True, metaclass=_OfTable):
    """The ledger: append-only. The point with the latest start, and of those the highest revision, is in force."""

    __table__ = _mapped("model_prices")

    provider: str
    model_id: str
    kind: str
    unit: str
    context_above: int
    service_tier: str
    hours_utc: str
    effective_from: datetime
    revision: int
    amount: Decimal
    currency: str
    effective_to: datetime | None = None
    basis: str
    source: str
    run: str
    recorded_at: datetime


class AiModelState(SQLModel, table=True, metaclass=_OfTable):
    """What modelctl last wrote into each row: how a person's edit is told from its own."""

    __table__ = _mapped("model_state")

    provider: str
    model_id: str
    written: str
    pins: list[str] | None = None
    absences: int = 0
    updated_at: datetime


class AiProviderCredential(SQLModel, table=True, metaclass=_OfTable):
    """API keys, encrypted; `project` empty = the platform's own."""

    __table__ = _mapped("provider_credentials")

    provider: str
    project: str
    ciphertext: str
    key_id: str
    fingerprint: str
    created_at: datetime
    updated_at: datetime


class AiSyncRun(SQLModel, table=True, metaclass=_OfTable):
    """One provider's part of one run."""

    __table__ = _mapped("sync_runs")

    run: str
    provider: str
    command: str
    actor: str
    sources: list[str] | None = None
    started_at: datetime
    finished_at: datetime
    outcome: str
    fetched: int | None = None
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
    error: str | None = None


class AiHold(SQLModel, table=True, metaclass=_OfTable):
    """What a guard stopped, and what a person decided about that very move of values."""

    __table__ = _mapped("holds")

    provider: str
    model_id: str
    guard: str
    moves: str
    reason: str
    run: str
    held_at: datetime
    verdict: str | None = None
    note: str | None = None
    decided_by: str | None = None
    decided_at: datetime | None = None


class AiLease(SQLModel, table=True, metaclass=_OfTable):
    """Who is writing now. A row whose beat stands still belongs to a run that was killed."""

    __table__ = _mapped("leases")

    name: str
    run: str
    actor: str
    command: str
    acquired_at: datetime
    beat_at: datetime
    beat: int


class AiChange(SQLModel, table=True, metaclass=_OfTable):
    """The audit trail: append-only. A run changes an entity at most once, so a repeated write cannot double it."""

    __table__ = _mapped("changes")

    run: str
    entity: str
    entity_key: str
    at: datetime
    actor: str
    command: str
    action: str
    before_values: dict[str, Any] | None = None
    after_values: dict[str, Any] | None = None
