"""Which document each command prints as JSON, and the schema that is published of it."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator, Mapping
from functools import reduce
from importlib import import_module
from itertools import pairwise
from operator import or_
from types import MappingProxyType
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

_EDITS = ("edits:EditsDocument",)
REPORTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "sync": ("sync:SyncDocument", "sync:ExplanationsDocument"),
        "discover": ("providers:DiscoveryDocument",),
        "plan": ("plan_file:PlanDocument",),
        "apply": ("sync:SyncDocument",),
        "list": ("model:ModelsJson", "model:ModelsByProviderJson"),
        "show": ("model:ModelDocument",),
        "lifecycle": ("lifecycle:LifecycleDocument",),
        "held": ("edits:HoldsDocument",),
        "populate": ("edits:PopulateDocument",),
        "add": _EDITS,
        "set": _EDITS,
        "remove": _EDITS,
        "enable": _EDITS,
        "disable": _EDITS,
        "deprecate": _EDITS,
        "undeprecate": _EDITS,
        "resolve": ("model:ResolvedDocument",),
        "history": ("history:HistoryDocument",),
        "undo": ("edits:UndoDocument",),
        "doctor": ("setup:CheckupDocument",),
        "provider list": ("providers:ProvidersDocument",),
        "provider show": ("providers:ProviderDocument",),
        "provider test": ("providers:ProviderTestsDocument",),
        "catalog lint": ("catalog:LintDocument",),
        "catalog path": ("catalog:CatalogPathsDocument",),
        "catalog show": ("catalog:CatalogsDocument", "model:ModelsJson"),
        "catalog export": ("catalog:ExportDocument",),
        "catalog diff": ("catalog:CatalogDiffDocument",),
        "runs": ("history:RunsDocument",),
        "runs show": ("history:RunChangesDocument",),
        "price show": ("prices:PriceSheetDocument",),
        "price at": ("prices:PriceSheetDocument",),
        "price history": ("prices:PriceHistoryDocument",),
        "price changes": ("prices:PriceChangesDocument",),
        "price set": ("prices:PriceEntriesDocument",),
        "price correct": ("prices:PriceEntriesDocument",),
        "price import": ("prices:PriceEntriesDocument",),
        "price cost": ("bills:BillDocument", "bills:RecordBillsJson", "bills:BillsByModelJson"),
        "price compare": ("bills:BillComparisonDocument",),
        "credential list": ("setup:CredentialsDocument",),
        "credential which": ("setup:CredentialInUseDocument",),
        "credential test": ("setup:CredentialTestDocument",),
        "config show": ("setup:SettingsDocument",),
        "config path": ("setup:SettingsFilesDocument",),
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


def _describe(schema: dict[str, Any], module: Any) -> None:
    """Give each property the text that stands below its field."""
    parts = {**schema.get("$defs", {}), schema.get("title", ""): schema}
    for node in ast.parse(textwrap.dedent(inspect.getsource(module))).body:
        properties = parts.get(node.name, {}).get("properties", {}) if isinstance(node, ast.ClassDef) else {}
        lines = node.body if isinstance(node, ast.ClassDef) else []
        for field, text in pairwise(lines):
            if (
                isinstance(field, ast.AnnAssign)
                and isinstance(field.target, ast.Name)
                and field.target.id in properties
                and isinstance(text, ast.Expr)
                and isinstance(text.value, ast.Constant)
            ):
                properties[field.target.id]["description"] = text.value.value
