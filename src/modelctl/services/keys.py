"""Where API keys are found, and the master key that opens the stored ones."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache, partial

from modelctl.core.credentials import MASTER_KEY_VARIABLE, PLATFORM, require_project
from modelctl.errors import CredentialError
from modelctl.services.world import World
from modelctl.store.engine import Database
from modelctl.store.key_files import key_in_file, key_in_keyring
from modelctl.store.sealing import MasterKey, master_key
from modelctl.sync.keys import Keys, stored_keys


def keys_of(world: World, database: Database | None, project: str = PLATFORM) -> Keys:
    """The keys of the project, then the platform's, then the environment's. UsageError for an unknown project.

    `database`: None where there are no tables yet, so that nothing can be stored.
    """
    stored = stored_keys(database)
    require_project(project, stored)
    return Keys(
        environ=world.environ,
        stored=stored,
        master_key=master_key_once(world),
        project=project,
        learned=world.confidential.add,
    )


def master_key_once(world: World) -> Callable[[], MasterKey]:
    """The master key when it is first asked for, and the same one from then on: a keyring is asked once."""
    return cache(partial(master_key_of, world))


def master_key_of(world: World) -> MasterKey:
    """The master key: the variable's, else the file's, else the system keyring's. CredentialError where there is none.

    A file that is named must be there; the default one need not.
    """
    settings = world.settings
    if settings.secret_key is not None:
        return master_key(settings.secret_key, MASTER_KEY_VARIABLE)
    path = settings.secret_key_file
    is_named = settings.origins["secret_key_file"].origin != "default"
    if path is not None and (is_named or os.access(path, os.F_OK)):
        return key_in_file(path)
    if (found := key_in_keyring()) is not None:
        return found
    raise CredentialError(
        "there is no master key",
        f"set {MASTER_KEY_VARIABLE} or secret_key_file; the first one is made by `modelctl credential key`",
    )
