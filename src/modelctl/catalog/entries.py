"""From the tables of a catalog file to a provider and its models, reporting whatever cannot be. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from modelctl.catalog.finding import KeyPath, Problem
from modelctl.catalog.prices import Priced, price_points, price_problems
from modelctl.core.model import CAPABILITIES, FACT_FIELDS, PRICE_FIELDS, ModelFacts, ModelKey, ModelRecord, Source
from modelctl.core.provider import Provider
from modelctl.core.validate import check_key, fact_problems
from modelctl.errors import InvalidFact

if TYPE_CHECKING:
    from modelctl.catalog.schema import ModelTable, ProviderTable

STATED_FACTS = tuple(name for name in FACT_FIELDS if name not in {*CAPABILITIES, *PRICE_FIELDS, "price_currency"})
"""Facts whose key in a file is their own name. Capabilities stand in two lists; prices are the ledger's to project."""

Report = Callable[[Problem], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One `[[model]]` whose shape is right."""

    index: int
    """Its place among the models of the file, from 0, the broken ones counted."""
    table: ModelTable
    record: ModelRecord
    priced: tuple[Priced, ...]
    """`record.prices`, each with the line of `prices` that states it."""


def understand(
    name: str, data: Mapping[str, Any], source: Source, report: Report
) -> tuple[Provider | None, tuple[Entry, ...]]:
    """The provider and the models of one file. What has not the right shape is left out, and reported."""
    from modelctl.catalog.schema import Document, ProviderTable, read_table

    read_table(Document, data, (), report)
    stated = data.get("provider")
    about = read_table(ProviderTable, stated, ("provider",), report) if isinstance(stated, dict) else None
    pricing_url = (about and about.pricing_url) or ""
    entries = (
        _entry(name, index, table, pricing_url=pricing_url, source=source, report=report)
        for index, table in enumerate(model_tables(data))
        if isinstance(table, dict)
    )
    understood = tuple(entry for entry in entries if entry is not None)
    return None if about is None else _provider(name, about, source, report), understood


def model_tables(data: Mapping[str, Any]) -> Sequence[object]:
    """What stands under `[[model]]`, whatever it is."""
    tables = data.get("model")
    return tables if isinstance(tables, list) else ()


def stated_id(table: object) -> str:
    """The id in a model's table, even a broken one; empty where it has none."""
    stated = table.get("id") if isinstance(table, dict) else None
    return stated if isinstance(stated, str) else ""


def _provider(name: str, table: ProviderTable, source: Source, report: Report) -> Provider:
    for problem in fact_problems(ModelFacts(display_name=table.display_name)):
        report(_about_fact(problem, ("provider",)))
    return Provider(name=name, is_builtin=source is Source.CATALOG, **dict(table))


def _entry(
    provider: str, index: int, stated: Mapping[str, Any], *, pricing_url: str, source: Source, report: Report
) -> Entry | None:
    from modelctl.catalog.schema import ModelTable, read_table

    at: KeyPath = ("model", index)
    table = read_table(ModelTable, stated, at, report)
    if table is None:
        return None
    facts = _facts(table)
    priced = price_points(table.prices, currency=table.currency, default_source=pricing_url)
    record = ModelRecord(
        key=ModelKey(provider, table.id),
        facts=facts,
        prices=tuple(each.point for each in priced),
        provenance={fact: source.value for fact, _ in facts.known()},
        verified_on=table.verified_on,
    )
    for problem in _impossible(table, record, priced):
        report(replace(problem, at=(*at, *problem.at)))
    return Entry(index=index, table=table, record=record, priced=priced)


def _facts(table: ModelTable) -> ModelFacts:
    stated: dict[str, Any] = {name: getattr(table, name) for name in STATED_FACTS}
    stated.update(dict.fromkeys(table.lacks, False))
    stated.update(dict.fromkeys(table.capabilities, True))
    return ModelFacts(**stated)


def _impossible(table: ModelTable, record: ModelRecord, priced: Sequence[Priced]) -> Iterator[Problem]:
    try:
        check_key(record.key)
    except InvalidFact as error:
        yield Problem(at=("id",), message=error.message.rpartition(": ")[2], hint=error.hint)
    for problem in fact_problems(record.facts):
        yield _about_fact(problem, ())
    yield from _contradicting_capabilities(table)
    unusable = list(fact_problems(ModelFacts(price_currency=table.currency)))
    if unusable:  # said once; each price would say it again
        yield replace(_about_fact(unusable[0], ()), at=("currency",))
    else:
        yield from price_problems(table.prices, priced)


def _contradicting_capabilities(table: ModelTable) -> Iterator[Problem]:
    for key in ("capabilities", "lacks"):
        named: tuple[str, ...] = getattr(table, key)
        if len(set(named)) != len(named):
            yield Problem(at=(key,), message="names something twice")
    for capability in sorted(set(table.capabilities) & set(table.lacks)):
        yield Problem(at=("lacks",), message=f"{capability!r} is among the capabilities, too")


def _about_fact(problem: str, table: KeyPath) -> Problem:
    """The core's sentence, which starts with the name of the fact: here, that is the key."""
    name, _, message = problem.partition(": ")
    return Problem(at=(*table, name), message=message)
