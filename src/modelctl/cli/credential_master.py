"""`modelctl credential key` and `rotate`: the master key that all stored keys are encrypted with."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from modelctl.cli.context import Context, context_of
from modelctl.cli.credential import read_secret, refuse_secrets
from modelctl.cli.database import readable_database
from modelctl.config.author import author_of
from modelctl.core.credentials import MASTER_KEY_VARIABLE
from modelctl.errors import CredentialError, UsageError

if TYPE_CHECKING:
    from modelctl.store.sealing import MasterKey

PIPE = "-"

KEY_EPILOG = """\b
Examples:
  modelctl credential key
  modelctl credential key new.key

Back the file up where the database's backups are not: without it nobody can open the stored keys, with it anybody.
"""

ROTATE_EPILOG = """\b
Examples:
  modelctl credential key new.key
  modelctl credential rotate --to new.key
  mv new.key ~/.config/modelctl/secret.key

All keys or none. Broken off, or begun twice, it is run again with the same file; it then does what is left to do.
"""


def key_command(
    ctx: typer.Context,
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="A new file; left out means where it is looked for.")
    ] = None,
) -> None:
    """Make a new master key in a file that only you can read.

    It is not printed.
    """
    from modelctl.store.key_files import make_key_file

    context = context_of(ctx)
    path = file or context.settings.secret_key_file
    if path is None:
        raise UsageError("there is no home directory for the default file", "name one: `modelctl credential key FILE`")
    made = make_key_file(path)
    context.answer(f"{path}: master key {made.id}")
    if (used := _id_in_force(context)) != made.id:
        context.say(
            f"it is not in force, {f'master key {used} is' if used else 'nothing is'}: `modelctl credential rotate --to"
            f" {path}` moves the stored keys to it, secret_key_file or {MASTER_KEY_VARIABLE} puts it into force"
        )


def rotate_command(
    ctx: typer.Context,
    to: Annotated[str, typer.Option("--to", metavar="FILE|-", help="The new master key; - reads it from a pipe.")],
) -> None:
    """Encrypt all stored keys with a new master key, in one transaction."""
    from modelctl.services.keys import master_key_of
    from modelctl.sync.credentials import rotate

    refuse_secrets(ctx, "--to FILE")
    context = context_of(ctx)
    new = _new_key(context, to)
    with readable_database(context) as database:
        rotation = rotate(database, partial(master_key_of, context), new, author_of(context, "credential rotate"))
    for each in rotation.moved:
        context.answer(f"{each}: key {each.fingerprint} is under master key {new.id}")
    if not rotation.moved:
        context.say(f"nothing to rotate: {rotation.already:,} keys are under master key {new.id}")
    if (rotation.moved or rotation.already) and _id_in_force(context) != new.id:
        context.warn(
            f"from now on every command needs master key {new.id}: put it where the old one is (secret_key_file,"
            f" {MASTER_KEY_VARIABLE} or the keyring), and keep the old one as long as backups of the database need it"
        )


def _new_key(context: Context, to: str) -> MasterKey:
    from modelctl.store.key_files import key_in_file
    from modelctl.store.sealing import master_key

    if to != PIPE:
        return key_in_file(Path(to))
    return master_key(read_secret(context, "new master key"), "the standard input")


def _id_in_force(context: Context) -> str | None:
    from modelctl.services.keys import master_key_of

    try:
        return master_key_of(context).id
    except CredentialError:
        return None
