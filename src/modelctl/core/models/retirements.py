"""What ends when: announced ends, "not sooner than" dates and ended models inside a window of days. Pure.

An announced end (`retires_on`) and a vendor's "not sooner than" (`retires_not_before`) are never mixed up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum

from modelctl.core.facts import ModelKey, Status
from modelctl.core.models.lifecycle import Chain, PriceStep, chain_of, price_steps
from modelctl.core.stored import ModelsByKey, StoredModel, has_ended, listed_after_end


class RetirementKind(StrEnum):
    """What is known of an end."""

    ANNOUNCED = "announced"  # the vendor has named the last day
    NOT_BEFORE = "not_before"  # the vendor has only named a day before which it does not come
    ENDED = "ended"  # it has come


_KINDS = list(RetirementKind)


class RetirementFinding(StrEnum):
    """Why an enabled model makes a check fail."""

    ENDS_SOON = "ends_soon"
    ENDED = "ended_but_enabled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Which ends are asked for, in days from today."""

    within_days: int
    past_days: int | None = None
    """How far back ended models are of interest; None = not at all."""
    fail_within_days: int | None = None
    """From how near on the end of an enabled model is a finding; None = never, not even when it has ended."""
    only_enabled: bool = False
    providers: tuple[str, ...] = ()
    """Whose models were looked at; empty = all providers'."""

    @property
    def reach_days(self) -> int:
        """How far ahead announced ends are shown: a finding is always among them."""
        return max(self.within_days, self.fail_within_days or 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retirement:
    """A model that ends, may end, or has ended."""

    key: ModelKey
    kind: RetirementKind
    day: date | None
    """The last day on which it answers, or the day before which it does not end. None: it ended nobody says when."""
    days_left: int | None
    """From today to `day`: 0 on the last day itself, negative afterwards."""
    status: str | None
    is_enabled: bool
    replacement: ModelKey | None
    chain: Chain
    after_retirement: str | None
    """None = unknown."""
    listed_on: date | None = None
    """The day on which the provider's API still showed it although its last day had passed: it is overdue."""
    finding: RetirementFinding | None = None
    prices_on: date
    """The day of the comparison: the end, or today where that has passed."""
    prices: Mapping[str, PriceStep] = field(default_factory=dict)
    """Price kind -> the step; filled in by `with_prices`."""

    @property
    def successor(self) -> ModelKey | None:
        """The live end of the chain."""
        return self.chain.live


@dataclass(frozen=True, slots=True, kw_only=True)
class Retirements:
    """All that ends inside of a window, by kind, day and model, and what is not in it."""

    today: date
    window: Window
    rows: tuple[Retirement, ...] = ()
    looked_at: int = 0
    """Models that were looked at, ending or not."""
    not_enabled: int = 0
    """Ends inside the window that `only_enabled` left out."""
    ended_enabled_elsewhere: int = 0
    """Models that have ended and are enabled all the same, but that no row shows."""
    undated: tuple[ModelKey, ...] = ()
    """Deprecated models (and retired ones, where they are asked for) without any day: they can be in no window."""
    next_end: tuple[date, ModelKey] | None = None
    """The first announced end after the window."""

    def of(self, kind: RetirementKind) -> tuple[Retirement, ...]:
        """The rows of one kind."""
        return tuple(each for each in self.rows if each.kind is kind)

    def findings(self, kind: RetirementFinding) -> tuple[Retirement, ...]:
        """The rows that make a check fail, for one reason."""
        return tuple(each for each in self.rows if each.finding is kind)

    @property
    def keys(self) -> frozenset[ModelKey]:
        """The models whose ledgers `with_prices` needs."""
        return frozenset(key for each in self.rows for key in (each.key, each.successor) if key is not None)


def find_retirements(models: Iterable[StoredModel], window: Window, *, today: date) -> Retirements:
    """The models that end inside the window; ledgers are not needed yet, and prices are empty until `with_prices`.

    `models`: of all providers, as a replacement may be another one's; those of the window's providers are looked at.
    Days that have passed are inside, too: an announced end is then overdue, a "not sooner than" may be any day.
    """
    known = {model.key: model for model in models}
    looked_at = [model for key, model in known.items() if not window.providers or key.provider in window.providers]
    ends = [(model, _end_of(model, today)) for model in looked_at]
    wanted = [(model, end) for model, end in ends if model.is_enabled or not window.only_enabled]
    inside = [(model, end) for model, end in ends if _is_inside(model, end, window, today)]
    shown = [(model, end) for model, end in inside if model.is_enabled or not window.only_enabled]
    rows = [_retirement(model, end, known, window, today) for model, end in shown]
    ended_enabled = {model.key for model, end in ends if end.kind is RetirementKind.ENDED and model.is_enabled}
    return Retirements(
        today=today,
        window=window,
        rows=tuple(sorted(rows, key=lambda row: (_KINDS.index(row.kind), row.day or date.min, row.key))),
        looked_at=len(looked_at),
        not_enabled=len(inside) - len(shown),
        ended_enabled_elsewhere=len(ended_enabled - {each.key for each in rows}),
        undated=tuple(sorted(model.key for model, end in wanted if _is_undated(model, end, window))),
        next_end=min((each for model, end in wanted if (each := _later(model, end, window, today))), default=None),
    )


def with_prices(retirements: Retirements, models: ModelsByKey) -> Retirements:
    """The same with the price steps. `models`: at least those of `Endings.keys`, with their ledgers and states."""

    def priced(each: Retirement) -> Retirement:
        successor = models.get(each.successor) if each.successor is not None else None
        return replace(each, prices=price_steps(models[each.key], successor, on=each.prices_on))

    return replace(retirements, rows=tuple(priced(each) if each.key in models else each for each in retirements.rows))


@dataclass(frozen=True, slots=True)
class _End:
    """What one row says of its end."""

    kind: RetirementKind | None
    day: date | None = None


def _end_of(model: StoredModel, today: date) -> _End:
    facts = model.facts
    if facts.status == Status.RETIRED:
        return _End(RetirementKind.ENDED, facts.retires_on)
    if facts.retires_on is not None:
        return _End(RetirementKind.ENDED if has_ended(model, today) else RetirementKind.ANNOUNCED, facts.retires_on)
    if facts.retires_not_before is not None:
        return _End(RetirementKind.NOT_BEFORE, facts.retires_not_before)
    return _End(None)


def _retirement(model: StoredModel, end: _End, known: ModelsByKey, window: Window, today: date) -> Retirement:
    assert end.kind is not None, "only what ends is inside a window"
    return Retirement(
        key=model.key,
        kind=end.kind,
        day=end.day,
        days_left=(end.day - today).days if end.day is not None else None,
        status=model.facts.status,
        is_enabled=model.is_enabled,
        replacement=model.facts.successor_of(model.key.provider),
        chain=chain_of(model, known, after=end.day or today, today=today),
        after_retirement=model.facts.after_retirement,
        listed_on=listed_after_end(model) if end.kind is RetirementKind.ANNOUNCED else None,
        finding=_finding(model, end, window, today),
        prices_on=max(end.day or today, today),
    )


def _is_inside(model: StoredModel, end: _End, window: Window, today: date) -> bool:
    days = (end.day - today).days if end.day is not None else None
    match end.kind:
        case RetirementKind.ANNOUNCED:
            return days is not None and days <= window.reach_days
        case RetirementKind.NOT_BEFORE:
            return days is not None and days <= window.within_days
        case RetirementKind.ENDED:
            recent = window.past_days is not None and days is not None and days >= -window.past_days
            return recent or _finding(model, end, window, today) is not None
        case None:
            return False


def _finding(model: StoredModel, end: _End, window: Window, today: date) -> RetirementFinding | None:
    """Whether the row makes a check fail; a "not sooner than" never does, for it is no announced end."""
    if window.fail_within_days is None or not model.is_enabled:
        return None
    if end.kind is RetirementKind.ENDED:
        return RetirementFinding.ENDED
    is_near = end.day is not None and (end.day - today).days <= window.fail_within_days
    return RetirementFinding.ENDS_SOON if end.kind is RetirementKind.ANNOUNCED and is_near else None


def _is_undated(model: StoredModel, end: _End, window: Window) -> bool:
    if end.kind is RetirementKind.ENDED:
        is_shown = window.fail_within_days is not None and model.is_enabled
        return end.day is None and window.past_days is not None and not is_shown
    return end.kind is None and model.facts.status == Status.DEPRECATED


def _later(model: StoredModel, end: _End, window: Window, today: date) -> tuple[date, ModelKey] | None:
    """The announced end of a model that is beyond the window."""
    if end.kind is RetirementKind.ANNOUNCED and end.day is not None and (end.day - today).days > window.reach_days:
        return end.day, model.key
    return None
