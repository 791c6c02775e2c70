"""The rows that a mapping wants, and the rows that are there, in the same terms. Opens nothing."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import Any

from modelctl.core.facts import PRICE_FIELDS
from modelctl.core.planning.target import (
    TargetGuard,
    TargetRow,
    WantedRow,
    cell_name,
    cell_of,
    cell_path,
    key_text,
    met_twice,
)
from modelctl.errors import Refused, UsageError
from modelctl.publish.columns import EXACT, Column, Kind, Misfit, as_held, fitted, rounds, to_driver
from modelctl.publish.mapping import Const, Fact, Form, Json, Listed, Lookup, Now, Own, Price, Switch, TableMapping
from modelctl.publish.values import MISSING, Item, RowContext, Unmapped, is_made_once, value_of

WRONG_UNIT = 50
"""By how much prices differ that are in another unit: the nearest two are a factor of a thousand apart."""
EXAMPLES = 3
LISTS = ("input_modalities", "output_modalities", "aliases", "tags", "env_vars", "features")


class Pending(str):
    """The value that a row will have once the database has made it."""


PENDING = Pending("(new)")


@dataclass(frozen=True, slots=True, kw_only=True)
class TableShape:
    """A table of the application with its mapping: what both say together."""

    mapping: TableMapping
    columns: Mapping[str, Column]
    """All columns of the table by name."""
    dialect: str

    def column(self, name: str) -> Column:
        """The column of a cell."""
        return self.columns[cell_path(name)[0]]

    def is_json(self, name: str) -> bool:
        """Whether the column of that name holds JSON, be it as text."""
        column, form = self.columns[name], self.mapping.columns.get(name)
        if column.kind is Kind.JSON or isinstance(form, Json):
            return True
        if column.kind is not Kind.TEXT:
            return False
        match form:
            case Listed() | Fact() if form.as_ in ("json", "json_text"):
                return True
            case Listed():
                return form.as_ is None
            case Fact():
                return form.as_ is None and form.map is None and form.from_ in LISTS
            case Const():
                return isinstance(form.const, tuple | dict)
            case _:
                return False

    def names(self) -> list[str]:
        """The columns that are read: those of the mapping, and those that rows get when they are switched off."""
        switches = [each for each in (self.mapping.absent, self.mapping.strangers) if isinstance(each, Switch)]
        return list(dict.fromkeys([*self.mapping.columns, *(name for each in switches for name in each.set)]))

    def to_driver(self, name: str, held: Any) -> Any:
        """The parameter for a column."""
        return to_driver(self.columns[name], held, self.dialect, as_json=self.is_json(name))

    def row(self, raw: Mapping[str, Any], primary_key: Sequence[str]) -> TargetRow:
        """A row that is there, from what the driver gave."""
        cells = {name: as_held(self.columns[name], raw[name], as_json=self.is_json(name)) for name in self.names()}
        key = key_of(cells[name] for name in self.mapping.key)
        named = {name: raw[name] for name in primary_key or self.mapping.key}
        return TargetRow(key=key, cells=cells, primary_key=named, model=self._model(cells))

    def _model(self, cells: Mapping[str, Any]) -> str:
        wanted = "model_id" if self.mapping.rows == "models" else "name"
        for name, form in self.mapping.columns.items():
            if isinstance(form, Fact) and form.from_ == wanted and cells[name] is not None:
                return str(cells[name])
        return ""

    def switched(self, switch: object) -> dict[str, Any] | None:
        """What rows get that are switched off, as it will stand there. UsageError where a column cannot hold it."""
        if not isinstance(switch, Switch):
            return None
        found = {}
        for name, value in switch.set.items():
            if name not in self.columns:
                raise UsageError(f"{self.mapping.table} has no column {name}, which `absent` or `strangers` would set")
            try:
                found[name] = fitted(self.columns[name], value, as_json=self.is_json(name))
            except Misfit as misfit:
                raise UsageError(f"{self.mapping.table}.{name}: {misfit.reason}") from None
        return found


def key_of(values: Iterable[Any]) -> str:
    """The key of a row as text that no other row has."""
    return json.dumps(list(values), ensure_ascii=False, separators=(",", ":"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the mapping makes of all models."""

    rows: tuple[WantedRow, ...]
    rounded: Mapping[str, int]
    """By column, how many prices it rounds."""


def wanted_rows(shape: TableShape, items: Iterable[Item], around: RowContext, tenant: tuple[str, Any] | None) -> Wanted:
    """The rows for these models. `tenant`: the column and the value of whose rows they are.

    Refused where two models would share a row and the mapping prefers neither.
    """
    rounded: dict[str, int] = {}
    rows = [_Row(shape, item, around, rounded).made(tenant) for item in items]
    return Wanted(rows=tuple(_without_rivals(shape.mapping, rows)), rounded=rounded)


class _Row:
    """One row, column by column."""

    def __init__(self, shape: TableShape, item: Item, around: RowContext, rounded: dict[str, int]) -> None:
        self.shape, self.item, self.around, self.rounded = shape, item, around, rounded
        self.cells: dict[str, Any] = {}
        self.touched: dict[str, Any] = {}
        self.once: set[str] = set()
        self.lacking = ""
        self.misfit: TargetGuard | None = None

    def made(self, tenant: tuple[str, Any] | None) -> WantedRow:
        """The row."""
        for name, form in self.shape.mapping.columns.items():
            try:
                self._column(name, form)
            except Misfit as problem:
                self.misfit, self.lacking = problem.guard, f"{name}: {problem.reason}"
            except Unmapped as problem:
                self.misfit, self.lacking = TargetGuard.DOES_NOT_FIT, f"{name}: {problem}"
        if tenant is not None:
            self.cells[tenant[0]] = tenant[1]
            self.once.add(tenant[0])
        return WantedRow(
            key=key_of(self.cells.get(name) for name in self.shape.mapping.key),
            model=self.item.label,
            cells=self.cells,
            once=frozenset(self.once),
            touched=self.touched,
            lacking=self.lacking,
            misfit=self.misfit,
        )

    def _column(self, name: str, form: Form) -> None:
        column = self.shape.columns[name]
        value = value_of(form, name, self.item, self.around)
        if isinstance(form, Lookup) and value is MISSING:
            self._not_found(name, form)
            return
        if isinstance(form, Now) and form.own is None:
            self.touched[name] = fitted(column, value)
            return
        if isinstance(form, Json) and form.own is Own.KEYS:
            for path, leaf in _leaves(value):
                self._put(cell_name(name, path), form, fitted(column, leaf, as_json=True))
            return
        held = value if isinstance(value, Pending) else fitted(column, value, as_json=self.shape.is_json(name))
        if held is None and not column.nullable:
            self.lacking = self.lacking or f"{name} is unknown"
            return
        if rounds(column, value, held):
            self.rounded[name] = self.rounded.get(name, 0) + 1
        self._put(name, form, held)

    def _put(self, name: str, form: Form, held: Any) -> None:
        self.cells[name] = held
        if is_made_once(form, self.shape.mapping):
            self.once.add(name)

    def _not_found(self, name: str, form: Lookup) -> None:
        by = " and ".join(f"{column} = {self.item.fields.get(field)}" for column, field in form.by.items())
        self.lacking = f"{name}: {form.place[0]} has no row with {by}"
        if form.missing == "refuse":
            self.misfit = TargetGuard.DOES_NOT_FIT


def _leaves(document: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for key, value in document.items():
        if isinstance(value, dict) and value:
            yield from _leaves(value, (*path, key))
        else:
            yield (*path, key), value


def _without_rivals(mapping: TableMapping, rows: Sequence[WantedRow]) -> list[WantedRow]:
    """Of models that would share a row only the one that is preferred."""
    rivals = met_twice(rows)
    if not rivals:
        return list(rows)
    chosen = {}
    for key, models in rivals.items():
        preferred = [each for name in mapping.prefer for each in models if each.partition("/")[0] == name]
        if not preferred:
            several = "; ".join(
                f"{key_text(each)}: {', '.join(found)}" for each, found in list(rivals.items())[:EXAMPLES]
            )
            raise Refused(
                f"{mapping.table}: {len(rivals)} keys are those of several models: {several}",
                'say which provider counts, as prefer = ["openai", "azure"], or add a column to key',
            )
        chosen[key] = preferred[0]
    return [each for each in rows if chosen.get(each.key, each.model) == each.model]


def by_key(table: str, rows: Iterable[TargetRow]) -> dict[str, TargetRow]:
    """The rows by key. Refused where two have the same: it would not be known which one to write."""
    found: dict[str, TargetRow] = {}
    for row in rows:
        if row.key in found:
            raise Refused(
                f"{table} has several rows with the key {key_text(row.key)}", "remove one, or name other columns in key"
            )
        found[row.key] = row
    return found


def wrong_unit(shape: TableShape, wanted: Iterable[WantedRow], rows: Mapping[str, TargetRow]) -> str | None:
    """What shows that a price is mapped in a wrong unit, with up to three examples; None where nothing does."""
    listed = [each for each in wanted if each.key in rows]
    for name, form in shape.mapping.columns.items():
        if not (isinstance(form, Price) or (isinstance(form, Fact) and form.from_ in PRICE_FIELDS)):
            continue
        pairs = [
            (each.model, *both)
            for each in listed
            if (both := _amounts(cell_of(rows[each.key].cells, name), each.cells.get(name))) is not None
        ]
        far = [each for each in pairs if not _is_near(each[1], each[2])]
        if len(far) * 2 > len(pairs):
            shown = "; ".join(f"{model} has {old} and would get {new}" for model, old, new in far[:EXAMPLES])
            return f"{shape.mapping.table}.{name} seems to be in another unit: {shown}"
    return None


def _amounts(old: Any, new: Any) -> tuple[Decimal, Decimal] | None:
    try:
        first, second = Decimal(str(old)), Decimal(str(new))
    except ArithmeticError:
        return None
    return (first, second) if first.is_finite() and first > 0 and second > 0 else None


def _is_near(old: Decimal, new: Decimal) -> bool:
    with localcontext(EXACT):
        return old < new * WRONG_UNIT and new < old * WRONG_UNIT
