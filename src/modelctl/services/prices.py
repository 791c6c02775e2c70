"""Dated prices: what a model costs when and what requests cost, and prices that a person enters or corrects.

Each answer is of one instant. What is entered is one transaction, audited: all of a command's prices, or none.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Protocol

from modelctl.core.facts import ModelKey
from modelctl.core.models.resolve import Resolution, resolve
from modelctl.core.prices.billing import (
    Beside,
    Billed,
    Biller,
    BillTotals,
    RecordBill,
    Served,
    may_answer,
    prices_beside,
    served,
)
from modelctl.core.prices.price import PriceKey, PricePoint, current, point_at, price_label
from modelctl.core.prices.timeline import PriceChange, price_changes, rank
from modelctl.core.records import BadRow
from modelctl.core.stored import ModelsByKey, StoredModel
from modelctl.core.text import require_known
from modelctl.db import read
from modelctl.errors import ModelctlError

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from modelctl.core.planning.plan import Change
    from modelctl.core.prices.manual import PriceResult, PriceRow, PriceTerms
    from modelctl.core.prices.usage import Usage, UsageRow
    from modelctl.core.runs import Author
    from modelctl.db.engine import Database
    from modelctl.db.lease import Holder
    from modelctl.settings import Runtime


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledgers:
    """What names mean, and all models: those that are meant, and what they redirect to, with their ledgers."""

    resolutions: Mapping[str, Resolution]
    """By name, in the order of the names."""
    problems: Mapping[str, ModelctlError]
    """By name, why it means no model."""
    known: ModelsByKey


def find_ledgers(database: Database, names: Iterable[str], today: date) -> Ledgers:
    """What the names mean; those that mean no model, or several, are among the problems."""

    def work(connection: Connection) -> Ledgers:
        known = {each.key: each for each in read.models(connection, database.tables)}
        resolutions, problems = _resolved(names, known.values(), today)
        wanted = may_answer({each.key for each in resolutions.values()}, known)
        with_ledgers = known | read.with_ledgers(connection, database.tables, wanted)
        return Ledgers(resolutions=resolutions, problems=problems, known=with_ledgers)

    return database.read(work)


def get_ledgers(database: Database, names: Iterable[str], today: date) -> Ledgers:
    """The same. UsageError for the first name that means no model, or several."""
    found = find_ledgers(database, names, today)
    for problem in found.problems.values():
        raise problem
    return found


def _resolved(
    names: Iterable[str], known: Collection[StoredModel], today: date
) -> tuple[dict[str, Resolution], dict[str, ModelctlError]]:
    """What each name means, and of those that mean no model, why."""
    resolutions: dict[str, Resolution] = {}
    problems: dict[str, ModelctlError] = {}
    for name in dict.fromkeys(names):
        try:
            resolutions[name] = resolve(name, known, today)
        except ModelctlError as error:
            problems[name] = error
    return resolutions, problems


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelPrices:
    """The prices of a model as of an instant."""

    at: datetime
    resolution: Resolution
    served: Served
    """Who answers at that instant, and is billed."""
    known: ModelsByKey
    """All models; this one, and what it redirects to, with their ledgers."""

    @property
    def ledger(self) -> tuple[PricePoint, ...]:
        """The model's own, whoever answers."""
        return self.known[self.resolution.key].prices

    @property
    def in_force(self) -> dict[PriceKey, PricePoint]:
        """What is paid; nothing where that is not on record."""
        return current(self.known[self.served.key].prices, self.at) if self.served.is_known else {}


def prices_at(database: Database, name: str, at: datetime) -> ModelPrices:
    """The prices of a model at an instant. UsageError for a name that means no model, or several."""
    found = get_ledgers(database, [name], at.date())
    resolution = found.resolutions[name]
    answering = served(resolution.key, found.known, at)
    return ModelPrices(at=at, resolution=resolution, served=answering, known=found.known)


def list_price_changes(
    database: Database, providers: Collection[str], *, since: datetime, until: datetime | None
) -> list[tuple[ModelKey, PriceChange]]:
    """The changes from `since` on and before `until`, announced ones included, by time and model.

    `providers`: of these, or of all. UsageError for one that there is not.
    """

    def work(connection: Connection) -> list[StoredModel]:
        known = read.provider_names(connection, database.tables)
        for name in providers:
            require_known(name, known, "provider")
        of_each = (read.models_of(connection, database.tables, name).models for name in providers or known)
        return [model for models in of_each for model in models.values()]

    found = [
        (model.key, change)
        for model in database.read(work)
        for change in price_changes(model.prices)
        if since <= change.at and (until is None or change.at < until)
    ]
    return sorted(found, key=lambda each: (each[1].at, each[0], rank(each[1].key)))


def bill_request(
    database: Database, names: Sequence[str], usage: Usage, at: datetime, service_tier: str
) -> tuple[list[Billed], Ledgers]:
    """What the same request costs at each of the models that are named, in their order, and what that rests on.

    What has no price on record is listed in the bill, whose totals are then lower bounds. UsageError for a name that
    means no model, or several.
    """
    found = get_ledgers(database, names, at.date())
    biller = Biller(found.known)
    keys = dict.fromkeys(each.key for each in found.resolutions.values())
    return [biller.bill(key, usage, at, service_tier) for key in keys], found


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageBills:
    """The bills of usage records, computed as they are iterated over: there may be millions."""

    bad: Sequence[BadRow]
    """Records whose model is unknown. Where there are any, no other is to be billed."""
    ledgers: Ledgers
    records: Iterator[RecordBill]
    total: BillTotals
    """Counts while the records pass."""
    by_model: Mapping[ModelKey, BillTotals]
    """So does this."""


def bill_usage(database: Database, rows: Sequence[UsageRow], at: datetime, service_tier: str) -> UsageBills:
    """What each of many requests cost. `at` and `service_tier` are those of records that do not state theirs."""
    found = find_ledgers(database, (row.model for row in rows), at.date())
    total, by_model = BillTotals(), defaultdict[ModelKey, BillTotals](BillTotals)

    def records() -> Iterator[RecordBill]:
        biller = Biller(found.known)
        for row in rows:
            key = found.resolutions[row.model].key
            billed = biller.bill(key, row.usage, row.at or at, row.service_tier or service_tier)
            total.add(billed)
            by_model[key].add(billed)
            yield RecordBill(row.line, row.id, billed)

    bad = [BadRow(row.line, str(found.problems[row.model])) for row in rows if row.model in found.problems]
    return UsageBills(bad=bad, ledgers=found, records=records(), total=total, by_model=by_model)


class PriceEdit(Protocol):
    """What a price does to a ledger: `manual.points_to_set`, or `points_to_correct`."""

    def __call__(
        self, ledger: Sequence[PricePoint], terms: PriceTerms, *, now: datetime
    ) -> tuple[PricePoint, ...]:  # pragma: no cover
        """The points to append."""


@dataclass(slots=True)
class PriceReport:
    """What came of them all. Where something is bad, nothing was written."""

    resolutions: dict[str, Resolution] = field(default_factory=dict)
    bad: list[BadRow] = field(default_factory=list)
    prices: list[PriceResult] = field(default_factory=list)
    unchanged: int = 0
    """Prices that the ledger had already."""
    changes: list[Change] = field(default_factory=list)
    models: dict[ModelKey, StoredModel] = field(default_factory=dict)
    """The rows as they were."""
    beside: list[Beside] = field(default_factory=list)
    """Prices of these models that stay as they are."""


def edit_prices(
    runtime: Runtime,
    database: Database,
    rows: Sequence[PriceRow],
    edit: PriceEdit,
    author: Author,
    *,
    bad: Sequence[BadRow] = (),
    on_wait: Callable[[Holder], None] = lambda _holder: None,
) -> PriceReport:
    """Append the prices by `edit`, in their order, all or none; the columns of the rows follow.

    `bad`: lines that could not be read; then the others are only looked at.
    LockHeld where another run writes for longer than the settings wait.
    """
    from modelctl.core.planning.ownership import append_prices
    from modelctl.db.lease import writing_alone
    from modelctl.services.edits import write_changes

    def work(connection: Connection) -> PriceReport:
        result = PriceReport(bad=list(bad))
        known = read.models(connection, database.tables)
        result.resolutions, problems = _resolved((row.model for row in rows), known, author.now.date())
        result.bad += [BadRow(row.line, str(problems[row.model])) for row in rows if row.model in problems]
        keys = {each.key for each in result.resolutions.values()}
        result.models = read.with_ledgers(connection, database.tables, keys, lock=True)
        appended = _apply_all(rows, result.resolutions, edit, author, result)
        if not result.bad:
            models = result.models
            result.changes = [append_prices(models[key], appended[key], now=author.now) for key in sorted(appended)]
            write_changes(connection, database, result.changes, author)
            result.beside = list(_beside(result))
        return result

    with writing_alone(database, author, wait_s=runtime.settings.lock_wait_s, on_wait=on_wait) as fenced:
        return fenced.write(work)


def _beside(result: PriceReport) -> Iterator[Beside]:
    entered: defaultdict[ModelKey, list[PricePoint]] = defaultdict(list)
    for each in result.prices:
        entered[each.key].append(each.point)
    for change in result.changes:
        ledger = (*result.models[change.key].prices, *change.prices)
        if (beside := prices_beside(change.key, ledger, entered[change.key])) is not None:
            yield beside


def _apply_all(
    rows: Sequence[PriceRow], names: Mapping[str, Resolution], edit: PriceEdit, author: Author, result: PriceReport
) -> dict[ModelKey, list[PricePoint]]:
    """The points to append to each model's ledger, which grows row by row; what cannot be becomes a bad row."""
    appended: defaultdict[ModelKey, list[PricePoint]] = defaultdict(list)
    for row in rows:
        if row.model not in names:
            continue
        model = result.models[names[row.model].key]
        if model.state is None:
            problem = f"{model.key} was there before modelctl: `modelctl override adopt {model.key}` first"
            result.bad.append(BadRow(row.line, problem))
            continue
        ledger = (*model.prices, *appended[model.key])
        try:
            points = edit(ledger, row.terms, now=author.now)
        except ModelctlError as error:
            label = price_label(row.terms.key)
            result.bad.append(BadRow(row.line, f"{model.key} {label}: {error}"))
            continue
        appended[model.key] += points
        if points:
            result.prices.append(_result_of(row, model.key, ledger, points, author.now))
        else:
            result.unchanged += 1
    return {key: points for key, points in appended.items() if points}


def _result_of(
    row: PriceRow, key: ModelKey, ledger: Sequence[PricePoint], points: Sequence[PricePoint], now: datetime
) -> PriceResult:
    from modelctl.core.prices.manual import PriceResult, set_aside

    of_key = [each for each in ledger if each.key == points[0].key]
    return PriceResult(
        line=row.line,
        key=key,
        point=points[0],
        old=point_at(of_key, points[0].effective_from),
        set_aside=tuple(set_aside(ledger, points, now=now)),
    )
