"""What a sync tells: its report on stdout and in the job's summary. The database has been written by then."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from modelctl.errors import ExitCode, ModelctlError

if TYPE_CHECKING:
    from modelctl.cli.context import Context
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
