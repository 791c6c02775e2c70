"""Guards: changes that are more likely a source's mistake than the truth are held until a person says otherwise.

The vocabulary and the percentages follow octoDNS's plan limits (30 %, ignored below ten records).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from modelctl.core.facts import FACTS, ModelKey, decimal_text
from modelctl.core.planning.plan import (
    Action,
    Change,
    FieldChange,
    GuardName,
    Held,
    Hold,
    Move,
    Plan,
    Verdict,
    move_value,
    price_move,
    price_name,
)
from modelctl.core.planning.policy import GuardLimits
from modelctl.core.prices.ledger import BY_PRICE
from modelctl.core.prices.price import Basis, PricePoint, point_at
from modelctl.core.runs import Author

_OF_ONE_VALUE = (GuardName.PRICE_RISE, GuardName.PRICE_FALL, GuardName.PRICE_ZERO, GuardName.LIMIT_DROP)
"""Guards that doubt single values; the others doubt whole rows."""

LIMIT_FIELDS = tuple(name for name, fact in FACTS.items() if fact.unit == "tokens")


class Decisions:
    """The decisions on one provider's holds, to be asked for a verdict on what a guard would stop now."""

    def __init__(self, holds: Iterable[Hold] = ()) -> None:
        """Of `holds`, those that are decided."""
        self._holds = {(each.key, each.guard): each for each in holds if each.verdict is not None}

    def on(self, key: ModelKey, guard: str, moves: Iterable[Move]) -> Verdict | None:
        """The verdict on these very values; None where nobody has decided, or either side has moved since."""
        hold, asked = self._holds.get((key, guard)), set(moves)
        return hold.verdict if hold is not None and asked and asked <= set(hold.moves) else None


NOBODY_DECIDED = Decisions()


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


def check(
    plan: Plan,
    limits: GuardLimits,
    acceptance: Acceptance,
    *,
    listing_doubt: str | None = None,
    decisions: Decisions = NOBODY_DECIDED,
) -> Plan:
    """The plan with the implausible changes moved from `changes` to `held`, unless they were accepted.

    `listing_doubt`: why the whole listing is in doubt (see `listing_is_short`); then nothing that came of it counts.
    `decisions`: what people decided about these very values; what they declined is left out, and not held again.
    """
    doubted: list[Held] = []
    if listing_doubt is not None and not acceptance.covers_guard(GuardName.SHORT_LISTING):
        doubted = [_held(each, GuardName.SHORT_LISTING, listing_doubt) for each in plan.changes]
        plan = replace(plan, absences={}, seen={}, listing_doubt=listing_doubt)
        if not doubted:  # no change would tell of it
            notice = f"{listing_doubt}; --accept {GuardName.SHORT_LISTING} lets it count"
            plan = replace(plan, notices=(*plan.notices, notice))
    by_verdict: dict[Verdict | None, list[Held]] = {None: [], Verdict.ACCEPTED: [], Verdict.DECLINED: []}
    for hit in (*doubted, *_hits(plan, limits)):
        if not acceptance.covers(hit):
            by_verdict[decisions.on(hit.change.key, hit.guard, hit.moves)].append(hit)
    plan = replace(plan, accepted=tuple(by_verdict[Verdict.ACCEPTED]))
    return _hold(_decline(plan, by_verdict[Verdict.DECLINED]), by_verdict[None])


def price_doubts(change: Change, limits: GuardLimits) -> tuple[str, ...]:
    """Why the prices of a change may be wrong. What a person enters is written with a warning, and never held."""
    return tuple(dict.fromkeys(hit.reason for point in change.prices for hit in _price_hits(change, point, limits)))


def new_holds(plan: Plan, author: Author) -> dict[tuple[ModelKey, str], Hold]:
    """What guards stopped of single rows, or would have but for a person's decision: to be remembered as holds."""
    found: dict[tuple[ModelKey, str], Hold] = {}
    for held in (*plan.held, *plan.accepted, *plan.declined):
        place = held.change.key, held.guard.value
        if held.guard is GuardName.SHORT_LISTING:
            continue  # which is about the listing, not about its rows
        before = found.get(place)
        moves = dict.fromkeys((*(before.moves if before is not None else ()), *held.moves))
        reason = f"{before.reason}; {held.reason}" if before is not None else held.reason
        found[place] = Hold(
            key=held.change.key,
            guard=held.guard.value,
            moves=tuple(moves),
            reason=reason,
            run=author.run,
            held_at=author.now,
        )
    return found


def _hold(plan: Plan, hits: Sequence[Held]) -> Plan:
    """The plan without the rows that a guard stopped."""
    stopped = {hit.change.key for hit in hits}
    return replace(
        plan,
        changes=tuple(change for change in plan.changes if change.key not in stopped),
        held=tuple(sorted(hits, key=lambda hit: (hit.change.key, hit.guard))),
        absences={key: count for key, count in plan.absences.items() if key not in stopped},
        seen={key: at for key, at in plan.seen.items() if key not in stopped},
    )


def _decline(plan: Plan, hits: Sequence[Held]) -> Plan:
    """The plan without the values that a person declined; the rest of their rows goes on."""
    if not hits:
        return plan
    declined: dict[ModelKey, list[Held]] = {}
    for hit in hits:
        declined.setdefault(hit.change.key, []).append(hit)
    kept = [_without(change, declined.get(change.key, ())) for change in plan.changes]
    return replace(
        plan,
        changes=tuple(change for change in kept if change is not None),
        unchanged=plan.unchanged + kept.count(None),
        declined=tuple(sorted(hits, key=lambda hit: (hit.change.key, hit.guard))),
    )


def _without(change: Change, declined: Sequence[Held]) -> Change | None:
    """The change without what was declined of it; None where nothing is left."""
    if not declined:
        return change
    if any(hit.guard not in _OF_ONE_VALUE for hit in declined):
        return None
    moves = {move for hit in declined for move in hit.moves}
    dropped = [point for point in change.prices if _price_move(change, point) in moves]
    columns = {(price_name(point.key), point.amount) for point in dropped}
    fields = tuple(
        each
        for each in change.fields
        if (each.name, each.new) not in columns
        and _field_move(each) not in moves
        and not (columns and each.source == BY_PRICE)
    )
    prices = tuple(point for point in change.prices if point not in dropped)
    return replace(change, fields=fields, prices=prices) if fields or prices else None


def _hits(plan: Plan, limits: GuardLimits) -> Iterator[Held]:
    yield from _mass_hits(plan, limits)
    for change in plan.changes:
        if change.existing is None:
            continue
        for point in change.prices:
            yield from _price_hits(change, point, limits)
        for field in change.fields:
            if field.name in LIMIT_FIELDS and change.existing.is_ours(field.name):  # else it is taken knowingly
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
        yield from (_held(each, GuardName.MASS_RETIREMENT, reason) for each in ending)
    changing = _unannounced(plan, ends | {Action.UPDATE, Action.REACTIVATE})
    if len(changing) * 100 > limits.max_updated_percent * plan.existing:
        reason = f"{len(changing)} of {plan.existing} rows would be changed, more than {limits.max_updated_percent} %"
        yield from (_held(each, GuardName.MASS_UPDATE, reason) for each in changing)


def _unannounced(plan: Plan, actions: Collection[Action]) -> list[Change]:
    """The changes of these kinds to fields of existing rows, without those that a row's own date foretold."""
    return [each for each in plan.changes if each.action in actions and each.fields and not _was_announced(each)]


def _was_announced(change: Change) -> bool:
    """Whether a row ends on a date that it already showed."""
    stored = change.existing
    ends = stored.facts.retires_on if stored is not None else None
    return ends is not None and change.action is Action.RETIRE and change.new_value("retires_on") is None


def _price_hits(change: Change, point: PricePoint, limits: GuardLimits) -> Iterator[Held]:
    """Doubts about a price that is to be appended, against what the ledger has for its first day.

    A price that was announced is doubted then, and not again on the day on which it comes into force.
    """
    before = _price_before(change, point)
    if before is None or before.currency != point.currency:
        return
    if before.basis == Basis.MANUAL != point.basis:
        return  # a person's price gives way only to who takes it knowingly
    old, new = before.amount, point.amount
    moves = f"{price_name(point.key)} {decimal_text(old)} → {decimal_text(new)}"
    move = price_move(before, point)
    if old != new and not (old and new):
        yield _held(change, GuardName.PRICE_ZERO, f"{moves} crosses zero", move)
    elif new > old * limits.max_price_rise:
        yield _held(change, GuardName.PRICE_RISE, f"{moves} rises to more than {limits.max_price_rise} times", move)
    elif new * limits.max_price_fall < old:
        yield _held(change, GuardName.PRICE_FALL, f"{moves} falls to less than 1/{limits.max_price_fall}", move)


def _price_before(change: Change, point: PricePoint) -> PricePoint | None:
    ledger = change.existing.prices if change.existing is not None else ()
    return point_at((each for each in ledger if each.key == point.key), point.effective_from)


def _price_move(change: Change, point: PricePoint) -> Move | None:
    before = _price_before(change, point)
    return None if before is None else price_move(before, point)


def _limit_hits(change: Change, field: FieldChange, limits: GuardLimits) -> Iterator[Held]:
    old, new = field.old, field.new
    if isinstance(old, int) and isinstance(new, int) and new * 100 <= old * limits.min_limit_percent:
        reason = f"{field.name} {old:,} → {new:,} falls to {limits.min_limit_percent} % or less"
        yield _held(change, GuardName.LIMIT_DROP, reason, _field_move(field))


def _held(change: Change, guard: GuardName, reason: str, move: Move | None = None) -> Held:
    """What a guard stops: one value, or without `move` all values of the row."""
    if move is not None:
        return Held(change=change, guard=guard, reason=reason, moves=(move,))
    prices = (
        _price_move(change, point) or Move(price_name(point.key), None, decimal_text(point.amount))
        for point in change.prices
    )
    return Held(change=change, guard=guard, reason=reason, moves=(*map(_field_move, change.fields), *prices))


def _field_move(field: FieldChange) -> Move:
    return Move(field.name, move_value(field.old), move_value(field.new))
