"""Guards: changes that are more likely a source's mistake than the truth are held until a person says otherwise.

The vocabulary and the percentages follow octoDNS's plan limits (30 %, ignored below ten records).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

from modelctl.core.model import PRICE_FIELDS
from modelctl.core.plan import Action, Change, FieldChange, GuardName, Held, Plan

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
        return self.everything or not self.names.isdisjoint({str(key), key.model_id, held.guard.value})


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
    if listing_doubt is not None:
        doubted = [Held(change=each, guard=GuardName.SHORT_LISTING, reason=listing_doubt) for each in plan.changes]
        plan = plan if all(map(acceptance.covers, doubted)) else replace(plan, absences={}, seen={})
    else:
        doubted = []
    hits = [hit for hit in (*doubted, *_hits(plan, limits)) if not acceptance.covers(hit)]
    stopped = {hit.change.key for hit in hits}
    return replace(
        plan,
        changes=tuple(change for change in plan.changes if change.key not in stopped),
        held=tuple(sorted(hits, key=lambda hit: (hit.change.key, hit.guard))),
    )


def _hits(plan: Plan, limits: GuardLimits) -> Iterator[Held]:
    yield from _mass_hits(plan, limits)
    for change in plan.changes:
        for field in change.fields:
            if change.action is Action.CREATE or field.old is None:
                continue
            if field.name in PRICE_FIELDS and not _turns_over(change, field):
                yield from _price_hits(change, field, limits)
            elif field.name in LIMIT_FIELDS:
                yield from _limit_hits(change, field, limits)


def _mass_hits(plan: Plan, limits: GuardLimits) -> Iterator[Held]:
    if plan.existing < limits.min_rows:
        return
    yield from _share_hits(
        plan,
        {Action.DEPRECATE, Action.RETIRE},
        limits.max_retired_percent,
        GuardName.MASS_RETIREMENT,
        "deprecated or retired",
    )
    yield from _share_hits(
        plan,
        {Action.UPDATE, Action.DEPRECATE, Action.RETIRE, Action.REACTIVATE},
        limits.max_updated_percent,
        GuardName.MASS_UPDATE,
        "changed",
    )


def _turns_over(change: Change, field: FieldChange) -> bool:
    """Whether a price that the ledger already held has come into force: announced, and seen when it was appended."""
    return all(point.kind != PRICE_FIELDS[field.name] for point in change.prices)


def _was_announced(change: Change) -> bool:
    """Whether a row ends on a date that it already showed."""
    stored = change.existing
    ends = stored.facts.retires_on if stored is not None else None
    return ends is not None and change.action is Action.RETIRE and change.new_value("retires_on") is None


def _share_hits(
    plan: Plan, actions: Collection[Action], max_percent: int, guard: GuardName, verb: str
) -> Iterator[Held]:
    affected = [
        change for change in plan.changes if change.action in actions and change.fields and not _was_announced(change)
    ]
    if len(affected) * 100 > max_percent * plan.existing:
        reason = f"{len(affected)} of {plan.existing} rows would be {verb}, more than {max_percent} %"
        yield from (Held(change=change, guard=guard, reason=reason) for change in affected)


def _price_hits(change: Change, field: FieldChange, limits: GuardLimits) -> Iterator[Held]:
    old, new = field.old, field.new
    if not isinstance(old, Decimal) or not isinstance(new, Decimal):
        return
    if not old or not new:
        yield Held(change=change, guard=GuardName.PRICE_ZERO, reason=f"{field.name} {old:f} → {new:f} crosses zero")
    elif new > old * limits.max_price_rise:
        reason = f"{field.name} {old:f} → {new:f} rises to more than {limits.max_price_rise} times"
        yield Held(change=change, guard=GuardName.PRICE_RISE, reason=reason)
    elif new * limits.max_price_fall < old:
        reason = f"{field.name} {old:f} → {new:f} falls to less than 1/{limits.max_price_fall}"
        yield Held(change=change, guard=GuardName.PRICE_FALL, reason=reason)


def _limit_hits(change: Change, field: FieldChange, limits: GuardLimits) -> Iterator[Held]:
    old, new = field.old, field.new
    if isinstance(old, int) and isinstance(new, int) and new * 100 <= old * limits.min_limit_percent:
        reason = f"{field.name} {old:,} → {new:,} falls to {limits.min_limit_percent} % or less"
        yield Held(change=change, guard=GuardName.LIMIT_DROP, reason=reason)
