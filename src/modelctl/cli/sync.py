"""The options that order a sync, and the sync as people watch it: the same for `sync` and `plan`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from modelctl.cli.commands import epilog
from modelctl.cli.context import Context, context_of, database_of
from modelctl.cli.format import JsonOption, MarkdownFormat, MarkdownFormatOption
from modelctl.cli.options import (
    Accept,
    Force,
    MaxAge,
    Migrate,
    Project,
    ProviderArguments,
    ProviderOption,
    Recreate,
    Source,
    Take,
    age_of,
    project_asked,
    providers_asked,
    refuse_together,
    say_left_out,
)
from modelctl.core.planning.guards import Acceptance
from modelctl.core.planning.ownership import takeover_of
from modelctl.core.planning.policy import SourceChoice
from modelctl.core.planning.report import NotifyOn
from modelctl.core.text import counted
from modelctl.errors import ExitCode, ModelctlError, UsageError

if TYPE_CHECKING:
    from modelctl.core.planning.report import ProviderReport, SyncReport
    from modelctl.output.sync import SyncDocument
    from modelctl.services.gather import Observer
    from modelctl.services.notify import Webhook
    from modelctl.services.sync import SyncOptions


def webhook_of(url: str | None, *, writes: bool) -> Webhook | None:
    """The webhook to tell, checked before the sync begins. UsageError for a URL that is none, and for a dry run."""
    from modelctl.services.notify import webhook

    if url is None:
        return None
    if not writes:
        raise UsageError("--notify goes with a sync that writes", "leave out --dry-run and --explain, or --notify")
    return webhook(url)


@contextmanager
def failure_notified(context: Context, hook: Webhook | None) -> Iterator[None]:
    """Tell the webhook of an error that ends the sync before it has a report, and let the error go on."""
    if hook is None:
        yield
        return
    from modelctl.output.sync import error_document, error_text

    try:
        yield
    except ModelctlError as error:
        _send(context, hook, error_text(str(error)), error_document(error))
        raise
    except Exception as error:
        told = ModelctlError(f"{type(error).__name__}: {error}")
        told.exit_code = ExitCode.FAILED if isinstance(error, OSError) else ExitCode.BUG
        _send(context, hook, error_text(told.message), error_document(told))
        raise


def notify_of(context: Context, hook: Webhook | None, report: SyncReport) -> None:
    """Tell the webhook what came of the sync."""
    if hook is None:
        return
    from modelctl.output.sync import SyncDocument

    document = SyncDocument.of(report, report.exit_code(pending_counts=False))
    _send(context, hook, document.notice(), document.model_dump(mode="json"))


def _send(context: Context, hook: Webhook, text: str, document: dict[str, Any]) -> None:
    """Post it; what goes wrong is said, and is no error of the sync."""
    from modelctl.services.notify import notify

    try:
        timeout_s = context.settings.timeout_s
    except ModelctlError:  # it may be the very error that is to be told
        timeout_s = None
    try:
        notify(hook, text, document, hide=context.without_secrets, timeout_s=timeout_s)
    except ModelctlError as error:
        context.warn(f"warning: {context.without_secrets(str(error))}")


SUMMARY_VARIABLE = "GITHUB_STEP_SUMMARY"
OUTPUT_VARIABLE = "GITHUB_OUTPUT"


def print_report(context: Context, report: SyncReport, code: ExitCode, format: str, *, details: bool = False) -> None:
    """The report where it belongs, and last, on stderr, what failed: with --quiet nothing else but what waits.

    A report that cannot be printed does not make a sync that was applied a failed one: ModelctlError, which says
    whether it was applied, when stdout cannot be written.
    """
    from modelctl.output.sync import SyncDocument

    document = SyncDocument.of(report, code)
    _tell_github(context, document)
    try:
        if format != "table":
            context.show(document, format)
        elif not context.quiet:
            context.show(document, "details" if details else "table")
        context.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        written = any(each.is_written for each in report.providers) and not report.dry_run
        done = "the sync was applied" if written else "the sync changed nothing"
        raise ModelctlError(f"{done}, but its report could not be printed: {error.strerror or error}") from None
    if format != "json":
        tell_failures(context, report, code)


def tell_failures(context: Context, report: SyncReport, code: ExitCode) -> None:
    """What failed, on stderr; in a GitHub job as annotations. With --quiet, what guards hold, too."""
    from modelctl.output.sync import SyncDocument
    from modelctl.output.sync_text import annotation, failures, waiting

    document = SyncDocument.of(report, code)

    in_github = context.environ.get("GITHUB_ACTIONS") == "true"
    held = [*waiting(document)] if context.quiet or in_github else []
    for severity, lines in (("warning", held), ("error", failures(document))):
        for line in lines:
            context.warn(annotation(severity, line) if in_github else f"{severity}: {line}")


def _tell_github(context: Context, document: SyncDocument) -> None:
    """The report for the page of a GitHub job and the outputs of its step, where there is one."""
    from modelctl.output.console import PLAIN

    _append(context, SUMMARY_VARIABLE, lambda: document.to_markdown(PLAIN))
    _append(context, OUTPUT_VARIABLE, document.to_outputs)


def _append(context: Context, variable: str, text: Callable[[], str]) -> None:
    """Add to the file that the variable names; several steps append to one file."""
    path = context.environ.get(variable)
    if not path:
        return
    try:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(text() + "\n")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        context.warn(f"warning: the report could not be added to {variable} ({path}): {reason}")


def print_explanation(context: Context, report: SyncReport, name: str, format: str) -> None:
    """Why a model is as it is. UsageError when nobody speaks of it, and for a format that it has not."""
    from modelctl.output.sync import ExplanationsDocument

    if format not in ("table", "json"):
        raise UsageError(f"--explain has no format {format}", "there are table and json")
    explained = ExplanationsDocument.of(report, name)
    if not explained.root:
        known = sum(len(each.records) for each in report.providers)
        raise UsageError(
            f"no source, pattern or row mentions a model {name!r}",
            f"{known} models of {len(report.providers)} providers were looked at; ids are case-sensitive",
        )
    context.show(explained, format)


def warn_of_unmatched(context: Context, report: SyncReport, options: SyncOptions) -> None:
    """Name what was accepted though no guard stopped it, or was to be taken and was not there: slips of the pen."""
    from modelctl.services.sync import unmatched

    for option, word in unmatched(report, options):
        context.warn(f"note: --{option} {word} matched nothing")


@contextmanager
def shown_while_it_runs(context: Context) -> Iterator[Observer]:
    """Who is to be told of a sync, so that people see on stderr how far it is."""
    from modelctl.output.console import PLAIN, look_of, watching
    from modelctl.services.gather import Observer

    look = PLAIN if context.quiet or context.debug else look_of(context.stderr, context.environ)
    with ExitStack() as display:
        shown: list[Callable[[ProviderReport], None]] = []
        asked: list[str] = []
        done: list[str] = []

        def begin(providers: Sequence[str], left_out: Mapping[str, str]) -> None:
            say_left_out(context, left_out)
            asked.extend(providers)
            shown.append(display.enter_context(watching(context.stderr, look, providers)))

        def finish(report: ProviderReport) -> None:
            shown[-1](report)
            done.append(report.provider)

        try:
            yield Observer(begin=begin, wait=context.wait, finish=finish)
        except KeyboardInterrupt:
            of_how_many = f"{len(done)} of {counted(len(asked), 'provider')} done, "
            context.when_interrupted = f"{of_how_many * bool(asked)}none half written; it is safe to run it again"
            raise


def options_of(
    providers: tuple[str, ...],
    source: SourceChoice,
    max_age: str | None,
    accept: Sequence[str] | None,
    force: bool,
    take: Sequence[str] | None,
    recreate: Sequence[str] | None,
) -> SyncOptions:
    """What `sync` and `plan` are both asked for. UsageError for what cannot be, or can have no effect."""
    from modelctl.services.sync import SyncOptions

    if force:
        refuse_together("--force", {"--accept": accept})
    return SyncOptions(
        providers=providers,
        source=source,
        max_age=age_of(max_age, source),
        acceptance=Acceptance(everything=force, names=frozenset(accept or ())),
        takeover=takeover_of(take or (), recreate or ()),
    )


DryRun = Annotated[bool, typer.Option("--dry-run", "-n", help="Show what would change and write nothing.")]
WithExitCode = Annotated[bool, typer.Option("--exit-code", help="With --dry-run: exit 3 when something is pending.")]
AllOrNothing = Annotated[
    bool,
    typer.Option(
        "--all-or-nothing",
        help="Where a guard holds one model, write nothing of its provider.",
        rich_help_panel="Guards",
    ),
]
ConfiguredOnly = Annotated[
    bool,
    typer.Option(
        "--configured-only",
        help="Leave out providers that have no key, unless they are named.",
        rich_help_panel="Sources",
    ),
]
Details = Annotated[
    bool,
    typer.Option(
        "--details",
        help="Show each provider's counts, its changes, and what was left alone.",
        rich_help_panel="Output",
    ),
]
Backup = Annotated[
    Path | None,
    typer.Option("--backup", metavar="FILE", help="Write the tables into a new file first; see `db restore`."),
]
Explain = Annotated[
    str | None,
    typer.Option(
        "--explain", metavar="MODEL", help="Say why a model is as it is; writes nothing.", rich_help_panel="Output"
    ),
]
Notify = Annotated[
    str | None,
    typer.Option(
        "--notify",
        metavar="URL",
        help="Post the summary to a webhook (Slack's, or any that takes JSON).",
        rich_help_panel="Output",
    ),
]

When = Annotated[NotifyOn, typer.Option("--notify-on", help="When to post it.", rich_help_panel="Output")]


@epilog(
    """\b
Examples:
  modelctl sync
  modelctl sync openai anthropic --dry-run --exit-code --max-age 1h
  modelctl sync --source catalog --migrate --format json
  modelctl sync --accept openai/gpt-4o --accept price-rise
  modelctl sync --take openai/gpt-4o:context_window --recreate openai/gpt-3.5-turbo
  modelctl sync --explain gpt-4o
  modelctl sync openai --project shop
  modelctl sync --backup before.db
  modelctl sync --quiet --notify "$SLACK_WEBHOOK"

\b
Exit codes:
  0  done, or in sync                4  a guard holds something
  1  failed, nothing written         5  an API or a provider failed, the rest is applied
  3  changes pending (--exit-code)   6  another run writes
"""
)
def sync_command(
    ctx: typer.Context,
    providers: ProviderArguments = None,
    provider: ProviderOption = None,
    project: Project = None,
    source: Source = SourceChoice.AUTO,
    dry_run: DryRun = False,
    exit_code: WithExitCode = False,
    all_or_nothing: AllOrNothing = False,
    configured_only: ConfiguredOnly = False,
    details: Details = False,
    accept: Accept = None,
    force: Force = False,
    take: Take = None,
    recreate: Recreate = None,
    explain: Explain = None,
    migrate: Migrate = False,
    max_age: MaxAge = None,
    backup: Backup = None,
    notify: Notify = None,
    notify_on: When = NotifyOn.ALWAYS,
    format: MarkdownFormatOption = MarkdownFormat.TABLE,
    json: JsonOption = False,
) -> None:
    """Bring the table of models up to date with its sources.

    The sources are the catalogs, and the APIs of the providers whose key is set.
    """
    context = context_of(ctx)
    _require_sense(context, exit_code and not dry_run, details, explain, format)
    options = replace(
        options_of(providers_asked(providers, provider), source, max_age, accept, force, take, recreate),
        project=project_asked(project, source),
        all_or_nothing=all_or_nothing,
        configured_only=configured_only,
        dry_run=dry_run or explain is not None,
        migrate=migrate,
    )
    report = _run(context, options, webhook_of(notify, writes=not options.dry_run), notify_on, backup)
    if explain is not None:
        return print_explanation(context, report, explain, format)
    code = report.exit_code(pending_counts=exit_code)
    print_report(context, report, code, format, details=details)
    raise typer.Exit(code)


def _require_sense(context: Context, counts_applied: bool, details: bool, explain: str | None, format: str) -> None:
    """UsageError for options that contradict each other."""
    if details:
        others = {f"--format {format}": format != "table", "--explain": explain, "--quiet": context.quiet}
        refuse_together("--details", others)
    if counts_applied:
        raise UsageError("--exit-code goes with --dry-run", "without it a sync applies what is pending")


def _run(
    context: Context, options: SyncOptions, hook: Webhook | None, notify_on: NotifyOn, backup: Path | None
) -> SyncReport:
    """The sync, shown while it runs; a webhook is told what came of it, and of an error always."""
    from modelctl.services.sync import sync

    if backup is not None and options.dry_run:
        raise UsageError("--backup goes with a sync that writes", "leave out --dry-run and --explain, or --backup")
    options = replace(options, backup=backup)
    with failure_notified(context, hook), database_of(context) as database:
        with shown_while_it_runs(context) as observer:
            report = sync(context.runtime, database, options, context.author("sync"), observer)
        warn_of_unmatched(context, report, options)
    if backup is not None:
        context.say(f"backup: {backup}" if backup.exists() else "there were no tables to back up yet")
    if notify_on.includes(report):
        notify_of(context, hook, report)
    return report
