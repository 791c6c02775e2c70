"""What ends when and what replaces it: its document, table and Markdown, and what is said beside them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from functools import partial
from typing import Annotated, TypeAlias

from typing_extensions import TypedDict

from modelctl.core.facts import AfterRetirement, ModelKey, decimal_text, exact_number
from modelctl.core.models.lifecycle import COMPARED_PRICES, ChainEnd, PriceStep
from modelctl.core.models.retirements import Retirement, RetirementFinding, RetirementKind, Retirements
from modelctl.core.prices.price import Money, percent_between
from modelctl.core.text import counted
from modelctl.output.console import Cell, Column, Look, columns_of, labelled, table, wrapped
from modelctl.output.document import AsJson, Day, ForPeople, Instant, Number, VersionedDocument
from modelctl.output.format import UNKNOWN_TEXT, code, escaped, markdown_table, one_line, plain, shown, since, some


class NewPriceJson(TypedDict):
    """What the successor costs instead."""

    new: Number | None
    new_currency: str | None
    percent: Number | None


ScheduledPriceJson = TypedDict(
    "ScheduledPriceJson",
    {"from": Instant, "new": Number | None, "new_currency": str | None, "percent": Number | None},
)
"""The same from a later day on."""


class PriceStepJson(NewPriceJson):
    """A price, and what the replacement costs instead, now and later."""

    old: Number | None
    old_currency: str | None
    scheduled: ScheduledPriceJson | None


class SuccessorJson(TypedDict):
    """Where the replacements lead."""

    outcome: ChainEnd
    provider: str | None
    model_id: str | None
    path: list[str]
    """The model_ids on the way."""
    providers: list[str]
    """Who sells each of them."""
    ends_on: Day | None


class RetirementJson(TypedDict):
    """A model that retires."""

    provider: str
    model_id: str
    day: Day | None
    days_left: int | None
    status: str | None
    is_enabled: bool
    replacement: str | None
    replacement_provider: str | None
    """Who sells the replacement: another provider, or the model's own."""
    successor: SuccessorJson
    after_retirement: str | None
    billed_as: str | None
    still_listed_on: Day | None
    """Its last day has passed, and the provider listed it then."""
    prices_on: Day | None
    prices: dict[str, PriceStepJson]
    finding: RetirementFinding | None


def _retirement(retirement: Retirement) -> RetirementJson:
    chain, replacement = retirement.chain, retirement.replacement
    is_redirected = retirement.after_retirement == AfterRetirement.REDIRECT
    return {
        "provider": retirement.key.provider,
        "model_id": retirement.key.model_id,
        "day": plain(retirement.day),
        "days_left": retirement.days_left,
        "status": retirement.status,
        "is_enabled": retirement.is_enabled,
        "replacement": replacement and replacement.model_id,
        "replacement_provider": replacement and replacement.provider,
        "successor": {
            "outcome": chain.end,
            "provider": chain.live and chain.live.provider,
            "model_id": chain.live and chain.live.model_id,
            "path": [each.model_id for each in chain.path],
            "providers": [each.provider for each in chain.path],
            "ends_on": plain(chain.ends_on),
        },
        "after_retirement": retirement.after_retirement,
        "billed_as": replacement.model_id if replacement and is_redirected else None,
        "still_listed_on": plain(retirement.listed_on),
        "prices_on": plain(retirement.prices_on),
        "prices": {kind: _step(step) for kind, step in retirement.prices.items()},
        "finding": retirement.finding,
    }


def _step(step: PriceStep) -> PriceStepJson:
    later = step.scheduled
    return {
        "old": _amount(step.old),
        "old_currency": step.old.currency if step.old is not None else None,
        **_new(step.old, step.new),
        "scheduled": None if later is None else {"from": plain(later.begins), **_new(step.old, later.price)},
    }


def _new(old: Money | None, new: Money | None) -> NewPriceJson:
    change = percent_between(old, new)
    return {
        "new": _amount(new),
        "new_currency": new.currency if new is not None else None,
        "percent": exact_number(change) if change is not None else None,
    }


def _amount(money: Money | None) -> Number | None:
    return exact_number(money.amount) if money is not None else None


RetirementRow: TypeAlias = Annotated[Retirement, AsJson(_retirement)]


class LifecycleDocument(VersionedDocument):
    """Which models retire when, by how certain that is."""

    today: date
    announced: tuple[RetirementRow, ...]
    """The vendor has named the last day."""
    not_before: tuple[RetirementRow, ...]
    """The vendor has only named a day before which it does not come."""
    ended: tuple[RetirementRow, ...]
    retirements: ForPeople[Retirements]

    @classmethod
    def of(cls, found: Retirements) -> LifecycleDocument:
        """Of what was found."""
        return cls(
            today=found.today,
            announced=found.of(RetirementKind.ANNOUNCED),
            not_before=found.of(RetirementKind.NOT_BEFORE),
            ended=found.of(RetirementKind.ENDED),
            retirements=found,
        )

    def to_table(self, look: Look) -> str:
        """All rows as text that fits the look; empty where there are none."""
        return retirements_table(self.retirements, look)

    def to_markdown(self, look: Look) -> str:
        """Findings first, a table per kind of end, notes last."""
        return retirements_markdown(self.retirements, look)


MAX_NAMES = 8
LEGEND = "prices: per million tokens, in USD unless shown, on the day of retirement, or today where that has passed"

_CHAIN_ENDS = {
    ChainEnd.LIVE: "",
    ChainEnd.NONE: "none stated",
    ChainEnd.ENDED: "retired, too; names no other",
    ChainEnd.MISSING: "not in the database",
    ChainEnd.CYCLE: "in a circle; no live model",
}


def heading(retirements: Retirements, kind: RetirementKind) -> str:
    """The title of the rows of one kind."""
    window = retirements.window
    match kind:
        case RetirementKind.ANNOUNCED:
            return f"announced to retire within {counted(window.reach_days, 'day')}"
        case RetirementKind.NOT_BEFORE:
            within = counted(window.within_days, "day")
            return f"not announced, but possible within {within}: the day is the earliest"
        case RetirementKind.ENDED if window.past_days is None:
            return "retired and still enabled"
        case RetirementKind.ENDED:
            and_enabled = "" if window.fail_within_days is None else ", or still enabled"
            return f"retired within the past {counted(window.past_days or 0, 'day')}{and_enabled}"


def when(retirement: Retirement) -> str:
    """How far away the end is."""
    left = retirement.days_left
    if left is None:
        return "day unknown"
    match retirement.kind:
        case RetirementKind.ENDED:
            return f"{counted(-left, 'day')} ago" if left < 0 else "already"
        case RetirementKind.NOT_BEFORE if left <= 0:
            return "any day"
        case _ if left < 0:
            return f"{counted(-left, 'day')} overdue"
        case _:
            return f"in {counted(left, 'day')}" if left else "today"


def succession(retirement: Retirement) -> str:
    """The vendor's replacement, its replacement …, to the live end; or why there is none."""
    path = " → ".join(_beside(each, retirement) for each in retirement.chain.path)
    said = _CHAIN_ENDS[retirement.chain.end]
    return f"{path} ({said})" if path and said else path or said


def _beside(key: ModelKey, retirement: Retirement) -> str:
    return one_line(key.beside(retirement.key.provider))


def afterwards(retirement: Retirement) -> str:
    """What a request gets after the end, in a word."""
    match retirement.after_retirement:
        case None:
            return UNKNOWN_TEXT
        case AfterRetirement.ERROR:
            return "errors"
        case AfterRetirement.REDIRECT:
            return "redirected"
        case other:
            return one_line(other)


def price_step_text(retirement: Retirement, kind: str) -> str:
    """One price, old → new with the percentage; without a live successor just the old one."""
    step = retirement.prices.get(kind, PriceStep(old=None, new=None))
    if retirement.successor is None or (step.old is None and step.new is None):
        return _money(step.old)
    return _price_step(step.old, step.new)


def notes(retirement: Retirement) -> Iterator[str]:
    """What a row of a table has no room for."""
    if retirement.listed_on is not None:
        yield f"its last day has passed, but the provider still listed it on {retirement.listed_on.isoformat()}"
    if retirement.kind is RetirementKind.ENDED and retirement.is_enabled:
        yield "is retired and still enabled"
    if retirement.after_retirement == AfterRetirement.REDIRECT:
        named = retirement.replacement
        to = _beside(named, retirement) if named is not None else "an unknown model"
        yield f"after its retirement the id is served and billed as {to}"
    chain = retirement.chain
    if chain.live is not None and chain.ends_on is not None:
        yield f"the replacement {_beside(chain.live, retirement)} retires, too, on {chain.ends_on.isoformat()}"
    yield from _scheduled(retirement)


def _scheduled(retirement: Retirement) -> Iterator[str]:
    by_day: dict[str, list[str]] = {}
    for kind, step in retirement.prices.items():
        if step.scheduled is not None:
            by_day.setdefault(since(step.scheduled.begins), []).append(
                f"{kind} {_price_step(step.old, step.scheduled.price)}"
            )
    for day, prices in sorted(by_day.items()):
        yield f"from {day} on, the difference is {', '.join(prices)}"


def _price_step(old: Money | None, new: Money | None) -> str:
    change = percent_between(old, new)
    percentage = "" if change is None else f" ({'+' if change > 0 else ''}{decimal_text(change)} %)"
    return f"{_money(old)} → {_money(new)}{percentage}"


def _money(money: Money | None) -> str:
    if money is None:
        return UNKNOWN_TEXT
    return decimal_text(money.amount) + ("" if money.currency == "USD" else f" {one_line(money.currency)}")


def window_notes(retirements: Retirements) -> Iterator[str]:
    """What is not in the rows: why there are none, and what no window can show."""
    of = f" of {', '.join(retirements.window.providers)}" if retirements.window.providers else ""
    if not retirements.looked_at:
        yield f"the database has no models{of}; `modelctl sync` fills it"
        return
    if not retirements.rows:
        past = retirements.window.past_days
        or_past = "" if past is None else f" or has retired within the past {counted(past, 'day')}"
        whose = "enabled model" if retirements.window.only_enabled else "model"
        following = f"; the next is {_dated(*reversed(retirements.next_end))}" if retirements.next_end else ""
        looked_at = f"{counted(retirements.looked_at, 'model')}{of} looked at"
        within = counted(retirements.window.reach_days, "day")
        yield f"no {whose} retires within {within}{or_past} ({looked_at}){following}"
    if retirements.not_enabled:
        yield f"left out by --enabled: {_models(retirements.not_enabled, 'that is', 'that are')} not enabled"
    if retirements.ended_enabled_elsewhere:
        count = _models(retirements.ended_enabled_elsewhere, "is retired and", "are retired and")
        yield f"{count} still enabled; --fail-within names all of them"
    if retirements.undated:
        names = some(retirements.undated, MAX_NAMES)
        yield f"{_models(len(retirements.undated), 'retires', 'retire')} on a day that no source states: {names}"


def retirement_warnings(retirements: Retirements) -> Iterator[str]:
    """The findings, by name."""
    soon, ended = retirements.findings(RetirementFinding.ENDS_SOON), retirements.findings(RetirementFinding.ENDED)
    if soon:
        within = counted(retirements.window.fail_within_days or 0, "day")
        yield f"{_enabled(soon, 'retires', 'retire')} within {within}: {_named(soon)}"
    if ended:
        yield f"{_enabled(ended, 'is retired already', 'are retired already')}: {_named(ended)}"


def _named(retirements: Iterable[Retirement]) -> str:
    return some((_dated(each.key, each.day) for each in retirements), MAX_NAMES)


def _dated(key: object, day: object) -> str:
    return f"{key} ({day or 'day unknown'})"


def _enabled(retirements: tuple[Retirement, ...], one: str, many: str) -> str:
    return f"{counted(len(retirements), 'enabled model')} {one if len(retirements) == 1 else many}"


def _models(count: int, one: str, many: str) -> str:
    return f"{counted(count, 'model')} {one if count == 1 else many}"


_HEADER = ("day", "when", "model", "status", "enabled", "replacement", "afterwards", *COMPARED_PRICES)


def retirements_markdown(retirements: Retirements, look: Look) -> str:
    """A document: findings first, a table per kind of end, notes last."""
    parts = [f"### modelctl lifecycle, {retirements.today.isoformat()}"]
    parts += [f"**{escaped(each)}**" for each in retirement_warnings(retirements)]
    for kind in RetirementKind:
        if rows := retirements.of(kind):
            parts += [f"#### {escaped(heading(retirements, kind))}: {len(rows):,}", *_section(rows)]
    if retirements.rows:
        parts.append(escaped(LEGEND))
    parts += [escaped(each) for each in window_notes(retirements)]
    return look.text("\n\n".join(parts).splitlines())


def _section(rows: Sequence[Retirement]) -> Iterator[str]:
    yield markdown_table(_HEADER, [_row(each) for each in rows])
    said = [f"- {code(str(each.key))}: {escaped(note)}" for each in rows for note in notes(each)]
    if said:
        yield "\n".join(said)


def _row(retirement: Retirement) -> list[str]:
    return [
        shown(retirement.day),
        when(retirement),
        code(str(retirement.key)),
        escaped(shown(retirement.status)),
        shown(retirement.is_enabled),
        escaped(succession(retirement)),
        escaped(afterwards(retirement)),
        *(escaped(price_step_text(retirement, kind)) for kind in COMPARED_PRICES),
    ]


def retirements_table(retirements: Retirements, look: Look) -> str:
    """All rows as text that fits the look; empty where there are none."""
    sections = [(kind, rows) for kind in RetirementKind if (rows := retirements.of(kind))]
    if not sections:
        return ""
    lines: list[str] = []
    for kind, rows in sections:
        lines += [
            look.paint(line, "bold") for line in wrapped(f"{heading(retirements, kind)}: {len(rows):,}", look.width)
        ]
        lines += [*table(_columns(rows), look), *_notes(rows, look)]
        lines.append("")
    return look.text([*lines, *(look.paint(line, "dim") for line in wrapped(LEGEND, look.width))])


def _columns(rows: Sequence[Retirement]) -> list[Column]:
    return columns_of(
        rows,
        {
            "day": lambda each: Cell(shown(each.day), _style(each)),
            "left": lambda each: when(each).removeprefix("in "),
            "model": _name,
            "status": lambda each: shown(each.status),
            "enabled": lambda each: shown(each.is_enabled),
            "replacement": succession,
            "afterwards": afterwards,
            **{kind: partial(price_step_text, kind=kind) for kind in COMPARED_PRICES},
        },
        drop=["afterwards", *reversed(COMPARED_PRICES), "status", "enabled", "left"],
        ids=["model"],
        least=dict.fromkeys(COMPARED_PRICES, 20),
    )


def _notes(rows: Sequence[Retirement], look: Look) -> Iterator[str]:
    """What the table has no column for, in the order of its rows."""
    for each in rows:
        for note in notes(each):
            yield from labelled(_name(each), note, look, indent=2)


def _name(retirement: Retirement) -> str:
    return one_line(str(retirement.key))


def _style(retirement: Retirement) -> str:
    """Red for what makes a check fail or is out of order, yellow for what needs somebody, dim for what is not used."""
    if retirement.finding is not None or (retirement.kind is RetirementKind.ENDED and retirement.is_enabled):
        return "red"
    if not retirement.is_enabled:
        return "dim"
    return "yellow" if retirement.kind is RetirementKind.ANNOUNCED else ""
