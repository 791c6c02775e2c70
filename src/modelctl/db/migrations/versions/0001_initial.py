"""The first tables: providers, models, ledger, state, credentials, runs and audit trail.

Frozen as it was released; `if_not_exists` lets it be run again where a server without transactional DDL broke off.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import UTCDateTime

from modelctl.db.dialects import next_row
from modelctl.tables.base import ExactText

revision = "0001"
down_revision = None

MYSQL = {"mysql_charset": "utf8mb4", "mysql_engine": "InnoDB", "mariadb_charset": "utf8mb4"}


def upgrade() -> None:
    """Create the tables that are not there yet."""
    options = op.get_context().opts
    prefix, schema = options["table_prefix"], options["table_schema"]
    _create_providers(prefix, schema)
    _create_models(prefix, schema)
    _create_model_prices(prefix, schema)
    _create_model_state(prefix, schema)
    _create_provider_credentials(prefix, schema)
    _create_sync_runs(prefix, schema)
    _create_changes(prefix, schema)


def _create_providers(prefix: str, schema: str | None) -> None:
    op.create_table(
        prefix + "providers",
        sa.Column("name", ExactText(64), nullable=False),
        sa.Column("display_name", sa.String(255), nullable=False),
        sa.Column("kind", sa.String(64), nullable=False, comment="discovery module; empty: no listing"),
        sa.Column("api_base_url", sa.String(2048), nullable=True),
        sa.Column("auth_header_name", sa.String(255), nullable=True),
        sa.Column("auth_header_prefix", sa.String(255), nullable=True),
        sa.Column(
            "env_vars",
            sa.JSON(none_as_null=True),
            nullable=True,
            comment="environment variables with the API key; the first one set wins",
        ),
        sa.Column("features", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("settings", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("is_builtin", sa.Boolean(), nullable=False),
        sa.Column("is_enabled", sa.Boolean(), nullable=False),
        sa.Column("health_status", sa.String(32), nullable=False),
        sa.Column("health_checked_at", UTCDateTime(), nullable=True),
        sa.Column("health_latency_ms", sa.Integer(), nullable=True),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("updated_at", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
        schema=schema,
        if_not_exists=True,
        **MYSQL,
    )


def _create_models(prefix: str, schema: str | None) -> None:
    number = next_row(op.get_bind(), prefix, schema)
    op.create_table(
        prefix + "models",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False, server_default=number),
        sa.Column("provider", ExactText(64), nullable=False),
        sa.Column("model_id", ExactText(191), nullable=False),
        sa.Column("display_name", sa.String(255), nullable=True),
        sa.Column("family", sa.String(64), nullable=True),
        sa.Column(
            "type",
            sa.String(16),
            nullable=True,
            comment="chat, embedding, image, audio, video, moderation, rerank or other",
        ),
        sa.Column(
            "status",
            sa.String(16),
            nullable=True,
            comment="preview, active, deprecated (still answers) or retired (gone)",
        ),
        sa.Column("input_modalities", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("output_modalities", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("vision", sa.Boolean(), nullable=True),
        sa.Column("tools", sa.Boolean(), nullable=True),
        sa.Column("structured_output", sa.Boolean(), nullable=True),
        sa.Column("reasoning", sa.Boolean(), nullable=True),
        sa.Column("streaming", sa.Boolean(), nullable=True),
        sa.Column("prompt_caching", sa.Boolean(), nullable=True),
        sa.Column("pdf_input", sa.Boolean(), nullable=True),
        sa.Column("audio_input", sa.Boolean(), nullable=True),
        sa.Column("audio_output", sa.Boolean(), nullable=True),
        sa.Column("web_search", sa.Boolean(), nullable=True),
        sa.Column("code_execution", sa.Boolean(), nullable=True),
        sa.Column("computer_use", sa.Boolean(), nullable=True),
        sa.Column("citations", sa.Boolean(), nullable=True),
        sa.Column("batch", sa.Boolean(), nullable=True),
        sa.Column("temperature", sa.Boolean(), nullable=True),
        sa.Column(
            "context_window",
            sa.BigInteger(),
            nullable=True,
            comment="tokens; input and output together where the vendor counts them so",
        ),
        sa.Column(
            "max_input_tokens",
            sa.BigInteger(),
            nullable=True,
            comment="tokens; only where the input has a limit of its own",
        ),
        sa.Column("max_output_tokens", sa.BigInteger(), nullable=True, comment="tokens"),
        sa.Column("knowledge_cutoff", sa.String(10), nullable=True, comment="YYYY, YYYY-MM or YYYY-MM-DD"),
        sa.Column("released_on", sa.Date(), nullable=True),
        sa.Column("deprecated_on", sa.Date(), nullable=True, comment="day the end was announced"),
        sa.Column("retires_on", sa.Date(), nullable=True, comment="last day on which the id answers"),
        sa.Column("retires_not_before", sa.Date(), nullable=True, comment="no announced end"),
        sa.Column(
            "after_retirement",
            sa.String(16),
            nullable=True,
            comment="error, or redirect: served and billed as the replacement",
        ),
        sa.Column("replacement", ExactText(191), nullable=True),
        sa.Column("aliases", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("recommended", sa.Boolean(), nullable=True),
        sa.Column("tier", sa.String(16), nullable=True, comment="free, affordable or premium"),
        sa.Column("tags", sa.JSON(none_as_null=True), nullable=True),
        sa.Column(
            "input_price_per_mtok",
            sa.Numeric(precision=15, scale=9),
            nullable=True,
            comment="per million tokens, standard tier, today",
        ),
        sa.Column(
            "output_price_per_mtok",
            sa.Numeric(precision=15, scale=9),
            nullable=True,
            comment="per million tokens, standard tier, today",
        ),
        sa.Column(
            "cache_read_price_per_mtok",
            sa.Numeric(precision=15, scale=9),
            nullable=True,
            comment="per million tokens, standard tier, today",
        ),
        sa.Column(
            "cache_write_price_per_mtok",
            sa.Numeric(precision=15, scale=9),
            nullable=True,
            comment="per million tokens, standard tier, today; kept 5 minutes",
        ),
        sa.Column("price_currency", sa.String(3), nullable=True),
        sa.Column(
            "is_enabled",
            sa.Boolean(),
            nullable=False,
            comment="the application's switch; set on creation, then only by people",
        ),
        sa.Column("last_seen_at", UTCDateTime(), nullable=True, comment="in a listing of the provider, day by day"),
        sa.Column("last_verified_at", UTCDateTime(), nullable=True, comment="confirmed by any source, day by day"),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("updated_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["provider"], [f"{f'{schema}.' if schema else ''}{prefix}providers.name"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("provider", "model_id", name=f"uq_{prefix}models_provider_model_id"),
        schema=schema,
        if_not_exists=True,
        **MYSQL,
    )


def _create_model_prices(prefix: str, schema: str | None) -> None:
    op.create_table(
        prefix + "model_prices",
        sa.Column("provider", ExactText(64), nullable=False),
        sa.Column("model_id", ExactText(191), nullable=False),
        sa.Column("kind", ExactText(32), nullable=False),
        sa.Column("unit", ExactText(16), nullable=False),
        sa.Column(
            "context_above",
            sa.BigInteger(),
            autoincrement=False,
            nullable=False,
            comment="tokens of prompt; 0: any prompt",
        ),
        sa.Column("service_tier", ExactText(16), nullable=False),
        sa.Column("hours_utc", ExactText(64), nullable=False),
        sa.Column("effective_from", UTCDateTime(), nullable=False, comment="UTC; 1970-01-01: since launch"),
        sa.Column("revision", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("amount", sa.Numeric(precision=15, scale=9), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column(
            "effective_to", UTCDateTime(), nullable=True, comment="stated end, exclusive; NULL: until the next point"
        ),
        sa.Column("basis", sa.String(16), nullable=False, comment="documented, observed or manual"),
        sa.Column("source", sa.String(2048), nullable=False),
        sa.Column("run", sa.String(64), nullable=False),
        sa.Column("recorded_at", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint(
            "provider",
            "model_id",
            "kind",
            "unit",
            "context_above",
            "service_tier",
            "hours_utc",
            "effective_from",
            "revision",
        ),
        schema=schema,
        if_not_exists=True,
        **MYSQL,
    )


def _create_model_state(prefix: str, schema: str | None) -> None:
    op.create_table(
        prefix + "model_state",
        sa.Column("provider", ExactText(64), nullable=False),
        sa.Column("model_id", ExactText(191), nullable=False),
        sa.Column("written", sa.Text(), nullable=False),
        sa.Column("pins", sa.JSON(none_as_null=True), nullable=True, comment="fields that a person has claimed"),
        sa.Column("absences", sa.Integer(), nullable=False, comment="whole listings in a row without this model"),
        sa.Column("updated_at", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("provider", "model_id"),
        schema=schema,
        if_not_exists=True,
        **MYSQL,
    )


def _create_provider_credentials(prefix: str, schema: str | None) -> None:
    op.create_table(
        prefix + "provider_credentials",
        sa.Column("provider", ExactText(64), nullable=False),
        sa.Column("project", ExactText(191), nullable=False),
        sa.Column("ciphertext", sa.Text(), nullable=False),
        sa.Column("key_id", sa.String(64), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("updated_at", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("provider", "project"),
        schema=schema,
        if_not_exists=True,
        **MYSQL,
    )


def _create_sync_runs(prefix: str, schema: str | None) -> None:
    op.create_table(
        prefix + "sync_runs",
        sa.Column("run", ExactText(64), nullable=False),
        sa.Column("provider", ExactText(64), nullable=False),
        sa.Column("command", sa.String(64), nullable=False),
        sa.Column("actor", sa.String(255), nullable=False),
        sa.Column("sources", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("started_at", UTCDateTime(), nullable=False),
        sa.Column("finished_at", UTCDateTime(), nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("fetched", sa.Integer(), nullable=True, comment="models in a whole listing; NULL: not asked"),
        sa.Column("kept", sa.Integer(), nullable=False),
        sa.Column("filtered", sa.Integer(), nullable=False),
        sa.Column("skipped", sa.Integer(), nullable=False),
        sa.Column("created", sa.Integer(), nullable=False),
        sa.Column("updated", sa.Integer(), nullable=False),
        sa.Column("unchanged", sa.Integer(), nullable=False),
        sa.Column("deprecated", sa.Integer(), nullable=False),
        sa.Column("retired", sa.Integer(), nullable=False),
        sa.Column("reactivated", sa.Integer(), nullable=False),
        sa.Column("held", sa.Integer(), nullable=False),
        sa.Column("protected", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("run", "provider"),
        schema=schema,
        if_not_exists=True,
        **MYSQL,
    )


def _create_changes(prefix: str, schema: str | None) -> None:
    op.create_table(
        prefix + "changes",
        sa.Column("run", ExactText(64), nullable=False),
        sa.Column("entity", ExactText(16), nullable=False),
        sa.Column("entity_key", ExactText(256), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False, quote=True),
        sa.Column("actor", sa.String(255), nullable=False),
        sa.Column("command", sa.String(64), nullable=False),
        sa.Column("action", sa.String(16), nullable=False),
        sa.Column("before_values", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("after_values", sa.JSON(none_as_null=True), nullable=True),
        sa.PrimaryKeyConstraint("run", "entity", "entity_key"),
        schema=schema,
        if_not_exists=True,
        **MYSQL,
    )
