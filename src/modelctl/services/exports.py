"""A file for another tool, made of the models in the database. Whole files only, and none that would say the same."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from modelctl.core.models.query import Filter, columns_decisive, select
from modelctl.core.models.resolve import obstacles
from modelctl.core.stored import has_ended
from modelctl.db import read
from modelctl.errors import UsageError
from modelctl.exports.base import Export, ExportFormat, Offer
from modelctl.files import write_whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from modelctl.db.engine import Database
    from modelctl.services.keys import Keys


LIFE = ("status", "retires_on", "last_seen_at", "is_enabled")
"""What tells whether a model can be called at all."""


def export_models(
    database: Database, format: ExportFormat, wanted: Filter, *, now: datetime, keys: Keys | None = None
) -> Export:
    """What the format makes of the live models that pass the filter, at the prices of `now`.

    A format that says what people may choose from gets models that are switched on, unless the filter says otherwise.
    `keys`: only models that can be called with them. UsageError where no model is left.
    """
    if format.IS_MENU and wanted.is_enabled is None:
        wanted = replace(wanted, is_enabled=True)
    offers = database.read(lambda connection: _offers(connection, database, wanted, now, keys))
    if not offers:
        raise UsageError(
            f"there is no model to export as {format.NAME}",
            "see `modelctl list` for what there is, or change the filter",
        )
    return format.render(offers)


def _offers(
    connection: Connection, database: Database, wanted: Filter, now: datetime, keys: Keys | None
) -> Sequence[Offer]:
    tables, today = database.tables, now.date()
    providers = read.providers(connection, tables)
    columns = {*columns_decisive(wanted, ()), *LIFE}  # what an export tells is read once, with the ledgers
    models = read.models(connection, tables, only=wanted.providers, columns=columns)
    if keys is not None:
        keyed = keys.of_providers(providers)
        models = [each for each in models if not obstacles(each, providers, keyed, today)]
    found = [each.key for each in select(models, wanted).models if wanted.statuses or not has_ended(each, today)]
    stored = read.with_ledgers(connection, tables, found)
    return [Offer(model=stored[key], provider=providers[key.provider], at=now) for key in sorted(stored)]


class FileState(StrEnum):
    """How a file on disk stands to what it should say."""

    MISSING = "missing"
    DIFFERENT = "out of date"
    SAME = "same"


@dataclass(frozen=True, slots=True)
class ExportFile:
    """Where an export is kept."""

    path: Path

    def compare(self, export: Export) -> FileState:
        """How it stands to the export. UsageError where it cannot be read."""
        try:
            present = self.path.read_bytes()
        except FileNotFoundError:
            return FileState.MISSING
        except OSError as error:
            raise UsageError(f"{self.path} cannot be read: {error.strerror or error}") from None
        return FileState.SAME if present == export.text.encode() else FileState.DIFFERENT

    def write(self, export: Export) -> FileState:
        """Bring it up to date, at once or not at all; how it was before. UsageError where it cannot be written."""
        before = self.compare(export)
        if before is not FileState.SAME:
            try:
                write_whole(self.path, export.text)
            except OSError as error:
                raise UsageError(f"{self.path} cannot be written: {error.strerror or error}") from None
        return before
