"""What a mapping's forms make of one model or provider: plain values, before they are fitted into a column."""

from __future__ import annotations

import re
import secrets
import string
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal, localcontext
from typing import Any
from uuid import UUID, uuid4

from modelctl.core.facts import ModelKey
from modelctl.core.prices.price import PriceKey, PricePoint, PriceUnit, current
from modelctl.core.provider import Provider
from modelctl.core.stored import StoredModel
from modelctl.publish.columns import EXACT
from modelctl.publish.mapping import (
    FORMS,
    MODEL_FIELDS,
    ONCE,
    PROVIDER_FIELDS,
    Const,
    Fact,
    Form,
    Json,
    Listed,
    Lookup,
    New,
    Now,
    Own,
    Price,
    Regex,
    Slug,
    TableMapping,
    Template,
    is_form,
)

TOKENS = {"tok": Decimal(10) ** -6, "ktok": Decimal(10) ** -3, "mtok": Decimal(1)}
"""How many millions of tokens each unit is."""
MISSING = object()
"""A row of another table that is not there."""

_DATED = re.compile(r"-(?:20\d{2}-?[01]\d-?[0-3]\d)$")
_LETTERS = string.ascii_lowercase + string.digits
_NANOID = string.ascii_letters + string.digits + "_-"


class Unmapped(Exception):
    """A value for which the mapping has no word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """What becomes a row: a model, or a provider."""

    label: str
    fields: Mapping[str, Any]
    prices: Mapping[PriceKey, PricePoint] = field(default_factory=dict)
    """In force now."""
    slug: str = ""
    is_listed: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class RowContext:
    """What a value may depend on besides the model."""

    now: datetime
    lookups: Mapping[str, Mapping[tuple[Any, ...], Any]] = field(default_factory=dict)
    """By the column that looks up: the found value by what it is looked for."""


def model_item(model: StoredModel, now: datetime, slug: str = "") -> Item:
    """A model with the prices that hold now."""
    values = {"provider": model.key.provider, "model_id": model.key.model_id, "is_enabled": model.is_enabled}
    fields = {name: values.get(name, getattr(model.facts, name, None)) for name in MODEL_FIELDS}
    return Item(label=str(model.key), fields=fields, prices=current(model.prices, now), slug=slug)


def provider_item(provider: Provider) -> Item:
    """A provider."""
    fields = {name: getattr(provider, name) for name in PROVIDER_FIELDS}
    return Item(label=provider.name, fields=fields)


def slugs(models: Iterable[StoredModel]) -> dict[ModelKey, str]:
    """A short name for each model: where two would share one, the newest has it and the others their whole id."""
    by_slug: dict[str, list[StoredModel]] = {}
    for model in models:
        by_slug.setdefault(_short(model.key.model_id), []).append(model)
    found = {}
    for slug, several in by_slug.items():
        several.sort(key=lambda each: (each.facts.released_on or date.min, each.key))
        for model in several[:-1]:
            found[model.key] = model.key.model_id
        found[several[-1].key] = slug
    return found


def _short(model_id: str) -> str:
    return _DATED.sub("", model_id.rpartition("/")[2]) or model_id


def value_of(form: Form, column: str, item: Item, around: RowContext) -> Any:
    """The value for a column; None is unknown. Unmapped where the mapping has no word for it."""
    value = _value(form, column, item, around)
    return form.unknown if value is None else value


def _value(form: Form, column: str, item: Item, around: RowContext) -> Any:  # noqa: C901  # one case for each form
    match form:
        case Fact():
            return _fact(form, item)
        case Price():
            return price_of(form, item)
        case Json():
            return _document(form.json_, column, item, around)
        case Listed():
            names = [form.names.get(name, name) for name in form.list_ if item.fields.get(name)]
            return _listed(names, form.as_)
        case Template():
            parts = re.findall(r"\{([^{}]*)\}", form.template)
            if any(item.fields.get(name) is None for name in parts):
                return None
            return re.sub(r"\{([^{}]*)\}", lambda found: str(item.fields[found[1]]), form.template)
        case Regex():
            ids = [item.fields["model_id"], *((item.fields.get("aliases") or ()) if form.with_ else ())]
            return form.prefix + "|".join(re.escape(each) for each in dict.fromkeys(ids)) + form.suffix
        case Const():
            return form.const
        case Lookup():
            wanted = tuple(item.fields.get(name) for name in form.by.values())
            return around.lookups[column].get(wanted, MISSING)
        case New():
            return new_key(form.new, around.now)
        case Now():
            return _time(around.now, form.now)
        case Slug():
            return item.slug
    raise AssertionError(form)


def _fact(form: Fact, item: Item) -> Any:
    value = item.fields.get(form.from_)
    if value is None:
        return None
    if form.map is not None:
        word = str(value).lower() if isinstance(value, bool) else str(value)
        if word in form.map:
            return form.map[word]
        if form.else_ in (None, "refuse"):
            raise Unmapped(f"{form.from_} {word!r} is not in the map")
        return form.else_
    if form.format is not None:
        return _formatted(value, form.format)
    return _listed(value, form.as_) if isinstance(value, tuple) else value


def _listed(values: Iterable[str], as_: str | None) -> Any:
    return ",".join(values) if as_ == "csv" else tuple(values)


def price_of(form: Price, item: Item) -> Decimal | None:
    """The price in the mapping's unit; None where it is not known, or is in another currency."""
    key = PriceKey(form.price, PriceUnit.MTOK, form.context_above, form.tier)
    point = item.prices.get(key)
    if point is None or point.currency != form.currency:
        return None
    with localcontext(EXACT):
        return (point.amount * TOKENS[form.per] * form.times).normalize()


def _document(document: Mapping[str, Any], column: str, item: Item, around: RowContext) -> dict[str, Any]:
    found = {}
    for key, value in document.items():
        found[key] = _part(value, column, item, around)
    return {key: value for key, value in found.items() if value is not None}


def _part(value: Any, column: str, item: Item, around: RowContext) -> Any:
    if isinstance(value, str):
        return item.fields.get(value)
    if isinstance(value, Mapping):
        if is_form(value):
            return value_of(form_of(value), column, item, around)
        return _document(value, column, item, around)
    return value


def form_of(value: Mapping[str, Any]) -> Form:
    """The form that a part of a document states."""
    return next(form for key, form in FORMS.items() if key in value).model_validate(dict(value))


def _formatted(value: Any, pattern: str) -> Any:
    moment = _moment(value)
    return value if moment is None else _time(moment, pattern)


def _moment(value: Any) -> datetime | None:
    """The first instant of a day, a month or a year."""
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    if isinstance(value, str) and re.fullmatch(r"\d{4}(-\d{2}){0,2}", value):
        year, month, day = (*map(int, value.split("-")), 1, 1)[:3]
        return datetime(year, month, day, tzinfo=UTC)
    return None


def _time(moment: datetime, pattern: str) -> Any:
    match pattern:
        case "timestamp":
            return moment
        case "epoch_s":
            return int(moment.timestamp())
        case "epoch_ms":
            return int(moment.timestamp()) * 1000
        case "iso":
            return moment.isoformat().replace("+00:00", "Z")
        case "date":
            return moment.date().isoformat()
        case _:
            return moment.strftime(pattern)


def new_key(kind: str, now: datetime) -> str:
    """A new key that no other row has."""
    match kind:
        case "uuid4":
            return str(uuid4())
        case "uuid7":
            high = int(now.timestamp() * 1000) << 80
            return str(UUID(int=high | 7 << 76 | secrets.randbits(12) << 64 | 0b10 << 62 | secrets.randbits(62)))
        case "cuid":
            return "c" + "".join(secrets.choice(_LETTERS) for _ in range(24))
        case _:
            return "".join(secrets.choice(_NANOID) for _ in range(21))


def is_made_once(form: Form, table: TableMapping) -> bool:
    """Whether a cell is the application's as soon as the row is there."""
    if form.own is not None:
        return form.own is Own.INSERT
    return isinstance(form, Const | New | Slug) or (isinstance(form, Fact) and form.from_ in ONCE)
