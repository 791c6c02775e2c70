"""`modelctl credential which` and `test`: which key a provider is asked with, and whether it is accepted."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer

from modelctl.cli.context import Context, context_of
from modelctl.cli.credential import AsJson, CredentialFormat, Format, Project, Provider
from modelctl.cli.database import database_of
from modelctl.core.credentials import FoundKey, place_text, project_of
from modelctl.core.names import require_known
from modelctl.errors import CredentialError, ExitCode, SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelctl.sync.keys import Keys
    from modelctl.sync.listings import Listed
    from modelctl.sync.providers import KnownProvider

WHICH_EPILOG = """\b
Examples:
  modelctl credential which openai
  modelctl credential which openai --project shop --json
"""

TEST_EPILOG = """\b
Examples:
  modelctl credential test openai
  modelctl credential test openai --project shop

Exit codes: 0 accepted, 1 refused, unreachable, or there is no key.
"""


def which_command(
    ctx: typer.Context,
    provider: Provider,
    project: Project = None,
    format: Format = CredentialFormat.TABLE,
    json: AsJson = False,
) -> None:
    """Tell which key a provider is asked with.

    The project's, else the platform's, else the environment's.
    """
    context = context_of(ctx)
    with _asking(context, provider, project) as (known, keys):
        found = _found(known, keys)
    fingerprint = _fingerprint(context, found)
    if json or format is CredentialFormat.JSON:
        return _answer_json(context, _facts(provider, keys, found, fingerprint))
    told = f", fingerprint {fingerprint}" if fingerprint is not None else ""
    context.answer(f"{place_text(provider, keys.project)}: the {found.source}'s, in {found.name}{told}")
    return None


def test_command(
    ctx: typer.Context,
    provider: Provider,
    project: Project = None,
    format: Format = CredentialFormat.TABLE,
    json: AsJson = False,
) -> None:
    """Ask the provider for its models; nothing is written.

    With the key that a sync would use.
    """
    context = context_of(ctx)
    with _asking(context, provider, project) as (known, keys):
        found = _found(known, keys)
        listed = _listed(context, known, keys)
    if not (json or format is CredentialFormat.JSON):
        if listed.error is not None:
            raise listed.error
        models = len(listed.listing.records) if listed.listing is not None else 0
        context.answer(f"{place_text(provider, keys.project)}: accepted, {models:,} models listed ({found.name})")
        return
    facts = _facts(provider, keys, found, _fingerprint(context, found))
    outcome = {
        "is_accepted": listed.error is None,
        "models": len(listed.listing.records) if listed.listing is not None else None,
        "error": str(listed.error) if listed.error is not None else None,
    }
    _answer_json(context, facts | outcome)
    if listed.error is not None:
        raise typer.Exit(ExitCode.FAILED)


@contextmanager
def _asking(context: Context, provider: str, project: str | None) -> Iterator[tuple[KnownProvider, Keys]]:
    """The provider, and where its keys are. UsageError for a provider or a project that there is not."""
    from modelctl.services.asking import providers_there
    from modelctl.services.keys import keys_of
    from modelctl.store.schema import is_readable

    named = project_of(project)
    with database_of(context) as database:
        present = database if is_readable(database) else None
        known = providers_there(context, present)
        require_known(provider, known, "provider")
        yield known[provider], keys_of(context, present, named)


def _found(known: KnownProvider, keys: Keys) -> FoundKey:
    """The key. SourceError where there is none."""
    found = keys.find(known.provider)
    if found is None:
        name = known.provider.name
        variables = f", or set {' or '.join(known.provider.env_vars)}" if known.provider.env_vars else ""
        raise SourceError(f"{name}: there is no key", f"store one with `modelctl credential set {name}`{variables}")
    return found


def _listed(context: Context, known: KnownProvider, keys: Keys) -> Listed:
    """What asking the provider came to."""
    from modelctl.core.filters import Patterns
    from modelctl.sync.jobs import SourceChoice, job_for
    from modelctl.sync.listings import Listed, ask

    settings = context.settings
    job = job_for(
        known,
        source=SourceChoice.API,
        patterns=Patterns(),
        keys=keys,
        timeout_s=settings.timeout_s,
        now=context.now,
    )
    return next(ask([job], deadline_s=settings.deadline_s), Listed(job=job, error=job.error))


def _fingerprint(context: Context, found: FoundKey) -> str | None:
    """As `credential list` shows it; None without a master key, under which alone it means something."""
    from modelctl.services.keys import master_key_of

    try:
        return master_key_of(context).fingerprint(found.key)
    except CredentialError:
        return None


def _facts(provider: str, keys: Keys, found: FoundKey, fingerprint: str | None) -> dict[str, Any]:
    return {
        "provider": provider,
        "project": keys.project or None,
        "source": found.source.value,
        "name": found.name,
        "fingerprint": fingerprint,
    }


def _answer_json(context: Context, values: dict[str, Any]) -> None:
    from modelctl.render.credentials import answer_json
    from modelctl.render.terminal import look_of

    context.answer(answer_json(values, look_of(context.stdout, context.environ)))
