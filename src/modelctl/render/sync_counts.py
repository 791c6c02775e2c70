"""What a sync report counts and what it calls it: the same numbers and words in every format."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from modelctl.core.model import Status
from modelctl.core.plan import Action, Held
from modelctl.core.report import ProviderReport, SyncReport
from modelctl.core.run import Outcome
from modelctl.errors import EXIT_CODE_MEANING, ExitCode
from modelctl.render.values import one_line

PAST = MappingProxyType(
    {
        Action.CREATE: "created",
        Action.UPDATE: "updated",
        Action.DEPRECATE: "deprecated",
        Action.RETIRE: "retired",
        Action.REACTIVATE: "reactivated",
    }
)
"""What the rows of an action are called, as columns of `ai_sync_runs` are."""

ALWAYS_SHOWN = (*PAST.values(), "unchanged")

OUTCOME_WORDS = MappingProxyType(
    {
        Outcome.APPLIED: "applied",
        Outcome.IN_SYNC: "in sync",
        Outcome.PLANNED: "planned",
        Outcome.REFUSED: "refused",
        Outcome.HELD: "held",
        Outcome.FAILED: "failed",
    }
)

OUTCOME_STYLES = MappingProxyType(
    {
        Outcome.APPLIED: "green",
        Outcome.IN_SYNC: "green",
        Outcome.PLANNED: "cyan",
        Outcome.REFUSED: "red",
        Outcome.HELD: "yellow",
        Outcome.FAILED: "red",
    }
)


def counts(report: ProviderReport) -> dict[str, int]:
    """How many models had each fate. Rows of a refused plan were not written: they are `waiting`, nothing else."""
    plan, refused = report.plan, report.outcome is Outcome.REFUSED
    written = {word: 0 if refused else plan.count(action) for action, word in PAST.items()}
    return {
        **written,
        "unchanged": plan.unchanged,
        "waiting": len(plan.changes) if refused else 0,
        "held": len({held.change.key for held in plan.held}),
        "declined": len({declined.change.key for declined in plan.declined}),
        "protected": len(plan.protected),
        "filtered": len(plan.filtered),
        "skipped": len(plan.skipped),
        "needs review": len(plan.needs_review),
        "not created": len(plan.not_created),
        "removed by hand": len(plan.removed_by_hand),
        "not ours": len(plan.unowned),
        "absent": sum(1 for count in plan.absences.values() if count),
    }


def totals(reports: Iterable[ProviderReport]) -> dict[str, int]:
    """The counts of all providers together."""
    together: dict[str, int] = {}
    for report in reports:
        for name, count in counts(report).items():
            together[name] = together.get(name, 0) + count
    return together


def counts_text(counted: Mapping[str, int], *, blank: str = " ") -> str:
    """The counts in words; in brackets what was seen and not written, where there is any. `blank`: before a number."""
    main = ", ".join(f"{name}{blank}{counted[name]:,}" for name in ALWAYS_SHOWN)
    others = [f"{name}{blank}{count:,}" for name, count in counted.items() if count and name not in ALWAYS_SHOWN]
    return f"{main} [{', '.join(others)}]" if others else main


def sources_text(report: ProviderReport) -> str:
    """Which sources spoke of the provider's models."""
    return " + ".join(report.sources) or "no source"


def verdict(report: ProviderReport) -> str:
    """What came of a provider in one sentence; empty where the counts say it."""
    match report.outcome:
        case Outcome.FAILED:
            return f"failed: {failure(report)}"
        case Outcome.REFUSED:
            return "refused: nothing was written for this provider; --hold applies what is not held"
        case Outcome.HELD:
            return "held: what the guards name was not written, the rest was"
        case Outcome.PLANNED if report.plan.is_held:
            return "a guard holds changes: without --hold or --accept a sync refuses this provider"
        case _:
            return ""


def created_ids(report: ProviderReport) -> list[str]:
    """Ids that a plan creates, those that can be called first: nobody reads a list of the dead to its end."""
    created = [change for change in report.plan.changes if change.action is Action.CREATE]
    created.sort(key=lambda change: change.new_value("status") == Status.RETIRED)
    return [change.key.model_id for change in created]


def failure(report: ProviderReport) -> str:
    """What the error says, without the provider's name once more."""
    return one_line(report.error.message).removeprefix(f"{report.provider}: ") if report.error else "no reason given"


def remarks(report: ProviderReport) -> list[str]:
    """What a person should know: the report's notices, and why a table may be emptier than expected."""
    said = [one_line(notice) for notice in (*report.notices, *report.plan.notices)]
    if report.outcome is not Outcome.FAILED and not (report.records or report.kept):
        if report.plan.filtered:
            said.append("the include and exclude patterns leave out every model")
        elif report.fetched == 0:
            said.append("nothing found: the listing is empty")
        else:
            said.append("nothing found: no source knows a model of this provider")
    return said


def held_groups(report: ProviderReport) -> dict[tuple[str, str], list[Held]]:
    """What the guards stopped, by guard and reason: one bad listing is one line, not three hundred."""
    groups: dict[tuple[str, str], list[Held]] = {}
    for held in report.plan.held:
        groups.setdefault((held.guard.value, one_line(held.reason)), []).append(held)
    return groups


def how_to_accept(guard: str, held: list[Held]) -> str:
    """The option that lets held changes pass."""
    one = f"--accept {held[0].change.key}"
    return one if len(held) == 1 else f"--accept {guard} (all {len(held):,}) or {one}"


def closing(report: SyncReport, exit_code: ExitCode) -> str:
    """The last line: what came of the whole run."""
    outcomes = [each.outcome for each in report.providers]
    if report.dry_run:
        text = "planned (dry run: nothing was written)"
        if (
            all(each.plan.is_empty and not each.plan.is_held for each in report.providers)
            and Outcome.FAILED not in outcomes
        ):
            text = "in sync: nothing to change (dry run: nothing was written)"
    elif outcomes and set(outcomes) == {Outcome.IN_SYNC}:
        text = "in sync: nothing to change"
    else:
        tally = {outcome: outcomes.count(outcome) for outcome in Outcome if outcome in outcomes}
        text = ", ".join(f"{count} {OUTCOME_WORDS[outcome]}" for outcome, count in tally.items()) or "no provider"
    if exit_code is not ExitCode.OK:
        text += f"; exit {exit_code.value}: {EXIT_CODE_MEANING[exit_code].replace('`', '')}"
    return text
