"""What a person decides about rows, written in one transaction, audited, or not at all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from modelctl.core.holds import Hold, Verdict, decided
from modelctl.core.model import ModelKey
from modelctl.core.plan import Change, Plan
from modelctl.core.resolve import resolve
from modelctl.core.run import Author
from modelctl.core.stored import StoredModel
from modelctl.errors import UsageError
from modelctl.store import apply as writing
from modelctl.store import read
from modelctl.store.engine import Database
from modelctl.store.holds import decide, holds_of

if TYPE_CHECKING:
    from sqlalchemy import Connection


def edit_models(
    database: Database, names: Sequence[str], edit: Callable[[StoredModel], Change | None], author: Author
) -> tuple[Change, ...]:
    """Change each named model by `edit`, all or none; what was changed. UsageError for a name that means no model."""

    def work(connection: Connection) -> tuple[Change, ...]:
        known = read.models(connection, database.tables)
        keys = list(dict.fromkeys(resolve(name, known).key for name in names))
        changes = [change for key in sorted(keys) if (change := edit(_model(connection, database, key))) is not None]
        write_changes(connection, database, changes, author)
        return tuple(changes)

    return database.write(work)


def unowned_keys(database: Database, provider: str | None) -> tuple[str, ...]:
    """The rows that were there before modelctl and that it leaves alone, of one provider or of all."""
    with database.reading() as connection:
        names = [provider] if provider is not None else sorted(read.providers(connection, database.tables))
        stored = [read.models_of(connection, database.tables, name) for name in names]
    return tuple(str(key) for each in stored for key, model in sorted(each.models.items()) if model.state is None)


def decide_holds(
    database: Database, names: Sequence[str], verdict: Verdict, note: str | None, author: Author
) -> tuple[Hold, ...]:
    """Write a verdict on all that is held of each name. UsageError, and nothing written, where nothing is."""

    def work(connection: Connection) -> tuple[Hold, ...]:
        known = holds_of(connection, database.tables, lock=True)
        chosen = [decided(hold, verdict, note, author) for name in names for hold in _named(name, known)]
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
        hint = f"held are {', '.join(open_names[:5])}" if open_names else "no guard holds anything; see `modelctl runs`"
        raise UsageError(f"nothing is held for {name!r}", hint)
    return found


def _model(connection: Connection, database: Database, key: ModelKey) -> StoredModel:
    return read.models_by_key(connection, database.tables, [key], lock=True)[key]


def write_changes(connection: Connection, database: Database, changes: Sequence[Change], author: Author) -> None:
    """Write a person's changes with their audit rows, each provider's in a plan of its own."""
    providers = read.providers(connection, database.tables)
    for name in sorted({change.key.provider for change in changes}):
        mine = tuple(change for change in changes if change.key.provider == name)
        writing.apply(connection, database.tables, Plan(provider=name, changes=mine), providers[name], author)
