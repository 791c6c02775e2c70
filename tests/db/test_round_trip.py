"""What was written is what is read, on every database, for every kind of value."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from modelctl.core.facts import FactValue, ModelKey
from modelctl.core.planning.plan import Plan
from modelctl.core.prices.price import PricePoint
from modelctl.db import read
from modelctl.db.engine import Database
from tests.db.writing import (
    as_written,
    author,
    comparable,
    creation,
    plan_of,
    planned,
    records,
    sql,
    statements_of,
    stored,
    stored_model,
    update,
    write,
)

TEXT = "naïve “模型” 🧠 Ωμέγα \\ ' \" % :x"

EVERY_FACT: dict[str, FactValue] = {
    "display_name": TEXT,
    "family": "familia-ñ",
    "type": "chat",
    "status": "deprecated",
    "input_modalities": ("text", "image"),
    "output_modalities": (),
    "vision": False,
    "tools": True,
    "reasoning": False,
    "context_window": 10**12,
    "max_input_tokens": 1,
    "max_output_tokens": 1,
    "knowledge_cutoff": "2025-01",
    "released_on": date(1970, 1, 1),
    "deprecated_on": date(2024, 2, 29),
    "retires_on": date(2026, 12, 31),
    "retires_not_before": date(9999, 12, 31),
    "after_retirement": "redirect",
    "replacement": "modèle-🧠",
    "aliases": ("é", "e\u0301", "ÉÉ", "🧠"),
    "recommended": False,
    "tier": "premium",
    "tags": ('"quoted"', "null", ""),
    "input_price_per_mtok": Decimal("999999.999999999"),
    "output_price_per_mtok": Decimal("0.000000001"),
    "cache_read_price_per_mtok": Decimal(0),
    "cache_write_price_per_mtok": Decimal("123456.789012345"),
    "price_currency": "EUR",
}

START = datetime(2026, 1, 1, 16, 0, 1, tzinfo=UTC)
PLAIN = PricePoint(kind="input", amount=Decimal("0.15"), source="https://acme.test/prices")
LEDGER = (
    PLAIN,
    PricePoint(kind="output", amount=Decimal("999999.999999999"), source="https://acme.test/?q=ü"),
    PricePoint(kind="input", amount=Decimal("0.000000001"), unit="second", source="s"),
    PricePoint(kind="input", amount=Decimal("0.3"), context_above=200_000, source="s"),
    PricePoint(kind="input", amount=Decimal("0.3"), context_above=10**12, source="s"),
    PricePoint(kind="input", amount=Decimal("0.075"), service_tier="batch", source="s"),
    PricePoint(kind="input", amount=Decimal("0.1"), hours_utc="01:00-04:00,06:00-10:00", source="s"),
    PricePoint(
        kind="input",
        amount=Decimal(1),
        currency="CNY",
        effective_from=START,
        effective_to=START + timedelta(days=30),
        basis="observed",
        source="s",
    ),
    PricePoint(kind="input", amount=Decimal(2), effective_from=START, revision=1, basis="manual", source="s"),
    PricePoint(kind="input", amount=Decimal(3), effective_from=START, revision=2, basis="manual", source="s"),
)


def test_every_value_comes_back_exactly(database: Database) -> None:
    full, empty = creation("full", prices=LEDGER, **EVERY_FACT), creation("empty")
    write(database, plan_of(full, empty))
    found = stored(database)
    assert {key.model_id: comparable(model) for key, model in found.models.items()} == {
        "full": as_written(full, author()),
        "empty": as_written(empty, author()),
    }
    assert found.removed_by_hand == {}
    model = stored_model(database, "full")
    assert model.state is not None
    assert {name: value for name, (value, _) in model.state.written.items()} == EVERY_FACT
    assert all(type(getattr(model.facts, name)) is type(value) for name, value in EVERY_FACT.items())


def test_every_value_comes_back_exactly_after_an_update(database: Database) -> None:
    write(database, plan_of(creation("one", type="chat", tags=("a",), vision=True, prices=[PLAIN])))
    before = stored_model(database, "one")
    change = update(before, prices=LEDGER[1:], **{**EVERY_FACT, "vision": None})
    write(database, plan_of(change), author(2))
    found = stored_model(database, "one")
    assert comparable(found) == as_written(change, author(2))
    assert (found.row_id, found.created_at) == (before.row_id, before.created_at)


def test_instants_are_aware_and_equal(database: Database) -> None:
    seen = {ModelKey("acme", "one"): START}
    write(database, plan_of(creation("one", type="chat", prices=LEDGER)))
    write(database, Plan(provider="acme", seen=seen, listed=frozenset(seen)), author(2))
    model = stored_model(database, "one")
    assert model.created_at == author().now
    assert model.last_seen_at == model.last_verified_at == START
    instants = [model.created_at, model.updated_at, model.last_seen_at, *(each.effective_from for each in model.prices)]
    assert all(each is not None and each.utcoffset() == timedelta(0) for each in instants)


def test_absences_come_back(database: Database) -> None:
    write(database, plan_of(creation("one"), creation("two")))
    write(database, Plan(provider="acme", absences={ModelKey("acme", "two"): 2}), author(2))
    absences = {key.model_id: model.state.absences for key, model in stored(database).models.items() if model.state}
    assert absences == {"one": 0, "two": 2}


def test_ids_that_look_alike_are_separate_rows(database: Database) -> None:
    ids = ["gpt-4o", "GPT-4o", "resume", "résumé", "re\u0301sume\u0301", "straße", "strasse", "a_b", "a-b", "ﬁ", "fi"]
    write(database, plan_of(*(creation(each, family=f"of {each}", prices=[PLAIN]) for each in ids)))
    found = stored(database).models
    assert {key.model_id: model.facts.family for key, model in found.items()} == {each: f"of {each}" for each in ids}
    assert all(model.prices == (PLAIN,) for model in found.values())
    write(database, plan_of(update(stored_model(database, "GPT-4o"), family="only this")), author(2))
    assert stored_model(database, "GPT-4o").facts.family == "only this"
    assert stored_model(database, "gpt-4o").facts.family == "of gpt-4o"
    assert sql(database, "SELECT COUNT(*) FROM ai_models WHERE model_id = 'gpt-4o'") == [(1,)]


def test_the_second_plan_is_empty(database: Database) -> None:
    facts = {name: value for name, value in EVERY_FACT.items() if "price" not in name and name != "tier"}
    wanted = records({"one": facts, "two": {"type": "chat"}, "é": {"tags": ()}}, *LEDGER)
    first = planned(database, wanted)
    assert len(first.changes) == 3
    write(database, first)
    assert planned(database, wanted).is_empty
    assert planned(database, wanted).unchanged == 3


def test_unknown_is_null_in_plain_sql(database: Database) -> None:
    write(database, plan_of(creation("known", tags=(), aliases=("a",), vision=False), creation("unknown")))
    for column in ("tags", "aliases", "input_modalities", "vision", "input_price_per_mtok"):
        expected = [("unknown",)] if column in ("tags", "aliases", "vision") else [("known",), ("unknown",)]
        statement = f"SELECT model_id FROM ai_models WHERE {column} IS NULL ORDER BY model_id"
        assert sql(database, statement) == expected, column
    assert sql(database, "SELECT COUNT(*) FROM ai_model_state WHERE pins IS NULL") == [(2,)]
    assert sql(database, "SELECT COUNT(*) FROM ai_changes WHERE before_values IS NULL") == [(3,)]


def test_prices_are_numbers_in_plain_sql(database: Database) -> None:
    prices = {"cheap": "9.4", "dear": "10", "dearer": "99.5", "tiny": "0.000000001"}
    write(database, plan_of(*(creation(each, input_price_per_mtok=Decimal(p)) for each, p in prices.items())))
    by_price = "SELECT model_id FROM ai_models {} ORDER BY input_price_per_mtok"
    assert sql(database, by_price.format("WHERE input_price_per_mtok < 9.5")) == [("tiny",), ("cheap",)]
    assert sql(database, by_price.format("")) == [("tiny",), ("cheap",), ("dear",), ("dearer",)]
    [(total,)] = sql(database, "SELECT SUM(input_price_per_mtok) FROM ai_models")
    assert round(Decimal(total), 9) == Decimal("118.900000001")


EDITS: dict[str, tuple[str, FactValue]] = {
    "display_name = 'Ours'": ("display_name", "Ours"),
    "display_name = 'acme one'": ("display_name", "acme one"),
    "input_price_per_mtok = 99.000000001": ("input_price_per_mtok", Decimal("99.000000001")),
    "tags = '[\"ours\"]'": ("tags", ("ours",)),
    "tags = NULL": ("tags", None),
    "vision = NOT vision": ("vision", False),
    "context_window = NULL": ("context_window", None),
    "retires_on = '2030-01-31'": ("retires_on", date(2030, 1, 31)),
}


def test_an_edit_by_plain_sql_is_protected(database: Database) -> None:
    facts: dict[str, FactValue] = {
        "type": "chat",
        "display_name": "Acme one",
        "tags": ("theirs",),
        "vision": True,
        "context_window": 1000,
        "retires_on": date(2027, 1, 1),
    }
    edits = {f"model-{number}": edit for number, edit in enumerate(EDITS)}
    wanted = records(dict.fromkeys(edits, facts), PLAIN)
    write(database, planned(database, wanted))
    for model_id, edit in edits.items():
        sql(database, f"UPDATE ai_models SET {edit} WHERE model_id = :model_id", model_id=model_id)
    second = planned(database, wanted)
    protected = {(each.key.model_id, each.name): each.kept for each in second.protected if each.name != "tier"}
    assert protected == {(model_id, EDITS[edit][0]): EDITS[edit][1] for model_id, edit in edits.items()}
    write(database, second, author(2))
    for model_id, edit in edits.items():
        name, kept = EDITS[edit]
        assert getattr(stored_model(database, model_id).facts, name) == kept, edit


def test_only_the_columns_that_are_asked_for_are_read(database: Database) -> None:
    write(database, plan_of(creation("two", type="chat", vision=True), creation("one", type="chat", tier="free")))
    with statements_of(database) as sent, database.engine.connect() as connection:
        found = read.models(connection, database.tables, columns={"type", "tier"})
        again = read.again(connection, database.tables, found[::-1], {"vision"})
    assert [(each.key.model_id, each.facts.tier, each.facts.vision) for each in found] == [
        ("one", "free", None),
        ("two", None, None),
    ]
    assert [(each.key.model_id, each.facts.tier, each.facts.vision) for each in again] == [
        ("two", None, True),
        ("one", None, None),
    ]
    first, second = (each for each in sent if "ai_models" in each)
    assert "vision" not in first
    assert "tier" not in second
