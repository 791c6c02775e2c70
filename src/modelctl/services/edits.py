"""A person's edits of models, each in one transaction with its audit, all rows or none; decisions on what is held."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from modelctl.core.edits import models as edits
from modelctl.core.facts import FactValue, ModelKey
from modelctl.core.models.query import Filter, Selection, select
from modelctl.core.models.resolve import NAMING_FACTS, Rule, resolve
from modelctl.core.planning import ownership
from modelctl.core.planning.plan import Change, Hold, Plan, Verdict, with_verdict
from modelctl.core.records import all_or_none
from modelctl.core.runs import Author
from modelctl.core.stored import ModelsByKey, StoredModel, StoredProvider
from modelctl.core.text import require_known, shorten
from modelctl.db import read
from modelctl.db import write as writing
from modelctl.db.engine import Database
from modelctl.db.lease import one_at_a_time
from modelctl.db.write import decide, holds_of
from modelctl.errors import UsageError

if TYPE_CHECKING:
    from datetime import date, datetime

    from sqlalchemy import Connection


EditAll: TypeAlias = Callable[[Sequence[StoredModel], ModelsByKey], Sequence[Change]]
"""All changes that an edit of the chosen models means, in whatever rows. BadRows for those that cannot be."""
Reach: TypeAlias = Callable[[Collection[ModelKey], ModelsByKey], Collection[ModelKey]]


@dataclass(frozen=True, slots=True, kw_only=True)
class EditResult:
    """What came of an edit."""

    changes: tuple[Change, ...]
    unchanged: tuple[ModelKey, ...] = ()
    """Chosen, but as the edit wants them already."""
    selection: Selection | None = None
    """What a filter chose and left out; None where the models were named."""


Chosen: TypeAlias = Sequence[str] | Filter
"""The models that are named, or that pass a filter."""


def set_facts(
    database: Database, chosen: Chosen, values: Mapping[str, FactValue], author: Author, *, dry_run: bool = False
) -> EditResult:
    """Set facts, and pin them. UsageError for a name that means no model, BadRows where rows fail, as of all edits."""
    today = author.now.date()
    edit = each_row(lambda model, known: edits.set_facts(model, values, known, today=today))
    return edit_rows(database, chosen, edit, author, dry_run=dry_run)


def set_enabled(
    database: Database, chosen: Chosen, author: Author, *, is_enabled: bool, dry_run: bool = False
) -> EditResult:
    """Turn the application's own switch."""
    edit = each_row(lambda model, _known: edits.set_enabled(model, is_enabled=is_enabled))
    return edit_rows(database, chosen, edit, author, dry_run=dry_run)


def deprecate(
    database: Database, chosen: Chosen, end: edits.Deprecation, author: Author, *, dry_run: bool = False
) -> EditResult:
    """State the end of models, and what replaces them."""
    today = author.now.date()
    return edit_rows(
        database,
        chosen,
        lambda models, known: edits.deprecate(models, known, end, today=today),
        author,
        dry_run=dry_run,
    )


def undeprecate(database: Database, chosen: Chosen, author: Author, *, dry_run: bool = False) -> EditResult:
    """Take what was stated with `deprecate` back."""
    today = author.now.date()
    edit = each_row(lambda model, _known: edits.undeprecate(model, today=today))
    return edit_rows(database, chosen, edit, author, dry_run=dry_run)


def remove(
    database: Database, chosen: Chosen, author: Author, *, cascade: bool = False, dry_run: bool = False
) -> EditResult:
    """Remove rows, which no sync brings back; with `cascade` also from the rows that name them."""
    today = author.now.date()
    edit: EditAll = edits.remove
    if cascade:
        edit = lambda models, known: edits.remove_cascading(models, known, today=today)  # noqa: E731
    return edit_rows(database, chosen, edit, author, reach=edits.referrers_of, dry_run=dry_run)


def pin(database: Database, name: str, fields: Sequence[str], author: Author) -> EditResult:
    """Make fields of a model a person's: no sync changes them."""
    return edit_rows(database, [name], each_row(lambda model, _known: ownership.pin(model, fields)), author)


def unpin(database: Database, name: str, fields: Sequence[str], author: Author) -> EditResult:
    """Give fields back to the sources."""
    edit = each_row(lambda model, _known: ownership.unpin(model, fields, now=author.now))
    return edit_rows(database, [name], edit, author)


def adopt(database: Database, names: Sequence[str], author: Author, *, dry_run: bool = False) -> EditResult:
    """Let the sources fill rows that were there before modelctl."""
    return edit_rows(database, names, each_row(lambda model, _known: ownership.adopt(model)), author, dry_run=dry_run)


def each_row(edit: Callable[[StoredModel, ModelsByKey], Change | None]) -> EditAll:
    """The edit of many rows that edits each of them on its own. BadRows naming every one for which that fails."""

    def edit_all(models: Sequence[StoredModel], known: ModelsByKey) -> list[Change]:
        return [change for change in all_or_none(models, lambda model: edit(model, known)) if change is not None]

    return edit_all


def edit_rows(
    database: Database,
    chosen: Chosen,
    edit: EditAll,
    author: Author,
    *,
    reach: Reach = lambda _keys, _known: (),
    dry_run: bool = False,
) -> EditResult:
    """Change the models that are named, or that pass the filter, all or none, in one transaction.

    `reach`: which other rows the edit may change, too; these are whole in what it knows.
    UsageError for a name that means no model, BadRows where several cannot be changed.
    """

    def work(connection: Connection) -> EditResult:
        known = read.models(connection, database.tables)
        selection = None
        if isinstance(chosen, Filter):
            selection = _selected(connection, database, chosen, known)
            keys = sorted(model.key for model in selection.models)
        else:
            keys = sorted(set(all_or_none(chosen, lambda name: _named_key(name, known, author.now.date()))))
        by_key = {model.key: model for model in known}
        touched = {*keys, *reach(keys, by_key)}
        by_key |= read.with_ledgers(connection, database.tables, touched, lock=not dry_run)
        changes = edit([by_key[key] for key in keys], by_key)
        if not dry_run:
            write_changes(connection, database, changes, author)
        moved = {change.key for change in changes}
        return EditResult(
            changes=tuple(changes), unchanged=tuple(key for key in keys if key not in moved), selection=selection
        )

    if dry_run:
        return database.read(work)
    return database.write(one_at_a_time(database, author, work))


def _named_key(name: str, known: Sequence[StoredModel], today: date) -> ModelKey:
    """The row that is written to, by its id or an alias: only what reads may understand a name without its date."""
    found = resolve(name, known, today)
    if found.rule in (Rule.WITHOUT_DATE, Rule.WITHOUT_LATEST):
        raise UsageError(f"no model is named {shorten(name)!r}", f"if you mean {found.key}, write that")
    return found.key


def _selected(connection: Connection, database: Database, wanted: Filter, known: Sequence[StoredModel]) -> Selection:
    names = read.provider_names(connection, database.tables)
    for name in sorted(wanted.providers):
        require_known(name, names, "provider")
    return select(known, wanted)


def unowned_keys(database: Database, names: Collection[str]) -> tuple[str, ...]:
    """The names, each provider's replaced by its rows that modelctl leaves alone because they were there before it.

    No names: such rows of all providers.
    """

    def work(connection: Connection) -> tuple[list[str], list[StoredProvider]]:
        known = read.provider_names(connection, database.tables)
        others = [name for name in names if name not in known]
        wanted = [name for name in known if not names or name in names]
        return others, [read.models_of(connection, database.tables, name) for name in wanted]

    others, stored = database.read(work)
    rows = (str(key) for each in stored for key, model in sorted(each.models.items()) if model.state is None)
    return (*others, *rows)


def list_overrides(database: Database, names: Sequence[str], *, now: datetime) -> tuple[ownership.Override, ...]:
    """What people keep from the sources: of these providers and models, or of all, sorted by model and field.

    UsageError for a name that means neither.
    """

    def work(connection: Connection) -> list[ownership.Override]:
        providers = read.provider_names(connection, database.tables)
        wanted = {name for name in names if name in providers}
        if others := [name for name in names if name not in wanted]:
            known = read.models(connection, database.tables, columns=NAMING_FACTS)
            keys = {resolve(name, known, now.date()).key for name in others}
        else:
            keys = set()
        found = [
            model
            for provider in (sorted({*wanted, *(key.provider for key in keys)}) if names else sorted(providers))
            for key, model in read.models_of(connection, database.tables, provider).models.items()
            if not names or key.provider in wanted or key in keys
        ]
        return [each for model in found for each in ownership.overrides(model, now=now)]

    return tuple(sorted(database.read(work), key=lambda each: (each.key, each.name)))


def list_holds(database: Database) -> tuple[Hold, ...]:
    """All that guards hold, and what was decided about it."""
    return database.read(lambda connection: holds_of(connection, database.tables))


def decide_holds(
    database: Database, names: Sequence[str], verdict: Verdict, note: str | None, author: Author
) -> tuple[Hold, ...]:
    """Write a verdict on all that is held of each name. UsageError, and nothing written, where nothing is."""

    def work(connection: Connection) -> tuple[Hold, ...]:
        known = holds_of(connection, database.tables, lock=True)
        chosen = [with_verdict(hold, verdict, note, author) for name in names for hold in _named(name, known)]
        decide(connection, database.tables, chosen, author)
        return tuple(chosen)

    return database.write(work)


def _named(name: str, holds: Sequence[Hold]) -> list[Hold]:
    found = [hold for hold in holds if name in (hold.name, hold.key.model_id)]
    providers = {hold.key.provider for hold in found}
    if len(providers) > 1:
        raise UsageError(f"{name} is held for {' and '.join(sorted(providers))}", "write it as provider/model_id")
    if not found:
        open_names = sorted({hold.name for hold in holds})
        hint = (
            f"held: {', '.join(open_names[:5])}" if open_names else "no guard holds anything; see `modelctl runs list`"
        )
        raise UsageError(f"nothing is held for {name!r}", hint)
    return found


def write_changes(connection: Connection, database: Database, changes: Sequence[Change], author: Author) -> None:
    """Write a person's changes with their audit rows, each provider's in a plan of its own."""
    providers = read.providers(connection, database.tables)
    for name in sorted({change.key.provider for change in changes}):
        mine = tuple(change for change in changes if change.key.provider == name)
        existing = sum(change.existing is not None for change in mine)
        plan = Plan(provider=name, changes=mine, existing=existing)
        writing.apply(connection, database.tables, plan, providers[name], author)
