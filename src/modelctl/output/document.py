"""What a report is: a document with typed fields, of which its JSON, its table and its Markdown are made.

A field whose value is one of the core's is marked with the function that makes JSON of it: so a report of thousands of
rows copies none of them, a table can use all that the core knows, and its schema is what the function returns.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any, Generic, Literal, TypeAlias, TypeVar, get_type_hints

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, GetCoreSchemaHandler, PlainSerializer, RootModel
from pydantic import WithJsonSchema as JsonSchema
from pydantic_core import CoreSchema, core_schema
from typing_extensions import TypedDict

from modelctl.core.facts import FactValue, exact_number
from modelctl.core.prices.price import PricePoint
from modelctl.errors import ModelctlError
from modelctl.output.console import Look, json_text
from modelctl.output.format import plain

Item = TypeVar("Item")
_CONFIG = ConfigDict(
    frozen=True,
    from_attributes=True,
    validate_by_name=True,
    defer_build=True,
    json_schema_serialization_defaults_required=True,
)


class AsJson:
    """Marks a field: JSON has what the function makes of its value, of the type that the function returns."""

    def __init__(self, make: Callable[[Any], Any] | None) -> None:
        self.make = make

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Any value, taken as it is; written as the function says."""
        if self.make is None:
            return core_schema.any_schema()
        returned = handler.generate_schema(get_type_hints(self.make, include_extras=True)["return"])
        write = core_schema.plain_serializer_function_ser_schema(self.make, return_schema=returned)
        return core_schema.any_schema(serialization=write)


class Printed(BaseModel):
    """What can be printed as JSON."""

    def to_json(self, look: Look) -> str:
        """The document, indented."""
        return json_text(self.model_dump(mode="json"), look)


class Document(Printed):
    """An object of JSON, whole or a part: its fields, in their order. Made of a value that has the same attributes."""

    model_config = _CONFIG


class VersionedDocument(Document):
    """A whole object."""

    version: Literal[1] = 1
    """Counts up when a key changes its meaning; else keys are only added."""


class Documents(Printed, RootModel[tuple[Item, ...]], Generic[Item]):
    """An array of JSON."""

    model_config = ConfigDict(frozen=True, defer_build=True)


Number: TypeAlias = Annotated[int | float, JsonSchema({"type": "number"})]
Instant: TypeAlias = Annotated[str, JsonSchema({"type": "string", "format": "date-time"})]
Day: TypeAlias = Annotated[str, JsonSchema({"type": "string", "format": "date"})]
JsonFact: TypeAlias = str | bool | Number | list[str] | None
"""A fact as JSON has it: days are ISO text, amounts exact numbers, null is unknown."""


def _fact(value: FactValue) -> JsonFact:
    fact: JsonFact = plain(value)
    return fact


class ErrorJson(TypedDict):
    """What went wrong, what to do next, and what the command exits with."""

    message: str
    hint: str
    exit_code: int


def error_json(error: ModelctlError) -> ErrorJson:
    """An error."""
    return {"message": error.message, "hint": error.hint, "exit_code": int(error.exit_code)}


class ErrorDocument(Document):
    """What stderr gets where a command with `--format json` fails."""

    error: Annotated[ModelctlError, AsJson(error_json)]


class SkippedJson(TypedDict):
    """An item that was left out, and why."""

    id: str
    reason: str


class PriceJson(TypedDict):
    """A dated price as JSON has it."""

    kind: str
    unit: str
    amount: Number
    currency: str
    context_above: int
    service_tier: str
    hours_utc: str
    effective_from: Instant
    effective_to: Instant | None
    basis: str
    source: str


def price_json(point: PricePoint) -> PriceJson:
    """A point of the ledger."""
    return {
        "kind": str(point.kind),
        "unit": str(point.unit),
        "amount": exact_number(point.amount),
        "currency": point.currency,
        "context_above": point.context_above,
        "service_tier": str(point.service_tier),
        "hours_utc": point.hours_utc,
        "effective_from": plain(point.effective_from),
        "effective_to": plain(point.effective_to),
        "basis": str(point.basis),
        "source": point.source,
    }


Amount: TypeAlias = Annotated[Decimal, PlainSerializer(exact_number), JsonSchema({"type": "number"})]
"""An exact number in JSON, too."""
Fact: TypeAlias = Annotated[FactValue, AsJson(_fact)]
ForPeople = Annotated[Item, AsJson(None), Field(exclude=True)]
"""What a table needs besides, and JSON has not."""
Price: TypeAlias = Annotated[PricePoint, AsJson(price_json)]
TextOrNull: TypeAlias = Annotated[str | None, BeforeValidator(lambda text: text or None)]
"""Empty text is null."""
