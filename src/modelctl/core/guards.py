"""Guards: changes that are more likely a source's mistake than the truth are held until a person says otherwise.

The vocabulary and the percentages follow octoDNS's plan limits (30 %, ignored below ten records).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from modelctl.core.encoding import decimal_text
from modelctl.core.model import PRICE_FIELDS
from modelctl.core.plan import Action, Change, FieldChange, GuardName, Held, Plan
from modelctl.core.price import STANDARD, PriceKey, PricePoint, current

LIMIT_FIELDS = ("context_window", "max_input_tokens", "max_output_tokens")


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardLimits:
    """Where plausible ends. Percentages are of the provider's rows."""

    max_retired_percent: int = 30
    max_updated_percent: int = 50
    min_rows: int = 10
    """Below so many rows the two percentages say nothing."""
    max_price_rise: Decimal = Decimal(2)
    """A price may rise to so many times the old one."""
    max_price_fall: Decimal = Decimal(10)
    """A price may fall to the old one divided by this."""
    min_listing_percent: int = 50
    """A listing must have so much of the last good one."""
    min_limit_percent: int = 50
    """A token limit must stay above so much of the old one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """What a person has accepted beforehand: everything, or rows and guards by name."""

    everything: bool = False
    names: frozenset[str] = frozenset()
    """Model keys (`openai/gpt-4o`), bare ids or guard names."""

    def covers(self, held: Held) -> bool:
        """Whether this very change was accepted."""
        key = held.change.key
        return self.covers_guard(held.guard) or not self.names.isdisjoint({str(key), key.model_id})

    def covers_guard(self, guard: GuardName) -> bool:
        """Whether whatever this guard stops was accepted."""
        return self.everything or guard.value in self.names


def listing_is_short(fetched: int | None, last_good: int | None, limits: GuardLimits) -> str | None:
    """Why a listing of `fetched` items cannot be believed after one of `last_good`; None where it can.

    A count is None where no listing was asked for.
    """
    if fetched is None or last_good is None or fetched * 100 >= last_good * limits.min_listing_percent:
        return None
    return f"the listing has {fetched} models, less than {limits.min_listing_percent} % of the last one's {last_good}"


def check(plan: Plan, limits: GuardLimits, acceptance: Acceptance, *, listing_doubt: str | None = None) -> Plan:
    """The plan with the implausible changes moved from `changes` to `held`, unless they were accepted.

    `listing_doubt`: why the whole listing is in doubt (see `listing_is_short`); then nothing that came of it counts.
    """
    doubted: list[Held] = []
    if listing_doubt is not None and not acceptance.covers_guard(GuardName.SHORT_LISTING):
        doubted = [Held(change=each, guard=GuardName.SHORT_LISTING, reason=listing_doubt) for each in plan.changes]
        plan = replace(plan, absences={}, seen={}, listing_doubt=listing_doubt)
        if not doubted:  # no change would tell of it
            notice = f"{listing_doubt}; --accept {GuardName.SHORT_LISTING} lets it count"
            plan = replace(plan, notices=(*plan.notices, notice))
    hits = [hit for hit in (*doubted, *_hits(plan, limits)) if not acceptance.covers(hit)]
    if not hits:
        return plan
    stopped = {hit.change.key for hit in hits}
    return replace(
        plan,
        changes=tuple(change for change in plan.changes if change.key not in stopped),
        held=tuple(sorted(hits, key=lambda hit: (hit.change.key, hit.guard))),
        absences={key: count for key, count in plan.absences.items() if key not in stopped},
        seen={key: at for key, at in plan.seen.items() if key not in stopped},
    )


def _hits(plan: Plan, limits: GuardLimits) -> Iterator[Held]:
    yield from _mass_hits(plan, limits)
    for change in plan.changes:
        if change.existing is None:
            continue
        for point in change.prices:
            yield from _price_hits(change, change.existing.prices, point, limits)
        for field in change.fields:
            if field.name in LIMIT_FIELDS:
                yield from _limit_hits(change, field, limits)


def _mass_hits(plan: Plan, limits: GuardLimits) -> Iterator[Held]:
    if plan.existing < limits.min_rows:
        return
    ends = {Action.DEPRECATE, Action.RETIRE}
    ending = _unannounced(plan, ends)
    if len(ending) * 100 > limits.max_retired_percent * plan.alive:
        reason = (
            f"{len(ending)} of {plan.alive} live rows would be deprecated or retired, "
            f"more than {limits.max_retired_percent} %"
        )
        yield from (Held(change=each, guard=GuardName.MASS_RETIREMENT, reason=reason) for each in ending)
    changing = _unannounced(plan, ends | {Action.UPDATE, Action.REACTIVATE})
    if len(changing) * 100 > limits.max_updated_percent * plan.existing:
        reason = f"{len(changing)} of {plan.existing} rows would be changed, more than {limits.max_updated_percent} %"
        yield from (Held(change=each, guard=GuardName.MASS_UPDATE, reason=reason) for each in changing)


def _unannounced(plan: Plan, actions: Collection[Action]) -> list[Change]:
    """The changes of these kinds to fields of existing rows, without those that a row's own date foretold."""
    return [each for each in plan.changes if each.action in actions and each.fields and not _was_announced(each)]


def _was_announced(change: Change) -> bool:
    """Whether a row ends on a date that it already showed."""
    stored = change.existing
    ends = stored.facts.retires_on if stored is not None else None
    return ends is not None and change.action is Action.RETIRE and change.new_value("retires_on") is None


def _price_hits(change: Change, ledger: Sequence[PricePoint], point: PricePoint, limits: GuardLimits) -> Iterator[Held]:
    """Doubts about a price that is to be appended, against what the ledger has for its first day.

    A price that was announced is doubted then, and not again on the day on which it comes into force.
    """
    before = current((each for each in ledger if each.key == point.key), point.effective_from).get(point.key)
    if before is None or before.currency != point.currency:
        return
    old, new = before.amount, point.amount
    moves = f"{_price_name(point)} {decimal_text(old)} → {decimal_text(new)}"
    if old != new and not (old and new):
        yield Held(change=change, guard=GuardName.PRICE_ZERO, reason=f"{moves} crosses zero")
    elif new > old * limits.max_price_rise:
        reason = f"{moves} rises to more than {limits.max_price_rise} times"
        yield Held(change=change, guard=GuardName.PRICE_RISE, reason=reason)
    elif new * limits.max_price_fall < old:
        reason = f"{moves} falls to less than 1/{limits.max_price_fall}"
        yield Held(change=change, guard=GuardName.PRICE_FALL, reason=reason)


def _price_name(point: PricePoint) -> str:
    """The column that shows the price, or the kind with what makes it a price of its own."""
    shown = next((name for name, kind in PRICE_FIELDS.items() if point.key == PriceKey(kind)), None)
    if shown is not None:
        return shown
    context = f"above {point.context_above:,} tokens" if point.context_above else ""
    tier = point.service_tier if point.service_tier != STANDARD else ""
    return " ".join(part for part in (tier, point.kind, "price per", point.unit, context, point.hours_utc) if part)


def _limit_hits(change: Change, field: FieldChange, limits: GuardLimits) -> Iterator[Held]:
    old, new = field.old, field.new
    if isinstance(old, int) and isinstance(new, int) and new * 100 <= old * limits.min_limit_percent:
        reason = f"{field.name} {old:,} → {new:,} falls to {limits.min_limit_percent} % or less"
        yield Held(change=change, guard=GuardName.LIMIT_DROP, reason=reason)
