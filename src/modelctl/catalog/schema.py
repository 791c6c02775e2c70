"""The strict shape of a catalog file: its keys, their types, and the closed sets that only a file has.

Importing this imports pydantic: do it where a catalog is really read. What a value may be whatever source states it
(limits, dates, amounts) is the core's to refuse, not this module's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainValidator, ValidationError
from pydantic_core import ErrorDetails

from modelctl.catalog.finding import KeyPath, Problem, closest, printable
from modelctl.catalog.prices import A_URL, URL_PATTERN
from modelctl.core.model import CAPABILITIES
from modelctl.core.price import SINCE_LAUNCH, Basis, PriceUnit, ServiceTier
from modelctl.core.units import start_of_day
from modelctl.core.validate import shorten

URL_MAX_CHARS = 500


def _matching(pattern: str, expected: str) -> AfterValidator:
    compiled = re.compile(pattern)

    def check(text: str) -> str:
        if not compiled.fullmatch(text):
            raise ValueError(f"{_shown(text)} is not {expected}")
        return text

    return AfterValidator(check)


def _one_of(choices: Iterable[str]) -> AfterValidator:
    allowed = [str(choice) for choice in choices]

    def check(text: str) -> str:
        if text not in allowed:
            raise ValueError(f"{_shown(text)} is not one of {', '.join(allowed)}")
        return text

    return AfterValidator(check)


def _amount(value: object) -> Decimal:
    if isinstance(value, Decimal) and value.is_finite():
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        if abs(value) > 2**63:
            raise ValueError("is too big a number")
        return Decimal(value)
    raise ValueError(f"{_shown(value)} is not a number")


def _instant(value: object) -> datetime:
    """A day means its start in UTC. Whole seconds only: that is all that every database keeps."""
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError(f"{_shown(value)} does not say in which time zone; end it with Z for UTC")
        if value.microsecond:
            raise ValueError(f"{_shown(value)} has a fraction of a second")
        try:
            instant = value.astimezone(UTC)
        except OverflowError as error:
            raise ValueError(f"{_shown(value)} is in no calendar") from error
    elif isinstance(value, date):
        instant = start_of_day(value)
    else:
        raise ValueError(f"{_shown(value)} is not a day like 2026-12-01 or an instant like 2026-12-01T07:00:00Z")
    if instant < SINCE_LAUNCH:
        raise ValueError(f"{_shown(value)} is before {SINCE_LAUNCH:%Y-%m-%d}")
    return instant


def _words(text: str) -> str:
    if not text.isprintable() or text != text.strip() or not text:
        raise ValueError(f"{_shown(text)} is not {A_URL}")
    return text


Count = Annotated[int, Field(ge=-(2**63), lt=2**63)]  # the range of TOML; printing a longer one can raise
Words = Annotated[tuple[str, ...], Field(strict=False)]  # not strict, so that TOML's lists become tuples
Capability = Annotated[str, _one_of(CAPABILITIES)]
Capabilities = Annotated[tuple[Capability, ...], Field(strict=False)]
Url = Annotated[str, Field(max_length=URL_MAX_CHARS), _matching(URL_PATTERN, A_URL)]
Origin = Annotated[str, Field(max_length=URL_MAX_CHARS), AfterValidator(_words)]
EnvVar = Annotated[str, _matching(r"[A-Za-z_][A-Za-z0-9_]{0,127}", "the name of an environment variable")]
SetName = Annotated[str, _matching(r"[a-z][a-z0-9-]{0,31}", "a slug of lower-case letters, digits and '-'")]
Amount = Annotated[Decimal | None, PlainValidator(_amount)]
Instant = Annotated[datetime | None, PlainValidator(_instant)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, protected_namespaces=())


class Document(_Table):
    """The whole file; what is in the tables is looked at one by one, so that one mistake hides no other."""

    provider: dict[str, Any]
    model: Annotated[tuple[dict[str, Any], ...], Field(strict=False)] = ()


class ProviderTable(_Table):
    """`[provider]`."""

    display_name: str
    kind: Annotated[str, _matching(r"([a-z][a-z0-9-]{0,63})?", "a slug of lower-case letters, digits and '-'")] = ""
    api_base_url: Url | None = None
    env_vars: Annotated[tuple[EnvVar, ...], Field(strict=False)] = ()
    auth_header_name: Annotated[str, _matching(r"[A-Za-z0-9_-]{1,64}", "the name of a header")] | None = None
    auth_header_prefix: Annotated[str, _matching(r"[!-~]{0,64}", "one word, or empty")] | None = None
    docs_url: Url | None = None
    pricing_url: Url | None = None
    models_url: Url | None = None
    deprecations_url: Url | None = None


class PriceLine(_Table):
    """One line of `prices`."""

    from_: Instant = Field(default=None, alias="from")
    to: Instant = None
    context_above: Count = 0
    service_tier: Annotated[str, _one_of(ServiceTier)] = str(ServiceTier.STANDARD)
    hours_utc: str = ""
    per: Annotated[str, _one_of(PriceUnit)] = str(PriceUnit.MTOK)
    basis: Annotated[str, _one_of(Basis)] = str(Basis.DOCUMENTED)
    source: Origin | None = None
    """A URL; of a person's price whatever that person said. `price_problems` looks at it."""
    currency: str | None = None
    input: Amount = None
    output: Amount = None
    cache_read: Amount = None
    cache_write: Amount = None
    cache_write_1h: Amount = None
    audio_input: Amount = None
    audio_output: Amount = None
    image_input: Amount = None
    image_output: Amount = None
    video_input: Amount = None
    video_output: Amount = None
    reasoning_output: Amount = None
    web_search: Amount = None
    request: Amount = None


class ModelTable(_Table):
    """One `[[model]]`. A key that is None was left out: unknown."""

    id: str
    display_name: str | None = None
    family: str | None = None
    type: str | None = None
    status: str | None = None
    input_modalities: Words | None = None
    output_modalities: Words | None = None
    capabilities: Capabilities = ()
    lacks: Capabilities = ()
    context_window: Count | None = None
    max_input_tokens: Count | None = None
    max_output_tokens: Count | None = None
    knowledge_cutoff: str | None = None
    released_on: date | None = None
    deprecated_on: date | None = None
    retires_on: date | None = None
    retires_not_before: date | None = None
    after_retirement: str | None = None
    replacement: str | None = None
    aliases: Words | None = None
    recommended: bool | None = None
    tier: str | None = None
    tags: Words | None = None
    sets: Annotated[tuple[SetName, ...], Field(strict=False)] | None = None
    """The sets of default models that it is in: `modelctl populate --set NAME`."""
    currency: str = "USD"
    verified_on: date | None = None
    source: Url | None = None
    unset: Words = ()
    """Facts that have no value, whatever a source of less authority says."""
    prices: Annotated[tuple[PriceLine, ...], Field(strict=False)] = ()


TableT = TypeVar("TableT", bound=_Table)


def read_table(
    shape: type[TableT], table: Mapping[str, Any], at: KeyPath, report: Callable[[Problem], None]
) -> TableT | None:
    """The table in its shape; None, after each thing that is wrong was reported, when it has not that shape."""
    try:
        return shape.model_validate(table)
    except ValidationError as error:
        for details in error.errors(include_url=False):
            report(_problem(shape, details, at))
        return None


def _problem(shape: type[_Table], details: ErrorDetails, at: KeyPath) -> Problem:
    place: KeyPath = details["loc"]
    path = (*at, *place)
    match details["type"]:
        case "missing":
            return Problem(at=path, message="is missing")
        case "extra_forbidden":
            owner = PriceLine if place[:1] == ("prices",) else shape
            hint = closest(str(place[-1]), list(_keys(owner)))
            return Problem(at=path, message="is not a known key", hint=hint or "docs/catalogs.md lists the keys")
        case "value_error":
            return Problem(at=path, message=str(details["ctx"]["error"]))
        case "string_too_long":
            return Problem(at=path, message=f"has more than {details['ctx']['max_length']} characters")
        case "greater_than_equal" | "less_than":
            return Problem(at=path, message="is too big a number")
        case kind:
            expected = "a list of [[model]] tables" if path == ("model",) else _EXPECTED.get(kind, details["msg"])
            return Problem(at=path, message=f"{_shown(details['input'])} is not {expected}")


_EXPECTED = {
    "string_type": "text in quotes",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "date_type": "a day like 2026-11-21 (without quotes or a time)",
    "tuple_type": "a list",
    "dict_type": "a table",
    "model_type": "a table",
}
"""What pydantic's error types mean to somebody who edits TOML."""


def _keys(shape: type[_Table]) -> Iterator[str]:
    for name, field in shape.model_fields.items():
        yield field.alias or name


def _shown(value: object) -> str:
    """A value of the file as its author wrote it, in few characters."""
    match value:
        case bool():
            return str(value).lower()
        case str():
            return shorten(repr(value))
        case dict():
            return "a table"
        case list():
            return "a list"
        case int():
            return printable(str(value)) if abs(value) < 2**63 else "a big number"
        case date():
            return value.isoformat()
        case _:
            return printable(str(value))
