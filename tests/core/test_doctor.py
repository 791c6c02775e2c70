"""What counts as a finding, at its edges."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from modelctl.core.doctor import (
    Check,
    CheckName,
    CheckStatus,
    Checkup,
    check_catalogs,
    check_clock,
    check_keys,
    check_leases,
    check_lifecycle,
    check_prices,
    check_runs,
    check_successors,
    check_unknown_rows,
    run_check,
)
from modelctl.core.facts import ModelFacts, ModelKey
from modelctl.core.prices.price import PricePoint
from modelctl.core.provider import Provider
from modelctl.core.runs import LeaseState, ProviderRuns
from modelctl.core.stored import RowState, StoredModel, Written
from modelctl.errors import SourceError, StoreError

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
ACME = Provider(name="acme", display_name="Acme", kind="openai", env_vars=("ACME_KEY",))


def model(model_id: str, *prices: PricePoint, is_enabled: bool = True, **more: Any) -> StoredModel:
    own = {name: more.pop(name) for name in ("state", "last_seen_at") if name in more}
    facts = ModelFacts(**{"type": "chat", "status": "active", **more})
    return StoredModel(key=ModelKey("acme", model_id), facts=facts, is_enabled=is_enabled, prices=prices, **own)


def by_key(*models: StoredModel) -> dict[ModelKey, StoredModel]:
    return {each.key: each for each in models}


def subjects(check: Check) -> list[str]:
    assert all(each.problem and each.remedy for each in check.findings)
    return [each.subject for each in check.findings]


def price(kind: str) -> PricePoint:
    return PricePoint(kind=kind, amount=Decimal(1))


def runs(**more: Any) -> dict[str, ProviderRuns]:
    return {"acme": ProviderRuns(**{"last_at": NOW, "outcome": "applied", "whole_at": NOW, **more})}


def test_a_run_counts_up_to_the_age_that_is_asked_for() -> None:
    for age, found in ((26 * HOUR, []), (26 * HOUR + timedelta(seconds=1), ["acme"])):
        seen = runs(last_at=NOW - age, whole_at=NOW - age)
        assert subjects(check_runs([ACME], seen, max_age=26 * HOUR, now=NOW)) == found


def test_a_provider_that_was_never_wholly_synced_is_a_finding() -> None:
    [never] = check_runs([ACME], {}, max_age=HOUR, now=NOW).findings
    assert never.problem == "it was never synced"
    [refused] = check_runs([ACME], runs(outcome="refused", whole_at=None), max_age=HOUR, now=NOW).findings
    assert refused.problem == "its last run, 0 min ago, was refused; none was complete"


def test_a_key_that_never_was_is_a_note_and_one_that_has_gone_a_finding() -> None:
    def absent(_provider: Provider) -> bool:
        return False

    assert check_keys([ACME], absent, runs(), NOW).note.endswith("only: acme")
    assert subjects(check_keys([ACME], absent, runs(listed_at=NOW - timedelta(days=30)), NOW)) == ["acme"]
    assert subjects(check_keys([ACME], absent, runs(listed_at=NOW - timedelta(days=31)), NOW)) == []

    def broken(_provider: Provider) -> bool:
        raise SourceError("the key in ACME_KEY holds a blank", "set it again")

    assert check_keys([ACME], broken, {}, NOW).findings[0].remedy == "set it again"


def test_catalogs_are_stale_after_ninety_days() -> None:
    newest = {"fresh": date(2026, 8, 23), "stale": date(2026, 8, 22), "never": None}
    assert subjects(check_catalogs(newest, NOW.date())) == ["never", "stale"]


def test_clocks_may_differ_by_a_minute() -> None:
    def found(now: datetime = NOW, **more: Any) -> int:
        given = {"database": NOW, "verified_on": NOW.date(), "runs": runs(), **more}
        return len(check_clock(now, **given).findings)

    assert found(NOW + timedelta(seconds=60)) == 0
    assert found(NOW + timedelta(seconds=61)) == 1
    assert found(database=None) == 0
    assert found(NOW - timedelta(days=900)) == 3


def test_a_lease_without_a_sign_of_life_is_a_finding() -> None:
    seen = [LeaseState(name="x", run="r", actor="a", beat_at=NOW - timedelta(seconds=each)) for each in (60, 61)]
    assert len(check_leases(seen, NOW).findings) == 1


def test_only_what_is_enabled_and_alive_needs_a_price() -> None:
    models = by_key(
        model("priced", price("input"), price("output")),
        model("half", price("input")),
        model("by-hand", input_price_per_mtok=Decimal(0), output_price_per_mtok=Decimal(0)),
        model("embedding", price("input"), type="embedding"),
        model("off", is_enabled=False),
        model("gone", status="retired"),
        model("past", retires_on=date(2026, 11, 20)),
        model("last-day", retires_on=date(2026, 11, 21)),
    )
    assert subjects(check_prices(models, NOW)) == ["acme/half", "acme/last-day"]


def test_an_end_within_thirty_days_is_soon() -> None:
    models = by_key(
        model("soon", retires_on=date(2026, 12, 21), replacement="later"),
        model("later", retires_on=date(2026, 12, 22)),
        model("perhaps", retires_not_before=date(2026, 11, 22)),
        model("off", is_enabled=False, status="retired"),
    )
    [finding] = check_lifecycle(models, {ModelKey("acme", "soon")}, NOW.date()).findings
    assert not finding.is_warning
    [unchosen] = check_lifecycle(models, (), NOW.date()).findings
    assert unchosen.is_warning
    assert (finding.subject, finding.remedy) == ("acme/soon", "move to acme/later, then disable it")


def test_chains_that_end_nowhere_are_told_apart() -> None:
    models = by_key(
        model("a", replacement="b"),
        model("b", replacement="a", status="retired"),
        model("c", replacement="nowhere"),
        model("d", replacement="e"),
        model("e", status="retired"),
        model("f", replacement="g"),
        model("off", replacement="e", status="retired", is_enabled=False),
        model("g"),
    )
    found = {each.subject: each.problem.rpartition(": ")[2] for each in check_successors(models, NOW.date()).findings}
    assert found == {
        "acme/a": "a → b → a goes in a circle",
        "acme/c": "c → nowhere, which the database does not have",
        "acme/d": "d → e, which retires and names no other",
    }


def test_a_row_is_known_by_a_catalog_a_listing_or_what_was_written() -> None:
    def written(source: str) -> RowState:
        return RowState(written={"status": Written("active", source)})

    models = by_key(
        model("in-catalog"),
        model("listed", last_seen_at=NOW),
        model("was-in-catalog", state=written("catalog")),
        model("by-a-person", state=written("person")),
        model("by-a-rule-only", state=written("rule:status")),
        model("foreign"),
    )
    found = subjects(check_unknown_rows(models, {ModelKey("acme", "in-catalog")}))
    assert found == ["acme/by-a-person", "acme/by-a-rule-only", "acme/foreign"]


def test_a_look_that_fails_is_a_finding_and_what_was_not_run_is_not_ok() -> None:
    def broken() -> Check:
        raise StoreError("the disk is full", "free some space")

    failed = run_check(CheckName.PRICES, broken)
    assert (failed.status, failed.findings[0].remedy) == (CheckStatus.FINDINGS, "free some space")
    not_run = Check(name=CheckName.RUNS, not_run="no database")
    assert not Checkup(checked_at=NOW, database="x", checks=(not_run,)).is_ok
    assert Checkup(checked_at=NOW, database="x", checks=(Check(name=CheckName.RUNS),)).is_ok
