"""The tables, as SQLModel classes. They define columns and nothing else: the core validates, Core statements write.

Plain SQL readers are users, too: names carry units, comments go into the database where it keeps them.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, Integer, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from modelctl.store.types import ExactText, Instant, Price, json_value, row_id

MYSQL_OPTIONS = {"mysql_charset": "utf8mb4", "mysql_engine": "InnoDB", "mariadb_charset": "utf8mb4"}


def _comment(text: str) -> dict[str, str]:
    return {"comment": text}


def _provider(**kwargs: Any) -> Any:
    return Field(sa_type=ExactText(64), **kwargs)


def _model_id(**kwargs: Any) -> Any:
    return Field(sa_type=ExactText(191), **kwargs)


def _key_text(length: int, **kwargs: Any) -> Any:
    return Field(sa_type=ExactText(length), **kwargs)


def _text(length: int, comment: str = "") -> Any:
    return Field(default=None, max_length=length, sa_column_kwargs=_comment(comment) if comment else {})


def _list(comment: str = "") -> Any:
    return Field(default=None, sa_type=json_value(), sa_column_kwargs=_comment(comment) if comment else {})


def _tokens(comment: str) -> Any:
    return Field(default=None, sa_type=BigInteger, sa_column_kwargs=_comment(comment))


def _price(comment: str) -> Any:
    return Field(default=None, sa_type=Price, sa_column_kwargs=_comment(comment))


def _at(comment: str = "", *, quoted_as: str = "", **kwargs: Any) -> Any:
    """`quoted_as`: its name, where a database (DuckDB) has that word for itself."""
    quoted = {"name": quoted_as, "quote": True} if quoted_as else {}
    return Field(sa_type=Instant, sa_column_kwargs=quoted | (_comment(comment) if comment else {}), **kwargs)


class AiProvider(SQLModel, table=True):
    """Who sells models, and how their API is reached."""

    __tablename__ = "ai_providers"
    __table_args__ = MYSQL_OPTIONS

    name: str = _provider(primary_key=True)
    display_name: str = Field(max_length=255)
    kind: str = Field(max_length=64, sa_column_kwargs=_comment("discovery module; empty: no listing"))
    api_base_url: str | None = _text(2048)
    auth_header_name: str | None = _text(255)
    auth_header_prefix: str | None = _text(255)
    env_vars: list[str] | None = _list("environment variables with the API key; the first one set wins")
    features: list[str] | None = _list()
    settings: dict[str, Any] | None = _list()
    is_builtin: bool = False
    is_enabled: bool = True
    health_status: str = Field(default="unknown", max_length=32)
    health_checked_at: datetime | None = _at(default=None)
    health_latency_ms: int | None = None
    created_at: datetime = _at()
    updated_at: datetime = _at()


class AiModel(SQLModel, table=True):
    """One model as one provider serves it. NULL means unknown: never "no", never free."""

    __tablename__ = "ai_models"
    __table_args__ = (UniqueConstraint("provider", "model_id", name="uq_ai_models_provider_model_id"), MYSQL_OPTIONS)

    id: int | None = Field(default=None, primary_key=True, sa_type=row_id())
    provider: str = _provider(foreign_key="ai_providers.name")
    model_id: str = _model_id()
    display_name: str | None = _text(255)
    family: str | None = _text(64)
    type: str | None = _text(16, "chat, embedding, image, audio, video, moderation, rerank or other")
    status: str | None = _text(16, "preview, active, deprecated (still answers) or retired (gone)")
    input_modalities: list[str] | None = _list()
    output_modalities: list[str] | None = _list()
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
    context_window: int | None = _tokens("tokens; input and output together where the vendor counts them so")
    max_input_tokens: int | None = _tokens("tokens; only where the input has a limit of its own")
    max_output_tokens: int | None = _tokens("tokens")
    knowledge_cutoff: str | None = _text(10, "YYYY, YYYY-MM or YYYY-MM-DD")
    released_on: date | None = None
    deprecated_on: date | None = Field(default=None, sa_column_kwargs=_comment("day the end was announced"))
    retires_on: date | None = Field(default=None, sa_column_kwargs=_comment("last day on which the id answers"))
    retires_not_before: date | None = Field(default=None, sa_column_kwargs=_comment("no announced end"))
    after_retirement: str | None = _text(16, "error, or redirect: served and billed as the replacement")
    replacement: str | None = _key_text(191, default=None)
    aliases: list[str] | None = _list()
    recommended: bool | None = None
    tier: str | None = _text(16, "free, affordable or premium")
    tags: list[str] | None = _list()
    input_price_per_mtok: Decimal | None = _price("per million tokens, standard tier, today")
    output_price_per_mtok: Decimal | None = _price("per million tokens, standard tier, today")
    cache_read_price_per_mtok: Decimal | None = _price("per million tokens, standard tier, today")
    cache_write_price_per_mtok: Decimal | None = _price("per million tokens, standard tier, today; kept 5 minutes")
    price_currency: str | None = _text(3)
    is_enabled: bool = Field(
        sa_column_kwargs=_comment("the application's switch; set on creation, then only by people")
    )
    last_seen_at: datetime | None = _at("in a listing of the provider, day by day", default=None)
    last_verified_at: datetime | None = _at("confirmed by any source, day by day", default=None)
    created_at: datetime = _at()
    updated_at: datetime = _at()


class AiModelPrice(SQLModel, table=True):
    """The ledger: append-only. The point with the latest start, and of those the highest revision, is in force."""

    __tablename__ = "ai_model_prices"
    __table_args__ = MYSQL_OPTIONS

    provider: str = _provider(primary_key=True)
    model_id: str = _model_id(primary_key=True)
    kind: str = _key_text(32, primary_key=True)
    unit: str = _key_text(16, primary_key=True)
    context_above: int = Field(
        primary_key=True,
        sa_type=BigInteger,
        sa_column_kwargs={"autoincrement": False, **_comment("tokens of prompt; 0: any prompt")},
    )
    service_tier: str = _key_text(16, primary_key=True)
    hours_utc: str = _key_text(64, primary_key=True)
    effective_from: datetime = _at("UTC; 1970-01-01: since launch", primary_key=True)
    revision: int = Field(primary_key=True, sa_type=Integer, sa_column_kwargs={"autoincrement": False})
    amount: Decimal = Field(sa_type=Price)
    currency: str = Field(max_length=3)
    effective_to: datetime | None = _at("stated end, exclusive; NULL: until the next point", default=None)
    basis: str = Field(max_length=16, sa_column_kwargs=_comment("documented, observed or manual"))
    source: str = Field(max_length=2048)
    run: str = Field(max_length=64)
    recorded_at: datetime = _at()


class AiModelState(SQLModel, table=True):
    """What modelctl last wrote into each row: how a person's edit is told from its own."""

    __tablename__ = "ai_model_state"
    __table_args__ = MYSQL_OPTIONS

    provider: str = _provider(primary_key=True)
    model_id: str = _model_id(primary_key=True)
    written: str = Field(sa_type=Text)
    pins: list[str] | None = _list("fields that a person has claimed")
    absences: int = Field(default=0, sa_column_kwargs=_comment("whole listings in a row without this model"))
    updated_at: datetime = _at()


class AiProviderCredential(SQLModel, table=True):
    """API keys, encrypted; `project` empty = the platform's own."""

    __tablename__ = "ai_provider_credentials"
    __table_args__ = MYSQL_OPTIONS

    provider: str = _provider(primary_key=True)
    project: str = _key_text(191, primary_key=True)
    ciphertext: str = Field(sa_type=Text)
    key_id: str = Field(max_length=64)
    fingerprint: str = Field(max_length=64)
    created_at: datetime = _at()
    updated_at: datetime = _at()


class AiSyncRun(SQLModel, table=True):
    """One provider's part of one run."""

    __tablename__ = "ai_sync_runs"
    __table_args__ = MYSQL_OPTIONS

    run: str = _key_text(64, primary_key=True)
    provider: str = _provider(primary_key=True)
    command: str = Field(max_length=64)
    actor: str = Field(max_length=255)
    sources: list[str] | None = _list()
    started_at: datetime = _at()
    finished_at: datetime = _at()
    outcome: str = Field(max_length=16)
    fetched: int | None = Field(default=None, sa_column_kwargs=_comment("models in a whole listing; NULL: not asked"))
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


class AiHold(SQLModel, table=True):
    """What a guard stopped, and what a person decided about that very move of values."""

    __tablename__ = "ai_holds"
    __table_args__ = MYSQL_OPTIONS

    provider: str = _provider(primary_key=True)
    model_id: str = _key_text(191, primary_key=True)
    guard: str = _key_text(32, primary_key=True)
    moves: str = Field(sa_type=Text, sa_column_kwargs=_comment("JSON: [[what, old, new], ...]"))
    reason: str = Field(sa_type=Text)
    run: str = Field(max_length=64)
    held_at: datetime = _at()
    verdict: str | None = _text(16, "accepted or declined; NULL: nobody has decided")
    note: str | None = Field(default=None, sa_type=Text)
    decided_by: str | None = _text(255)
    decided_at: datetime | None = _at(default=None)


class AiLease(SQLModel, table=True):
    """Who is writing now. A row whose beat stands still belongs to a run that was killed."""

    __tablename__ = "ai_leases"
    __table_args__ = MYSQL_OPTIONS

    name: str = _key_text(64, primary_key=True)
    run: str = Field(max_length=64)
    actor: str = Field(max_length=255)
    command: str = Field(max_length=64)
    acquired_at: datetime = _at()
    beat_at: datetime = _at()
    beat: int = Field(sa_type=BigInteger, sa_column_kwargs=_comment("grows while the holder lives"))


class AiChange(SQLModel, table=True):
    """The audit trail: append-only. A run changes an entity at most once, so a repeated write cannot double it."""

    __tablename__ = "ai_changes"
    __table_args__ = MYSQL_OPTIONS

    run: str = _key_text(64, primary_key=True)
    entity: str = _key_text(16, primary_key=True)
    entity_key: str = _key_text(256, primary_key=True)
    at: datetime = _at(quoted_as="at")
    actor: str = Field(max_length=255)
    command: str = Field(max_length=64)
    action: str = Field(max_length=16)
    before_values: dict[str, Any] | None = _list()
    after_values: dict[str, Any] | None = _list()
