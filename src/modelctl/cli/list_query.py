"""What a list finds: of all models only what decides, of those that are shown what is shown."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from modelctl.cli.database import readable_database
from modelctl.core.names import require_known
from modelctl.core.query import COLUMNS, PROTECTED, SHOWABLE, Filter, Selection, columns_decisive, ordered, select
from modelctl.errors import UsageError

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from modelctl.cli.context import Context
    from modelctl.core.stored import StoredModel
    from modelctl.store.names import Tables


SHORT = 500
"""So many models at most are read a second time, by their numbers."""


class ListFormat(StrEnum):
    """How models can be listed."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"
    MARKDOWN = "markdown"
    IDS = "ids"


class GroupBy(StrEnum):
    """What models can be grouped by."""

    PROVIDER = "provider"


@dataclass(frozen=True, slots=True)
class View:
    """How models are shown. UsageError for a column that there is not, and for a format that has no groups."""

    sort: Sequence[str]
    columns: Sequence[str]
    limit: int | None
    group_by: GroupBy | None
    format: ListFormat

    def __post_init__(self) -> None:
        if self.group_by is not None and self.format not in (ListFormat.TABLE, ListFormat.JSON):
            raise UsageError(f"--format {self.format} has no groups", "--group-by goes with table and json")
        for name in (term.removeprefix("-") for term in self.sort):
            require_known(name, COLUMNS, "column")
        for name in self.columns:
            require_known(name, SHOWABLE, "column")


@dataclass(frozen=True, slots=True)
class Found:
    """What a list found."""

    selection: Selection
    shown: Sequence[StoredModel]
    known: int
    """How many models the table has of the providers that are asked for, or can be used."""


def found_models(context: Context, wanted: Filter, usable_for: str | None, view: View) -> Found:
    """The models in their order. For a short list, only what decides is read of all, and what is shown of a few."""
    from modelctl.render.listing import columns_shown

    to_show = columns_shown(view.format, view.columns)
    to_read = _columns_to_read(wanted, usable_for, view, to_show)
    with readable_database(context) as database:
        tables = database.tables

        def find(connection: Connection) -> Found:
            models = _models(connection, tables, wanted, to_read, with_states=PROTECTED in to_show)
            if usable_for is not None:
                from modelctl.services.usable import usable_among

                models = usable_among(models, context, database, usable_for)
            selection = select(models, wanted)
            shown = ordered(selection.models, view.sort)[: view.limit]
            if shown and not to_show <= to_read:
                from modelctl.store import read

                shown = read.again(connection, tables, shown, to_show)
            return Found(selection, shown, known=len(models))

        return database.read(find)


def _models(
    connection: Connection, tables: Tables, wanted: Filter, to_read: Set[str], *, with_states: bool
) -> list[StoredModel]:
    """The models of the providers that are asked for. UsageError for one that there is not."""
    from modelctl.store import read

    if wanted.providers:
        names = sorted(read.providers(connection, tables))
        for name in sorted(wanted.providers):
            require_known(name, names, "provider")
    models = read.models(connection, tables, only=wanted.providers, columns=to_read)
    return read.with_states(connection, tables, models) if with_states or wanted.is_protected else models


def _columns_to_read(wanted: Filter, usable_for: str | None, view: View, to_show: Set[str]) -> Set[str]:
    """The columns that are read of all models."""
    if usable_for is not None or PROTECTED in to_show:
        return frozenset(SHOWABLE)
    decisive = columns_decisive(wanted, view.sort)
    return decisive if view.limit is not None and view.limit <= SHORT else decisive | to_show
