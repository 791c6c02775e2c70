"""A file of a user's own catalogs as it reads with the shipped one below it, for the checks of lint. Pure."""

from __future__ import annotations

from dataclasses import replace

from modelctl.catalog.entries import STATED_FACTS, Entry
from modelctl.catalog.read import CatalogFile


def laid_over(file: CatalogFile, below: CatalogFile) -> CatalogFile:
    """The file with what it leaves out of its models, and with the models that only `below` has.

    These are numbered after the file's own, so that a problem in them can be told apart, and come first, so that of
    two models with one alias it is the file's that has it wrongly.
    """
    shipped = {entry.table.id: entry for entry in below.entries}
    own = [_filled_up(entry, shipped.get(entry.table.id)) for entry in file.entries]
    others = [entry for model_id, entry in shipped.items() if model_id not in file.ids]
    numbered = [replace(entry, index=len(file.ids) + position) for position, entry in enumerate(others)]
    ids = (*file.ids, *(entry.table.id for entry in others))
    return replace(file, provider=file.provider or below.provider, entries=(*numbered, *own), ids=ids)


def _filled_up(entry: Entry, below: Entry | None) -> Entry:
    if below is None:
        return entry
    missing = {
        name: getattr(below.table, name)
        for name in (*(name for name in STATED_FACTS if name not in entry.table.unset), "verified_on", "sets")
        if getattr(entry.table, name) is None
    }
    return replace(entry, table=entry.table._replace(**missing))
