"""Who sells models, and the keys to their APIs."""

from datetime import datetime
from typing import Annotated, Any

from sqlalchemy import Text, text
from sqlmodel import Field

from modelctl.core.facts import PROVIDER_MAX_CHARS
from modelctl.tables.base import FALSE, NOW, TRUE, Base, ExactText, Instant, JsonObject, Texts, checks, now


class Provider(Base, table=True):
    """Who sells models, and how their API is reached."""

    __tablename__ = "ai_providers"
    __table_args__ = checks("ai_providers", name="name <> ''")

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
    settings: Annotated[dict[str, Any] | None, Field(sa_type=JsonObject())] = None
    is_builtin: bool = Field(default=False, sa_column_kwargs={"server_default": FALSE})
    is_enabled: bool = Field(default=True, sa_column_kwargs={"server_default": TRUE})
    health_status: str = Field(default="unknown", max_length=32, sa_column_kwargs={"server_default": text("'unknown'")})
    health_checked_at: datetime | None = Field(default=None, sa_type=Instant())
    health_latency_ms: int | None = None
    created_at: datetime = Field(default_factory=now, sa_type=Instant(), sa_column_kwargs={"server_default": NOW})
    updated_at: datetime = Field(default_factory=now, sa_type=Instant(), sa_column_kwargs={"server_default": NOW})


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
