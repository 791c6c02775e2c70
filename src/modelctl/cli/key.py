"""`modelctl key`: API keys in the database, encrypted. No key is ever an argument."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Annotated

import typer

from modelctl.cli.context import Context, context_of, database_of, readable_database
from modelctl.cli.format import Format, FormatOption, JsonOption
from modelctl.core.credentials import MASTER_KEY_VARIABLE, CredentialState, owner_text, project_of
from modelctl.errors import ExitCode, UsageError

PIPE = "-"

app = typer.Typer(
    rich_markup_mode=None,
    no_args_is_help=True,
    help="Keep providers' API keys in the database, encrypted.",
    epilog="A provider is asked with the project's key, else the platform's, else the one of the environment.",
)

Provider = Annotated[str, typer.Argument(metavar="PROVIDER", help="As openai; see `modelctl catalog show`.")]
Project = Annotated[
    str | None, typer.Option("--project", metavar="P", help="A project of yours; by default the platform.")
]

NO_ARGUMENTS = {"allow_extra_args": True, "ignore_unknown_options": True}
"""For commands that are told a secret: Typer would print what it does not expect, and that may be the secret."""


@app.command(
    "set",
    context_settings=NO_ARGUMENTS,
    epilog="""\b
Examples:
  modelctl key set openai
  modelctl key set openai --project shop < key.txt
  op read op://vault/openai/key | modelctl key set openai

The first time, make a master key: modelctl key init
""",
)
def set_command(ctx: typer.Context, provider: Provider, project: Project = None) -> None:
    """Store a provider's API key, from a pipe or a hidden prompt.

    It is encrypted with the master key and bound to its provider and project. It replaces the one that is stored.
    """
    from modelctl.services.credentials import set_key

    refuse_secrets(ctx, "a provider and --project")
    context, owner = context_of(ctx), (provider, project_of(project))
    with database_of(context) as database:
        author = context.author("key set")
        stored, is_new = set_key(context.runtime, database, owner, lambda: _key(context, owner), author)
    done = "stored" if is_new else "is stored already: nothing changed"
    context.answer(f"{stored}: key {stored.fingerprint} {done}")


@app.command("list", epilog="Example: modelctl key list --json")
def list_command(ctx: typer.Context, format: FormatOption = Format.TABLE, json: JsonOption = False) -> None:
    """List stored keys by fingerprint.

    Also whether the master key in force opens them.
    """
    from modelctl.output.setup import CredentialsDocument
    from modelctl.services.credentials import list_keys

    context = context_of(ctx)
    with database_of(context) as database:
        stored = list_keys(context.runtime, database)
    found = stored.keys
    context.show(CredentialsDocument.of(found), format)
    if not found and format is Format.TABLE:
        context.say("no key is stored")
    shut = sum(state in (CredentialState.OTHER_KEY, CredentialState.DAMAGED) for _, state in found)
    if shut or stored.error is not None:
        told = stored.error or f"{shut} of {len(found)} cannot be opened: store them again, or use their master key"
        context.warn(f"warning: {told}")


@app.command("remove", epilog="Example: modelctl key remove openai --project shop")
def remove_command(ctx: typer.Context, provider: Provider, project: Project = None) -> None:
    """Remove a stored key. It still works at the provider. No master key is needed."""
    from modelctl.services.credentials import remove_key

    context = context_of(ctx)
    with readable_database(context) as database:
        owner = (provider, project_of(project))
        removed = remove_key(database, owner, context.author("key remove"))
    context.answer(f"{removed}: key {removed.fingerprint} removed")
    context.say("it still works at the provider until it is revoked there")


@app.command(
    "which",
    epilog="""\b
Examples:
  modelctl key which openai
  modelctl key which openai --project shop --json
""",
)
def which_command(
    ctx: typer.Context,
    provider: Provider,
    project: Project = None,
    format: FormatOption = Format.TABLE,
    json: JsonOption = False,
) -> None:
    """Show which key a provider is asked with.

    It is the project's, else the platform's, else the environment's.
    """
    from modelctl.output.setup import CredentialInUseDocument
    from modelctl.services.credentials import which_key

    context = context_of(ctx)
    with database_of(context) as database:
        used = which_key(context.runtime, database, provider, project_of(project))
    context.show(CredentialInUseDocument.of(used.provider, used.project, used.found, used.fingerprint), format)


@app.command(
    "test",
    epilog="""\b
Examples:
  modelctl key test openai
  modelctl key test openai --project shop

Exit codes: 0 accepted, 1 refused, unreachable, or there is no key.
""",
)
def test_command(
    ctx: typer.Context,
    provider: Provider,
    project: Project = None,
    format: FormatOption = Format.TABLE,
    json: JsonOption = False,
) -> None:
    """Ask the provider for its models; nothing is written.

    With the key that a sync would use.
    """
    from modelctl.output.setup import CredentialTestDocument
    from modelctl.services.credentials import test_key

    context = context_of(ctx)
    with database_of(context) as database:
        used, listed = test_key(context.runtime, database, provider, project_of(project))
    if listed.error is not None and format is not Format.JSON:
        raise listed.error
    tested = CredentialTestDocument.of(
        used.provider,
        used.project,
        used.found,
        used.fingerprint,
        is_accepted=listed.error is None,
        models=len(listed.listing.records) if listed.listing is not None else None,
        error=str(listed.error) if listed.error is not None else None,
    )
    context.show(tested, format)
    if listed.error is not None:
        raise typer.Exit(ExitCode.FAILED)


@app.command(
    "init",
    epilog="""\b
Examples:
  modelctl key init
  modelctl key init new.key

Back the file up, but not beside the database's backups. Without it nobody can open the stored keys, with it anybody.
""",
)
def init_command(
    ctx: typer.Context,
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="A new file; by default the one that is read.")
    ] = None,
) -> None:
    """Make a new master key in a file that only you can read.

    It is not printed.
    """
    from modelctl.services.credentials import make_master_key, master_key_in_force

    context = context_of(ctx)
    path, made = make_master_key(context.runtime, file)
    context.answer(f"{path}: master key {made.id}")
    if (used := master_key_in_force(context.runtime)) != made.id:
        context.say(
            f"it is not in force, {f'master key {used} is' if used else 'nothing is'}: `modelctl key rotate --to"
            f" {path}` moves the stored keys to it, secret_key_file or {MASTER_KEY_VARIABLE} puts it into force"
        )


@app.command(
    "rotate",
    context_settings=NO_ARGUMENTS,
    epilog="""\b
Examples:
  modelctl key init new.key
  modelctl key rotate --to new.key
  mv new.key ~/.config/modelctl/secret.key

All keys are moved, or none. If it breaks off, run it again with the same file.
""",
)
def rotate_command(
    ctx: typer.Context,
    to: Annotated[str, typer.Option("--to", metavar="FILE|-", help="The new master key; - reads it from a pipe.")],
) -> None:
    """Encrypt all stored keys with a new master key, in one transaction."""
    from modelctl.services.credentials import master_key_in_force, new_master_key, rotate_keys

    refuse_secrets(ctx, "--to FILE")
    context = context_of(ctx)
    new = new_master_key(Path(to) if to != PIPE else None, lambda: read_secret(context, "new master key"))
    with readable_database(context) as database:
        rotation = rotate_keys(context.runtime, database, new, context.author("key rotate"))
    for each in rotation.moved:
        context.answer(f"{each}: key {each.fingerprint} is under master key {new.id}")
    if not rotation.moved:
        context.say(f"nothing to rotate: {rotation.already:,} keys are under master key {new.id}")
    if (rotation.moved or rotation.already) and master_key_in_force(context.runtime) != new.id:
        context.warn(
            f"from now on every command needs master key {new.id}: put it where the old one is (secret_key_file,"
            f" {MASTER_KEY_VARIABLE} or the keyring). Keep the old one as long as backups of the database need it"
        )


def refuse_secrets(ctx: typer.Context, expected: str) -> None:
    """UsageError for arguments too many, without repeating them: one may be a key."""
    if ctx.args:
        raise UsageError(
            f"this command takes {expected}, and nothing else on the command line",
            "if that was a key, revoke it: the shell's history and the list of processes have it; pipe keys in, or type"
            " them at the prompt",
        )


def read_secret(context: Context, what: str) -> str:
    """What is piped in, or typed unseen; empty where it is no text. Longer than a key where it goes on after one."""
    from modelctl.services.credentials import KEY_MAX_CHARS

    try:
        if context.stdin.isatty():
            return getpass.getpass(f"{what} (not shown): ", stream=context.stderr)
        return context.stdin.read(KEY_MAX_CHARS + 1)
    except (EOFError, UnicodeDecodeError):
        return ""


def _key(context: Context, owner: tuple[str, str]) -> str:
    """The key from the pipe, or typed unseen. UsageError for what can be none."""
    from modelctl.services.credentials import key_in_text

    text = read_secret(context, f"API key of {owner_text(*owner)}")
    key = key_in_text(text, "the standard input", f"`modelctl key set {owner[0]} < key.txt`")
    context.confidential.add(key)
    return key
