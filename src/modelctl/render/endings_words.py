"""What the ends of models are called, and what has to be said of them: the same words in every format."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from modelctl.core.counts import counted
from modelctl.core.encoding import decimal_text
from modelctl.core.endings import Ending, Endings, EndKind, Finding
from modelctl.core.model import AfterRetirement
from modelctl.core.succession import ChainEnd, Money, PriceStep, change_percent
from modelctl.render.values import UNKNOWN_TEXT, one_line, since, some

MAX_NAMES = 8
LEGEND = "prices: per million tokens, USD unless said otherwise, as on the day of the end, or today where it has passed"

_CHAIN_ENDS = {
    ChainEnd.LIVE: "",
    ChainEnd.NONE: "none stated",
    ChainEnd.ENDED: "ended, too; names no other",
    ChainEnd.MISSING: "not in the database",
    ChainEnd.CYCLE: "a circle, no live model",
}


def heading(endings: Endings, kind: EndKind) -> str:
    """The title of the rows of one kind."""
    window = endings.window
    match kind:
        case EndKind.ANNOUNCED:
            return f"announced ends within {counted(window.reach_days, 'day')}"
        case EndKind.NOT_BEFORE:
            within = counted(window.within_days, "day")
            return f"no end announced, but possible within {within}: not sooner than the day"
        case EndKind.ENDED if window.past_days is None:
            return "ended and still enabled"
        case EndKind.ENDED:
            and_enabled = "" if window.fail_within_days is None else ", or still enabled"
            return f"ended within the past {counted(window.past_days or 0, 'day')}{and_enabled}"


def when(ending: Ending) -> str:
    """How far away the end is."""
    left = ending.days_left
    if left is None:
        return "day unknown"
    match ending.kind:
        case EndKind.ENDED:
            return f"{counted(-left, 'day')} ago" if left < 0 else "already"
        case EndKind.NOT_BEFORE if left <= 0:
            return "any day"
        case _ if left < 0:
            return f"{counted(-left, 'day')} overdue"
        case _:
            return f"in {counted(left, 'day')}" if left else "today"


def succession(ending: Ending) -> str:
    """The vendor's replacement, its replacement …, to the live end; or why there is none."""
    path = " → ".join(map(one_line, ending.chain.path))
    said = _CHAIN_ENDS[ending.chain.end]
    return f"{path} ({said})" if path and said else path or said


def afterwards(ending: Ending) -> str:
    """What a request gets after the end, in a word."""
    match ending.after_retirement:
        case None:
            return UNKNOWN_TEXT
        case AfterRetirement.ERROR:
            return "errors"
        case AfterRetirement.REDIRECT:
            return "redirected"
        case other:
            return one_line(other)


def price_text(ending: Ending, kind: str) -> str:
    """One price, old → new with the percentage; without a live successor just the old one."""
    step = ending.prices.get(kind, PriceStep(old=None, new=None))
    if ending.successor is None or (step.old is None and step.new is None):
        return _money(step.old)
    return _step(step.old, step.new)


def notes(ending: Ending) -> Iterator[str]:
    """What a row of a table has no room for."""
    if ending.listed_on is not None:
        yield f"its last day has passed, but the provider still listed it on {ending.listed_on.isoformat()}"
    if ending.kind is EndKind.ENDED and ending.is_enabled:
        yield "has ended and is still enabled"
    if ending.after_retirement == AfterRetirement.REDIRECT:
        to = one_line(ending.replacement) if ending.replacement is not None else "a model that nobody names"
        yield f"after the end the id is served and billed as {to}"
    if ending.chain.ends_on is not None:
        yield f"the successor {one_line(ending.chain.live or '')} ends itself on {ending.chain.ends_on.isoformat()}"
    yield from _scheduled(ending)


def _scheduled(ending: Ending) -> Iterator[str]:
    by_day: dict[str, list[str]] = {}
    for kind, step in ending.prices.items():
        if step.scheduled is not None:
            by_day.setdefault(since(step.scheduled.begins), []).append(
                f"{kind} {_step(step.old, step.scheduled.price)}"
            )
    for day, prices in sorted(by_day.items()):
        yield f"from {day} on the difference is {', '.join(prices)}"


def _step(old: Money | None, new: Money | None) -> str:
    change = change_percent(old, new)
    percentage = "" if change is None else f" ({'+' if change > 0 else ''}{decimal_text(change)} %)"
    return f"{_money(old)} → {_money(new)}{percentage}"


def _money(money: Money | None) -> str:
    if money is None:
        return UNKNOWN_TEXT
    return decimal_text(money.amount) + ("" if money.currency == "USD" else f" {one_line(money.currency)}")


def remarks(endings: Endings) -> Iterator[str]:
    """What is not in the rows: why there are none, and what no window can show."""
    of = f" of {', '.join(endings.window.providers)}" if endings.window.providers else ""
    if not endings.looked_at:
        yield f"the database has no models{of}; `modelctl sync` fills it"
        return
    if not endings.rows:
        past = endings.window.past_days
        or_past = "" if past is None else f" or has ended within the past {counted(past, 'day')}"
        whose = "enabled model" if endings.window.only_enabled else "model"
        following = f"; the next is {_dated(*reversed(endings.next_end))}" if endings.next_end else ""
        looked_at = f"{counted(endings.looked_at, 'model')}{of} looked at"
        yield f"no {whose} ends within {counted(endings.window.reach_days, 'day')}{or_past} ({looked_at}){following}"
    if endings.not_enabled:
        yield f"left out by --enabled: {_models(endings.not_enabled, 'that is', 'that are')} not enabled"
    if endings.ended_enabled_elsewhere:
        count = _models(endings.ended_enabled_elsewhere, "has ended and is", "have ended and are")
        yield f"{count} still enabled; --fail-within names all of them"
    if endings.undated:
        names = some(endings.undated, MAX_NAMES)
        yield f"{_models(len(endings.undated), 'ends', 'end')} or ended on a day that nobody states: {names}"


def alarms(endings: Endings) -> Iterator[str]:
    """The findings, by name."""
    soon, ended = endings.findings(Finding.ENDS_SOON), endings.findings(Finding.ENDED)
    if soon:
        within = counted(endings.window.fail_within_days or 0, "day")
        yield f"{_enabled(soon, 'ends', 'end')} within {within}: {_named(soon)}"
    if ended:
        yield f"{_enabled(ended, 'has ended already', 'have ended already')}: {_named(ended)}"


def _named(endings: Iterable[Ending]) -> str:
    return some((_dated(each.key, each.day) for each in endings), MAX_NAMES)


def _dated(key: object, day: object) -> str:
    return f"{key} ({day or 'day unknown'})"


def _enabled(endings: tuple[Ending, ...], one: str, many: str) -> str:
    return f"{counted(len(endings), 'enabled model')} {one if len(endings) == 1 else many}"


def _models(count: int, one: str, many: str) -> str:
    return f"{counted(count, 'model')} {one if count == 1 else many}"
