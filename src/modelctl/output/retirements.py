"""The formats of what ends when. One signature for all: what ends, stream. And what is said beside them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, TextIO

from modelctl.core.facts import AfterRetirement, decimal_text, encode, exact_number
from modelctl.core.models.lifecycle import COMPARED_PRICES, ChainEnd, Money, PriceStep, change_percent
from modelctl.core.models.retirements import Ending, Endings, EndKind, Finding
from modelctl.core.text import counted
from modelctl.output.console import Cell, Column, Look, aligned, labelled, look_of, total_width, width_of, wrapped
from modelctl.output.format import UNKNOWN_TEXT, code, escaped, one_line, plain, shown, since, some, table

VERSION = 1


def endings_json(endings: Endings, look: Look) -> str:
    """All rows by kind; ISO days, amounts as exact numbers, null for what is unknown."""
    document = {
        "version": VERSION,
        "today": encode(endings.today),
        **{kind.value: [_ending(each) for each in endings.of(kind)] for kind in EndKind},
    }
    return json.dumps(document, indent=2, ensure_ascii=not look.unicode)


def _ending(ending: Ending) -> dict[str, Any]:
    chain = ending.chain
    is_redirected = ending.after_retirement == AfterRetirement.REDIRECT
    return {
        "provider": ending.key.provider,
        "model_id": ending.key.model_id,
        "day": encode(ending.day),
        "days_left": ending.days_left,
        "status": ending.status,
        "is_enabled": ending.is_enabled,
        "replacement": ending.replacement,
        "successor": {
            "outcome": chain.end.value,
            "model_id": chain.live,
            "path": list(chain.path),
            "ends_on": encode(chain.ends_on),
        },
        "after_retirement": ending.after_retirement,
        "billed_as": ending.replacement if is_redirected else None,
        "still_listed_on": encode(ending.listed_on),
        "prices_on": encode(ending.prices_on),
        "prices": {kind: _step(step) for kind, step in ending.prices.items()},
        "finding": ending.finding.value if ending.finding is not None else None,
    }


def _step(step: PriceStep) -> dict[str, Any]:
    later = step.scheduled
    return {
        "old": _amount(step.old),
        "old_currency": step.old.currency if step.old is not None else None,
        **_new(step.old, step.new),
        "scheduled": None if later is None else {"from": plain(later.begins), **_new(step.old, later.price)},
    }


def _new(old: Money | None, new: Money | None) -> dict[str, Any]:
    change = change_percent(old, new)
    return {
        "new": _amount(new),
        "new_currency": new.currency if new is not None else None,
        "percent": exact_number(change) if change is not None else None,
    }


def _amount(money: Money | None) -> int | float | None:
    return exact_number(money.amount) if money is not None else None


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
    return _price_step(step.old, step.new)


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
                f"{kind} {_price_step(step.old, step.scheduled.price)}"
            )
    for day, prices in sorted(by_day.items()):
        yield f"from {day} on the difference is {', '.join(prices)}"


def _price_step(old: Money | None, new: Money | None) -> str:
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


_HEADER = ("day", "when", "model", "status", "enabled", "successor", "afterwards", *COMPARED_PRICES)


def endings_markdown(endings: Endings, look: Look) -> str:
    """A document: findings first, a table per kind of end, remarks last."""
    parts = [f"### modelctl lifecycle, {endings.today.isoformat()}"]
    parts += [f"**{escaped(each)}**" for each in alarms(endings)]
    for kind in EndKind:
        if rows := endings.of(kind):
            parts += [f"#### {escaped(heading(endings, kind))}: {len(rows):,}", *_section(rows)]
    if endings.rows:
        parts.append(escaped(LEGEND))
    parts += [escaped(each) for each in remarks(endings)]
    return look.text("\n\n".join(parts).splitlines())


def _section(rows: Sequence[Ending]) -> Iterator[str]:
    yield table(_HEADER, [_row(each) for each in rows])
    said = [f"- {code(str(each.key))}: {escaped(note)}" for each in rows for note in notes(each)]
    if said:
        yield "\n".join(said)


def _row(ending: Ending) -> list[str]:
    return [
        shown(ending.day),
        when(ending),
        code(str(ending.key)),
        escaped(shown(ending.status)),
        shown(ending.is_enabled),
        escaped(succession(ending)),
        escaped(afterwards(ending)),
        *(escaped(price_text(ending, kind)) for kind in COMPARED_PRICES),
    ]


_INDENT = 4
_NO_BREAK = "\N{NO-BREAK SPACE}"
"""Keeps a price step, and a number and its percent sign, in one line."""


def endings_table(endings: Endings, look: Look) -> str:
    """All rows as text that fits the look; empty where there are none."""
    sections = [(kind, rows) for kind in EndKind if (rows := endings.of(kind))]
    if not sections:
        return ""
    columns = {kind: _columns(rows) for kind, rows in sections}
    fits = look.width is None or all(total_width(each) <= look.width for each in columns.values())
    lines: list[str] = []
    for kind, rows in sections:
        lines += [look.paint(line, "bold") for line in wrapped(f"{heading(endings, kind)}: {len(rows):,}", look.width)]
        lines += [*aligned(columns[kind], look), *_notes(rows, look)] if fits else _blocks(rows, look)
        lines.append("")
    return look.text([*lines, *(look.paint(line, "dim") for line in wrapped(LEGEND, look.width))])


def _columns(rows: Sequence[Ending]) -> list[Column]:
    return [
        Column(title="day", cells=[Cell(shown(each.day), _style(each)) for each in rows]),
        Column(title="left", cells=[Cell(when(each).removeprefix("in ")) for each in rows]),
        Column(title="model", cells=[Cell(_name(each)) for each in rows]),
        Column(title="status", cells=[Cell(shown(each.status)) for each in rows]),
        Column(title="enabled", cells=[Cell(shown(each.is_enabled)) for each in rows]),
        Column(title="successor", cells=[Cell(succession(each)) for each in rows]),
        Column(title="afterwards", cells=[Cell(afterwards(each)) for each in rows]),
        *(Column(title=kind, cells=[Cell(price_text(each, kind)) for each in rows]) for kind in COMPARED_PRICES),
    ]


def _notes(rows: Sequence[Ending], look: Look) -> Iterator[str]:
    """What the table has no column for, in the order of its rows."""
    for each in rows:
        for note in notes(each):
            yield from labelled(_name(each), note, look, indent=2)


def _blocks(rows: Sequence[Ending], look: Look) -> Iterator[str]:
    for each in rows:
        title, state = f"{shown(each.day)}  {_name(each)}", _state(each)
        fits = look.width is None or width_of(f"{title}  {state}") <= look.width
        yield look.paint(title, _style(each)) + (f"  {state}" if fits else "")
        for sentence in (*([] if fits else [state]), _future(each), *notes(each)):
            for line in wrapped(
                sentence.replace(" %", f"{_NO_BREAK}%"), None if look.width is None else look.width - _INDENT
            ):
                yield " " * _INDENT + line.replace(_NO_BREAK, " ")


def _state(ending: Ending) -> str:
    return f"{when(ending)}; {shown(ending.status)}, {'enabled' if ending.is_enabled else 'not enabled'}"


def _future(ending: Ending) -> str:
    prices = ", ".join(f"{kind} {price_text(ending, kind)}".replace(" ", _NO_BREAK) for kind in COMPARED_PRICES)
    return f"successor {succession(ending)}; afterwards {afterwards(ending)}; {prices}"


def _name(ending: Ending) -> str:
    return one_line(str(ending.key))


def _style(ending: Ending) -> str:
    """Red for what makes a check fail or is out of order, yellow for what needs somebody, dim for what is not used."""
    if ending.finding is not None or (ending.kind is EndKind.ENDED and ending.is_enabled):
        return "red"
    if not ending.is_enabled:
        return "dim"
    return "yellow" if ending.kind is EndKind.ANNOUNCED else ""


__all__ = ["FORMATS", "alarms", "remarks"]


def _on(render: Callable[[Endings, Look], str]) -> Callable[[Endings, TextIO], str]:
    return lambda endings, stream: render(endings, look_of(stream))


FORMATS: Mapping[str, Callable[[Endings, TextIO], str]] = MappingProxyType(
    {"table": _on(endings_table), "json": _on(endings_json), "markdown": _on(endings_markdown)}
)
"""Format name -> what renders it as the stream can show it; a table of nothing is empty."""
