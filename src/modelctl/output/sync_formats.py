"""A plan as SQL that people run by hand: a transaction for each provider, under comments that say what it is for."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, TextIO

from modelctl.core.facts import Skipped
from modelctl.core.planning.plan import Action, Change
from modelctl.core.planning.plan_file import PlanFile, PlannedProvider
from modelctl.core.planning.report import ProviderReport, SyncReport
from modelctl.core.runs import Outcome
from modelctl.errors import ExitCode, ModelctlError
from modelctl.output.console import PLAIN, Look, look_of
from modelctl.output.format import code, escaped, old_to_new, one_line, plain, price_object, some, table, what_changes
from modelctl.output.sync import (
    OUTCOME_WORDS,
    PAST,
    closing,
    counts,
    counts_text,
    created_ids,
    failure,
    held_groups,
    how_to_accept,
    provider_line,
    remarks,
    sources_text,
    sync_table,
    totals,
    verdict,
)

_CHARSET = {"mysql": "SET NAMES utf8mb4", "mariadb": "SET NAMES utf8mb4"}


def plan_sql(file: PlanFile, scripts: Mapping[str, Sequence[str]], dialect: str) -> str:
    """The whole script; it ends with a newline."""
    return "\n".join(_lines(file, scripts, dialect)) + "\n"


def _lines(file: PlanFile, scripts: Mapping[str, Sequence[str]], dialect: str) -> Iterator[str]:
    yield f"-- modelctl {one_line(file.modelctl)}: a plan of {file.created_at.isoformat()} for {dialect}"
    yield f"-- for this database and no other: {one_line(file.database)}"
    yield "-- Does what `modelctl apply` would do, but does not check that the rows are still as they were then:"
    yield "-- run it once, before anything else writes these tables."
    if dialect in _CHARSET:
        yield f"{_CHARSET[dialect]};"
    for each in file.providers:
        yield ""
        yield f"-- {_headline(each)}"
        yield from (f"{statement};" for statement in scripts[each.report.provider])


def _headline(each: PlannedProvider) -> str:
    report = each.report
    return one_line(f"{report.provider}: {OUTCOME_WORDS[report.outcome]}, {counts_text(counts(report))}")


VERSION = 1


def sync_json(report: SyncReport, exit_code: ExitCode, look: Look) -> str:
    """The whole report; amounts are exact decimal numbers, instants UTC."""
    document = {
        "version": VERSION,
        "run": report.run,
        "database": report.database,
        "started_at": plain(report.started_at),
        "dry_run": report.dry_run,
        "exit_code": exit_code.value,
        "totals": _with_identifiers(totals(report.providers)),
        "providers": [_provider(each) for each in report.providers],
    }
    return json.dumps(document, indent=2, ensure_ascii=not look.unicode)


def _provider(report: ProviderReport) -> dict[str, Any]:
    plan = report.plan
    return {
        "provider": report.provider,
        "outcome": report.outcome.value,
        "written": report.is_written,
        "sources": list(report.sources),
        "fetched": report.fetched,
        "counts": _with_identifiers(counts(report)),
        "notices": [*report.notices, *plan.notices],
        "error": _error(report.error),
        "changes": [_change(each) for each in plan.changes],
        "held": [
            {"guard": each.guard.value, "reason": each.reason, "accept": str(each.change.key), **_change(each.change)}
            for each in plan.held
        ],
        "declined": [
            {"guard": each.guard.value, "reason": each.reason, "model_id": each.change.key.model_id}
            for each in plan.declined
        ],
        "protected": [
            {
                "model_id": each.key.model_id,
                "field": each.name,
                "kept": plain(each.kept),
                "offered": plain(each.offered),
                "source": each.source,
            }
            for each in plan.protected
        ],
        "needs_review": [key.model_id for key in plan.needs_review],
        "not_created": [key.model_id for key in plan.not_created],
        "removed_by_hand": [key.model_id for key in plan.removed_by_hand],
        "not_ours": [key.model_id for key in plan.unowned],
        "absent": {key.model_id: count for key, count in plan.absences.items() if count},
        "filtered": _skipped(plan.filtered),
        "skipped": _skipped(plan.skipped),
    }


def _change(change: Change) -> dict[str, Any]:
    return {
        "action": change.action.value,
        "model_id": change.key.model_id,
        "is_enabled": change.is_enabled if change.existing is None else change.existing.is_enabled,
        "fields": {
            each.name: {"before": plain(each.old), "after": plain(each.new), "source": each.source}
            for each in change.fields
        },
        "prices": [price_object(each) for each in change.prices],
    }


def _skipped(items: Iterable[Skipped]) -> list[dict[str, str]]:
    return [{"id": each.item_id, "reason": each.reason} for each in items]


def _error(error: ModelctlError | None) -> dict[str, Any] | None:
    if error is None:
        return None
    return {"message": error.message, "hint": error.hint, "exit_code": error.exit_code.value}


def _with_identifiers(counted: dict[str, int]) -> dict[str, int]:
    return {name.replace(" ", "_"): count for name, count in counted.items()}


MAX_NAMES = 20
MAX_ROWS = 100
"""Rows of one table: GitHub refuses a summary of more than a mebibyte, and nobody reads more."""


def sync_markdown(report: SyncReport, exit_code: ExitCode, look: Look) -> str:
    """The whole report: a table with totals, then a section for each provider that has something to tell."""
    parts = [f"### modelctl sync: {escaped(closing(report, exit_code))}", *_summary(report.providers)]
    for each in report.providers:
        details = list(_details(each, report.started_at))
        if details:
            parts += [f"#### {escaped(each.provider)}", *details]
    return look.text("\n\n".join(parts).splitlines())


def _summary(reports: Sequence[ProviderReport]) -> Iterator[str]:
    if not reports:
        return
    together = totals(reports)
    names = [name for name, count in together.items() if count or name in ("created", "updated", "unchanged")]
    rows = [
        [each.provider, OUTCOME_WORDS[each.outcome], sources_text(each), *(f"{counts(each)[name]:,}" for name in names)]
        for each in reports
    ]
    rows.append(["**total**", "", "", *(f"**{together[name]:,}**" for name in names)])
    yield table(["provider", "outcome", "sources", *names], rows, right=range(3, 3 + len(names)))


def _details(report: ProviderReport, now: datetime) -> Iterator[str]:
    if sentence := verdict(report):
        yield f"**{escaped(sentence)}**"
    if report.error is not None and report.error.hint:
        yield escaped(report.error.hint)
    if said := remarks(report):
        yield "\n".join(f"- {escaped(each)}" for each in said)
    yield from _changes(report, now)
    yield from _left_alone(report)


def _changes(report: ProviderReport, now: datetime) -> Iterator[str]:
    changes = report.plan.changes
    would = "" if report.is_written else "would be "
    if created := created_ids(report):
        yield f"{would}created: {escaped(some(created, MAX_NAMES))}"
    others = [change for change in changes if change.action is not Action.CREATE]
    if others:
        rows = [
            [
                would + PAST[each.action],
                code(each.key.model_id),
                "<br>".join(escaped(f"{name}: {text}") for name, text in what_changes(each, now=now)),
            ]
            for each in others[:MAX_ROWS]
        ]
        yield table(["change", "model", "what"], rows)
    yield from _rest(len(others))


def _left_alone(report: ProviderReport) -> Iterator[str]:
    plan = report.plan
    if groups := held_groups(report):
        rows = [
            [
                escaped(some((each.change.key.model_id for each in held), MAX_NAMES)),
                guard,
                escaped(reason),
                code(how_to_accept(guard, held)),
            ]
            for (guard, reason), held in groups.items()
        ]
        yield table(["held", "guard", "why", "to accept"], rows)
    if plan.protected:
        rows = [
            [code(each.key.model_id), each.name, escaped(old_to_new(each.kept, each.offered)), each.source]
            for each in plan.protected[:MAX_ROWS]
        ]
        yield table(["protected", "field", "kept → offered", "offered by"], rows)
        yield from _rest(len(plan.protected))
    lists = {
        "needs review": plan.needs_review,
        "not created": plan.not_created,
        "removed by hand": plan.removed_by_hand,
        "not ours": plan.unowned,
        "absent": [key for key, count in plan.absences.items() if count],
    }
    lines = [
        f"- {label}: {escaped(some((key.model_id for key in keys), MAX_NAMES))}"
        for label, keys in lists.items()
        if keys
    ]
    for label, items in (("filtered", plan.filtered), ("skipped", plan.skipped)):
        tally = Counter(each.reason for each in items)
        lines += [f"- {label} {count:,}: {escaped(reason)}" for reason, count in tally.most_common(MAX_NAMES)]
    if lines:
        yield "\n".join(lines)


def _rest(count: int) -> Iterator[str]:
    if count > MAX_ROWS:
        yield f"and {count - MAX_ROWS:,} more"


__all__ = ["FORMATS", "markdown", "provider_line"]


def markdown(report: SyncReport, exit_code: ExitCode) -> str:
    """The report for GitHub's step summary; ends with a newline, for several steps append to one file."""
    return sync_markdown(report, exit_code, PLAIN) + "\n"


def _on(render: Callable[[SyncReport, ExitCode, Look], str]) -> Callable[[SyncReport, ExitCode, TextIO], str]:
    return lambda report, exit_code, stream: render(report, exit_code, look_of(stream))


FORMATS: Mapping[str, Callable[[SyncReport, ExitCode, TextIO], str]] = MappingProxyType(
    {"table": _on(sync_table), "json": _on(sync_json), "markdown": _on(sync_markdown)}
)
"""Format name -> what renders it as the stream can show it."""


MAX_NOTICE_NAMES = 5


def notice_text(report: SyncReport, exit_code: ExitCode) -> str:
    """The summary, failures first."""
    failed = [each for each in report.providers if each.outcome is Outcome.FAILED]
    held = [each for each in report.providers if each.plan.is_held and each.outcome is not Outcome.FAILED]
    lines = [_notice_headline([each.provider for each in failed], [each.provider for each in held])]
    lines += [f"{each.provider}: failed: {failure(each)}" for each in failed]
    for each in held:
        for (guard, reason), changes in held_groups(each).items():
            names = some((one.change.key.model_id for one in changes), MAX_NOTICE_NAMES)
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


def _notice_headline(failed: list[str], held: list[str]) -> str:
    if failed:
        return f"modelctl sync FAILED for {', '.join(failed)}"
    if held:
        return f"modelctl sync: guards hold changes of {', '.join(held)}"
    return "modelctl sync: done"
