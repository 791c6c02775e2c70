"""What columns each table has: the one place that says so, for statements and for the classes in `tables` alike.

Plain SQL readers are users, too: names carry units, comments go into the database where it keeps them. SQLAlchemy's
Core is all that is needed here: a command that reads has no use for classes, which take longer to make than to read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from types import MappingProxyType
from typing import Any, TypeAlias

from sqlalchemy import BigInteger, Boolean, Column, Date, Integer, MetaData, String, Table, Text, UniqueConstraint
from sqlalchemy.schema import SchemaItem

from modelctl.core.facts import CAPABILITIES
from modelctl.db.types import ExactText, Instant, Price, json_value, row_id

_Column: TypeAlias = Column[Any]


def table(name: str, metadata: MetaData, *, prefix: str, schema: str | None = None) -> Table:
    """One of `NAMES` under a prefix and in a schema, with what statements need of it."""
    return Table(prefix + name, metadata, *_COLUMNS[name](), schema=schema)


def _key(name: str, length: int, **kwargs: Any) -> _Column:
    return Column(name, ExactText(length), primary_key=True, nullable=False, **kwargs)


def _number_key(name: str, kind: type[Integer], **kwargs: Any) -> _Column:
    return Column(name, kind, primary_key=True, nullable=False, autoincrement=False, **kwargs)


def _provider(name: str = "provider", **kwargs: Any) -> _Column:
    return Column(name, ExactText(64), nullable=False, **kwargs)


def _model_id(**kwargs: Any) -> _Column:
    return Column("model_id", ExactText(191), nullable=False, **kwargs)


def _stated(name: str, length: int, **kwargs: Any) -> _Column:
    """Text that every row has."""
    return Column(name, String(length), nullable=False, **kwargs)


def _text(name: str, length: int, comment: str | None = None) -> _Column:
    return Column(name, String(length), comment=comment)


def _json(name: str, comment: str | None = None) -> _Column:
    return Column(name, json_value(), comment=comment)


def _tokens(name: str, comment: str) -> _Column:
    return Column(name, BigInteger, comment=comment)


def _price(name: str, comment: str) -> _Column:
    return Column(name, Price, comment=comment)


def _day(name: str, comment: str | None = None) -> _Column:
    return Column(name, Date, comment=comment)


def _at(name: str, **kwargs: Any) -> _Column:
    """An instant that every row has."""
    return Column(name, Instant, nullable=False, **kwargs)


def _at_some_time(name: str, comment: str | None = None) -> _Column:
    return Column(name, Instant, comment=comment)


def _switch(name: str, **kwargs: Any) -> _Column:
    return Column(name, Boolean, nullable=False, **kwargs)


def _count(name: str, comment: str | None = None) -> _Column:
    return Column(name, Integer, nullable=False, default=0, comment=comment)


def _providers() -> Iterable[SchemaItem]:
    return (
        _key("name", 64),
        _stated("display_name", 255),
        _stated("kind", 64, comment="discovery module; empty: no listing"),
        _text("api_base_url", 2048),
        _text("auth_header_name", 255),
        _text("auth_header_prefix", 255),
        _json("env_vars", "environment variables with the API key; the first one set wins"),
        _json("features"),
        _json("settings"),
        _switch("is_builtin", default=False),
        _switch("is_enabled", default=True),
        _stated("health_status", 32, default="unknown"),
        _at_some_time("health_checked_at"),
        Column("health_latency_ms", Integer),
        _at("created_at"),
        _at("updated_at"),
    )


def _models() -> Iterable[SchemaItem]:
    return (
        Column("id", row_id(), primary_key=True, nullable=False),
        _provider(),
        _model_id(),
        _text("display_name", 255),
        _text("family", 64),
        _text("type", 16, "chat, embedding, image, audio, video, moderation, rerank or other"),
        _text("status", 16, "preview, active, deprecated (still answers) or retired (gone)"),
        _json("input_modalities"),
        _json("output_modalities"),
        *(Column(name, Boolean) for name in CAPABILITIES),
        _tokens("context_window", "tokens; input and output together where the vendor counts them so"),
        _tokens("max_input_tokens", "tokens; only where the input has a limit of its own"),
        _tokens("max_output_tokens", "tokens"),
        _text("knowledge_cutoff", 10, "YYYY, YYYY-MM or YYYY-MM-DD"),
        _day("released_on"),
        _day("deprecated_on", "day the end was announced"),
        _day("retires_on", "last day on which the id answers"),
        _day("retires_not_before", "no announced end"),
        _text("after_retirement", 16, "error, or redirect: served and billed as the replacement"),
        Column("replacement", ExactText(191)),
        _json("aliases"),
        Column("recommended", Boolean),
        _text("tier", 16, "free, affordable or premium"),
        _json("tags"),
        _price("input_price_per_mtok", "per million tokens, standard tier, today"),
        _price("output_price_per_mtok", "per million tokens, standard tier, today"),
        _price("cache_read_price_per_mtok", "per million tokens, standard tier, today"),
        _price("cache_write_price_per_mtok", "per million tokens, standard tier, today; kept 5 minutes"),
        _text("price_currency", 3),
        _switch("is_enabled", comment="the application's switch; set on creation, then only by people"),
        _at_some_time("last_seen_at", "in a listing of the provider, day by day"),
        _at_some_time("last_verified_at", "confirmed by any source, day by day"),
        _at("created_at"),
        _at("updated_at"),
        UniqueConstraint("provider", "model_id", name="uq_ai_models_provider_model_id"),
    )


def _model_prices() -> Iterable[SchemaItem]:
    return (
        _provider(primary_key=True),
        _model_id(primary_key=True),
        _key("kind", 32),
        _key("unit", 16),
        _number_key("context_above", BigInteger, comment="tokens of prompt; 0: any prompt"),
        _key("service_tier", 16),
        _key("hours_utc", 64),
        _at("effective_from", primary_key=True, comment="UTC; 1970-01-01: since launch"),
        _number_key("revision", Integer),
        Column("amount", Price, nullable=False),
        _stated("currency", 3),
        _at_some_time("effective_to", "stated end, exclusive; NULL: until the next point"),
        _stated("basis", 16, comment="documented, observed or manual"),
        _stated("source", 2048),
        _stated("run", 64),
        _at("recorded_at"),
    )


def _model_state() -> Iterable[SchemaItem]:
    return (
        _provider(primary_key=True),
        _model_id(primary_key=True),
        Column("written", Text, nullable=False),
        _json("pins", "fields that a person has claimed"),
        _count("absences", "whole listings in a row without this model"),
        _at("updated_at"),
    )


def _provider_credentials() -> Iterable[SchemaItem]:
    return (
        _provider(primary_key=True),
        _key("project", 191),
        Column("ciphertext", Text, nullable=False),
        _stated("key_id", 64),
        _stated("fingerprint", 64),
        _at("created_at"),
        _at("updated_at"),
    )


def _sync_runs() -> Iterable[SchemaItem]:
    counts = ("kept", "filtered", "skipped", "created", "updated", "unchanged", "deprecated", "retired", "reactivated")
    return (
        _key("run", 64),
        _provider(primary_key=True),
        _stated("command", 64),
        _stated("actor", 255),
        _json("sources"),
        _at("started_at"),
        _at("finished_at"),
        _stated("outcome", 16),
        Column("fetched", Integer, comment="models in a whole listing; NULL: not asked"),
        *map(_count, counts),
        _count("held"),
        _count("protected"),
        Column("error", Text),
    )


def _holds() -> Iterable[SchemaItem]:
    return (
        _provider(primary_key=True),
        _model_id(primary_key=True),
        _key("guard", 32),
        Column("moves", Text, nullable=False, comment="JSON: [[what, old, new], ...]"),
        Column("reason", Text, nullable=False),
        _stated("run", 64),
        _at("held_at"),
        _text("verdict", 16, "accepted or declined; NULL: nobody has decided"),
        Column("note", Text),
        _text("decided_by", 255),
        _at_some_time("decided_at"),
    )


def _leases() -> Iterable[SchemaItem]:
    return (
        _key("name", 64),
        _stated("run", 64),
        _stated("actor", 255),
        _stated("command", 64),
        _at("acquired_at"),
        _at("beat_at"),
        Column("beat", BigInteger, nullable=False, comment="grows while the holder lives"),
    )


def _changes() -> Iterable[SchemaItem]:
    return (
        _key("run", 64),
        _key("entity", 16),
        _key("entity_key", 256),
        _at("at", quote=True),  # DuckDB has that word for itself
        _stated("actor", 255),
        _stated("command", 64),
        _stated("action", 16),
        _json("before_values"),
        _json("after_values"),
    )


_COLUMNS: Mapping[str, Callable[[], Iterable[SchemaItem]]] = MappingProxyType(
    {
        "providers": _providers,
        "models": _models,
        "model_prices": _model_prices,
        "model_state": _model_state,
        "provider_credentials": _provider_credentials,
        "sync_runs": _sync_runs,
        "holds": _holds,
        "leases": _leases,
        "changes": _changes,
    }
)
NAMES = tuple(_COLUMNS)
"""All tables, without their prefix."""


DEFAULT_PREFIX = "ai_"


@dataclass(frozen=True, kw_only=True)
class Tables:
    """The tables under one prefix and schema, for Core statements."""

    prefix: str = DEFAULT_PREFIX
    schema: str | None = None

    @cached_property
    def providers(self) -> Table:
        """Who sells models."""
        return self._named("providers")

    @cached_property
    def models(self) -> Table:
        """The models themselves."""
        return self._named("models")

    @cached_property
    def prices(self) -> Table:
        """The ledger."""
        return self._named("model_prices")

    @cached_property
    def state(self) -> Table:
        """What modelctl last wrote."""
        return self._named("model_state")

    @cached_property
    def sync_runs(self) -> Table:
        """One row per run and provider."""
        return self._named("sync_runs")

    @cached_property
    def changes(self) -> Table:
        """The audit trail."""
        return self._named("changes")

    @cached_property
    def holds(self) -> Table:
        """What guards stopped, and what people decided about it."""
        return self._named("holds")

    @cached_property
    def leases(self) -> Table:
        """Who is writing now."""
        return self._named("leases")

    @cached_property
    def credentials(self) -> Table:
        """API keys, encrypted."""
        return self._named("provider_credentials")

    @property
    def version_table(self) -> str:
        """modelctl's own version table; never the application's `alembic_version`."""
        return f"{self.prefix}modelctl_version"

    def all_names(self) -> tuple[str, ...]:
        """Names of all tables of ours but the version table."""
        return tuple(self.prefix + name for name in NAMES)

    def _named(self, name: str) -> Table:
        return _named(name, self.prefix, self.schema)


@lru_cache
def _named(name: str, prefix: str, schema: str | None) -> Table:
    """Made when it is first used, and once: SQLAlchemy knows statements again by their tables."""
    return table(name, MetaData(), prefix=prefix, schema=schema)
