"""A list of models in every format. JSON keys and CSV titles are the columns of the model table."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from modelctl.core.facts import FACT_TYPES, PRICE_FIELDS, FactValue, ModelKey, Status, decimal_text
from modelctl.core.models.query import COLUMNS, column_value
from modelctl.core.models.resolve import by_provider
from modelctl.core.stored import StoredModel
from modelctl.output.console import Cell, Column, Look, aligned, json_text, total_width
from modelctl.output.format import escaped, model_object, plain, shown
from modelctl.output.format import markdown_table as markdown_table

UNKNOWN_CELL = "-"
"""An unknown fact in a table: neither 0 nor empty."""

_STATUS_STYLES: Mapping[str, str] = {Status.PREVIEW: "cyan", Status.DEPRECATED: "yellow", Status.RETIRED: "red"}


@dataclass(frozen=True, slots=True)
class _Default:
    """A column of the table that nobody asked for by name."""

    title: str
    column: str
    drop: int
    """In a narrow terminal the lowest gets its place first, those of one number together; 0 always."""


_DEFAULTS = (
    _Default("model", "model_id", 0),
    _Default("status", "status", 2),
    _Default("type", "type", 4),
    _Default("context", "context_window", 3),
    _Default("max output", "max_output_tokens", 7),
    _Default("input/mtok", "input_price_per_mtok", 1),
    _Default("output/mtok", "output_price_per_mtok", 1),
    _Default("retires on", "retires_on", 6),
    _Default("enabled", "is_enabled", 5),
)
_KEY = frozenset(ModelKey._fields)
_USUAL = frozenset({*(each.column for each in _DEFAULTS), "price_currency"})


def columns_shown(format: str, columns: Sequence[str]) -> frozenset[str]:
    """What a format shows of a model besides its key, where these columns are asked for, or none."""
    usual = {"table": _USUAL, "markdown": _USUAL, "ids": _KEY}.get(format, COLUMNS)
    return frozenset(columns or usual) - _KEY


def models_table(models: Sequence[StoredModel], columns: Sequence[str], look: Look) -> str:
    """Aligned columns: those asked for, or the usual ones as far as they fit. Ids are never cut."""
    if columns:
        return look.text(aligned([_column(name, name, models) for name in columns], look))
    return look.text(aligned(_fitting([(each, _default_column(each, models)) for each in _DEFAULTS], look), look))


def dropped(models: Sequence[StoredModel], look: Look) -> list[str]:
    """The usual columns that say something, and for which a terminal is too narrow."""
    columns = [(each, _default_column(each, models)) for each in _DEFAULTS]
    left = {column.title for column in _fitting(columns, look)}
    return [each.column for each, column in columns if _says_something(column) and column.title not in left]


def json_array(models: Sequence[StoredModel], columns: Sequence[str], look: Look) -> str:
    """An array with an object on each line, so that it can be read, compared and parsed."""
    objects = [_json(each, columns, look) for each in models]
    return "[\n" + ",\n".join(objects) + "\n]" if objects else "[]"


def markdown(models: Sequence[StoredModel], columns: Sequence[str], look: Look) -> str:
    """A table for GitHub."""
    chosen = [_column(name, name, models) for name in columns] or [_default_column(each, models) for each in _DEFAULTS]
    rows = [[escaped(cell.text) for cell in row] for row in zip(*(each.cells for each in chosen), strict=True)]
    right = [index for index, each in enumerate(chosen) if each.right]
    return look.text(markdown_table([escaped(each.title) for each in chosen], rows, right=right).splitlines())


@dataclass(frozen=True, slots=True)
class ModelList:
    """Models with the columns asked for; no columns: the usual ones. `by_provider`: each provider's apart."""

    models: Sequence[StoredModel]
    columns: Sequence[str] = ()
    by_provider: bool = False

    def to_table(self, look: Look) -> str:
        """Aligned columns; empty where there are no models."""
        if not self.models:
            return ""
        if not self.by_provider:
            return models_table(self.models, self.columns, look)
        groups = by_provider(self.models).items()
        return "\n\n".join(f"{look.text([name])}\n{models_table(group, self.columns, look)}" for name, group in groups)

    def to_json(self, look: Look) -> str:
        """An array with an object on each line, so that it can be read, compared and parsed."""
        if not self.by_provider:
            return json_array(self.models, self.columns, look)
        groups = by_provider(self.models).items()
        arrays = (f"{json_text(name)}: {json_array(group, self.columns, look)}" for name, group in groups)
        return "{" + ",\n".join(arrays) + "}"

    def to_jsonl(self, look: Look) -> str:
        """An object per line."""
        return "\n".join(_json(each, self.columns, look) for each in self.models)

    def to_csv(self, look: Look) -> str:
        """A header and a row per model; an unknown value is an empty field, lists are joined by `;`."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        names = self.columns or COLUMNS
        writer.writerow(names)
        writer.writerows([_csv_field(column_value(model, name)) for name in names] for model in self.models)
        return text.getvalue().rstrip("\n")

    def to_markdown(self, look: Look) -> str:
        """A table for GitHub."""
        return markdown(self.models, self.columns, look)

    def to_ids(self, look: Look) -> str:
        """A key per line, fit to be given to another command."""
        return "\n".join(str(model.key) for model in self.models)


def _json(model: StoredModel, columns: Sequence[str], look: Look) -> str:
    return json_text(model_object(model, columns), look, indent=None)


def _csv_field(value: FactValue | datetime) -> str:
    """A value as spreadsheets and databases load it: no thousands separators, no exponent, empty where unknown."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case tuple():
            return ";".join(value)
        case Decimal():
            return decimal_text(value)
        case _:
            return str(plain(value))


def _column(title: str, name: str, models: Sequence[StoredModel]) -> Column:
    is_number = FACT_TYPES.get(name) in (int, Decimal) or name == "id"
    return Column(title=title, cells=[_cell(name, each) for each in models], right=is_number)


def _cell(name: str, model: StoredModel) -> Cell:
    value = column_value(model, name)
    if value is None:
        return Cell(UNKNOWN_CELL, "dim")
    if name == "id":
        return Cell(str(value))
    return Cell(shown(value), _STATUS_STYLES.get(str(value), "") if name == "status" else "")


def _default_column(default: _Default, models: Sequence[StoredModel]) -> Column:
    if default.column == "model_id":
        return Column(title=default.title, cells=[Cell(shown(str(model.key))) for model in models])
    column = _column(default.title, default.column, models)
    if default.column in PRICE_FIELDS:
        cells = [_with_currency(cell, model) for cell, model in zip(column.cells, models, strict=True)]
        return replace(column, cells=cells)
    return column


def _with_currency(cell: Cell, model: StoredModel) -> Cell:
    """A price says its currency where it is not the one that everybody expects."""
    currency = model.facts.price_currency
    return cell if cell.text == UNKNOWN_CELL or currency in (None, "USD") else Cell(f"{currency} {cell.text}")


def _fitting(columns: Sequence[tuple[_Default, Column]], look: Look) -> list[Column]:
    """The columns that fit, the most important first, without those that say nothing at all."""
    telling = [(each, column) for each, column in columns if not each.drop or _says_something(column)]
    chosen: set[int] = set()
    for drop in sorted({each.drop for each, _ in telling}):
        tried = [column for each, column in telling if each.drop in chosen | {drop}]
        if not drop or look.width is None or total_width(tried) <= look.width:
            chosen.add(drop)
    return [column for each, column in telling if each.drop in chosen]


def _says_something(column: Column) -> bool:
    return any(cell.text != UNKNOWN_CELL for cell in column.cells)
