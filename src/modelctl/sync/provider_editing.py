"""A person's edits of providers' rows, each in one transaction with its audit, or not at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from modelctl.core.counts import counted
from modelctl.core.model import ModelKey
from modelctl.core.names import require_known
from modelctl.core.plan import Action, Change, FieldChange, Plan
from modelctl.core.provider import Provider
from modelctl.core.provider_edit import Given, KindRules, added, edit
from modelctl.core.run import Author
from modelctl.core.validate import check_provider_name
from modelctl.discovery.registry import SDK_KINDS, WITHOUT_DEFAULT_ADDRESS, kinds
from modelctl.errors import InvalidFact, Refused, UsageError
from modelctl.store import apply as writing
from modelctl.store import provider_facts, read
from modelctl.store.engine import Database
from modelctl.store.providers import write_provider

if TYPE_CHECKING:
    from sqlalchemy import Connection

RESERVED = ("all",)
"""What stands for every provider on the command line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edited:
    """What an edit made of a provider's row."""

    provider: Provider
    changes: tuple[FieldChange, ...] = ()
    remembered: int = 0
    """For an addition: models that an earlier provider of this name had, which somebody removed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependents:
    """What hangs on a provider's row."""

    models: tuple[ModelKey, ...] = ()
    keys: int = 0
    """Encrypted keys that the database holds of it."""


def new_provider(name: str, given: Given, known: Mapping[str, Provider]) -> Provider:
    """A provider that nobody knows, not written yet. UsageError where it is known, or cannot be."""
    _require_new(name, known)
    return added(name, given, _rules())


def add(database: Database, provider: Provider, author: Author) -> Edited:
    """Make the row of a new provider. UsageError where somebody else has made it meanwhile."""

    def work(connection: Connection) -> Edited:
        _require_new(provider.name, read.providers(connection, database.tables))
        write_provider(connection, database.tables, provider, (), author)
        remembered = provider_facts.remembered_models(connection, database.tables, provider.name)
        return Edited(provider=provider, remembered=remembered)

    return database.write(work)


def check_change(names: Sequence[str], given: Given, known: Mapping[str, Provider]) -> None:
    """UsageError for a name that nobody knows, or a value that a provider cannot have. Before any database is made."""
    for name in names:
        edit(known[require_known(name, known, "provider")], given, _rules())


def change(
    database: Database, names: Sequence[str], given: Given, known: Mapping[str, Provider], author: Author
) -> tuple[Edited, ...]:
    """Change the rows of all the providers named, or of none. One that only a catalog knows gets its row first."""
    rules = _rules()

    def work(connection: Connection) -> tuple[Edited, ...]:
        rows = read.providers(connection, database.tables)
        return tuple(_changed(connection, name, rows.get(name)) for name in sorted(set(names)))

    def _changed(connection: Connection, name: str, row: Provider | None) -> Edited:
        provider = row or known[name]
        changes = edit(provider, given, rules)
        if row is None and changes:
            write_provider(connection, database.tables, provider, (), _catalogs_hand(author))
        write_provider(connection, database.tables, provider, changes, author)
        return Edited(provider=provider, changes=changes)

    return database.write(work)


def dependents(database: Database, name: str) -> Dependents:
    """What would go with a provider's row. UsageError for a name that has none."""

    def work(connection: Connection) -> Dependents:
        require_known(name, read.providers(connection, database.tables), "provider")
        return _dependents(connection, database, name)

    return database.read(work)


def remove(database: Database, name: str, author: Author, *, cascade: bool) -> Dependents:
    """Delete a provider's row, with `cascade` its models too; what went. Refused where models hang on it."""

    def work(connection: Connection) -> Dependents:
        tables = database.tables
        row = read.providers(connection, tables)[name]
        stored = read.models_of(connection, tables, name)
        found = _dependents(connection, database, name)
        if stored.models and not cascade:
            raise Refused(f"{counted(len(stored.models), 'model')} of {name} would go with it", "add --cascade")
        gone = tuple(
            Change(action=Action.REMOVE, key=key, existing=each) for key, each in sorted(stored.models.items())
        )
        plan = Plan(provider=name, changes=gone, provider_action=Action.REMOVE)
        writing.apply(connection, tables, plan, row, author)
        return found

    return database.write(work)


def _dependents(connection: Connection, database: Database, name: str) -> Dependents:
    models = tuple(each.key for each in read.models(connection, database.tables, only=[name]))
    return Dependents(models=models, keys=provider_facts.stored_keys(connection, database.tables, name))


def _require_new(name: str, known: Mapping[str, Provider]) -> None:
    try:
        check_provider_name(name)
    except InvalidFact as error:
        raise UsageError(error.message, error.hint) from None
    if name in RESERVED:
        raise UsageError(f"{name!r} stands for every provider", "choose another name")
    if name in known:
        raise UsageError(f"there is a provider {name} already", f"`modelctl provider set {name}` changes it")


def _catalogs_hand(author: Author) -> Author:
    """The author of a row as its catalog states it: a run of its own, just before the person's."""
    return replace(author, run=f"{author.run.rpartition('-')[0]}-0", command="populate")


def _rules() -> KindRules:
    return KindRules(known=kinds(), need_address=WITHOUT_DEFAULT_ADDRESS, place_key=SDK_KINDS)
