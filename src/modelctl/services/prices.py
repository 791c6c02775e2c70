"""Prices that a person enters or corrects: all of a command's in one transaction, audited, or none of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from modelctl.core.facts import ModelKey
from modelctl.core.models.resolve import Resolution, resolve
from modelctl.core.planning.ownership import append_prices
from modelctl.core.planning.plan import Change
from modelctl.core.prices.manual import PriceRow, PriceTerms, set_aside
from modelctl.core.prices.price import PricePoint, point_at, price_label
from modelctl.core.records import BadRow
from modelctl.core.runs import Author
from modelctl.core.stored import StoredModel
from modelctl.db import read
from modelctl.db.engine import Database
from modelctl.errors import ModelctlError
from modelctl.services.edits import write_changes

if TYPE_CHECKING:
    from sqlalchemy import Connection


class PriceEdit(Protocol):
    """What a price does to a ledger: `manual.points_to_set`, or `points_to_correct`."""

    def __call__(
        self, ledger: Sequence[PricePoint], terms: PriceTerms, *, now: datetime
    ) -> tuple[PricePoint, ...]:  # pragma: no cover
        """The points to append."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceResult:
    """What came of one price."""

    line: int
    key: ModelKey
    point: PricePoint
    """The entry itself, as it is in the ledger; what restates it is not told apart."""
    old: PricePoint | None
    """What the ledger had for its start."""
    set_aside: tuple[PricePoint, ...] = ()
    """What was announced and does not come."""


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


def edit_prices(
    database: Database, rows: Sequence[PriceRow], edit: PriceEdit, author: Author, *, bad: Sequence[BadRow] = ()
) -> PriceReport:
    """Append the prices by `edit`, in their order, all or none; the columns of the rows follow.

    `bad`: lines that could not be read; then the others are only looked at.
    """

    def work(connection: Connection) -> PriceReport:
        result = PriceReport(bad=list(bad))
        names = _resolved(connection, database, rows, result)
        keys = {each.key for each in names.values()}
        result.models = read.with_ledgers(connection, database.tables, keys, lock=True)
        appended = _apply_all(rows, names, edit, author, result)
        if not result.bad:
            models = result.models
            result.changes = [append_prices(models[key], appended[key], now=author.now) for key in sorted(appended)]
            write_changes(connection, database, result.changes, author)
        return result

    return database.write(work)


def _resolved(
    connection: Connection, database: Database, rows: Sequence[PriceRow], result: PriceReport
) -> Mapping[str, Resolution]:
    """What each name means; names that mean no model become bad rows."""
    known = read.models(connection, database.tables)
    problems: dict[str, str] = {}
    for name in dict.fromkeys(row.model for row in rows):
        try:
            result.resolutions[name] = resolve(name, known)
        except ModelctlError as error:
            problems[name] = str(error)
    result.bad += [BadRow(row.line, problems[row.model]) for row in rows if row.model in problems]
    return result.resolutions


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
            problem = f"{model.key} was there before modelctl, which leaves it alone; `modelctl adopt {model.key}`"
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
    of_key = [each for each in ledger if each.key == points[0].key]
    return PriceResult(
        line=row.line,
        key=key,
        point=points[0],
        old=point_at(of_key, points[0].effective_from),
        set_aside=tuple(set_aside(ledger, points, now=now)),
    )
