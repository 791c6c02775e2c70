"""How the sources move in a history: catalogs are edited, listings change, servers misbehave."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal

from tests.loopback import (
    Behaviour,
    dropped,
    empty_body,
    empty_list,
    html,
    repeated_page,
    slow,
    status,
    truncated,
    wrong_shape,
)
from tools.torture.truth import PAGED, PROVIDERS, Entry, Key, Truth

FAILURES: tuple[Callable[[int], Behaviour], ...] = (
    lambda page: slow(3, on_page=page),
    lambda page: status(500, on_page=page),
    lambda page: status(429, on_page=page),
    lambda page: status(401, on_page=page),
    lambda page: status(404, on_page=page),
    lambda page: html(on_page=page),
    lambda page: truncated(on_page=page),
    lambda page: dropped(on_page=page),
    lambda page: dropped(mid_body=True, on_page=page),
    lambda page: empty_body(on_page=page),
    lambda page: wrong_shape(on_page=page),
)
MODELS_AT_FIRST = 14
FEWEST_LISTED = 3
"""No listing shrinks to nothing by itself: a sync does not believe an empty one, and so would never be in sync."""


def first_models(truth: Truth, draw: random.Random) -> None:
    """Fill the catalogs and the listings."""
    for provider in PROVIDERS:
        for number in range(MODELS_AT_FIRST):
            key = (provider, f"model-{number:02}")
            truth.catalog[key] = _entry(draw)
            if number % 5:
                truth.listed[key] = draw.randrange(10_000, 90_000)
    truth.publish()


def edit_catalog(truth: Truth, draw: random.Random, today: date) -> str:
    """One change of a catalog."""
    move = draw.choice((_limit, _price, _price, _correction, _end, _end, _no_end, _new, _gone))
    key = draw.choice(sorted(truth.catalog))
    told = move(truth, draw, key, today)
    truth.publish()
    return told


def edit_listing(truth: Truth, draw: random.Random) -> str:
    """Models vanish from a listing, come back, appear or say another limit."""
    provider = draw.choice(PROVIDERS)
    here = sorted(key for key in truth.listed if key[0] == provider)
    move = draw.choice(("vanish", "vanish", "return", "half", "new", "limit"))
    if move == "vanish" and len(here) > FEWEST_LISTED:
        for key in draw.sample(here, min(len(here) - FEWEST_LISTED, draw.randint(1, 3))):
            del truth.listed[key]
    elif move == "half" and len(here) > FEWEST_LISTED:
        for key in here[max(FEWEST_LISTED, len(here) // draw.choice((2, 3))) :]:
            del truth.listed[key]
    elif move == "return":
        for key in sorted(each for each in truth.catalog if each[0] == provider):
            truth.listed.setdefault(key, 50_000)
    elif move == "new":
        truth.listed[provider, f"unheard-of-{draw.randrange(1000)}"] = 40_000
    elif here:
        truth.listed[draw.choice(here)] = draw.randrange(10_000, 90_000)
    truth.publish()
    return f"{provider}'s listing: {move}"


def misbehave(truth: Truth, draw: random.Random) -> tuple[str, bool]:
    """Make one provider's server fail; the provider, and whether the sync must notice by itself."""
    provider = draw.choice(PROVIDERS)
    pages = sum(key[0] == provider for key in truth.listed) > truth.server.page_size[provider]
    is_paged = provider == PAGED and pages
    choice = draw.randrange(len(FAILURES) + 2)
    if choice >= len(FAILURES):
        truth.server.fail(provider, repeated_page() if is_paged and choice > len(FAILURES) else empty_list())
        return provider, False
    truth.server.fail(provider, FAILURES[choice](2 if is_paged and draw.random() < 0.6 else 1))
    return provider, True


def _entry(draw: random.Random) -> Entry:
    price = Decimal(draw.randint(1, 900)) / 100
    return Entry(draw.randrange(10_000, 90_000), [(None, price, price * 3)])


def _limit(truth: Truth, draw: random.Random, key: Key, _today: date) -> str:
    truth.catalog[key].context_window = draw.randrange(10_000, 90_000)
    return f"{key} has another limit"


def _price(truth: Truth, draw: random.Random, key: Key, today: date) -> str:
    prices = truth.catalog[key].prices
    start = today + timedelta(days=draw.choice((0, 0, 1, 3)))
    if prices[-1][0] is not None and prices[-1][0] >= start:
        start = prices[-1][0] + timedelta(days=1)
    price = Decimal(draw.randint(1, 900)) / 100
    prices.append((start, price, price * 3))
    return f"{key} costs {price} from {start}"


def _correction(truth: Truth, draw: random.Random, key: Key, _today: date) -> str:
    prices = truth.catalog[key].prices
    price = Decimal(draw.randint(1, 900)) / 100
    prices[-1] = (prices[-1][0], price, price * 3)
    return f"{key}'s last price was meant to be {price}"


def _end(truth: Truth, draw: random.Random, key: Key, today: date) -> str:
    entry = truth.catalog[key]
    entry.deprecated_on = today - timedelta(days=30)
    entry.retires_on = today + timedelta(days=draw.choice((-5, -1, 1, 2, 30)))
    return f"{key} ends on {entry.retires_on}"


def _no_end(truth: Truth, _draw: random.Random, key: Key, _today: date) -> str:
    truth.catalog[key].deprecated_on = truth.catalog[key].retires_on = None
    return f"{key} does not end"


def _new(truth: Truth, draw: random.Random, key: Key, _today: date) -> str:
    new = (key[0], draw.choice((f"model-{draw.randrange(100):02}", f"own-{draw.randrange(1, 60)}")))
    truth.catalog.setdefault(new, _entry(draw))
    return f"{new} is in the catalog"


def _gone(truth: Truth, _draw: random.Random, key: Key, _today: date) -> str:
    if sum(each[0] == key[0] for each in truth.catalog) > 4:
        del truth.catalog[key]
    return f"{key} left the catalog"
