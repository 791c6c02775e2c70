"""Prices and bills in terminals of any width, with and without colour and block characters."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from modelctl.core.facts import ModelFacts, ModelKey
from modelctl.core.prices.billing import Bill, Billed, Served
from modelctl.core.prices.price import PricePoint
from modelctl.core.prices.timeline import periods, timeline
from modelctl.core.prices.usage import usage_of
from modelctl.core.stored import StoredModel
from modelctl.output.bills import BillDocument, served_text, why
from modelctl.output.console import PLAIN, Look, plot
from modelctl.output.prices import PriceHistoryDocument, PriceSheetDocument
from tests.core.effects import cost

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
KEY = ModelKey("google", "gemini-4-argon")
SERVED = Served(path=(KEY,))


def point(kind: str, amount: str, begins: tuple[int, int, int] = (1970, 1, 1), **more: Any) -> PricePoint:
    return PricePoint(kind=kind, amount=Decimal(amount), effective_from=datetime(*begins, tzinfo=UTC), **more)


LEDGER = (
    point("input", "2"),
    point("input", "4", (2026, 12, 1)),
    point("output", "10"),
    point("cache_read", "0.1"),
    point("input", "3", context_above=200_000),
    point("input", "1", service_tier="batch"),
    point("web_search", "14", unit="thousand"),
)
WIDTHS = [40, 60, 80, 100, 200]


def sheet_text(ledger: tuple[PricePoint, ...], look: Look, *, with_past: bool = True) -> str:
    return PriceSheetDocument.of(KEY, timeline(ledger, NOW), SERVED, with_past=with_past).to_table(look)


def history_text(ledger: tuple[PricePoint, ...], look: Look) -> str:
    return PriceHistoryDocument(model=str(KEY), history=periods(ledger), now=NOW, with_plot=True).to_table(look)


def bill_text(bill: Bill, look: Look) -> str:
    return BillDocument(Billed(served=SERVED, bill=bill, is_oversized=False)).to_table(look)


def widest(text: str) -> int:
    return max(map(len, re.sub(r"\x1b\[\d*m", "", text).splitlines()))


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("colour", [True, False])
def test_prices_and_histories_fit_the_terminal(width: int, colour: bool) -> None:
    look = Look(width=width, colour=colour)
    sheet = sheet_text(LEDGER, look)
    assert widest(sheet.partition("\n\nto come")[0]) <= max(width, 60)  # the longest label with its amount takes 60
    drawn = plot(periods(LEDGER[:2]), look, now=NOW)
    assert widest("\n".join(drawn)) <= width
    bill = cost(LEDGER, usage_of(input=300_000, output=5, images=1), NOW)
    text = bill_text(bill, look)
    assert "at least" in text
    assert [line for line in text.splitlines()[1:] if len(re.sub(r"\x1b\[\d*m", "", line)) > width] == []


def test_colour_adds_nothing_but_colour() -> None:
    for width in WIDTHS:
        plain, coloured = (history_text(LEDGER, Look(width=width, colour=colour)) for colour in (False, True))
        lines = (line.rstrip() for line in re.sub(r"\x1b\[[\d;]*m", "", coloured).splitlines())
        assert [line for line in lines if not line or line.strip("─")] == plain.splitlines()


def test_a_terminal_without_unicode_gets_a_plot_of_signs() -> None:
    text = history_text(LEDGER, Look(width=60, unicode=False))
    assert text.isascii()
    assert "#" in text
    assert "+++" in text


def test_the_steps_of_a_plot_are_as_high_as_the_prices() -> None:
    ledger = (point("input", "10"), point("input", "5", (2026, 6, 1)), point("input", "0.01", (2026, 8, 1)))
    _title, *rows, _axis, _dates = plot(periods(ledger), PLAIN, now=NOW)
    columns = ["".join(row[5:][at] for row in reversed(rows)) for at in (0, 15, 60)]
    assert [column.rstrip() for column in columns] == ["█████", "██▄", "▁"]


def test_a_price_that_is_free_or_unknown_is_no_bar() -> None:
    ledger = (
        point("input", "10", (2026, 1, 1), effective_to=datetime(2026, 3, 1, tzinfo=UTC)),
        point("input", "0", (2026, 6, 1)),
    )
    _title, *rows, _axis, _dates = plot(periods(ledger), PLAIN, now=NOW)
    assert all(set(row[6:].rstrip()) <= {"█", "│", " "} for row in rows)
    assert "█" not in rows[-1][40:]


@pytest.mark.parametrize(
    "ledger",
    [(), LEDGER[:1], (point("input", "1"), point("input", "2", (2026, 1, 1), currency="EUR"))],
    ids=["nothing", "one price", "two currencies"],
)
def test_what_cannot_be_compared_is_not_drawn(ledger: tuple[PricePoint, ...]) -> None:
    assert plot(periods(ledger), PLAIN, now=NOW) == []


def test_a_terminal_too_narrow_for_a_plot_gets_none() -> None:
    assert plot(periods(LEDGER[:2]), Look(width=12), now=NOW) == []


def test_a_bill_in_two_currencies_names_each() -> None:
    ledger = (point("input", "1", currency="EUR"), point("output", "2"))
    bill = cost(ledger, usage_of(input=1_000_000, output=1_000_000), NOW)
    text = bill_text(bill, PLAIN)
    assert "total  1 EUR + 2 USD" in text
    assert re.search(r"input +1,000,000 +1  1M tokens +1 EUR", text)


def test_what_a_source_says_cannot_break_the_lines() -> None:
    ledger = (point("input", "1", source="https://x.test/\n\x1b[31mred"),)
    bill = cost(ledger, usage_of(input=1), NOW)
    for text in (
        sheet_text(ledger, PLAIN),
        history_text(ledger, PLAIN),
        bill_text(bill, PLAIN),
    ):
        assert "\x1b" not in text
        assert "https://x.test/ �[31mred" in text


PEAK_ONLY = point("output", "1", hours_utc="01:00-02:00")
IMAGES = (point("input", "1", unit="image"), point("output", "2", unit="image"))


@pytest.mark.parametrize(
    ("ledger", "used", "tier", "said"),
    [
        ((), {"input": 1}, "standard", "no price on record"),
        (LEDGER, {"output": 1}, "batch", "no batch price on record, only of other service tiers"),
        (LEDGER, {"input": 200_001, "output": 1}, "standard", "no price on record for prompts above 200,000 tokens"),
        (LEDGER[4:5], {"input": 1}, "standard", "no price on record for prompts of this size"),
        ((PEAK_ONLY,), {"output": 1}, "standard", "no price on record for this hour of the day"),
        (IMAGES, {"images": 1}, "standard", "more than one price could be meant: say input_images or output_images"),
    ],
)
def test_an_unknown_price_says_why(ledger: Any, used: dict[str, int], tier: str, said: str) -> None:
    bill = cost(ledger, usage_of(**used), NOW, tier)
    [unpriced] = bill.unknown
    assert why(unpriced, bill) == said


def test_a_redirect_that_leads_nowhere_is_a_warning() -> None:
    facts = {KEY: StoredModel(key=KEY, facts=ModelFacts(), is_enabled=True)}
    nowhere = Served(path=(KEY,), is_known=False)
    missing = Served(path=(KEY, ModelKey("google", "gone")), is_known=False)
    assert [*served_text(nowhere, facts, NOW), *served_text(missing, facts, NOW)] == [
        "warning: google/gemini-4-argon is retired and billed as an unknown model, whose prices are not on record",
        "warning: google/gemini-4-argon is retired and billed as google/gone, whose prices are not on record",
    ]


def test_prices_of_two_currencies_stand_in_rows_of_their_own() -> None:
    ledger = (point("input", "1", currency="EUR"), point("output", "2"))
    for look in (PLAIN, Look(width=30)):
        text = sheet_text(ledger, look, with_past=False)
        assert "prices at" in text
        assert all(currency in text for currency in ("EUR", "USD"))
