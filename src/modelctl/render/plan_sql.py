"""A plan as SQL that people run by hand: a transaction for each provider, under comments that say what it is for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from modelctl.core.plan_file import PlanFile, PlannedProvider
from modelctl.render.sync_counts import OUTCOME_WORDS, counts, counts_text
from modelctl.render.values import one_line

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
