"""Which models a project may call now, by what the database and the keys say."""

from __future__ import annotations

from collections.abc import Iterable

from modelctl.core.credentials import PLATFORM
from modelctl.core.stored import StoredModel
from modelctl.core.usable import usable
from modelctl.services.keys import keys_of
from modelctl.services.world import World
from modelctl.store import read
from modelctl.store.engine import Database


def usable_among(
    models: Iterable[StoredModel], world: World, database: Database, project: str = PLATFORM
) -> list[StoredModel]:
    """Those that are enabled and answer, of enabled providers with a key for the project. No key is opened.

    UsageError for a project that has no key at all, SourceError for a variable that holds what can be no key.
    """
    keys = keys_of(world, database, project)
    providers = database.read(lambda connection: read.providers(connection, database.tables))
    return usable(models, providers, keys.is_there, world.now.date())
