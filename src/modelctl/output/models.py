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
from modelctl.output.console import Cell, Column, Look, fitted, json_line, json_text, table
from modelctl.output.format import csv_text, escaped, model_object, plain, shown
from modelctl.output.format import markdown_table as markdown_table

UNKNOWN_CELL = "-"
"""An unknown fact in a table: neither 0 nor empty."""

_STATUS_STYLES: Mapping[str, str] = {Status.PREVIEW: "cyan", Status.DEPRECATED: "yellow", Status.RETIRED: "red"}


@dataclass(frozen=True, slots=True)
class _Default:
    """A column of the table that nobody asked for by name."""

    title: str
    column: str
    rank: int
    """As a column's: what goes first in a narrow terminal."""


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
    """The columns asked for, or the usual ones, as far as they fit."""
    return look.text(table(_columns(models, columns), look))


def not_whole(models: Sequence[StoredModel], columns: Sequence[str], look: Look) -> tuple[list[str], int]:
    """The columns for which a terminal is too narrow, and how many ids it shortens."""
    if look.width is None:
        return [], 0
    wanted = _columns(models, columns)
    shown_columns = {column.title: column for column in fitted(wanted, look.width)}
    names = {each.title: each.column for each in _DEFAULTS}
    left_out = [names.get(each.title, each.title) for each in wanted if each.title not in shown_columns]
    cut = [
        old != new
        for each in wanted
        if each.is_id and each.title in shown_columns
        for old, new in zip(each.cells, shown_columns[each.title].cells, strict=True)
    ]
    return left_out, sum(cut)


def _columns(models: Sequence[StoredModel], columns: Sequence[str]) -> list[Column]:
    """Of those asked for the last go first in a narrow terminal; the usual ones without those that say nothing."""
    if columns:
        return [replace(_column(name, name, models), rank=index) for index, name in enumerate(columns)]
    usual = [replace(_default_column(each, models), rank=each.rank) for each in _DEFAULTS]
    return [each for each in usual if not each.rank or _says_something(each)]


def json_array(models: Sequence[StoredModel], columns: Sequence[str], look: Look) -> str:
    """An array of objects, in one line but on a terminal."""
    return json_text([model_object(each, columns) for each in models], look)


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
        """A line per model; empty where there are none."""
        if not self.models:
            return ""
        if not self.by_provider:
            return models_table(self.models, self.columns, look)
        groups = by_provider(self.models).items()
        return "\n\n".join(f"{look.text([name])}\n{models_table(group, self.columns, look)}" for name, group in groups)

    def to_json(self, look: Look) -> str:
        """An array of objects, in groups an object of arrays."""
        if not self.by_provider:
            return json_array(self.models, self.columns, look)
        groups = by_provider(self.models).items()
        return json_text({name: [model_object(each, self.columns) for each in group] for name, group in groups}, look)

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
    return json_line(model_object(model, columns), look)


def _csv_field(value: FactValue | datetime) -> str:
    """A value as spreadsheets and databases load it: no thousands separators, no exponent, empty where unknown."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case tuple():
            return csv_text(";".join(value))
        case Decimal():
            return decimal_text(value)
        case _:
            return csv_text(str(plain(value)))


def _column(title: str, name: str, models: Sequence[StoredModel]) -> Column:
    is_number = FACT_TYPES.get(name) in (int, Decimal) or name == "id"
    return Column(title=title, cells=[_cell(name, each) for each in models], right=is_number, is_id=name == "model_id")


def _cell(name: str, model: StoredModel) -> Cell:
    value = column_value(model, name)
    if value is None:
        return Cell(UNKNOWN_CELL, "dim")
    if name == "id":
        return Cell(str(value))
    return Cell(shown(value), _STATUS_STYLES.get(str(value), "") if name == "status" else "")


def _default_column(default: _Default, models: Sequence[StoredModel]) -> Column:
    if default.column == "model_id":
        ids = [Cell(shown(str(model.key))) for model in models]
        return Column(title=default.title, cells=ids, is_id=True)
    column = _column(default.title, default.column, models)
    if default.column in PRICE_FIELDS:
        cells = [_with_currency(cell, model) for cell, model in zip(column.cells, models, strict=True)]
        return replace(column, cells=cells)
    return column


def _with_currency(cell: Cell, model: StoredModel) -> Cell:
    """A price says its currency where it is not the one that everybody expects."""
    currency = model.facts.price_currency
    return cell if cell.text == UNKNOWN_CELL or currency in (None, "USD") else Cell(f"{currency} {cell.text}")


def _says_something(column: Column) -> bool:
    return any(cell.text != UNKNOWN_CELL for cell in column.cells)
