"""`modelctl provider test`: whether providers answer, and whether they know their keys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from modelctl.cli.choosing import chosen, known_to
from modelctl.cli.context import Context, context_of
from modelctl.cli.database import database_if_any
from modelctl.cli.provider import AsJson, Format, ProviderFormat
from modelctl.core.durations import seconds
from modelctl.core.health import Health
from modelctl.core.units import to_seconds
from modelctl.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from modelctl.sync.provider_testing import Tested


EPILOG = """\b
Examples:
  modelctl provider test openai local-llm
  modelctl provider test --all --timeout 2s
  modelctl provider test --all --format json

A key is proven only where a made-up one is refused: a server that lists its models to anybody reads "key not proven".
Nothing is billed. What was found is kept in health_status, health_checked_at and health_latency_ms.
Exits 3 when any provider is not ok. With --all, one without a key is told and does not count, unless none has one.
"""


def test_command(
    ctx: typer.Context,
    names: Annotated[list[str] | None, typer.Argument(metavar="PROVIDER", help="Which to try.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All that are enabled.")] = False,
    timeout: Annotated[str, typer.Option("--timeout", metavar="Ns|Nm", help="For each request.")] = "5s",
    format: Format = ProviderFormat.TABLE,
    json: AsJson = False,
) -> None:
    """Try providers and their keys.

    Each is asked for its models: reachable, key accepted and proven, latency, models seen.
    """
    from modelctl.render.provider_tests import tests_json, tests_text
    from modelctl.render.terminal import look_of
    from modelctl.services.keys import keys_of
    from modelctl.sync.provider_testing import tried

    context = context_of(ctx)
    if bool(names) == every:
        raise UsageError("provider test needs names of providers, or --all", "`modelctl provider test openai`")
    timeout_s = seconds(timeout, "--timeout")
    wanted = chosen(context, sorted(set(names or ())), known_to(context))
    with database_if_any(context) as database:
        keys = keys_of(context, database)
    found = tried(wanted, keys, timeout_s=timeout_s, now=context.now)
    stored = _remembered(context, found)
    results, look = [(each.provider, each.probed) for each in found], look_of(context.stdout, context.environ)
    if json or format is ProviderFormat.JSON:
        context.answer(tests_json(results, context.now, stored, look))
    else:
        context.answer(tests_text(results, look))
    if _has_findings(found, every=every):
        raise typer.Exit(ExitCode.PENDING)


def _remembered(context: Context, found: Sequence[Tested]) -> set[str]:
    """Keep in the rows what was found; which providers have a row."""
    from modelctl.sync.provider_testing import remember

    with database_if_any(context) as database:
        stored = remember(database, found, to_seconds(context.now)) if database is not None else set[str]()
    if missing := [each.provider for each in found if each.provider not in stored]:
        context.say(f"not kept, because no sync has made their rows yet: {', '.join(missing)}")
    return stored


def _has_findings(found: Sequence[Tested], *, every: bool) -> bool:
    """With `--all`, whoever has no key is not used, which is no finding; that nobody has one is."""
    quiet = {Health.OK, Health.NO_KEY, Health.NO_LISTING} if every else {Health.OK}
    is_all_quiet = all(each.probed.health in quiet for each in found)
    return not (is_all_quiet and any(each.probed.health is Health.OK for each in found))
