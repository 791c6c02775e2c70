"""Prices as people write them, in options and in files, into terms. Each refusal names the field."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any, NamedTuple

from modelctl.core.currencies import CURRENCIES
from modelctl.core.instants import instant
from modelctl.core.names import did_you_mean
from modelctl.core.price import (
    NOT_FOR_CALLS,
    PRICED_PER_CALL,
    SINCE_LAUNCH,
    STANDARD,
    PriceKey,
    PriceKind,
    PriceUnit,
    ServiceTier,
)
from modelctl.core.price_entry import PriceTerms
from modelctl.core.records import BadRow, field_text, read_records, unknown_field
from modelctl.core.validate import MAX_TOKENS, SOURCE_MAX_CHARS, amount_problems, plain_text_problems, shorten
from modelctl.errors import ModelctlError, UsageError

LAUNCH = "launch"
"""What may be written for a day: a price that has held for as long as the model has been sold."""
FIELDS = ("model", "kind", "amount", "unit", "from", "context_above", "service_tier", "currency", "source")
"""Every column that a file of prices can have."""

_AMOUNT = re.compile(r"-?\d{1,30}(?:\.\d{1,30})?", re.ASCII)
_TOKENS = re.compile(r"\d{1,15}(?:_\d{1,15})*", re.ASCII)
_PRICED = re.compile(r"(?P<kind>[^=/]+)=(?P<amount>[^=/]+)(?:/(?P<unit>[^=/]+))?")


class PriceRow(NamedTuple):
    """One price for one model."""

    line: int
    """Where it stands in the file, from 1; 0 on the command line."""
    model: str
    """As it was written: any name that resolves."""
    terms: PriceTerms


@dataclass(frozen=True, slots=True)
class PriceRows:
    """What a file of prices holds."""

    rows: list[PriceRow] = field(default_factory=list)
    bad: list[BadRow] = field(default_factory=list)


def read_price_rows(lines: Iterable[str]) -> PriceRows:
    """The prices of a file, CSV with a header or JSONL."""
    found = PriceRows()
    for line, record in read_records(lines, FIELDS, required="model"):
        if isinstance(record, str):
            found.bad.append(BadRow(line, record))
            continue
        try:
            found.rows.append(_row(line, record))
        except ModelctlError as error:
            found.bad.append(BadRow(line, str(error)))
    return found


def price_terms(said: Mapping[str, str], labels: Mapping[str, str] = MappingProxyType({})) -> PriceTerms:
    """The terms that these fields state (see `FIELDS`; an empty one says nothing). UsageError naming the field.

    `labels`: what a field is called where it came from, as `--from`.
    """

    def label(name: str) -> str:
        return labels.get(name, name)

    key = PriceKey(
        kind=_choice(label("kind"), said.get("kind", ""), PriceKind),
        unit=_choice(label("unit"), said.get("unit") or PriceUnit.MTOK.value, PriceUnit),
        context_above=_tokens(label("context_above"), said.get("context_above") or "0"),
        service_tier=_choice(label("service_tier"), said.get("service_tier") or STANDARD, ServiceTier),
    )
    if key.kind in PRICED_PER_CALL and key.unit in NOT_FOR_CALLS:
        raise UsageError(
            f"{label('unit')}: {key.kind} is a price per call, not per {key.unit}", "its unit is request or thousand"
        )
    return PriceTerms(
        key=key,
        amount=_amount(label("amount"), said.get("amount", "")),
        source=_source(label("source"), said.get("source", "")),
        starts_at=_start(label("from"), said["from"]) if said.get("from") else None,
        currency=_currency(label("currency"), said["currency"]) if said.get("currency") else None,
    )


def split_price(text: str) -> dict[str, str]:
    """The fields that `KIND=AMOUNT` or `KIND=AMOUNT/UNIT` states."""
    found = _PRICED.fullmatch(text)
    if found is None:
        raise UsageError(
            f"--price: {shorten(text)!r} is no price", "write KIND=AMOUNT/UNIT, as image_output=0.04/image"
        )
    return {name: value.strip() for name, value in found.groupdict(default="").items()}


def _row(line: int, record: Mapping[str, Any]) -> PriceRow:
    said = {}
    for name, value in record.items():
        if name not in FIELDS:
            raise UsageError(unknown_field(name, FIELDS))
        said[name] = field_text(name, value)
    for name in ("model", "kind", "amount", "source"):
        if not said.get(name):
            raise UsageError(f"has no {name}")
    return PriceRow(line, said["model"], price_terms(said))


def _choice(label: str, text: str, known: Iterable[str]) -> str:
    names = [str(each) for each in known]
    if text not in names:
        raise UsageError(f"{label}: there is no {shorten(text)!r}", did_you_mean(text, names))
    return text


def _currency(label: str, text: str) -> str:
    if text not in CURRENCIES:
        meant = text.upper() if text.upper() in CURRENCIES else ""
        hint = f"did you mean {meant}?" if meant else "write its ISO code, as EUR"
        raise UsageError(f"{label}: there is no currency {shorten(text)!r}", hint)
    return text


def _amount(label: str, text: str) -> Decimal:
    if not _AMOUNT.fullmatch(text):
        raise UsageError(f"{label}: {shorten(text)!r} is no amount", "write plain digits with a point, as 0.15")
    amount = Decimal(text)
    for problem in amount_problems(amount):
        raise UsageError(f"{label}: {text}{problem.removeprefix(str(amount))}")
    return amount


def _tokens(label: str, text: str) -> int:
    if not _TOKENS.fullmatch(text) or int(text) > MAX_TOKENS:
        raise UsageError(f"{label}: {shorten(text)!r} is no number of tokens from 0 to {MAX_TOKENS:,}")
    return int(text)


def _start(label: str, text: str) -> datetime:
    start = SINCE_LAUNCH if text == LAUNCH else instant(text, label)
    if start < SINCE_LAUNCH:
        raise UsageError(f"{label}: {shorten(text)!r} is before 1970", f"{LAUNCH!r} is the beginning of a model's sale")
    if start.microsecond:
        raise UsageError(f"{label}: {shorten(text)!r} has parts of a second, which not every database keeps")
    return start


def _source(label: str, text: str) -> str:
    for problem in plain_text_problems(text, SOURCE_MAX_CHARS):
        raise UsageError(f"{label}: {problem}", "say where the price can be looked up: a page, or a contract")
    return text
