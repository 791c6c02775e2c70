"""What a request used: how much of each thing that is metered, and by which prices each thing can be billed.

One `Usage` is one request, because the size of its prompt decides about the long-context price. Sums over many
requests can only be billed where the model has no such price.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from itertools import product
from types import MappingProxyType
from typing import Any, NamedTuple

from modelctl.core.facts import plain_number
from modelctl.core.prices.price import PriceKind, PriceUnit, ServiceTier
from modelctl.core.records import BadRow, field_text, rows_of, unknown_field
from modelctl.core.text import did_you_mean, instant, shorten
from modelctl.errors import InvalidFact, UsageError

MAX_WHOLE = 10**12
MAX_FRACTIONAL = 10**9
DECIMALS = 6
"""A fractional quantity has at most 9 + 6 digits, which a JSON number holds exactly."""

_NUMBER = re.compile(r"\d+(?:_\d+)*(?:\.\d+)?", re.ASCII)
_SERVICE_TIERS = frozenset(map(str, ServiceTier))
_GOES_IN = (PriceKind.INPUT, PriceKind.AUDIO_INPUT, PriceKind.IMAGE_INPUT, PriceKind.VIDEO_INPUT)
_COMES_OUT = (PriceKind.OUTPUT, PriceKind.AUDIO_OUTPUT, PriceKind.IMAGE_OUTPUT, PriceKind.VIDEO_OUTPUT)
_BOTH = (*_GOES_IN, *_COMES_OUT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Meter:
    """One thing that is counted."""

    name: str
    help: str
    prices: tuple[tuple[str, str], ...]
    """Kind and unit of the prices by which it can be billed; a model must have exactly one of them."""
    is_prompt: bool = False
    """Its tokens are part of the prompt, whose size decides about the long-context price."""
    is_whole: bool = True
    """It comes in whole numbers only."""


def _tokens(kind: PriceKind, help: str, *, is_prompt: bool = False) -> Meter:
    return Meter(name=kind.value, help=help, prices=((kind.value, PriceUnit.MTOK.value),), is_prompt=is_prompt)


def _units(name: str, unit: PriceUnit, kinds: tuple[PriceKind, ...], help: str, *, is_whole: bool = True) -> Meter:
    prices = tuple((kind.value, unit.value) for kind in kinds)
    return Meter(name=name, help=help, prices=prices, is_whole=is_whole)


def _calls(name: str, kind: PriceKind, help: str) -> Meter:
    units = (PriceUnit.REQUEST.value, PriceUnit.THOUSAND.value)
    return Meter(name=name, help=help, prices=tuple(product((kind.value,), units)))


_ALL = (
    _tokens(PriceKind.INPUT, "Prompt tokens billed at the input price: none that were cached.", is_prompt=True),
    _tokens(PriceKind.OUTPUT, "Generated tokens, as the vendor counts them."),
    _tokens(PriceKind.CACHE_READ, "Prompt tokens read from a cache.", is_prompt=True),
    _tokens(PriceKind.CACHE_WRITE, "Prompt tokens written to a cache, for 5 minutes.", is_prompt=True),
    _tokens(PriceKind.CACHE_WRITE_1H, "Prompt tokens written to a cache, for an hour.", is_prompt=True),
    _tokens(PriceKind.AUDIO_INPUT, "Audio tokens of the prompt.", is_prompt=True),
    _tokens(PriceKind.AUDIO_OUTPUT, "Audio tokens generated."),
    _tokens(PriceKind.IMAGE_INPUT, "Image tokens of the prompt.", is_prompt=True),
    _tokens(PriceKind.IMAGE_OUTPUT, "Image tokens generated."),
    _tokens(PriceKind.VIDEO_INPUT, "Video tokens of the prompt.", is_prompt=True),
    _tokens(PriceKind.VIDEO_OUTPUT, "Video tokens generated."),
    _tokens(PriceKind.REASONING_OUTPUT, "Reasoning tokens, only where the vendor counts them beside the output."),
    _units("images", PriceUnit.IMAGE, _BOTH, "Images, where only one side is priced per image."),
    _units("input_images", PriceUnit.IMAGE, _GOES_IN, "Images given, priced per image."),
    _units("output_images", PriceUnit.IMAGE, _COMES_OUT, "Images generated, priced per image."),
    _units("seconds", PriceUnit.SECOND, _BOTH, "Seconds, where only one side is priced per second.", is_whole=False),
    _units("input_seconds", PriceUnit.SECOND, _GOES_IN, "Seconds of audio or video given.", is_whole=False),
    _units("output_seconds", PriceUnit.SECOND, _COMES_OUT, "Seconds of audio or video generated.", is_whole=False),
    _units("pages", PriceUnit.PAGE, _BOTH, "Pages read."),
    _units("characters", PriceUnit.MCHAR, _BOTH, "Characters, where a model is priced by them."),
    _calls("requests", PriceKind.REQUEST, "Requests, where each one has a price of its own."),
    _calls("web_searches", PriceKind.WEB_SEARCH, "Web searches that the model made."),
)
METERS: Mapping[str, Meter] = MappingProxyType({meter.name: meter for meter in _ALL})
"""All that can be counted, by name, in the order in which bills list it."""
FIELDS = ("id", "model", "at", "service_tier", *METERS)
"""Every column that a record can have. `id` is the caller's own, and comes back with the bill."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Quantities by meter name, all possible. What is not named was not used, or is not known."""

    quantities: Mapping[str, Decimal]

    def __post_init__(self) -> None:
        """InvalidFact for a meter that there is not, and for an impossible quantity."""
        for name, quantity in self.quantities.items():
            if name not in METERS:
                raise InvalidFact(f"nothing is counted as {shorten(name)!r}", did_you_mean(name, METERS))
            if problem := _problem(METERS[name], quantity):
                raise InvalidFact(f"{name}: {quantity} {problem}")

    @property
    def prompt_tokens(self) -> int:
        """Size of the prompt: everything that was read, at whatever price."""
        return sum(int(quantity) for name, quantity in self.quantities.items() if METERS[name].is_prompt)


class UsageRow(NamedTuple):
    """One request to be billed."""

    line: int
    """Where it stands in the file, from 1."""
    id: str
    model: str
    """As it was written: any name that resolves."""
    at: datetime | None
    service_tier: str | None
    usage: Usage


@dataclass(frozen=True, slots=True)
class UsageRows:
    """What a file holds."""

    rows: list[UsageRow] = field(default_factory=list)
    bad: list[BadRow] = field(default_factory=list)


def usage_of(**quantities: int | str | Decimal) -> Usage:
    """A usage from plain numbers: `usage(input=1000, output=200)`. InvalidFact for what can be none."""
    for name in quantities:
        if name not in METERS:
            raise InvalidFact(f"nothing is counted as {shorten(name)!r}", did_you_mean(name, METERS))
    return Usage({name: read_quantity(name, plain_number(quantity)) for name, quantity in quantities.items()})


def read_quantity(name: str, text: str) -> Decimal:
    """The quantity that a command line or a usage record states. InvalidFact naming the meter where it states none."""
    if not _NUMBER.fullmatch(text):
        hint = "write plain digits, as 1200000 or 1_200_000"
        raise InvalidFact(f"{name}: {shorten(text)!r} is not a quantity", hint)
    number = Decimal(text)
    if problem := _problem(METERS[name], number):
        raise InvalidFact(f"{name}: {shorten(text)} {problem}")
    return Decimal(int(number)) if METERS[name].is_whole else number


def read_usage_rows(lines: Iterable[str]) -> UsageRows:
    """The records of a file, whose first line tells JSONL from CSV."""
    return UsageRows(*rows_of(lines, FIELDS, _row, required="model"))


def _problem(meter: Meter, number: Decimal) -> str:
    """Why this cannot be; empty where it can."""
    if not number.is_finite() or number < 0:
        return "is not a quantity"
    if meter.is_whole:
        if number > MAX_WHOLE:
            return f"is more than {MAX_WHOLE:,}"
        return "" if number == int(number) else "is not a whole number"
    if number >= MAX_FRACTIONAL:
        return f"is not below {MAX_FRACTIONAL:,}"
    return "" if number == round(number, DECIMALS) else f"has more than {DECIMALS} digits after the point"


def _row(line: int, record: Mapping[str, Any]) -> UsageRow:
    """UsageError or InvalidFact for what cannot be billed."""
    quantities = {}
    for name, value in record.items():
        if name in METERS:
            if (text := field_text(name, value)) != "":
                quantities[name] = read_quantity(name, text)
        elif name not in FIELDS:
            raise UsageError(unknown_field(name, FIELDS))
    model, at, service_tier = (field_text(name, record.get(name)) for name in ("model", "at", "service_tier"))
    if not model:
        raise UsageError("has no model")
    if not quantities:
        raise UsageError("has no quantity")
    if service_tier and service_tier not in _SERVICE_TIERS:
        raise UsageError(f"service_tier: {shorten(service_tier)!r} is none; there are {', '.join(ServiceTier)}")
    return UsageRow(
        line=line,
        id=field_text("id", record.get("id")),
        model=model,
        at=instant(at, "at") if at else None,
        service_tier=service_tier or None,
        usage=Usage(quantities),
    )
