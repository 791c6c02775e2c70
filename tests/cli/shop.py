"""A small database of models with every kind of value in it, written as a sync writes it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from modelctl.core.facts import ModelFacts, ModelKey, ModelRecord
from modelctl.core.planning.planner import Consulted, plan
from modelctl.core.prices.price import PricePoint
from modelctl.core.provider import Provider
from modelctl.core.runs import Author
from modelctl.db import migrate as schema
from modelctl.db import read
from modelctl.db.engine import Database
from modelctl.db.write import apply
from tests.conftest import NOW

DECEMBER = datetime(2026, 12, 1, tzinfo=UTC)
BATCH = "batch"


def record(name: str, *prices: PricePoint, **facts: Any) -> ModelRecord:
    """What a catalog states of the model `provider/id`."""
    given = ModelFacts(**facts)
    return ModelRecord(
        key=ModelKey(*name.split("/", 1)),
        facts=given,
        prices=prices,
        provenance={fact: "catalog" for fact, _ in given.known()},
        verified_on=NOW.date(),
    )


def price(kind: str, amount: str, **more: Any) -> PricePoint:
    return PricePoint(kind=kind, amount=Decimal(amount), **more)


SHOP = (
    record(
        "openai/gpt-4o",
        price("input", "2.5", source="https://openai.test/pricing"),
        price("output", "10"),
        price("input", "5", effective_from=DECEMBER),
        price("input", "1.25", service_tier=BATCH),
        price("input", "3", effective_from=datetime(2024, 5, 13, tzinfo=UTC), effective_to=None, context_above=200_000),
        display_name="GPT-4o",
        type="chat",
        status="active",
        vision=True,
        tools=True,
        context_window=128_000,
        max_output_tokens=16_384,
        aliases=("gpt-4o-latest",),
        tags=("smart", "latest"),
        recommended=True,
        released_on=date(2024, 5, 13),
    ),
    record(
        "openai/gpt-4o-mini",
        price("input", "0.15"),
        price("output", "0.6"),
        display_name="GPT-4o mini",
        type="chat",
        status="active",
        vision=True,
        tools=False,
        context_window=128_000,
        tags=("fast",),
    ),
    record(
        "openai/o1-mini",
        display_name="o1-mini",
        type="chat",
        status="deprecated",
        replacement="gpt-3.5-turbo",
        retires_on=date(2026, 12, 31),
    ),
    record("openai/gpt-3.5-turbo", type="chat", status="retired", replacement="gpt-4o"),
    record("openai/text-embedding-3", price("input", "0.000000005"), type="embedding", status="preview"),
    record("qwen/通义千问", price("input", "4", currency="CNY"), type="chat", status="active", display_name="通义千问"),
    record("together/mistralai/Mixtral-8x7B", price("input", "0"), price("output", "0"), type="chat", status="active"),
    record("mirror/gpt-4o-mini", type="chat", status="active", aliases=("mini",)),
    record("mirror/twin", type="chat", status="active", aliases=("mini",)),
)


def fill(url: str, records: Iterable[ModelRecord] = SHOP, *, now: datetime = NOW, run: str = "run-1") -> None:
    """Write what the records state into the database, its tables included."""
    database = Database(url)
    author = Author(run=run, actor="alice", command="sync", now=now)
    schema.upgrade(database)
    by_provider: dict[str, dict[ModelKey, ModelRecord]] = {}
    for each in records:
        by_provider.setdefault(each.key.provider, {})[each.key] = each
    for name, wanted in by_provider.items():
        with database.engine.connect() as connection:
            stored = read.models_of(connection, database.tables, name)
        made = plan(name, stored, wanted, consulted=Consulted(), now=now)
        provider = Provider(name=name, display_name=name, kind="")
        database.write(
            lambda connection, made=made, provider=provider: apply(connection, database.tables, made, provider, author)
        )
    database.close()
