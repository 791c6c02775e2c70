"""A sync report for GitHub's step summary and for pull requests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime

from modelctl.core.plan import Action
from modelctl.core.report import ProviderReport, SyncReport
from modelctl.errors import ExitCode
from modelctl.render.markdown import code, escaped, table
from modelctl.render.sync_counts import (
    OUTCOME_WORDS,
    PAST,
    closing,
    counts,
    created_ids,
    held_groups,
    how_to_accept,
    remarks,
    sources_text,
    totals,
    verdict,
)
from modelctl.render.terminal import Look
from modelctl.render.values import old_to_new, some, what_changes

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
