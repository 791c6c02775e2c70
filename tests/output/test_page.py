"""The page of one model: what happens to odd ledgers, chains without an end, pins, and narrow terminals."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from modelctl.core.facts import ModelFacts, ModelKey
from modelctl.core.models.details import model_details
from modelctl.core.models.lifecycle import chain_of
from modelctl.core.prices.price import PricePoint
from modelctl.core.prices.timeline import timeline
from modelctl.core.runs import AuditEntry
from modelctl.core.stored import RowState, StoredModel, Written
from modelctl.output.console import PLAIN, Look
from modelctl.output.model import page

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
SPRING, SUMMER = (datetime(2026, month, 1, tzinfo=UTC) for month in (3, 6))


def point(amount: str, **more: object) -> PricePoint:
    return PricePoint(**{"kind": "input", "amount": Decimal(amount), **more})


def model(
    model_id: str = "m", *, state: RowState | None = None, prices: tuple[PricePoint, ...] = (), **facts: object
) -> StoredModel:
    return StoredModel(
        key=ModelKey("acme", model_id),
        facts=ModelFacts(**facts),
        is_enabled=True,
        state=state or RowState(),
        prices=prices,
        row_id=7,
    )


def shown(of: StoredModel, *others: StoredModel, look: Look = PLAIN, changes: tuple[AuditEntry, ...] = ()) -> str:
    known = {each.key: each for each in (of, *others)}
    chain = chain_of(of, known, after=NOW.date(), today=NOW.date())
    return page(model_details(of, known, chain, changes, now=NOW), look)


def squeezed(text: str) -> str:
    return re.sub(r" +", " ", text)


def test_a_corrected_an_ended_and_a_followed_price_differ():
    ledger = (
        point("1"),
        point("2", effective_from=SPRING),
        point("3", effective_from=SPRING, revision=1),
        point("4", effective_from=SUMMER, currency="EUR"),
        point("9", kind="request", unit="request", effective_to=SPRING),
    )
    text = squeezed(shown(model(prices=ledger)))
    now, past = text.split("past prices\n")
    assert " input 4 EUR per mtok from 2026-06-01\n" in now
    assert " input 1 USD per mtok from launch until 2026-03-01\n" in past
    assert " input 2 USD per mtok from 2026-03-01, corrected\n" in past
    assert " input 3 USD per mtok from 2026-03-01 until 2026-06-01\n" in past
    assert " request per request 9 USD from launch until 2026-03-01\n" in past


def test_of_two_announcements_for_one_day_the_later_one_counts():
    first, second = (
        point("1", effective_from=NOW.replace(year=2027)),
        point("2", effective_from=NOW.replace(year=2027), revision=1),
    )
    found = timeline([second, first], NOW)
    assert (found.in_force, found.announced, [each.point for each in found.past]) == ((), (second,), [first])


def test_hours_and_tiers_are_part_of_a_price_s_name():
    text = squeezed(
        shown(model(prices=(point("0", service_tier="flex", context_above=1000, hours_utc="01:00-04:00"),)))
    )
    assert " input, prompt above 1,000 tokens, flex, 01:00-04:00 UTC 0 USD per mtok from launch\n" in text


@pytest.mark.parametrize(
    ("others", "told"),
    [
        ((model("b", status="active", retires_on=date(2027, 1, 2)),), "use b (active), which answers until 2027-01-02"),
        ((model("b", status="retired"),), "use b (retired), which is retired, too"),
        ((), "use b (unknown), which is not in the table"),
        ((model("b", status="retired", replacement="m"),), "which leads back to it"),
    ],
)
def test_every_chain_of_replacements_says_where_it_ends(others, told):
    assert told in squeezed(shown(model(status="retired", replacement="b"), *others))


def test_absences_pins_and_a_disabled_model():
    state = RowState(written={"vision": Written(True, "api")}, pins=frozenset({"is_enabled", "vision"}), absences=1)
    text = squeezed(shown(replace(model(state=state, vision=True), is_enabled=False)))
    assert text.startswith("acme/m status unknown, disabled\n")
    assert " absent from the last complete listing\n" in text
    assert text.endswith(" pinned is_enabled")
    assert " vision yes api, pinned\n" in text


def test_audited_values_of_every_kind():
    entry = AuditEntry(
        run="r",
        at=NOW,
        actor="bob\x1b[31m",
        command="set",
        action="update",
        before={"tags": ["a"], "vision": None, "input_price_per_mtok": "2.5"},
        after={"tags": ["a", "b"], "vision": True, "input_price_per_mtok": "2", "zzz": 1},
    )
    text = squeezed(shown(model(), changes=(entry,)))
    assert "\x1b" not in text
    assert text.endswith(" vision unknown → yes\n tags a → a, b\n input_price_per_mtok 2.5 → 2\n zzz unknown → 1")


@pytest.mark.parametrize("width", [40, 60, 80])
def test_a_narrow_terminal_wraps_between_words(width):
    facts = {"display_name": "A model with a long name", "tags": tuple(f"tag-{number}" for number in range(12))}
    text = shown(
        model(**facts, prices=(point("1", source="a source"), point("2", kind="output"))), look=Look(width=width)
    )
    assert max(map(len, text.splitlines())) <= width
    assert all(f"tag-{number}" in text for number in range(12))
