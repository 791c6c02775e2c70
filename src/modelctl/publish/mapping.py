"""The mapping file: which table of an application is kept true, and what stands in each of its columns.

Read strictly: what is no key or no value of the format is refused with file and line. Decides nothing about rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationError, model_validator

from modelctl.core.facts import FACT_FIELDS
from modelctl.core.models.query import Filter, where
from modelctl.core.prices.price import PriceKind, ServiceTier
from modelctl.core.text import CURRENCIES, did_you_mean, shorten, suggestion
from modelctl.core.toml import KeyPath, Lines, NotTomlError, key_text, parsed, printable, text_of
from modelctl.errors import UsageError
from modelctl.publish.presets import preset, preset_names

DIRECTORY = "publish"
"""Beside the settings file: where the mappings are."""
RESERVED = ("init", "check", "status", "adopt", "presets")
"""Words that no target can be called, because they are commands."""
OPEN = "?"
"""A column whose meaning nobody has said yet."""
MODEL_FIELDS = ("provider", "model_id", "is_enabled", *FACT_FIELDS)
PROVIDER_FIELDS = (
    "name",
    "display_name",
    "kind",
    "api_base_url",
    "auth_header_name",
    "auth_header_prefix",
    "env_vars",
    "features",
    "is_builtin",
    "is_enabled",
)
ONCE = frozenset({"is_enabled", "recommended"})
"""Fields that are written when the row is made, and then the application's, unless the mapping says otherwise."""


_TENANT_QUERY = re.compile(r'\s*select\s+"?(\w+)"?\s+from\s+"?([\w.]+)"?\s*;?\s*', re.IGNORECASE)


class Own(StrEnum):
    """Whose a cell is."""

    ALWAYS = "always"
    INSERT = "insert"  # written when the row is made, then the application's
    KEYS = "keys"  # of a document: only the keys that the mapping names


class Part(BaseModel):
    """A table of the file: no key but these, no value of another type."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


Plain: TypeAlias = Any
Text: TypeAlias = Annotated[str, Field(min_length=1)]


class Form(Part):
    """What stands in a column."""

    own: Annotated[Own, Field(strict=False)] | None = None
    unknown: Plain = None
    """What is written where the fact is unknown; left out: NULL, or the row is left out where NULL cannot be."""


class Fact(Form):
    """A field of a model or a provider."""

    from_: Text = Field(alias="from")
    map: dict[str, Plain] | None = None
    """What is written for each value."""
    else_: Plain = Field(default=None, alias="else")
    """For values that `map` does not have; `refuse`, or left out: the row is not written."""
    format: Text | None = None
    """Of a day: `epoch_s`, `epoch_ms`, `iso`, `date`, or a pattern as strftime has it."""
    as_: Literal["csv", "json", "array", "json_text"] | None = Field(default=None, alias="as")


class Price(Form):
    """A price of the ledger that holds now."""

    price: Annotated[PriceKind, Field(strict=False)]
    per: Literal["tok", "ktok", "mtok"] = "mtok"
    times: int = Field(default=1, ge=1, le=10**9)
    """`100`: in cents."""
    tier: Annotated[ServiceTier, Field(strict=False)] = ServiceTier.STANDARD
    context_above: int = Field(default=0, ge=0)
    currency: str = "USD"

    @model_validator(mode="after")
    def _known_currency(self) -> Price:
        if self.currency not in CURRENCIES:
            raise ValueError(f"{shorten(self.currency)!r} is not a currency, as USD is")
        return self


class Json(Form):
    """A JSON document; with `own = "keys"` the rest of it is the application's."""

    json_: dict[str, Any] = Field(alias="json")


class Listed(Form):
    """The capabilities that are true, as a list."""

    list_: tuple[str, ...] = Field(alias="list")
    names: dict[str, str] = Field(default_factory=dict)
    as_: Literal["csv", "json", "array", "json_text"] | None = Field(default=None, alias="as")


class Template(Form):
    """Text with fields in braces."""

    template: Text


class Regex(Form):
    """A regular expression that matches the id, and perhaps the aliases."""

    regex_of: Literal["model_id"]
    with_: Literal["aliases"] | None = Field(default=None, alias="with")
    prefix: str = ""
    suffix: str = ""


class Const(Form):
    """Always the same."""

    const: Plain


class Lookup(Form):
    """A value of another table, whose row is found by some of its columns."""

    lookup: Text
    by: dict[str, str] = Field(min_length=1)
    missing: Literal["refuse", "skip"] = "refuse"

    @property
    def place(self) -> tuple[str, str]:
        """The table and its column."""
        table, _, column = self.lookup.rpartition(".")
        return table, column


class New(Form):
    """A key that is made when the row is."""

    new: Literal["uuid4", "uuid7", "cuid", "nanoid"]


class Now(Form):
    """The time at which another cell of the row was changed."""

    now: Text


class Slug(Form):
    """A short name: the id without a path and a trailing date. Once written it never moves."""

    slug: Literal["model_id"]


FORMS: Mapping[str, type[Form]] = {
    "from": Fact,
    "price": Price,
    "json": Json,
    "list": Listed,
    "template": Template,
    "regex_of": Regex,
    "const": Const,
    "lookup": Lookup,
    "new": New,
    "now": Now,
    "slug": Slug,
}
"""By the key that tells it."""


def _form_of(value: object) -> str | None:
    """Which form a column's table has."""
    if isinstance(value, Form):
        return next(key for key, form in FORMS.items() if isinstance(value, form))
    if not isinstance(value, dict):
        return None
    return next((key for key in FORMS if key in value), None)


Column: TypeAlias = Annotated[
    Annotated[Fact, Tag("from")]
    | Annotated[Price, Tag("price")]
    | Annotated[Json, Tag("json")]
    | Annotated[Listed, Tag("list")]
    | Annotated[Template, Tag("template")]
    | Annotated[Regex, Tag("regex_of")]
    | Annotated[Const, Tag("const")]
    | Annotated[Lookup, Tag("lookup")]
    | Annotated[New, Tag("new")]
    | Annotated[Now, Tag("now")]
    | Annotated[Slug, Tag("slug")],
    Discriminator(_form_of),
]


class Switch(Part):
    """What rows get."""

    set: dict[str, Plain] = Field(min_length=1)


class Tenants(Part):
    """Whose rows the table keeps apart."""

    column: Text
    query: Text | None = None
    """`SELECT column FROM table`, and no more than that: it is read, and never sent as it stands."""
    values: tuple[str, ...] | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Tenants:
        if (self.query is None) == (self.values is None):
            raise ValueError("needs either a query or values")
        if self.query is not None and self.place is None:
            raise ValueError("the query is not SELECT column FROM table")
        return self

    @property
    def place(self) -> tuple[str, str] | None:
        """The table and the column of the query."""
        found = _TENANT_QUERY.fullmatch(self.query or "")
        return (found[2], found[1]) if found is not None else None


class TableMapping(Part):
    """One table."""

    table: Text
    rows: Literal["models", "providers"] = "models"
    where: Text | None = None
    key: tuple[str, ...] = Field(min_length=1)
    mode: Literal["insert", "update", "upsert"] = "upsert"
    existing: Literal["ask", "adopt", "leave"] = "ask"
    absent: Literal["keep"] | Switch = "keep"
    strangers: Literal["report"] | Switch = "report"
    unknown: Literal["skip", "refuse"] = "skip"
    prefer: tuple[str, ...] = ()
    columns: dict[str, Column] = Field(min_length=1)

    @property
    def fields(self) -> tuple[str, ...]:
        """What a column can show."""
        return MODEL_FIELDS if self.rows == "models" else PROVIDER_FIELDS

    def filter(self) -> Filter | None:
        """The models that are wanted; None: the live chat models that are enabled."""
        return None if self.where is None else where(self.where)


class Target(Part):
    """The whole file."""

    version: Literal[1] = 1
    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,47}$")]
    database: Text | None = None
    """`$VARIABLE`, or a URL without a password; left out: modelctl's own database."""
    preset: Text | None = None
    contract: Literal["freeze", "evolve"] = "freeze"
    session: dict[str, str] = Field(default_factory=dict)
    """Settings of the session, for one transaction; `$tenant` is the tenant."""
    tenants: Tenants | None = None
    table: tuple[TableMapping, ...] = Field(min_length=1)


class Problem(BaseModel):
    """One thing that is wrong, and where."""

    at: KeyPath
    message: str
    hint: str = ""


def read(path: Path) -> Target:
    """The mapping in a file. UsageError for the first thing that is wrong, with its line, and how many more there are.

    What it states itself wins over its preset, column by column.
    """
    text = text_at(path)
    try:
        data = parsed(text)
    except NotTomlError as error:
        raise UsageError(f"{path}:{error.line}: {error.message}", "a mapping is a TOML file") from None
    return understood(data, path=path, lines=Lines(text))


def text_at(path: Path) -> str:
    """The text of a mapping file. UsageError where there is none, or it cannot be read."""
    try:
        if not path.is_file():
            raise FileNotFoundError
        return text_of(path.read_bytes())
    except FileNotFoundError:
        others = sorted(each.stem for each in path.parent.glob("*.toml"))
        hint = did_you_mean(path.stem, others) if others else "`modelctl publish init --table NAME` writes one"
        raise UsageError(f"there is no mapping {path}", hint) from None
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror or error}") from None
    except NotTomlError as error:
        raise UsageError(f"{path}:{error.line}: {error.message}", "save the file as UTF-8") from None


def understood(data: Mapping[str, Any], *, path: Path, lines: Lines) -> Target:
    """The mapping that a parsed file states. UsageError as `read`."""
    data = {"name": path.stem, **data}
    stated = data.get("preset")
    if isinstance(stated, str) and stated not in preset_names():
        hint = did_you_mean(stated, preset_names())
        raise _refused(path, lines, [Problem(at=("preset",), message="is not a preset", hint=hint)])
    whole = _over(preset(stated), data) if isinstance(stated, str) else data
    try:
        mapping = Target.model_validate(_prepared(whole))
    except ValidationError as error:
        raise _refused(path, lines, [_problem(each) for each in _told(error)]) from None
    if problems := list(_contradictions(mapping, path)):
        raise _refused(path, lines, problems)
    return mapping


def open_questions(path: Path) -> list[tuple[int, str]]:
    """The line and the column of every question that is still open in a file."""
    text = text_at(path)
    try:
        data = parsed(text)
    except NotTomlError:
        return []
    lines = Lines(text)
    found = []
    tables = data.get("table")
    for index, table in enumerate(tables if isinstance(tables, list) else ()):
        columns = table.get("columns") if isinstance(table, dict) else None
        for name, value in columns.items() if isinstance(columns, dict) else ():
            if value == OPEN:
                found.append((lines.of(("table", index, "columns", name)), name))
    return found


def _over(preset: Mapping[str, Any], data: Mapping[str, Any]) -> dict[str, Any]:
    """What a preset states, and over it what the file does: tables by name, columns one by one."""
    whole = {**preset, **{key: value for key, value in data.items() if key != "table"}}
    own = data.get("table", [])
    if not isinstance(own, list):
        return {**whole, "table": own}
    by_name = {each.get("table"): each for each in own if isinstance(each, dict)}
    tables = []
    for each in preset.get("table", []):
        stated = by_name.pop(each["table"], {})
        columns = {**each["columns"], **stated.get("columns", {})}
        tables.append({**each, **stated, "columns": columns})
    return {**whole, "table": [*tables, *by_name.values()]}


def _prepared(value: Any, at: tuple[str, ...] = ()) -> Any:
    """Lists as tuples, and a column that is only a field's name as the form that it stands for."""
    if isinstance(value, list):
        return tuple(_prepared(each, at) for each in value)
    if isinstance(value, dict):
        return {
            key: _column(each) if at[-1:] == ("columns",) else _prepared(each, (*at, key))
            for key, each in value.items()
        }
    return value


def _column(value: Any) -> Any:
    return {"from": value} if isinstance(value, str) else _prepared(value, ("form",))


_SAID = {
    "extra_forbidden": "is not a known key",
    "missing": "is missing",
    "union_tag_not_found": f"needs one of {', '.join(FORMS)}",
    "union_tag_invalid": f"needs one of {', '.join(FORMS)}",
    "string_too_short": "is empty",
    "too_short": "is empty",
}


def _told(error: ValidationError) -> list[Any]:
    """What is wrong, but not that a list is too short because of what is wrong in it."""
    errors = error.errors(include_url=False)
    places = [each["loc"] for each in errors]
    return [
        each
        for each in errors
        if each["type"] != "too_short"
        or not any(p != each["loc"] and p[: len(each["loc"])] == each["loc"] for p in places)
    ]


def _problem(error: Any) -> Problem:
    where_ = list(error["loc"])
    if "columns" in where_:  # the tag that told the form apart is no key of the file
        place = where_.index("columns") + 2
        if where_[place : place + 1] and where_[place] in FORMS and len(where_) > place:
            del where_[place]
    where_ = [each for each in where_ if each not in ("Switch", "literal['keep']", "literal['report']")]
    kind, said = error["type"], error["msg"]
    if kind == "string_pattern_mismatch":
        said = "is lower-case letters, digits, - and _, at most 48"
    hint = ""
    if kind == "extra_forbidden":
        hint = suggestion(str(where_[-1]), _keys_at(where_), most=1) or "docs/publish.md lists the keys"
    message = _SAID.get(kind) or said[:1].lower() + said[1:].removeprefix("alue error, ")
    return Problem(at=tuple(where_), message=message, hint=hint)


def _keys_at(at: list[Any]) -> list[str]:
    models: list[type[BaseModel]] = [Target] if len(at) == 1 else [TableMapping]
    if "columns" in at:
        models = list(FORMS.values())
    return sorted({field.alias or name for model in models for name, field in model.model_fields.items()})


def _refused(path: Path, lines: Lines, problems: list[Problem]) -> UsageError:
    found = sorted(problems, key=lambda each: lines.of(each.at))
    first = found[0]
    key = key_text(first.at)
    message = f"{path}:{lines.of(first.at)}: {key + ': ' if key else ''}{first.message}"
    more = f"and {len(found) - 1} more" if len(found) > 1 else ""
    return UsageError(message, "; ".join(part for part in (first.hint, more) if part))


def _contradictions(mapping: Target, path: Path) -> Iterator[Problem]:
    """What each key can be by itself, but not beside the others."""
    if mapping.name != path.stem:
        yield Problem(at=("name",), message=f"is not the name of the file, which is {printable(path.stem)}")
    if mapping.name in RESERVED:
        yield Problem(at=("name",), message=f"{mapping.name} is a command", hint="choose another name")
    for index, table in enumerate(mapping.table):
        at: KeyPath = ("table", index)
        yield from _of_table(table, at)


def _of_table(table: TableMapping, at: KeyPath) -> Iterator[Problem]:
    for position, name in enumerate(table.key):
        if name not in table.columns:
            hint = suggestion(name, table.columns, most=1) or "name it under columns"
            yield Problem(
                at=(*at, "key", position), message=f"{printable(name)} is not a column of the mapping", hint=hint
            )
    for kind in ("absent", "strangers"):
        switch = getattr(table, kind)
        if isinstance(switch, Switch) and (same := sorted(set(switch.set) & set(table.key))):
            yield Problem(at=(*at, kind, "set", same[0]), message="belongs to the key, which is never changed")
    if table.where is not None:
        try:
            table.filter()
        except UsageError as error:
            yield Problem(at=(*at, "where"), message=error.message.removeprefix("--where: "), hint=error.hint)
    for name, form in table.columns.items():
        for problem in _of_form(form, table):
            yield problem.model_copy(update={"at": (*at, "columns", name, *problem.at)})


def _of_form(form: Form, table: TableMapping) -> Iterator[Problem]:
    for name, *at in _fields_named(form):
        yield from _unknown_field(name, table, tuple(at))
    if isinstance(form, Fact) and form.else_ is not None and form.map is None:
        yield Problem(at=("else",), message="goes with map only")
    if isinstance(form, Lookup) and not form.place[0]:
        yield Problem(at=("lookup",), message="is not TABLE.COLUMN")
    if isinstance(form, Price | Slug | Regex) and table.rows != "models":
        yield Problem(at=(), message='goes with rows = "models" only')
    if form.own is Own.KEYS and not isinstance(form, Json):
        yield Problem(at=("own",), message="keys goes with json only")


def _fields_named(form: Form) -> Iterator[tuple[str, ...]]:
    """Every field that a form names, and where."""
    match form:
        case Fact():
            yield form.from_, "from"
        case Template():
            yield from ((name, "template") for name in re.findall(r"\{([^{}]*)\}", form.template))
        case Listed():
            yield from ((name, "list") for name in form.list_)
        case Lookup():
            yield from ((name, "by", column) for column, name in form.by.items())
        case Json():
            yield from ((name, "json") for name in _fields_of(form.json_))


def _fields_of(document: Mapping[str, Any]) -> Iterator[str]:
    for value in document.values():
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict) and not is_form(value):
            yield from _fields_of(value)
        elif isinstance(value, dict) and isinstance(value.get("from"), str):
            yield value["from"]


def is_form(value: Mapping[str, Any]) -> bool:
    """Whether a table within a document is a form, and not a part of the document."""
    told = _form_of(dict(value))
    return told is not None and not isinstance(value[told], dict)


def _unknown_field(name: str, table: TableMapping, at: KeyPath) -> Iterator[Problem]:
    if name == OPEN:
        yield Problem(at=at, message="the question is still open", hint="write what is in this column")
    elif name not in table.fields:
        noun = "model" if table.rows == "models" else "provider"
        hint = suggestion(name, table.fields, most=1) or "docs/publish.md lists the fields"
        yield Problem(at=at, message=f"{printable(name)} is not a field of a {noun}", hint=hint)
