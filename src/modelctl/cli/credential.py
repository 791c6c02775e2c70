"""`modelctl credential set`, `list` and `remove`: API keys in the database, encrypted. No key is ever an argument."""

from __future__ import annotations

import getpass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from modelctl.cli.context import Context, context_of
from modelctl.cli.database import database_of, readable_database
from modelctl.config.author import author_of
from modelctl.core.credentials import CredentialState, place_text, project_of
from modelctl.core.names import require_known
from modelctl.errors import CredentialError, SourceError, UsageError

if TYPE_CHECKING:
    from modelctl.store.engine import Database

KEY_MAX_CHARS = 4096
"""A longer one is a file that was piped by mistake: the longest keys in use are tokens of some 2,000 characters."""

app = typer.Typer(
    rich_markup_mode=None,
    no_args_is_help=True,
    help="Keep providers' API keys in the database, encrypted.",
    epilog="A provider is asked with the project's key, else the platform's, else the one of the environment.",
)


class CredentialFormat(StrEnum):
    """How keys' places and fingerprints are printed."""

    TABLE = "table"
    JSON = "json"


Provider = Annotated[str, typer.Argument(metavar="PROVIDER", help="As openai; see `modelctl catalog show`.")]
Project = Annotated[
    str | None, typer.Option("--project", metavar="P", help="A project of yours; left out means the platform.")
]
Format = Annotated[CredentialFormat, typer.Option("--format", help="How to print it.")]
AsJson = Annotated[bool, typer.Option("--json", help="The same as --format json.")]
NO_ARGUMENTS = {"allow_extra_args": True, "ignore_unknown_options": True}
"""For commands that are told a secret: Typer would print what it does not expect, and that may be the secret."""


@app.command(
    "set",
    context_settings=NO_ARGUMENTS,
    epilog="""\b
Examples:
  modelctl credential set openai
  modelctl credential set openai --project shop < key.txt
  op read op://vault/openai/key | modelctl credential set openai

The first time, make a master key: modelctl credential key
""",
)
def set_command(ctx: typer.Context, provider: Provider, project: Project = None) -> None:
    """Store a provider's API key, from a pipe or a hidden prompt.

    It is encrypted with the master key and bound to its provider and project. Another one in its place is replaced.
    """
    from modelctl.services.keys import master_key_of
    from modelctl.store import schema
    from modelctl.sync.credentials import store_key

    refuse_secrets(ctx, "a provider and --project")
    context, place = context_of(ctx), (provider, project_of(project))
    with database_of(context) as database:
        require_known(provider, _providers(context, database), "provider")
        master_key = master_key_of(context)
        key = _key(context, place)
        schema.ensure_current(database)
        stored, is_new = store_key(database, place, key, master_key, author_of(context, "credential set"))
    done = "stored" if is_new else "is stored already: nothing changed"
    context.answer(f"{stored}: key {stored.fingerprint} {done}")


@app.command("list", epilog="Example: modelctl credential list --json")
def list_command(ctx: typer.Context, format: Format = CredentialFormat.TABLE, json: AsJson = False) -> None:
    """List stored keys by fingerprint.

    And whether the master key in force opens them.
    """
    from modelctl.render.credentials import credentials_json, credentials_table
    from modelctl.render.terminal import look_of
    from modelctl.services.keys import master_key_of
    from modelctl.store.schema import is_readable
    from modelctl.sync.keys import stored_keys

    context = context_of(ctx)
    with database_of(context) as database:
        stored = stored_keys(database if is_readable(database) else None)
    missing = ""
    try:
        state_of = master_key_of(context).state_of if stored else None
    except CredentialError as error:
        state_of, missing = None, str(error)
    found = [(each, state_of(each) if state_of else CredentialState.UNCHECKED) for each in stored.values()]
    look = look_of(context.stdout, context.environ)
    if json or format is CredentialFormat.JSON:
        context.answer(credentials_json(found, look))
    elif found:
        context.answer(credentials_table(found, look))
    else:
        context.say("no key is stored")
    shut = sum(state in (CredentialState.OTHER_KEY, CredentialState.DAMAGED) for _, state in found)
    if shut or missing:
        told = missing or f"{shut} of {len(found)} cannot be opened: store them again, or use their master key"
        context.warn(f"warning: {told}")


@app.command("remove", epilog="Example: modelctl credential remove openai --project shop")
def remove_command(ctx: typer.Context, provider: Provider, project: Project = None) -> None:
    """Remove a stored key; the provider knows nothing of it. No master key is needed."""
    from modelctl.sync.credentials import remove_key

    context = context_of(ctx)
    with readable_database(context) as database:
        place = (provider, project_of(project))
        removed = remove_key(database, place, author_of(context, "credential remove"))
    context.answer(f"{removed}: key {removed.fingerprint} removed")
    context.say("it still works at the provider until it is revoked there")


def refuse_secrets(ctx: typer.Context, expected: str) -> None:
    """UsageError for arguments too many, without repeating them: one may be a key."""
    if ctx.args:
        raise UsageError(
            f"this command takes {expected}, and nothing else on the command line",
            "a key given there stays in the shell's history and shows in the list of processes: if it was one, revoke"
            " it; pipe keys in, or type them at the prompt",
        )


def read_secret(context: Context, what: str) -> str:
    """What is piped in, or typed unseen; empty where it is no text. Longer than a key where it goes on after one."""
    try:
        if context.stdin.isatty():
            return getpass.getpass(f"{what} (not shown): ", stream=context.stderr)
        return context.stdin.read(KEY_MAX_CHARS + 1)
    except (EOFError, UnicodeDecodeError):
        return ""


def _key(context: Context, place: tuple[str, str]) -> str:
    """The key from the pipe, or typed unseen. UsageError for what can be none."""
    from modelctl.discovery.keys import clean_key

    text = read_secret(context, f"API key of {place_text(*place)}")
    if not text.strip() or len(text) > KEY_MAX_CHARS:
        problem = "no key" if len(text) <= KEY_MAX_CHARS else f"more than the {KEY_MAX_CHARS} characters of a key"
        raise UsageError(f"there is {problem} on the standard input", f"`modelctl credential set {place[0]} < key.txt`")
    try:
        key = clean_key(text, "the standard input")
    except SourceError as error:
        raise UsageError(error.message, error.hint) from None
    context.confidential.add(key)
    return key


def _providers(context: Context, database: Database) -> list[str]:
    """Names of all providers that there are."""
    from modelctl.services.asking import providers_there
    from modelctl.store.schema import is_readable

    return sorted(providers_there(context, database if is_readable(database) else None))
