"""What a sync report counts and what it calls it, the same numbers and words in every format; and its table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Protocol

from modelctl.core.facts import Skipped, Status
from modelctl.core.planning.plan import Action, Change, GuardName, Held
from modelctl.core.planning.report import ProviderReport
from modelctl.core.runs import Outcome
from modelctl.core.text import counted
from modelctl.errors import EXIT_CODE_MEANING, ExitCode
from modelctl.output.console import GAP, GLUE, Cell, Column, Look, labelled, table, total_width, wrapped
from modelctl.output.format import one_line, shown, some, what_changes

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


class SyncResult(Protocol):
    """What came of a run, as the core has it or as its document."""

    @property
    def run(self) -> str:
        """Its id."""

    @property
    def dry_run(self) -> bool:
        """Whether nothing was to be written."""

    @property
    def database(self) -> str:
        """As it may be shown."""

    @property
    def started_at(self) -> datetime:
        """When it began."""

    @property
    def providers(self) -> tuple[ProviderReport, ...]:
        """What came of each."""


ALWAYS_SHOWN = (*PAST.values(), "unchanged")

OUTCOME_WORDS = MappingProxyType(
    {
        Outcome.APPLIED: "applied",
        Outcome.IN_SYNC: "in sync",
        Outcome.PARTIAL: "partial",
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
        Outcome.PARTIAL: "red",
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
        case Outcome.PARTIAL:
            return f"its API failed: {failure(report)}; what its catalogs state is applied"
        case Outcome.REFUSED:
            return "refused: a guard holds this provider, and nothing was written"
        case Outcome.HELD:
            return "held: what the guards name was not written; the rest was"
        case Outcome.PLANNED if report.plan.is_held:
            return "a guard holds what is named below; --accept writes it"
        case _:
            return ""


def created_ids(report: ProviderReport) -> list[str]:
    """Ids that a plan creates, those that can be called first: nobody reads a list of the dead to its end."""
    return [change.key.model_id for change in sorted(_created(report), key=_is_retired)]


def _created(report: ProviderReport) -> list[Change]:
    return [change for change in report.plan.changes if change.action is Action.CREATE]


def _is_retired(change: Change) -> bool:
    return change.new_value("status") == Status.RETIRED


def failure(report: ProviderReport) -> str:
    """What the error says, without the provider's name once more."""
    return one_line(report.error.message).removeprefix(f"{report.provider}: ") if report.error else "no reason given"


def report_notes(report: ProviderReport) -> list[str]:
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


def key_doubt(report: ProviderReport) -> str:
    """What is held of where the provider's key goes. A command of its own lets it pass: syncs run unattended."""
    why = one_line(report.plan.key_doubt or "")
    return f"held by {GuardName.KEY_TARGET}: {why}; to let it pass: `modelctl review accept {report.provider}`"


def _unbroken(options: str) -> str:
    return options.replace("--accept ", f"--accept{GLUE}")


def closing(report: SyncResult, exit_code: ExitCode) -> str:
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
        by_outcome = {outcome: outcomes.count(outcome) for outcome in Outcome if outcome in outcomes}
        text = ", ".join(f"{count} {OUTCOME_WORDS[outcome]}" for outcome, count in by_outcome.items()) or "no provider"
    if exit_code is not ExitCode.OK:
        text += f"; exit {exit_code.value}: {EXIT_CODE_MEANING[exit_code].replace('`', '')}"
    return text


MAX_NAMES = 8
"""Ids listed for one reason; the rest is counted."""
MAX_CHANGES = 40
"""Changed rows told of one provider; the rest is counted, and in the JSON."""
MAX_REASONS = 5

_ACTION_STYLES = {
    Action.CREATE: "green",
    Action.UPDATE: "cyan",
    Action.DEPRECATE: "yellow",
    Action.RETIRE: "red",
    Action.REACTIVATE: "green",
}
_MAIN_COUNTS = (*ALWAYS_SHOWN, "waiting", "held")
_COUNTS_EVEN_IF_ZERO = ("created", "updated", "unchanged")


MAX_REASONS_NAMED = 2
"""Providers whose missing key is named with its variable; more are counted."""
MAX_NAMED = 3
"""New models of a provider, or models that one guard holds, that are named; more are counted."""
_SIGNS = {Action.CREATE: "+", Action.UPDATE: "~", Action.DEPRECATE: "-", Action.RETIRE: "-", Action.REACTIVATE: "+"}


def brief_table(report: SyncResult, look: Look) -> str:
    """What changed, what waits and what comes next; one line where nothing changed. What failed is told on stderr."""
    together = totals(report.providers)
    lines = [*_new_models(report, look)]
    for each in report.providers:
        lines += _brief_changes(each, report.started_at, look)
        lines += _brief_held(each, look)
    if any(together[name] for name in _MOVED):
        lines += _what_to_know(report, together, look)
    for each in report.providers:
        is_empty = not (each.records or each.kept)
        said = (note for note in report_notes(each) if is_empty or note != each.not_asked)
        lines += [line for note in said for line in labelled("note", f"{each.provider}: {note}", look, style="dim")]
    lines += wrapped(_total(report, together), look.width)
    if report.providers and not report.dry_run and all(_is_first(each) for each in report.providers):
        lines += wrapped("Next: `modelctl list`, `modelctl show MODEL`, `modelctl doctor`", look.width)
    return look.text(lines)


def _is_first(report: ProviderReport) -> bool:
    return report.plan.existing == 0 and report.is_written


def failures(report: SyncResult) -> Iterator[str]:
    """What failed, a line for each with the way to mend it: the last that is told of a sync."""
    for each in report.providers:
        if each.error is not None:
            hint = f"; {one_line(each.error.hint)}" if each.error.hint else ""
            failed = each.outcome is Outcome.FAILED
            kept = "its rows stay as they are" if failed else "its catalogs are applied all the same"
            yield f"{each.provider}: {failure(each)}{hint} ({kept})"


def annotation(severity: str, text: str) -> str:
    """The workflow command that makes a note of a text at a GitHub job; its signs are escaped as GitHub reads them."""
    for sign in "%\r\n":
        text = text.replace(sign, f"%{ord(sign):02X}")
    return f"::{severity} title=modelctl::{text}"


def waiting(report: SyncResult) -> Iterator[str]:
    """What guards hold, a line for each reason with the option that lets it pass."""
    for each in report.providers:
        for (guard, reason), held in held_groups(each).items():
            names = some((one.change.key.model_id for one in held), MAX_NAMED)
            yield f"{each.provider}: {names}: held by {guard}: {reason}; to let it pass: {how_to_accept(guard, held)}"
        if each.plan.listing_doubt and not each.plan.held:
            yield f"{each.provider}: {one_line(each.plan.listing_doubt)}"
        if each.plan.key_doubt:
            yield f"{each.provider}: {key_doubt(each)}"


def _new_models(report: SyncResult, look: Look) -> Iterator[str]:
    """The new models of providers that have many, in one line for all of them."""
    created = {each.provider: _created(each) for each in report.providers}
    many = {name: len(changes) for name, changes in created.items() if len(changes) > MAX_NAMED}
    if many:
        ended = sum(_is_retired(change) for changes in created.values() for change in changes)
        of_which = f" ({ended:,} of them retired)" if ended else ""
        named = ", ".join(f"{name}{GLUE}{count:,}" for name, count in many.items())
        yield from labelled("+", f"{sum(many.values()):,} models{of_which}: {named}", look, style="green")


def _brief_changes(report: ProviderReport, now: datetime, look: Look) -> Iterator[str]:
    all_in_one_line = report.plan.count(Action.CREATE) > MAX_NAMED
    changes = [each for each in report.plan.changes if each.action is not Action.CREATE or not all_in_one_line]
    for change in changes[:MAX_CHANGES]:
        sign = _SIGNS[change.action]
        yield from labelled(sign, one_line(str(change.key)), look, style=_ACTION_STYLES[change.action])
        if change.action is not Action.CREATE:
            yield from _moved_fields(change, now, look)
    if len(changes) > MAX_CHANGES:
        yield f"  and {len(changes) - MAX_CHANGES:,} more of {report.provider}; --details or --format json has them"


def _brief_held(report: ProviderReport, look: Look) -> Iterator[str]:
    if report.plan.key_doubt:
        yield from labelled("!", f"{report.provider}: {key_doubt(report)}", look, style="yellow")
    for (guard, reason), held in held_groups(report).items():
        names = some((str(each.change.key) for each in held), MAX_NAMED)
        yield from labelled("!", f"{names}: held by {guard}: {reason}", look, style="yellow")
        yield from labelled("to let it pass:", _unbroken(how_to_accept(guard, held)), look, indent=4)


_MOVED = (*PAST.values(), "waiting", "held")
"""Fates that make a sync tell more than one line."""

_FATES = {
    "needs review": "disabled until a complete price is known",
    "not created": "not created, because the setting create_new is catalog",
    "absent": "not in the listing any more",
    "skipped": "left out of the listing",
}
"""What a person should know of rows that a sync did not write as the sources have them."""


def _what_to_know(report: SyncResult, together: Mapping[str, int], look: Look) -> Iterator[str]:
    """A line for each thing that a person should know, whatever number of providers it is about."""
    fates = [f"{together[name]:,} {text}" for name, text in _FATES.items() if together[name]]
    if together["protected"]:
        fates.append(f"{counted(together['protected'], 'override')} kept (`modelctl override list`)")
    if fates:
        yield from labelled("note", "; ".join(fates), look, style="dim")
    without_key = [each for each in report.providers if each.not_asked]
    if 0 < len(without_key) <= MAX_REASONS_NAMED:
        for each in without_key:
            yield from labelled("note", f"{each.provider}: {one_line(each.not_asked or '')}", look, style="dim")
    elif without_key:
        is_all = len(without_key) == len(report.providers)
        names = _count_of(without_key) if is_all else some((each.provider for each in without_key), MAX_NAMES)
        text = f"no key, so catalogs only: {'all ' * is_all}{names}; `modelctl provider list` names the keys"
        yield from labelled("note", text, look, style="dim")


def _total(report: SyncResult, together: Mapping[str, int]) -> str:
    """The last line: how many rows had which fate."""
    models = sum(together[name] for name in ALWAYS_SHOWN)
    whose = f"{counted(models, 'model')} of {_count_of(report.providers)}"
    moved = [f"{together[name]:,} {name}" for name in _MOVED if together[name]]
    if report.providers and all(each.outcome is Outcome.FAILED for each in report.providers):
        return f"Nothing was written for {_count_of(report.providers)}"
    if not moved:
        failed = [each for each in report.providers if each.error is not None]
        return f"{'Nothing to change' if failed else 'In sync'}: {whose}{_besides(together)}"
    if report.dry_run:
        return f"Planned, and nothing was written: {', '.join(moved)}; {together['unchanged']:,} unchanged"
    return f"{', '.join(moved)}; {together['unchanged']:,} unchanged"


def _besides(together: Mapping[str, int]) -> str:
    names = ("protected", "absent", "skipped", "filtered", "declined", "removed by hand", "not ours")
    besides = ", ".join(f"{together[name]:,} {name}" for name in names if together[name])
    return f" ({besides})" if besides else ""


def _count_of(reports: Sequence[ProviderReport]) -> str:
    return reports[0].provider if len(reports) == 1 else f"{len(reports):,} providers"


def sync_table(report: SyncResult, exit_code: ExitCode, look: Look) -> str:
    """The whole report, provider by provider, as text that fits the look."""
    lines: list[str] = []
    for each in report.providers:
        details = list(_details(each, report.started_at, look))
        lines += [*_first_lines(each, report.providers, look), *details, *([""] if details else [])]
    if report.providers:
        lines += [*([""] if lines[-1] else []), *_summary(report.providers, look), ""]
    return look.text([*lines, *wrapped(closing(report, exit_code), look.width)])


def _headline(report: ProviderReport, *, blank: str = " ") -> str:
    """`blank` stands where no line should break: between a count and its word."""
    if report.outcome is Outcome.FAILED:
        return failure(report)
    return f"{counts_text(counts(report), blank=blank)}  ({sources_text(report).replace(' ', blank)})"


def _first_lines(report: ProviderReport, reports: Sequence[ProviderReport], look: Look) -> Iterator[str]:
    name, word = report.provider, OUTCOME_WORDS[report.outcome]
    after_name = " " * (max(len(each.provider) for each in reports) - len(name) + GAP)
    after_word = " " * (max(len(OUTCOME_WORDS[each.outcome]) for each in reports) - len(word))
    label = name + after_name + word + after_word
    first, *rest = labelled(label, _headline(report, blank=GLUE), look)
    painted = look.paint(name, "bold") + after_name + look.paint(word, OUTCOME_STYLES[report.outcome]) + after_word
    yield painted + first[len(label) :]
    yield from rest


def _details(report: ProviderReport, now: datetime, look: Look) -> Iterator[str]:
    if report.error is not None and report.error.hint:
        yield from labelled("hint", one_line(report.error.hint), look, indent=2)
    if report.outcome is not Outcome.FAILED and (sentence := verdict(report)):
        yield from labelled("note", sentence, look, indent=2, style="yellow")
    for note in report_notes(report):
        yield from labelled("note", note, look, indent=2, style="dim")
    yield from _changes(report, now, look)
    yield from _left_alone(report, look)


def _changes(report: ProviderReport, now: datetime, look: Look) -> Iterator[str]:
    would = "" if report.is_written else "would be "
    if created := created_ids(report):
        yield from labelled(f"{would}created", some(created, MAX_NAMES), look, indent=2, style="green")
    others = [change for change in report.plan.changes if change.action is not Action.CREATE]
    for change in others[:MAX_CHANGES]:
        yield from _change(change, would, now, look)
    yield from _rest(len(others) - MAX_CHANGES, "changed")


def _change(change: Change, would: str, now: datetime, look: Look) -> Iterator[str]:
    label = f"{would}{PAST[change.action]}"
    yield from labelled(label, one_line(change.key.model_id), look, indent=2, style=_ACTION_STYLES[change.action])
    yield from _moved_fields(change, now, look)


def _moved_fields(change: Change, now: datetime, look: Look) -> Iterator[str]:
    for name, text in what_changes(change, now=now):
        yield from labelled(name, text.replace(" %", f"{GLUE}%"), look, indent=4)


def _left_alone(report: ProviderReport, look: Look) -> Iterator[str]:
    """Everything that was seen and not written, each for its own reason."""
    plan = report.plan
    if plan.key_doubt:
        yield from labelled("note", key_doubt(report), look, indent=2, style="yellow")
    for (guard, reason), held in held_groups(report).items():
        text = f"{reason}: {some((each.change.key.model_id for each in held), MAX_NAMES)}"
        yield from labelled(f"held by {guard}", text, look, indent=2, style="yellow")
        yield from labelled("to accept:", _unbroken(how_to_accept(guard, held)), look, indent=4)
    for each in plan.protected[:MAX_CHANGES]:
        kept = (
            f"{each.key.model_id} {each.name}: {shown(each.kept)} kept, {shown(each.offered)} offered ({each.source})"
        )
        yield from labelled("protected", one_line(kept), look, indent=2, style="cyan")
    yield from _rest(len(plan.protected) - MAX_CHANGES, "protected")
    for label, keys, reason in (
        ("needs review", plan.needs_review, "created disabled: no complete price is known"),
        ("not created", plan.not_created, "only the API knows them, and the setting create_new is catalog"),
        ("removed by hand", plan.removed_by_hand, "a person deleted the rows; they stay deleted"),
        ("not ours", plan.unowned, "the rows were there before modelctl; it leaves them alone"),
        ("absent", [key for key, count in plan.absences.items() if count], "not in the listing any more"),
    ):
        if keys:
            text = f"{some((key.model_id for key in keys), MAX_NAMES)} ({reason})"
            yield from labelled(label, text, look, indent=2, style="yellow")
    yield from _reasons("filtered", plan.filtered, look)
    yield from _reasons("skipped", plan.skipped, look)


def _reasons(label: str, skipped: Sequence[Skipped], look: Look) -> Iterator[str]:
    counts = Counter(one_line(each.reason) for each in skipped)
    for reason, count in counts.most_common(MAX_REASONS):
        yield from labelled(label, f"{count:,}: {reason}", look, indent=2, style="dim")
    yield from _rest(len(counts) - MAX_REASONS, f"reasons for {label}")


def _rest(count: int, what: str) -> Iterator[str]:
    if count > 0:
        yield f"  and {count:,} more {what}; --format json has them all"


def _summary(reports: Sequence[ProviderReport], look: Look) -> list[str]:
    """The table with totals; where it is too wide, less of it beside each other and the rest below."""
    together = totals(reports)
    names = [name for name, count in together.items() if count or name in _COUNTS_EVEN_IF_ZERO]
    main = [name for name in names if name in _MAIN_COUNTS]
    for shown_names in (names, main):
        columns = _count_columns(reports, together, shown_names)
        if look.width is None or total_width(columns) <= look.width:
            besides = [f"{name}{GLUE}{together[name]:,}" for name in names if name not in shown_names]
            more = wrapped(f"besides: {', '.join(besides)}", look.width) if besides else []
            return [*table(columns, look), *more]
    numbers = Column(title="models", right=True, cells=_count_cells(together[name] for name in names))
    return table([Column(title="total", cells=[Cell(name) for name in names]), numbers], look)


def _count_columns(
    reports: Sequence[ProviderReport], together: Mapping[str, int], names: Sequence[str]
) -> list[Column]:
    outcomes = [Cell(OUTCOME_WORDS[each.outcome], OUTCOME_STYLES[each.outcome]) for each in reports]
    per_provider = [counts(each) for each in reports]
    return [
        Column(title="provider", cells=[Cell(each.provider) for each in reports], total=Cell("total", "bold")),
        Column(title="outcome", cells=outcomes),
        *(
            Column(
                title=name,
                right=True,
                cells=_count_cells(each[name] for each in per_provider),
                total=Cell(f"{together[name]:,}", "bold"),
            )
            for name in names
        ),
    ]


def _count_cells(numbers: Iterable[int]) -> list[Cell]:
    return [Cell(f"{number:,}", "" if number else "dim") for number in numbers]
