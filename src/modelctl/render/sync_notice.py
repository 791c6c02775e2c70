"""What a webhook is told of a sync: a few lines for people, and the report for programs."""

from __future__ import annotations

import json
from typing import Any

from modelctl.core.report import SyncReport
from modelctl.core.run import Outcome
from modelctl.errors import ExitCode, ModelctlError
from modelctl.render.sync_counts import closing, counts_text, failure, held_groups, how_to_accept, totals
from modelctl.render.sync_json import VERSION, sync_json
from modelctl.render.terminal import PLAIN
from modelctl.render.values import one_line, some

MAX_NAMES = 5


def notice_text(report: SyncReport, exit_code: ExitCode) -> str:
    """The summary, failures first."""
    failed = [each for each in report.providers if each.outcome is Outcome.FAILED]
    held = [each for each in report.providers if each.plan.is_held and each.outcome is not Outcome.FAILED]
    lines = [_headline([each.provider for each in failed], [each.provider for each in held])]
    lines += [f"{each.provider}: failed: {failure(each)}" for each in failed]
    for each in held:
        for (guard, reason), changes in held_groups(each).items():
            names = some((one.change.key.model_id for one in changes), MAX_NAMES)
            lines.append(f"{each.provider}: held by {guard}: {reason}: {names} ({how_to_accept(guard, changes)})")
        if each.plan.listing_doubt:
            lines.append(f"{each.provider}: {one_line(each.plan.listing_doubt)}")
    lines += [closing(report, exit_code), counts_text(totals(report.providers)) if report.providers else ""]
    lines.append(f"run {report.run}, {report.database}")
    return "\n".join(filter(None, lines))


def notice_document(report: SyncReport, exit_code: ExitCode) -> dict[str, Any]:
    """The document that `sync --format json` prints."""
    document: dict[str, Any] = json.loads(sync_json(report, exit_code, PLAIN))
    return document


def error_text(what: str) -> str:
    """The summary of a sync that ended before any provider could be told of."""
    return f"modelctl sync FAILED: {one_line(what)}"


def error_document(error: ModelctlError) -> dict[str, Any]:
    """The same for programs; a report that could be made has no `error` at its top."""
    code = error.exit_code.value
    return {
        "version": VERSION,
        "exit_code": code,
        "error": {"message": error.message, "hint": error.hint, "exit_code": code},
    }


def _headline(failed: list[str], held: list[str]) -> str:
    if failed:
        return f"modelctl sync FAILED for {', '.join(failed)}"
    if held:
        return f"modelctl sync: guards hold changes of {', '.join(held)}"
    return "modelctl sync: done"
