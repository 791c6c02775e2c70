"""Guards: changes that are more likely a source's mistake than the truth are held until a person says otherwise.

What they say of prices stands in `probes`, which bills requests.

The vocabulary and the percentages follow octoDNS's plan limits (30 %, ignored below ten records).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from modelctl.core.facts import FACTS, UNKNOWN, ModelKey, Source
from modelctl.core.models.lifecycle import ENDED
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
from modelctl.core.planning.probes import WINDOW, Families, first_price_doubts, price_doubts_of
from modelctl.core.prices.ledger import BY_PRICE
from modelctl.core.prices.price import PricePoint, point_at
from modelctl.core.runs import Author, RecordedPoint
from modelctl.core.stored import ModelsByKey

MAX_ENDED_OF_FEW = 3
"""Rows of a provider with fewer than `min_rows` that may be deprecated or retired at once."""

_OF_ONE_VALUE = (
    GuardName.PRICE_RISE,
    GuardName.PRICE_FALL,
    GuardName.PRICE_ZERO,
    GuardName.PRICE_CURRENCY,
    GuardName.PRICE_LOST,
    GuardName.FIRST_PRICE,
    GuardName.LIMIT_DROP,
    GuardName.LIMIT_RISE,
)
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
class Past:
    """What was written of one provider within the last days (`WINDOW`), oldest first; what people wrote is not in it.

    A step beyond the limits can only have been accepted by a person, so what comes later is measured from there.
    """

    prices: Mapping[ModelKey, Sequence[RecordedPoint]] = field(default_factory=dict)
    """The points that were appended to the ledgers."""
    limits: Mapping[tuple[ModelKey, str], Sequence[tuple[int | None, int | None]]] = field(default_factory=dict)
    """Old and new value of each change of a token limit, by model and field."""
    ended: Sequence[frozenset[ModelKey]] = ()
    """Run by run, the rows that were deprecated or retired and that no date of theirs had foretold."""


NO_PAST = Past()


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a guard looks at besides the plan."""

    models: ModelsByKey = field(default_factory=dict)
    """The provider's rows before the plan: the families that first prices are compared with."""
    past: Past = NO_PAST
    is_first_listing: bool = False
    """No listing of the provider has been believed before: what it brings is created, but switched off."""
    now: datetime | None = None
    """None: prices are compared with no family."""


ALONE = Surroundings()


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
    around: Surroundings = ALONE,
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
            notice = f"{listing_doubt}; --accept {GuardName.SHORT_LISTING} accepts it"
            plan = replace(plan, notices=(*plan.notices, notice))
    by_verdict: dict[Verdict | None, list[Held]] = {None: [], Verdict.ACCEPTED: [], Verdict.DECLINED: []}
    waved: list[Held] = []
    if around.is_first_listing:
        plan = _switched_off(plan, limits)
    for hit in (*doubted, *_hits(plan, limits, around)):
        if acceptance.covers(hit):
            waved.append(hit)
        else:
            by_verdict[decisions.on(_place(hit)[0], hit.guard, hit.moves)].append(hit)
    plan = replace(plan, accepted=tuple(by_verdict[Verdict.ACCEPTED]), waved=tuple(waved))
    return _hold(_decline(plan, by_verdict[Verdict.DECLINED]), by_verdict[None])


def price_doubts(change: Change, limits: GuardLimits) -> tuple[str, ...]:
    """Why the prices of a change may be wrong. What a person enters is written with a warning, and never held."""
    return tuple(dict.fromkeys(hit.reason for hit in _price_hits(change, limits, ALONE, Families())))


def new_holds(plan: Plan, author: Author) -> dict[tuple[ModelKey, str], Hold]:
    """What guards stopped of single rows, or would have but for a person's decision: to be remembered as holds."""
    found: dict[tuple[ModelKey, str], Hold] = {}
    for held in (*plan.held, *plan.accepted, *plan.declined):
        place = _place(held)
        if held.guard is GuardName.SHORT_LISTING:
            continue  # which is about the listing, not about its rows
        before = found.get(place)
        moves = dict.fromkeys((*(before.moves if before is not None else ()), *held.moves))
        reason = held.reason
        if before is not None:
            reason = before.reason if held.reason in before.reason else f"{before.reason}; {held.reason}"
        found[place] = Hold(
            key=place[0],
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


def _place(held: Held) -> tuple[ModelKey, str]:
    """Where a hold is remembered: by row, and what is about all that is new by the provider."""
    key = held.change.key
    return (ModelKey(key.provider, "") if held.guard is GuardName.MASS_CREATION else key), held.guard.value


def _hits(plan: Plan, limits: GuardLimits, around: Surroundings) -> Iterator[Held]:
    yield from _mass_hits(plan, limits, around)
    families = Families(around.models, around.now)
    for change in plan.changes:
        if change.prices:
            yield from _price_hits(change, limits, around, families)
        if change.existing is None:
            continue
        for each in change.fields:
            if each.name in LIMIT_FIELDS and change.existing.is_ours(each.name):  # else it is taken knowingly
                yield from _limit_hits(change, each, limits, around.past.limits.get((change.key, each.name), ()))


def _mass_hits(plan: Plan, limits: GuardLimits, around: Surroundings) -> Iterator[Held]:
    ends = {Action.DEPRECATE, Action.RETIRE}
    ending = _unannounced(plan, ends)
    if ending:
        keys = {each.key for each in ending}
        earlier = _ended_before(plan, limits, around) - keys
        if reason := _too_many_end(plan, len(keys), len(earlier), limits):
            yield from (_held(each, GuardName.MASS_RETIREMENT, reason) for each in ending)
    if plan.existing >= limits.min_rows:
        changing = _unannounced(plan, ends | {Action.UPDATE, Action.REACTIVATE})
        if len(changing) * 100 > limits.max_updated_percent * plan.existing:
            reason = (
                f"{len(changing)} of {plan.existing} rows would be changed, more than {limits.max_updated_percent} %"
            )
            yield from (_held(each, GuardName.MASS_UPDATE, reason) for each in changing)
    if not around.is_first_listing and (created := _mass_created(plan, limits)):
        reason = f"the listing alone knows {len(created):,} models that are new, more than {_most_new(plan, limits):,}"
        move = Move("new models", None, str(len(created)))
        yield from (_held(each, GuardName.MASS_CREATION, reason, move) for each in created)


def _too_many_end(plan: Plan, ending: int, earlier: int, limits: GuardLimits) -> str | None:
    """Why so many rows cannot be believed to end, after `earlier` ones within the window; None where they can."""
    alive = plan.alive + earlier
    since = f", with the {earlier} of the last {WINDOW.days} days" if earlier else ""
    if plan.existing < limits.min_rows:
        if ending + earlier <= MAX_ENDED_OF_FEW:
            return None
        return f"{ending} of {plan.alive} live rows would be deprecated or retired{since}, more than {MAX_ENDED_OF_FEW}"
    if (ending + earlier) * 100 <= limits.max_retired_percent * alive:
        return None
    return (
        f"{ending} of {plan.alive} live rows would be deprecated or retired{since}, "
        f"more than {limits.max_retired_percent} %"
    )


def _ended_before(plan: Plan, limits: GuardLimits, around: Surroundings) -> set[ModelKey]:
    """The rows that ended within the window, and have not come back: since a person last accepted that many."""
    counted: set[ModelKey] = set()
    for of_run in around.past.ended:
        before = len(counted)
        counted |= of_run
        if _too_many_end(plan, len(counted) - before, before, limits):
            counted.clear()
    return {key for key in counted if key in around.models and around.models[key].facts.status in ENDED}


def _mass_created(plan: Plan, limits: GuardLimits) -> list[Change]:
    """The creations that only the listing knows of, where they are more than can be believed; else none."""
    created = [each for each in plan.changes if each.action is Action.CREATE and _is_of_listing(each)]
    return created if len(created) > _most_new(plan, limits) else []


def _most_new(plan: Plan, limits: GuardLimits) -> int:
    return max(limits.max_new_models, plan.existing)


def _is_of_listing(change: Change) -> bool:
    """Whether no catalog states anything of it."""
    return all(each.source.partition(":")[0] in (Source.API, Source.RULE) for each in change.fields) and all(
        point.source == Source.API for point in change.prices
    )


def _switched_off(plan: Plan, limits: GuardLimits) -> Plan:
    """The plan of a first listing: of more new models than can be believed, none is on sale before a person looks."""
    created = {each.key for each in _mass_created(plan, limits)}
    if not created:
        return plan
    on = [each.key for each in plan.changes if each.key in created and each.is_enabled]
    notice = f"the first listing brings {len(created):,} models that no catalog knows: they are created disabled"
    return replace(
        plan,
        changes=tuple(replace(each, is_enabled=False) if each.key in created else each for each in plan.changes),
        needs_review=tuple(sorted({*plan.needs_review, *on})),
        notices=(*plan.notices, notice),
    )


def _unannounced(plan: Plan, actions: Collection[Action]) -> list[Change]:
    """The changes of these kinds to fields of existing rows, without those that a row's own date foretold."""
    return [each for each in plan.changes if each.action in actions and each.fields and not _was_announced(each)]


def _was_announced(change: Change) -> bool:
    """Whether a row ends on a date that it already showed."""
    stored = change.existing
    ends = stored.facts.retires_on if stored is not None else None
    return ends is not None and change.action is Action.RETIRE and change.new_value("retires_on") is None


def _price_hits(change: Change, limits: GuardLimits, around: Surroundings, families: Families) -> Iterator[Held]:
    """Doubts about prices that are to be appended: what requests cost with them, against what they cost without.

    A price that was announced is doubted then, and not again on the day on which it comes into force.
    """
    if change.existing is None:
        facts = UNKNOWN.replaced({each.name: each.new for each in change.fields})
        found = first_price_doubts(change.key, facts, change.prices, limits, families)
    else:
        recent = around.past.prices.get(change.key, ())
        found = price_doubts_of(change.existing, change.prices, recent, limits, families)
    for doubt in found:
        yield _held(change, doubt.guard, doubt.reason, _price_move(change, doubt.point))


def _price_before(change: Change, point: PricePoint) -> PricePoint | None:
    ledger = change.existing.prices if change.existing is not None else ()
    return point_at((each for each in ledger if each.key == point.key), point.effective_from)


def _price_move(change: Change, point: PricePoint) -> Move:
    return price_move(_price_before(change, point), point)


def _limit_hits(
    change: Change, moved: FieldChange, limits: GuardLimits, earlier: Sequence[tuple[int | None, int | None]]
) -> Iterator[Held]:
    """`earlier`: how the limit moved within the window, oldest first."""
    old, new = moved.old, moved.new
    if not isinstance(old, int) or not isinstance(new, int):
        return
    if found := _limit_doubt(old, new, limits):
        yield _held(change, found[0], f"{moved.name} {found[1]}", _field_move(moved))
        return
    start: int | None = None
    for before, after in earlier:
        start = before if start is None else start
        if start is not None and after is not None and (_limit_doubt(start, after, limits)):
            start = after  # which a person has accepted
    if start is not None and (found := _limit_doubt(start, new, limits)):
        yield _held(change, found[0], f"{moved.name} {found[1]} within {WINDOW.days} days", _field_move(moved))


def _limit_doubt(old: int, new: int, limits: GuardLimits) -> tuple[GuardName, str] | None:
    if new * 100 <= old * limits.min_limit_percent:
        return GuardName.LIMIT_DROP, f"{old:,} → {new:,} falls to {limits.min_limit_percent} % or less"
    if new > old * limits.max_limit_rise:
        return GuardName.LIMIT_RISE, f"{old:,} → {new:,} rises to more than {limits.max_limit_rise} times"
    return None


def _held(change: Change, guard: GuardName, reason: str, move: Move | None = None) -> Held:
    """What a guard stops: one value, or without `move` all values of the row."""
    if move is not None:
        return Held(change=change, guard=guard, reason=reason, moves=(move,))
    prices = (_price_move(change, point) for point in change.prices)
    return Held(change=change, guard=guard, reason=reason, moves=(*map(_field_move, change.fields), *prices))


def _field_move(field: FieldChange) -> Move:
    return Move(field.name, move_value(field.old), move_value(field.new))
