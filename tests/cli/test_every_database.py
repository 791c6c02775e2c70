"""Every scenario on every kind of database: each ends with an empty plan."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import create_engine, inspect, make_url

from tests.cli.conftest import Query
from tests.cli.scenarios import SCENARIOS, Scenario, Site
from tests.conftest import NOW, Run, make_tables
from tests.loopback import ProviderServer


@pytest.fixture
def site(database_url: str, run: Run, query: Query, provider_server: ProviderServer) -> Site:
    """A database that acme was synced into."""
    make_tables(database_url)
    site = Site(database_url, run, query, provider_server)
    site.catalog()
    site.sync()
    return site


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda each: each.__name__)
def test_a_scenario_goes_the_same_way_and_ends_with_an_empty_plan(site: Site, scenario: Scenario) -> None:
    scenario(site)
    site.nothing_is_left()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda each: each.__name__)
def test_a_large_provider_goes_the_same_way_with_what_was_written_read_on_demand(
    site: Site, scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("modelctl.services.sync.LARGE", 0)
    scenario(site)
    site.nothing_is_left()


@pytest.fixture
def kathmandu(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This process in another time zone."""
    monkeypatch.setenv("TZ", "Asia/Kathmandu")
    time.tzset()
    yield
    monkeypatch.delenv("TZ")
    time.tzset()


ZONES = {
    "postgresql": {"options": "-c timezone=America/New_York"},
    "mysql": {"init_command": "SET SESSION time_zone = '-05:00'"},
    "sqlite": {},
}


@pytest.mark.usefixtures("kathmandu")
def test_neither_the_servers_time_zone_nor_ours_moves_an_instant(site: Site) -> None:
    assert os.environ["TZ"] == "Asia/Kathmandu"
    url = make_url(site.url)
    plain = site.url
    elsewhere = url.update_query_dict(ZONES[url.get_backend_name()]).render_as_string(hide_password=False)
    site.url = elsewhere
    site.nothing_is_left()
    site.catalog(**{"GPT-4o": 'type = "chat"\nprices = [{ input = 2.5 }, { from = 2026-11-21T11:00:00Z, input = 3 }]'})
    site.sync()
    created, updated = (site.shown("GPT-4o")[name] for name in ("created_at", "updated_at"))
    site.url = plain
    site.nothing_is_left()
    assert (site.shown("GPT-4o")["created_at"], site.shown("GPT-4o")["updated_at"]) == (
        created,
        updated,
    )
    assert datetime.fromisoformat(created.replace("Z", "+00:00")).astimezone(UTC).date() == NOW.date()
    [(start,)] = site.sql("SELECT MAX(effective_from) FROM ai_model_prices")
    at = start if isinstance(start, datetime) else datetime.fromisoformat(start)
    assert (at.replace(tzinfo=UTC) if at.tzinfo is None else at) == datetime(2026, 11, 21, 11, tzinfo=UTC)


def test_no_part_of_a_key_may_be_null(site: Site) -> None:
    """NULLs in a unique key never meet: the same row would go in twice on every database."""
    engine = create_engine(site.url)
    inspector = inspect(engine)
    for table in inspector.get_table_names():
        keys = [inspector.get_pk_constraint(table)["constrained_columns"]]
        keys += [each["column_names"] for each in inspector.get_unique_constraints(table)]
        nullable = {each["name"] for each in inspector.get_columns(table) if each["nullable"]}
        assert keys[0], table
        assert not nullable & {name for key in keys for name in key}, table
    engine.dispose()
