"""Whether replacements lead somewhere: to a model of the file, not in a circle, and in the end to a live one. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from modelctl.catalog.checks import Check, Terms, is_retired
from modelctl.catalog.entries import Entry
from modelctl.catalog.finding import Problem, Severity, closest, printable
from modelctl.catalog.read import CatalogFile


def replacement_exists(file: CatalogFile, terms: Terms) -> Iterator[Problem]:
    """The replacement is another model of the same file, by its id."""
    ids = {model_id for model_id in file.ids if model_id}
    owners = {alias: entry.table.id for entry in file.entries for alias in entry.table.aliases or ()}
    for entry in file.entries:
        wanted = entry.table.replacement
        if wanted is None:
            continue
        if wanted == entry.table.id:
            yield _problem(entry, "is the model itself")
        elif wanted not in ids:
            owner = owners.get(wanted)
            hint = f"it is an alias of {printable(owner)}" if owner else closest(wanted, sorted(ids))
            yield _problem(entry, f"{printable(wanted)} is no model of this file", hint=hint)


def chain_ends_alive(file: CatalogFile, terms: Terms) -> Iterator[Problem]:
    """Following the replacements ends, and at a model that answers."""
    by_id = {entry.table.id: entry for entry in file.entries}
    for entry in file.entries:
        chain = _chain(entry, by_id)
        if len(chain) < 2 or chain[1] is entry:  # none, an unknown one, or itself: said elsewhere
            continue
        shown = " -> ".join(printable(each.table.id) for each in chain)
        if chain[-1] in chain[:-1]:
            yield _problem(entry, f"goes round in a circle: {shown}")
        elif is_retired(chain[-1], terms.today) and chain[-1].table.replacement is None:
            yield _problem(entry, f"ends in a retired model: {shown}", severity=Severity.WARNING)


SUCCESSOR_CHECKS: tuple[Check, ...] = (replacement_exists, chain_ends_alive)


def _chain(entry: Entry, by_id: Mapping[str, Entry]) -> list[Entry]:
    """The model, its replacement, that one's replacement …; in a circle the last one is there twice."""
    chain, seen = [entry], {entry.table.id}
    while (following := by_id.get(chain[-1].table.replacement or "")) is not None:
        chain.append(following)
        if following.table.id in seen:
            break
        seen.add(following.table.id)
    return chain


def _problem(entry: Entry, message: str, *, hint: str = "", severity: Severity = Severity.ERROR) -> Problem:
    return Problem(at=("model", entry.index, "replacement"), message=message, hint=hint, severity=severity)
