"""What stands in the columns of an application's table, told by names, types and above all values: a first mapping.

What is not certain becomes a question in the file, never a guess: a wrong unit is a factor of a thousand.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import Any

import tomli_w

from modelctl.core.facts import ModelRecord
from modelctl.core.text import counted
from modelctl.publish.columns import EXACT, Column, Kind, as_held
from modelctl.publish.mapping import OPEN
from modelctl.publish.values import TOKENS

ENOUGH = 3
"""Rows that must be known before their values decide anything."""
SAMPLE_ROWS = 200
_CLOSE = Decimal("0.01")

_FACTS: Mapping[str, tuple[str, ...]] = {
    "display_name": ("display_name", "label", "title", "model_display_name"),
    "context_window": (
        "context_window", "context_length", "context_limit", "context_size", "max_context", "context_window_tokens",
    ),
    "max_output_tokens": ("max_output", "max_tokens", "max_output_tokens", "max_completion_tokens", "output_limit"),
    "vision": ("vision", "supports_vision", "has_vision", "supports_images"),
    "tools": ("tools", "supports_functions", "supports_tools", "function_calling", "supports_function_calling"),
    "streaming": ("streaming", "supports_streaming"),
    "structured_output": ("structured_output", "supports_json", "json_mode", "supports_structured_output"),
    "reasoning": ("reasoning", "thinking", "supports_reasoning", "supports_thinking"),
    "knowledge_cutoff": ("knowledge_cutoff", "training_cutoff"),
    "released_on": ("released_on", "released_at", "release_date"),
    "replacement": ("replacement", "replacement_model", "successor"),
    "replacement_provider": ("replacement_provider", "successor_provider"),
    "tier": ("tier",),
    "tags": ("tags",),
    "family": ("family", "model_family"),
    "is_enabled": ("is_enabled", "enabled", "is_active", "active", "is_allowed", "is_available"),
}  # fmt: skip
"""Field -> what columns that hold it are called, in snake_case."""
_FIELD_OF = {name: field for field, names in _FACTS.items() for name in names}
_SWITCHES = ("vision", "tools", "streaming", "structured_output", "reasoning", "is_enabled")
_KINDS = (
    ("cache_read", r"cache_?read|cached|caching"),
    ("cache_write", r"cache_?(?:write|creation)"),
    ("input", r"input|prompt|request"),
    ("output", r"output|completion|response"),
)
_IS_MONEY = re.compile(r"price|cost|rate")
_OURS_BY_TIME = ("updated_at", "updated_time", "updated_on", "modified_at", "last_updated")
_NAMED_UNITS = ((r"million|mtok|_1_?m\b|_1m", "mtok"), (r"1_?k|thousand|ktok", "ktok"), (r"per_token", "tok"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Guess:
    """What stands in a column, and how that is known."""

    column: str
    form: Any = None
    """As the mapping has it; None: it is not ours."""
    why: str = ""

    @property
    def is_open(self) -> bool:
        """Whether a person has to say."""
        return bool(self.form == OPEN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Guessed:
    """A whole table."""

    table: str
    guesses: tuple[Guess, ...]
    key: tuple[str, ...]
    rows: int
    known: int
    """Of the rows, those whose model is in the catalogs."""

    @property
    def questions(self) -> list[Guess]:
        """What a person has to say."""
        return [each for each in self.guesses if each.is_open]


def guessed(
    table: str,
    columns: Mapping[str, Column],
    raws: Sequence[Mapping[str, Any]],
    records: Sequence[ModelRecord],
    *,
    primary_key: Sequence[str],
    unique: Sequence[frozenset[str]],
    foreign_keys: Mapping[str, tuple[str, str]],
) -> Guessed:
    """What stands in each column. `raws`: some rows as the driver gave them; `records`: what the catalogs state."""
    rows = [{name: as_held(columns[name], value) for name, value in raw.items()} for raw in raws]
    made = _Guessing(columns, rows, records, primary_key, foreign_keys)
    guesses = tuple(made.one(name, column) for name, column in columns.items())
    ids = [made.id_column] if made.id_column is not None else [OPEN]
    providers = [
        each.column
        for each in guesses
        if each.form == "provider" or (isinstance(each.form, dict) and "lookup" in each.form)
    ]
    is_alone = any(one == frozenset(ids) for one in unique)
    key = tuple(ids) if is_alone else (*providers[:1], *ids[:1])
    return Guessed(table=table, guesses=guesses, key=key, rows=len(rows), known=len(made.known))


class _Guessing:
    def __init__(
        self,
        columns: Mapping[str, Column],
        rows: Sequence[Mapping[str, Any]],
        records: Sequence[ModelRecord],
        primary_key: Sequence[str],
        foreign_keys: Mapping[str, tuple[str, str]],
    ) -> None:
        self.rows, self.primary_key, self.foreign_keys = rows, primary_key, foreign_keys
        self.providers = {each.key.provider for each in records}
        self.by_id: dict[str, list[ModelRecord]] = {}
        for each in records:
            self.by_id.setdefault(each.key.model_id, []).append(each)
        self.id_column = self._id_column(columns)
        self.known = [
            (row, self.by_id[row[self.id_column]])
            for row in rows
            if self.id_column is not None and row[self.id_column] in self.by_id
        ]

    def _id_column(self, columns: Mapping[str, Column]) -> str | None:
        """The column with the most ids of the catalogs in it; with too few rows, the one that is called so."""
        counts = Counter(
            {
                name: sum(row.get(name) in self.by_id for row in self.rows)
                for name in columns
                if name in (self.rows or [{}])[0]
            }
        )
        named = [name for name in columns if _snake(name) == "model_id"]
        best = counts.most_common(1)
        if best and best[0][1] >= ENOUGH:
            most = [name for name, count in counts.items() if count == best[0][1]]
            return next((name for name in most if name in named), most[0])
        return named[0] if named else None

    def one(self, name: str, column: Column) -> Guess:
        """What stands in one column."""
        snake = _snake(name)
        if name == self.id_column:
            return Guess(
                column=name,
                form="model_id",
                why=f"{len(self.known)} of {len(self.rows)} values are ids of the catalogs",
            )
        if column.is_generated or (name in self.primary_key and column.has_default):
            return Guess(column=name, why="the database makes it")
        for found in (
            self._price(name, snake, column),
            self._provider(name, snake, column),
            self._named(name, snake, column),
        ):
            if found is not None:
                return found
        if column.nullable or column.has_default:
            return Guess(column=name, why="not ours")
        return Guess(column=name, form=OPEN, why=f"{column.declared}, and it must have a value")

    def _price(self, name: str, snake: str, column: Column) -> Guess | None:
        kind = next((kind for kind, pattern in _KINDS if re.search(pattern, snake)), None)
        if not _IS_MONEY.search(snake) or column.kind not in (Kind.DECIMAL, Kind.DOUBLE, Kind.SINGLE, Kind.INTEGER):
            return None
        if kind is None:
            return Guess(column=name, form=OPEN, why='which price? as { price = "input", per = "ktok" }')
        units = self._units(name, kind)
        likely = next((unit for pattern, unit in _NAMED_UNITS if re.search(pattern, snake)), "mtok")
        total = sum(units.values())
        if units and (best := units.most_common(1)[0])[1] >= ENOUGH and best[1] * 2 >= total:
            form = {"price": kind, "per": best[0]}
            return Guess(column=name, form=form, why=f"{best[1]} of {total} known rows agree")
        return Guess(
            column=name, form=OPEN, why=f'perhaps {{ price = "{kind}", per = "{likely}" }}; too few known rows agree'
        )

    def _units(self, name: str, kind: str) -> Counter[str]:
        """How many rows speak for each unit: they hold a price that the model ever had. Empty text: for none."""
        found: Counter[str] = Counter()
        for row, records in self.known:
            try:
                value = Decimal(str(row[name]))
            except ArithmeticError:
                continue
            if value <= 0:
                continue
            amounts = {point.amount for each in records for point in each.prices if point.kind == kind and point.amount}
            found[
                next((unit for unit in TOKENS if any(_near(value, amount * TOKENS[unit]) for amount in amounts)), "")
            ] += 1
        return found

    def _provider(self, name: str, snake: str, column: Column) -> Guess | None:
        if name in self.foreign_keys and "provider" in snake:
            table, target = self.foreign_keys[name]
            form = {"lookup": f"{table}.{target}", "by": {"name": "provider"}}
            return Guess(column=name, form=form, why=f"refers to {table}; `by` is the column with the provider's name")
        values = [row[name] for row in self.rows if row.get(name) is not None]
        if len(values) >= ENOUGH and sum(value in self.providers for value in values) * 2 > len(values):
            return Guess(column=name, form="provider", why="its values are providers")
        if snake in ("provider", "provider_name", "vendor") and column.kind is Kind.TEXT:
            if values:
                return Guess(
                    column=name,
                    form=OPEN,
                    why='perhaps { from = "provider", map = { … } }',
                )
            return Guess(column=name, form="provider", why="by its name")
        return None

    def _named(self, name: str, snake: str, column: Column) -> Guess | None:
        if snake in ("name", "slug", "model_name"):
            return self._label(name)
        if snake in _OURS_BY_TIME:
            return self._touched(name, column)
        field = _FIELD_OF.get(snake)
        if field is None:
            return None
        if field == "is_enabled":
            return Guess(
                column=name, form={"from": field, "own": "insert"}, why="by its name; yours after the row is made"
            )
        if field in _SWITCHES and not column.nullable:
            return Guess(column=name, form={"from": field, "unknown": False}, why="by its name; it cannot be NULL")
        if column.words or (field in _SWITCHES and column.kind is not Kind.BOOLEAN):
            return Guess(column=name, form=OPEN, why=f"perhaps {field}, in words of its own: {', '.join(column.words)}")
        return Guess(column=name, form=field, why="by its name")

    def _label(self, name: str) -> Guess:
        """A label for people, or a short name? The values say."""
        labels = sum(any(row[name] == each.facts.display_name for each in records) for row, records in self.known)
        ids = sum(row[name] == row[self.id_column or name] for row, _ in self.known)
        for form, count, why in (("display_name", labels, "display names"), ("model_id", ids, "ids")):
            if count >= ENOUGH and count * 2 > len(self.known):
                return Guess(column=name, form=form, why=f"{count} of {len(self.known)} are {why}")
        return Guess(column=name, form=OPEN, why='display_name, or { slug = "model_id" }')

    def _touched(self, name: str, column: Column) -> Guess:
        if column.kind is Kind.INSTANT:
            return Guess(column=name, form={"now": "timestamp"}, why="by its name")
        if column.keeps_all and column.kind is Kind.TEXT:
            return Guess(
                column=name, form={"now": "%Y-%m-%d %H:%M:%S"}, why="by its name, as CURRENT_TIMESTAMP writes it"
            )
        return Guess(column=name, form=OPEN, why='perhaps { now = "epoch_s" }, or epoch_ms')


def _near(value: Decimal, price: Decimal) -> bool:
    with localcontext(EXACT):
        return abs(value - price) <= price * _CLOSE


def _snake(name: str) -> str:
    """`inputCostPer1M` -> `input_cost_per_1m`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[a-z])(?=[0-9])", "_", name).lower().replace(" ", "_")


def mapping_text(name: str, found: Guessed) -> str:
    """The mapping as a file, with a comment on each column."""
    return "\n".join(_lines(name, found)) + "\n"


def _lines(name: str, found: Guessed) -> Iterator[str]:
    questions = len(found.questions)
    yield f'# {counted(questions, "question")} open: replace each "?" by what is in the column, or remove its line.'
    yield f"name = {_toml(name)}"
    yield ""
    yield "[[table]]"
    yield f"table = {_toml(found.table)}"
    yield f"key = {_toml(list(found.key))}"
    switch = next(
        (
            each.column
            for each in found.guesses
            if isinstance(each.form, dict) and each.form.get("from") == "is_enabled"
        ),
        None,
    )
    if switch is not None:
        yield f"absent = {{ set = {{ {_key(switch)} = false }} }}"
    yield ""
    yield "[table.columns]"
    for each in found.guesses:
        why = _comment(each.why)
        if each.form is None:
            yield f"# {_key(each.column)}: {why}"
        else:
            yield f"{_key(each.column)} = {_toml(each.form)}  # {why}"


def _comment(text: str) -> str:
    """In one line: a CHECK of the table may be part of it."""
    return "".join(each if each.isprintable() else " " for each in text)


def _key(name: str) -> str:
    return tomli_w.dumps({name: 0}).partition(" = ")[0]


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_key(key)} = {_toml(each)}" for key, each in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return tomli_w.dumps({"x": value}).partition(" = ")[2].rstrip("\n")
