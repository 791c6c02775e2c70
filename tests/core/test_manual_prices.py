"""Laws of what people do to a ledger, whatever sources state in between: the last word of a person counts."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from modelctl.core.prices.ledger import missing_points
from modelctl.core.prices.manual import PriceTerms, manual_points, points_to_correct, points_to_release, points_to_set
from modelctl.core.prices.price import SINCE_LAUNCH, Basis, PriceKey, PricePoint, current
from modelctl.errors import UsageError

BEGIN = datetime(2026, 11, 1, tzinfo=UTC)
STARTS = (SINCE_LAUNCH, *(BEGIN + timedelta(days=days) for days in (-40, -3, 5, 9, 30, 60)))
MOMENTS = sorted({moment + timedelta(seconds=offset) for moment in STARTS for offset in (-1, 0, 1)})
KEYS = (PriceKey("input"), PriceKey("input", service_tier="batch"))
AMOUNTS = tuple(map(Decimal, ("0", "1", "2.5")))

set_acts = st.tuples(st.just("set"), st.sampled_from(KEYS), st.none() | st.sampled_from(STARTS))
correct_acts = st.tuples(st.just("correct"), st.sampled_from(KEYS), st.none() | st.sampled_from(STARTS))
sync_acts = st.tuples(
    st.just("sync"), st.sampled_from(KEYS), st.lists(st.sampled_from(STARTS), unique=True, max_size=3)
)
acts = st.lists(
    st.tuples(st.one_of(set_acts, correct_acts, sync_acts), st.sampled_from(AMOUNTS)), min_size=1, max_size=12
)


@dataclass
class StatedLedger:
    """A ledger, and what people said of it: for each key the amount of each start."""

    ledger: tuple[PricePoint, ...] = ()
    said: dict[PriceKey, dict[datetime, Decimal]] = field(default_factory=dict)
    mixed: set[PriceKey] = field(default_factory=set)
    """Keys of which a source's entry was corrected: a person's word on that entry only, and not on what follows it."""

    def act(self, number: int, act: Any, amount: Decimal) -> None:
        """One thing that happens, an hour after the one before."""
        now = BEGIN + timedelta(hours=number)
        kind, key, when = act
        if kind == "sync":
            stated = [
                PricePoint(**key._asdict(), amount=amount + index, effective_from=start, source="https://x.test")
                for index, start in enumerate(sorted(when))
            ]
            self.ledger += missing_points(self.ledger, stated, now=now)
            return
        terms = PriceTerms(key=key, amount=amount, source=f"act {number}", starts_at=when)
        lay = points_to_set if kind == "set" else points_to_correct
        try:
            points = lay(self.ledger, terms, now=now)
        except UsageError:
            return
        if points:
            start = points[0].effective_from
            wrong = current([point for point in self.ledger if point.key == key], start).get(key)
            if kind == "correct" and wrong.basis != Basis.MANUAL:
                self.mixed.add(key)
            self.said.setdefault(key, {})[start] = amount
        self.ledger += points


def lived(happened: Any) -> StatedLedger:
    stated = StatedLedger()
    for number, (act, amount) in enumerate(happened):
        stated.act(number, act, amount)
    return stated


@given(happened=acts)
def test_no_two_points_are_for_the_same_key_start_and_revision(happened):
    ledger = lived(happened).ledger
    places = [(point.key, point.effective_from, point.revision) for point in ledger]
    assert len(set(places)) == len(places)


@given(happened=acts)
def test_the_price_is_what_a_person_last_said_for_that_day(happened):
    stated = lived(happened)
    for key in stated.said.keys() - stated.mixed:
        by_person = stated.said[key]
        for moment in MOMENTS:
            begun = [start for start in by_person if start <= moment]
            if begun:
                assert current(stated.ledger, moment)[key].amount == by_person[max(begun)]


@given(happened=acts, key=st.sampled_from(KEYS), start=st.sampled_from(STARTS), amount=st.sampled_from(AMOUNTS))
def test_a_correction_reprices_its_entry_and_nothing_else(happened, key, start, amount):
    before = lived(happened).ledger
    now = BEGIN + timedelta(hours=len(happened))
    entry = current([point for point in before if point.key == key], start).get(key)
    if entry is None or entry.effective_from != start:
        return
    terms = PriceTerms(key=key, amount=amount, source="the correction", starts_at=start)
    after = before + points_to_correct(before, terms, now=now)
    for moment in MOMENTS:
        old, new = current(before, moment).get(key), current(after, moment).get(key)
        of_entry = old is not None and (old.basis, old.source, old.money) == (entry.basis, entry.source, entry.money)
        assert new == old or (of_entry and moment >= start and new.amount == amount)
    assert current(after, start)[key].amount == amount
    assert points_to_correct(after, terms, now=now) == ()


@given(happened=acts, key=st.sampled_from(KEYS), amount=st.sampled_from(AMOUNTS))
def test_what_was_entered_for_now_is_entered_once(happened, key, amount):
    before = lived(happened).ledger
    now = BEGIN + timedelta(hours=len(happened))
    terms = PriceTerms(key=key, amount=amount, source="once")
    after = before + points_to_set(before, terms, now=now)
    assert points_to_set(after, terms, now=now + timedelta(minutes=5)) == ()
    assert current(after, now)[key].amount == amount


@given(happened=acts)
def test_what_is_given_back_is_nobodys_claim_any_more(happened):
    before = lived(happened).ledger
    now = BEGIN + timedelta(hours=len(happened))
    claims = {point.key for point in manual_points(before, now=now)}
    after = before + points_to_release(before, claims, now=now)
    assert manual_points(after, now=now) == ()
    assert points_to_release(after, claims, now=now) == ()
    places = [(point.key, point.effective_from, point.revision) for point in after]
    assert len(set(places)) == len(places)
    for moment in (each for each in MOMENTS if each < now):
        assert current(after, moment) == current(before, moment)


@given(happened=acts, later=acts)
def test_no_sync_moves_what_a_person_has_entered(happened, later):
    stated = lived(happened)
    now = BEGIN + timedelta(hours=len(happened))
    stated.ledger += points_to_set(stated.ledger, PriceTerms(key=KEYS[0], amount=Decimal(7), source="me"), now=now)
    in_force = {moment: current(stated.ledger, moment)[KEYS[0]] for moment in MOMENTS if moment >= now}
    mine = {moment: point for moment, point in in_force.items() if point.basis == Basis.MANUAL}  # theirs may change
    for number, (act, amount) in enumerate(later, start=len(happened) + 1):
        if act[0] == "sync":
            stated.act(number, act, amount)
    assert {moment: current(stated.ledger, moment)[KEYS[0]] for moment in mine} == mine
