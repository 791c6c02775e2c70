"""What guards stopped and what a person decided about it: a decision holds for one pair of values, old and new.

A hold is remembered until its values move; so is the decision on it. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from modelctl.core.encoding import decimal_text, encode
from modelctl.core.model import FACT_FIELDS, PRICE_FIELDS, FactValue, ModelKey
from modelctl.core.price import STANDARD, PriceKey, PricePoint, current
from modelctl.core.run import Author
from modelctl.core.stored import StoredModel


class Move(NamedTuple):
    """One value, from what the database holds to what the sources state. Values as text; None is unknown."""

    what: str
    """A field, the name of a price, or `listing`."""
    old: str | None
    new: str | None


def move_value(value: FactValue) -> str | None:
    """A fact as a move has it: lists as `a, b`, amounts without padding, `yes` and `no`."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(value) if isinstance(value, tuple) else str(encode(value))


class Verdict(StrEnum):
    """What a person decided about a hold."""

    ACCEPTED = "accepted"  # it is the truth: let it pass
    DECLINED = "declined"  # it is the source's mistake: keep what is there, and say no more


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """What one guard stopped of one row (or of a provider's whole listing), and the decision on it, if any."""

    key: ModelKey
    """With an empty `model_id` for the provider's listing."""
    guard: str
    moves: tuple[Move, ...]
    reason: str
    run: str
    """The run that first held it."""
    held_at: datetime
    verdict: Verdict | None = None
    note: str | None = None
    decided_by: str | None = None
    decided_at: datetime | None = None

    @property
    def name(self) -> str:
        """What `accept` and `decline` call it."""
        return str(self.key) if self.key.model_id else self.key.provider


class Decisions:
    """The decisions on one provider's holds, to be asked for a verdict on what a guard would stop now."""

    def __init__(self, holds: Iterable[Hold] = ()) -> None:
        """Of `holds`, those that are decided."""
        self._holds = {(each.key, each.guard): each for each in holds if each.verdict is not None}

    def on(self, key: ModelKey, guard: str, moves: Iterable[Move]) -> Verdict | None:
        """The verdict on these very values; None where nobody has decided, or either side has moved since."""
        hold, asked = self._holds.get((key, guard)), set(moves)
        return hold.verdict if hold is not None and asked and asked <= set(hold.moves) else None


def price_name(key: PriceKey) -> str:
    """The column that shows the price, or the kind with what makes it a price of its own."""
    shown = next((name for name, kind in PRICE_FIELDS.items() if key == PriceKey(kind)), None)
    if shown is not None:
        return shown
    context = f"above {key.context_above:,} tokens" if key.context_above else ""
    tier = key.service_tier if key.service_tier != STANDARD else ""
    return " ".join(part for part in (tier, key.kind, "price per", key.unit, context, key.hours_utc) if part)


def price_move(before: PricePoint, point: PricePoint) -> Move:
    """From the amount that is in force to the one that would follow it, each with its currency."""
    return Move(price_name(point.key), money_text(before), money_text(point))


def holds_after(
    known: Sequence[Hold], stopped: Mapping[tuple[ModelKey, str], Hold], models: Mapping[ModelKey, StoredModel]
) -> tuple[Hold, ...]:
    """The holds to remember after a run that stopped `stopped`: decided ones stay while their values stand.

    `stopped` has what the guards stopped or would have, but for a decision. `models`: the rows before the run.
    """
    found = dict(stopped)
    for hold in known:
        now = stopped.get((hold.key, hold.guard))
        if now is not None and set(now.moves) <= set(hold.moves):
            found[hold.key, hold.guard] = replace(hold, reason=now.reason)
        elif now is None and hold.verdict is not None and _still_stands(hold, models.get(hold.key)):
            found[hold.key, hold.guard] = hold
    return tuple(found[each] for each in sorted(found))


def listing_hold(provider: str, fetched: int | None, last_good: int | None, reason: str, author: Author) -> Hold:
    """The hold on a provider's whole listing: its size against that of the last one that was believed."""
    return Hold(
        key=ModelKey(provider, ""),
        guard="short-listing",
        moves=(Move("listing", str(last_good), str(fetched)),),
        reason=reason,
        run=author.run,
        held_at=author.now,
    )


def decided(hold: Hold, verdict: Verdict, note: str | None, author: Author) -> Hold:
    """The hold with a person's verdict on it."""
    return replace(hold, verdict=verdict, note=note, decided_by=author.actor, decided_at=author.now)


def _still_stands(hold: Hold, model: StoredModel | None) -> bool:
    """Whether the row still holds the old values, so that the decision may be needed again."""
    if model is None:
        return False
    present = dict(_present_values(model, hold.held_at))
    return all(present.get(move.what) == move.old for move in hold.moves)


def _present_values(model: StoredModel, at: datetime) -> Iterator[tuple[str, str | None]]:
    for name in FACT_FIELDS:
        if name not in PRICE_FIELDS:
            yield name, move_value(getattr(model.facts, name))
    latest = max([at, *(point.effective_from for point in model.prices)])
    for key, point in current(model.prices, latest).items():
        yield price_name(key), money_text(point)


def money_text(point: PricePoint) -> str:
    """An amount with its currency: `2.5 USD`."""
    return f"{decimal_text(point.amount)} {point.currency}"
