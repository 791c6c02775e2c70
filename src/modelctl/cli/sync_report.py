"""What a sync tells: its report on stdout and in the job's summary. The database has been written by then."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from modelctl.core import claims
from modelctl.core.claims import Taking
from modelctl.errors import ExitCode, ModelctlError, UsageError

if TYPE_CHECKING:
    from modelctl.cli.context import Context
    from modelctl.core.guards import Acceptance
    from modelctl.core.policy import GuardLimits
    from modelctl.core.report import SyncReport

SUMMARY_VARIABLE = "GITHUB_STEP_SUMMARY"


def print_report(context: Context, report: SyncReport, code: ExitCode, format: str) -> None:
    """The report where it belongs. A report that cannot be printed does not make a sync that was applied a failed one.

    ModelctlError, which says whether the sync was applied, when stdout cannot be written.
    """
    from modelctl.render.sync import FORMATS

    _append_summary(context, report, code)
    try:
        context.answer(FORMATS[format](report, code, context.stdout))
        context.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        written = any(each.is_written for each in report.providers) and not report.dry_run
        done = "the sync was applied" if written else "the sync changed nothing"
        raise ModelctlError(f"{done}, but its report could not be printed: {error.strerror or error}") from None


def _append_summary(context: Context, report: SyncReport, code: ExitCode) -> None:
    """The report for the page of a GitHub job, where there is one."""
    from modelctl.render.sync import markdown

    summary = context.environ.get(SUMMARY_VARIABLE)
    if not summary:
        return
    try:
        with Path(summary).open("a", encoding="utf-8") as file:
            file.write(markdown(report, code))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        context.warn(f"warning: the report could not be added to {SUMMARY_VARIABLE} ({summary}): {reason}")


def print_explanation(context: Context, report: SyncReport, name: str, format: str) -> None:
    """Why a model is as it is, as lines, or as JSON an object for each. UsageError when nobody speaks of it."""
    from modelctl.core.explain import explain

    if format not in ("table", "json"):
        raise UsageError(f"--explain has no format {format}", "there are table and json")
    lines = explain(report, name)
    if not lines:
        known = sum(len(each.records) for each in report.providers)
        raise UsageError(
            f"no source, pattern or row speaks of a model {name!r}",
            f"{known} models of {len(report.providers)} providers were looked at; ids are case-sensitive",
        )
    if format == "json":
        import json

        parts = (line.partition(": ") for line in lines)
        rows = [{"model": model, "line": line} for model, _, line in parts]
        context.answer(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    for line in lines:
        context.answer(line)


def warn_of_idle(context: Context, report: SyncReport, limits: GuardLimits, acceptance: Acceptance) -> None:
    """Name what was accepted though no guard stopped it: most likely a slip of the pen."""
    from modelctl.core.plan import GuardName

    unknowable = {GuardName.SHORT_LISTING.value}  # once it is accepted, a report does not tell that it was needed
    idle = acceptance.names - unknowable - _stoppable(report, limits)
    for name in sorted(idle):
        context.warn(f"note: --accept {name} matched nothing")


def warn_of_idle_taking(context: Context, report: SyncReport, taking: Taking) -> None:
    """Name what was to be taken over or brought back, and was not: there was nothing to take."""
    changes = [each for provider in report.providers for each in provider.plan.proposed]
    for key in sorted(taking.recreated):
        alone = Taking(recreated=frozenset({key}))
        if not any(each.removed is not None and alone.recreates(each.key) for each in changes):
            context.warn(f"note: --recreate {key} matched nothing")
    words = [*sorted(taking.fields), *(f"{model}:{name}" for model, names in taking.by_model.items() for name in names)]
    for word in words:
        alone = claims.taking([word])
        if not any(claims.is_taken(each, alone) for each in changes):
            context.warn(f"note: --take {word} matched nothing")


def _stoppable(report: SyncReport, limits: GuardLimits) -> set[str]:
    """Every name by which something can be accepted that a guard stops, or would have stopped."""
    from modelctl.core.guards import Acceptance, check

    names = set()
    for each in report.providers:
        unguarded = replace(each.plan, changes=each.plan.proposed, held=())
        for held in (*each.plan.held, *check(unguarded, limits, Acceptance()).held):
            names |= {str(held.change.key), held.change.key.model_id, held.guard.value}
    return names
