"""What a report is: a document with typed fields, of which its JSON, its table and its Markdown are made.

A field whose value is one of the core's is marked with the function that makes JSON of it: so a report of thousands of
rows copies none of them, a table can use all that the core knows, and its schema is what the function returns.
"""

from __future__ import annotations

import csv
import io
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import reduce
from importlib import import_module
from itertools import pairwise
from operator import or_
from types import MappingProxyType
from typing import Annotated, Any, Generic, Literal, TypeAlias, TypeVar, get_type_hints

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    RootModel,
    TypeAdapter,
)
from pydantic import WithJsonSchema as JsonSchema
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import CoreSchema, core_schema
from typing_extensions import TypedDict

from modelctl.core import facts
from modelctl.core.facts import FactValue, exact_number
from modelctl.core.prices.price import PricePoint
from modelctl.errors import ModelctlError
from modelctl.output.console import Look, json_line, json_text
from modelctl.output.format import csv_text, plain

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


class Rows(Printed):
    """What is a list of rows: it can be printed for programs that take a row at a time."""

    @abstractmethod
    def rows(self) -> Sequence[Mapping[str, Any]]:
        """Each row as JSON has it; all have the same keys."""

    def to_jsonl(self, look: Look) -> str:
        """An object per line."""
        return "\n".join(json_line(each, look) for each in self.rows())

    def to_csv(self, look: Look) -> str:
        """A header and a row each; null is an empty field, lists are joined by `;`, objects are JSON."""
        rows = self.rows()
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        if rows:
            writer.writerow(rows[0])
        writer.writerows([_csv_field(value) for value in each.values()] for each in rows)
        return text.getvalue().rstrip("\n")


def _csv_field(value: Any) -> str:
    match value:
        case None:
            return ""
        case [*words] if all(isinstance(each, str) for each in words):
            return csv_text(";".join(words))
        case str():
            return csv_text(value)
        case _:
            return json_line(value)


class Document(Printed):
    """An object of JSON, whole or a part: its fields, in their order. Made of a value that has the same attributes."""

    model_config = _CONFIG


class VersionedDocument(Document):
    """A whole object."""

    version: Literal[1] = 1
    """Counts up when a key changes its meaning; else keys are only added."""


class Documents(Rows, RootModel[tuple[Item, ...]], Generic[Item]):
    """An array of JSON."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    def rows(self) -> Sequence[Mapping[str, Any]]:
        """Its objects."""
        rows: list[Mapping[str, Any]] = self.model_dump(mode="json")
        return rows


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


class MoneyJson(TypedDict):
    """An amount with its currency."""

    amount: Number
    currency: str


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


def money_json(point: PricePoint | None) -> MoneyJson | None:
    """Amount and currency of a price, where there is one."""
    return None if point is None else {"amount": exact_number(point.amount), "currency": point.currency}


Fact: TypeAlias = Annotated[FactValue, AsJson(_fact)]
ForPeople = Annotated[Item, AsJson(None), Field(exclude=True)]
"""What a table needs besides, and JSON has not."""
Price: TypeAlias = Annotated[PricePoint, AsJson(price_json)]
TextOrNull: TypeAlias = Annotated[str | None, BeforeValidator(lambda text: text or None)]
"""Empty text is null."""


_EDITS = ("edits:EditsDocument",)
REPORTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "sync": ("sync:SyncDocument", "sync:ExplanationsDocument"),
        "plan": ("plan_file:PlanDocument",),
        "apply": ("sync:SyncDocument",),
        "publish": ("publish:PublishDocument",),
        "publish check": ("publish:PublishCheckDocument",),
        "publish status": ("publish:PublishStatusDocument",),
        "publish presets": ("publish:PresetsDocument",),
        "list": ("model:ModelsJson", "model:ModelsByProviderJson"),
        "show": ("model:ModelDocument",),
        "lifecycle": ("lifecycle:LifecycleDocument",),
        "review list": ("edits:HoldsDocument",),
        "override list": ("edits:OverridesDocument",),
        "populate": ("edits:PopulateDocument",),
        "add": _EDITS,
        "set": _EDITS,
        "remove": _EDITS,
        "enable": _EDITS,
        "disable": _EDITS,
        "deprecate": _EDITS,
        "resolve": ("model:ResolvedDocument",),
        "history": ("history:HistoryDocument",),
        "doctor": ("setup:CheckupDocument",),
        "provider list": ("providers:ProvidersDocument",),
        "provider show": ("providers:ProviderDocument",),
        "provider models": ("providers:DiscoveryDocument",),
        "provider test": ("providers:ProviderTestsDocument",),
        "catalog lint": ("setup:LintDocument",),
        "catalog path": ("setup:CatalogPathsDocument",),
        "catalog show": ("setup:CatalogsDocument", "model:ModelsJson"),
        "catalog export": ("setup:ExportDocument",),
        "catalog diff": ("setup:CatalogDiffDocument",),
        "runs list": ("history:RunsDocument",),
        "runs show": ("history:RunChangesDocument",),
        "runs undo": ("edits:UndoDocument", "publish:PublishDocument"),
        "price show": ("prices:PriceSheetDocument",),
        "price at": ("prices:PriceSheetDocument",),
        "price history": ("prices:PriceHistoryDocument",),
        "price changes": ("prices:PriceChangesDocument",),
        "price set": ("prices:PriceEntriesDocument",),
        "price correct": ("prices:PriceEntriesDocument",),
        "price import": ("prices:PriceEntriesDocument",),
        "cost": (
            "bills:BillDocument",
            "bills:BillComparisonDocument",
            "bills:RecordBillsJson",
            "bills:BillsByModelJson",
        ),
        "key list": ("setup:CredentialsDocument",),
        "key which": ("setup:CredentialInUseDocument",),
        "key test": ("setup:CredentialTestDocument",),
        "config show": ("setup:SettingsDocument",),
        "config path": ("setup:SettingsFilesDocument",),
        "verify": ("setup:CheckupDocument",),
        "db status": ("setup:TablesDocument",),
        "error": ("document:ErrorDocument",),
    }
)
"""By command, the modules of this package and what there describes its JSON; several are alternatives."""


def json_schema(report: str) -> dict[str, Any]:
    """The JSON Schema, draft 2020-12, of what `modelctl REPORT --format json` prints."""
    found = [_found(place) for place in REPORTS[report]]
    schema = TypeAdapter(reduce(or_, found)).json_schema(mode="serialization", schema_generator=_WithoutTitles)
    for each in _modules(report):
        _describe(schema, each)
    _describe(schema, facts, {"Facts": "ModelJson"})
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


class _WithoutTitles(GenerateJsonSchema):
    """A field's name says what its title would."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        """Never."""
        return False


def _found(place: str) -> Any:
    module, _, name = place.partition(":")
    return getattr(import_module(f"modelctl.output.{module}"), name)


def _modules(report: str) -> Iterator[Any]:
    for name in {"document", *(place.partition(":")[0] for place in REPORTS[report])}:
        yield import_module(f"modelctl.output.{name}")


def _describe(schema: dict[str, Any], module: Any, names: Mapping[str, str] = MappingProxyType({})) -> None:
    """Give each property the text that stands below its field. `names`: of parts that are not called as their class."""
    parts = {**schema.get("$defs", {}), schema.get("title", ""): schema}
    import ast
    import inspect

    for node in ast.parse(inspect.getsource(module)).body:
        if not isinstance(node, ast.ClassDef):
            continue
        properties = parts.get(names.get(node.name, node.name), {}).get("properties", {})
        for field, text in pairwise(node.body):
            match field, text:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(said))):
                    if name in properties:
                        described = properties[name].get("description")
                        properties[name]["description"] = f"{described}. {said}" if described else said
