"""From the tables of a catalog file to a provider and its models, reporting whatever cannot be. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from itertools import chain
from operator import attrgetter
from typing import Any

from modelctl.catalog.finding import KeyPath, Problem, closest, printable
from modelctl.catalog.prices import PointsByLine, Priced, price_points, price_problems, with_lines
from modelctl.catalog.schema import DOCUMENT, MODEL, PROVIDER, ModelTable, ProviderTable
from modelctl.catalog.shape import read_table
from modelctl.core.model import (
    CAPABILITIES,
    FACT_FIELDS,
    PRICE_FIELDS,
    ModelFacts,
    ModelKey,
    ModelRecord,
    Source,
    provenance_of,
)
from modelctl.core.provider import Provider
from modelctl.core.validate import check_key, fact_problems
from modelctl.errors import InvalidFact

STATED_FACTS = tuple(name for name in FACT_FIELDS if name not in {*CAPABILITIES, *PRICE_FIELDS, "price_currency"})
"""Facts whose key in a file is their own name. Capabilities stand in two lists; prices are the ledger's to project."""
UNSETTABLE = frozenset(STATED_FACTS) | frozenset(CAPABILITIES)
"""Facts that an overlay can blank. A price cannot be: one that has been charged stays in the ledger."""

_before = attrgetter(*FACT_FIELDS[: FACT_FIELDS.index(CAPABILITIES[0])])
_after = attrgetter(*STATED_FACTS[FACT_FIELDS.index(CAPABILITIES[0]) :])
"""The stated facts before and after the capabilities, in the order of a model's facts; its prices come last."""

Report = Callable[[Problem], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One `[[model]]` whose shape is right."""

    index: int
    """Its place among the models of the file, from 0, the broken ones counted."""
    table: ModelTable
    record: ModelRecord
    points: PointsByLine
    """`record.prices` by the lines of `prices`."""

    @property
    def priced(self) -> tuple[Priced, ...]:
        """`record.prices`, each with the line of `prices` that states it."""
        return with_lines(self.points)


def understand(
    name: str,
    data: Mapping[str, Any],
    source: Source,
    report: Report,
    *,
    over: Mapping[str, Provider] | None = None,
) -> tuple[Provider | None, tuple[Entry, ...]]:
    """The provider and the models of one file. What has not the right shape is left out, and reported.

    `over`: the providers whose own words fill up what `[provider]` leaves out.
    """
    below = over.get(name) if over is not None else None
    read_table(DOCUMENT, {"provider": {}, **data} if below else data, (), partial(_hinted, report, name, over))
    own = data.get("provider", {} if below else None)
    about = None
    if isinstance(own, dict):
        about = read_table(PROVIDER, {**_table_of(below), **own} if below else own, ("provider",), report)
    default_source = (about and "pricing_url" in own and about.pricing_url) or ""
    if source is Source.OVERLAY:  # a price of one's own is not the vendor's word
        default_source = default_source or source.value
    entries = (
        _entry(name, index, table, default_source=default_source, source=source, report=report)
        for index, table in enumerate(model_tables(data))
        if isinstance(table, dict)
    )
    understood = tuple(entry for entry in entries if entry is not None)
    is_builtin = below.is_builtin if below else source is Source.CATALOG
    return None if about is None else _provider(name, about, is_builtin, report), understood


def model_tables(data: Mapping[str, Any]) -> Sequence[object]:
    """What stands under `[[model]]`, whatever it is."""
    tables = data.get("model")
    return tables if isinstance(tables, list) else ()


def stated_id(table: object) -> str:
    """The id in a model's table, even a broken one; empty where it has none."""
    stated = table.get("id") if isinstance(table, dict) else None
    return stated if isinstance(stated, str) else ""


def _hinted(report: Report, name: str, over: Mapping[str, Provider] | None, problem: Problem) -> None:
    """A file without `[provider]` is mostly one for a shipped provider whose name is spelt otherwise."""
    if over is not None and problem.at == ("provider",) and problem.message == "is missing":
        near = closest(name, sorted(over)) or "only a shipped provider needs none"
        problem = replace(problem, hint=f"{near} (this file is for {printable(name)})")
    report(problem)


def _table_of(provider: Provider) -> dict[str, Any]:
    """What a `[provider]` table would state of it."""
    stated = ((key, getattr(provider, key)) for key in ProviderTable._fields)
    return {key: value for key, value in stated if value is not None}


def _provider(name: str, table: ProviderTable, is_builtin: bool, report: Report) -> Provider:
    for problem in fact_problems(ModelFacts(display_name=table.display_name)):
        report(_about_fact(problem, ("provider",)))
    return Provider(name=name, is_builtin=is_builtin, **table._asdict())


def _entry(
    provider: str, index: int, stated: Mapping[str, Any], *, default_source: str, source: Source, report: Report
) -> Entry | None:
    at: KeyPath = ("model", index)
    table = read_table(MODEL, stated, at, report)
    if table is None:
        return None
    facts = _facts(table)
    points = price_points(table.prices, currency=table.currency, default_source=default_source)
    record = ModelRecord(
        key=ModelKey(provider, table.id),
        facts=facts,
        prices=tuple(chain.from_iterable(points)),
        provenance=_provenance(tuple(stated), table.capabilities, table.lacks, source),
        stated_none=frozenset(table.unset),
        verified_on=table.verified_on,
    )
    for problem in _impossible(table, record, points, source):
        report(replace(problem, at=(*at, *problem.at)))
    return Entry(index=index, table=table, record=record, points=points)


def _facts(table: ModelTable) -> ModelFacts:
    return ModelFacts(*_before(table), *_can(table.capabilities, table.lacks), *_after(table))


@lru_cache(maxsize=1024)
def _can(capabilities: Sequence[str], lacks: Sequence[str]) -> Sequence[bool | None]:
    stated = dict.fromkeys(lacks, False) | dict.fromkeys(capabilities, True)
    return tuple(stated.get(name) for name in CAPABILITIES)


@lru_cache(maxsize=1024)
def _provenance(
    keys: Sequence[str], capabilities: Sequence[str], lacks: Sequence[str], source: Source
) -> Mapping[str, str]:
    """`keys`: those of the table. Most models of a file have the same."""
    stated = {*keys, *capabilities, *lacks}
    return provenance_of(*((fact, source.value) for fact in FACT_FIELDS if fact in stated))


def _impossible(table: ModelTable, record: ModelRecord, points: PointsByLine, source: Source) -> Iterator[Problem]:
    try:
        check_key(record.key)
    except InvalidFact as error:
        yield Problem(at=("id",), message=error.message.rpartition(": ")[2], hint=error.hint)
    for problem in fact_problems(record.facts):
        yield _about_fact(problem, ())
    yield from _contradicting_capabilities(table.capabilities, table.lacks)
    yield from _wrongly_unset(table, record)
    if unusable := _wrong_currency(table.currency):  # said once; each price would say it again
        yield replace(_about_fact(unusable[0], ()), at=("currency",))
    else:
        yield from price_problems(table.prices, points, of_a_person=source is Source.OVERLAY)


@lru_cache(maxsize=32)
def _wrong_currency(currency: str) -> tuple[str, ...]:
    return tuple(fact_problems(ModelFacts(price_currency=currency)))


@lru_cache(maxsize=1024)
def _contradicting_capabilities(capabilities: Sequence[str], lacks: Sequence[str]) -> Sequence[Problem]:
    problems = []
    for key, named in (("capabilities", capabilities), ("lacks", lacks)):
        if len(set(named)) != len(named):
            problems.append(Problem(at=(key,), message="names something twice"))
    for capability in sorted(set(capabilities) & set(lacks)):
        problems.append(Problem(at=("lacks",), message=f"{capability!r} is among the capabilities, too"))
    return problems


def _wrongly_unset(table: ModelTable, record: ModelRecord) -> Iterator[Problem]:
    for position, name in enumerate(table.unset):
        at = ("unset", position)
        if name not in UNSETTABLE:
            hint = closest(name, sorted(UNSETTABLE)) or "name a fact or a capability"
            yield Problem(at=at, message=f"{printable(name)} is no fact that can be unset", hint=hint)
        elif getattr(record.facts, name) is not None:
            yield Problem(at=at, message=f"{name} is stated by this model, too")
        elif name in table.unset[:position]:
            yield Problem(at=at, message=f"{name} is named twice")


def _about_fact(problem: str, table: KeyPath) -> Problem:
    """The core's sentence, which starts with the name of the fact: here, that is the key."""
    name, _, message = problem.partition(": ")
    return Problem(at=(*table, name), message=message)
