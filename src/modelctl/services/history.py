"""What can be asked of the past: who changed what, and which runs there were. Nothing is written."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelctl.core.facts import ModelKey
from modelctl.core.models.resolve import NAMING_FACTS, Resolution, resolve
from modelctl.core.runs import HistoryEntry, Run, named_run
from modelctl.core.text import require_known
from modelctl.db import history, read
from modelctl.errors import ModelctlError, UsageError

if TYPE_CHECKING:
    from datetime import date, datetime

    from sqlalchemy import Connection

    from modelctl.db.engine import Database


@dataclass(frozen=True, slots=True)
class Trail:
    """What was found of the audit trail."""

    name: str
    """Of the model, as it was asked for; empty where none was."""
    key: ModelKey | None
    """The model that is meant; None where none was named."""
    resolution: Resolution | None
    """How it was named; None where its row is gone."""
    providers: Sequence[str]
    """The providers that were named."""
    entries: Sequence[HistoryEntry]
    total: int
    """At least: all entries are counted only where none fits."""


def list_changes(
    database: Database, names: Collection[str], *, since: datetime | None, limit: int, today: date
) -> Trail:
    """The last changes, newest first: of the providers and the one model that are named, or of all, and from then on.

    UsageError for a name that means no provider and no model, now or in the trail, and for two models.
    """

    def work(connection: Connection) -> Trail:
        tables = database.tables
        known = read.provider_names(connection, tables)
        providers = [each for each in names if each in known]
        models = [each for each in names if each not in known]
        if len(models) > 1:
            raise UsageError(f"{models[0]} and {models[1]} are two models", "ask for the history of one at a time")
        key, resolution = _named(connection, database, models[0], today) if models else (None, None)
        found = history.entries(connection, tables, key=key, providers=providers, since=since, limit=limit)
        total = len(found) or history.count_entries(connection, tables)
        return Trail("".join(models), key, resolution, providers, found, total)

    return database.read(work)


def _named(connection: Connection, database: Database, name: str, today: date) -> tuple[ModelKey, Resolution | None]:
    """The model that is meant, and how it was named; also one of the trail, by its exact id, whose row is gone."""
    try:
        resolution = resolve(name, read.models(connection, database.tables, columns=NAMING_FACTS), today)
    except ModelctlError:
        provider, slash, model_id = name.partition("/")
        gone = ModelKey(provider, model_id)
        if not slash or not history.entries(connection, database.tables, key=gone, limit=1):
            raise
        return gone, None
    return resolution.key, resolution


def list_runs(database: Database, providers: Collection[str] = ()) -> tuple[list[Run], int]:
    """The runs of these providers, or all, the last one first, and how many runs there are of whatever provider.

    UsageError for a provider that there is not.
    """
    tables = database.tables
    known, runs = database.read(lambda here: (read.provider_names(here, tables), history.runs(here, tables)))
    wanted = {require_known(name, known, "provider") for name in providers}
    fitting = [run for run in runs if not wanted or any(record.provider in wanted for record in run.records)]
    return fitting, len(runs)


def show_run(database: Database, name: str) -> tuple[Run, Sequence[HistoryEntry]]:
    """The run of that id, or whose id begins so, or the `last` one, and its changes. UsageError for another name."""

    def work(connection: Connection) -> tuple[Run, Sequence[HistoryEntry]]:
        run = named_run(name, history.runs(connection, database.tables))
        return run, history.entries(connection, database.tables, run=run.name)

    return database.read(work)
