"""A clock that is wrong writes nothing; and a day turns at midnight UTC, wherever the machine stands."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.cli.conftest import Query
from tests.conftest import NOW, Result, Run

STRICT = {"MODELCTL_CLOCK_SKEW_S": "5m"}
OF_XAI = ("xai", "--source", "catalog")
Sync = Callable[..., Result]


@pytest.mark.parametrize("off", [timedelta(minutes=-6), timedelta(minutes=6)], ids=str)
@pytest.mark.parametrize("database_url", [pytest.param("postgresql"), pytest.param("mariadb")], indirect=True)
def test_a_clock_far_from_the_servers_writes_nothing(
    off: timedelta, database_url: str, sync: Sync, run: Run, query: Query
) -> None:
    right = datetime.now(UTC)
    assert sync(database_url, *OF_XAI, env=STRICT, now=right).code == 0
    runs = query(database_url, "SELECT COUNT(*) FROM ai_sync_runs")
    place = ("--database", database_url)
    for argv in (("sync", *OF_XAI), ("disable", "xai/grok-4.5"), ("populate",), ("runs", "undo", "last")):
        refused = run(*argv, *place, env=STRICT, now=right + off)
        assert (refused.code, refused.stdout) == (1, ""), argv
        assert refused.stderr.startswith("error: this machine's clock says 20")
        assert "--clock-skew TIME" in refused.stderr
        assert "s3cret" not in refused.stderr
    assert query(database_url, "SELECT COUNT(*) FROM ai_sync_runs") == runs
    assert run("disable", "xai/grok-4.5", *place, "--clock-skew", "10m", env=STRICT, now=right + off).code == 0


def test_a_file_has_no_clock_but_its_runs(sqlite_url: str, sync: Sync, run: Run) -> None:
    assert sync(sqlite_url, *OF_XAI, env=STRICT).code == 0
    refused = sync(sqlite_url, *OF_XAI, env=STRICT, now=NOW - timedelta(minutes=6))
    assert refused.code == 1
    assert "and the newest run began at 2026-11-21 12:00:00 UTC; set the clock right" in refused.stderr
    assert sync(sqlite_url, *OF_XAI, env=STRICT, now=NOW - timedelta(minutes=4)).code == 0, (
        "machines differ by a little"
    )
    assert sync(sqlite_url, *OF_XAI, env=STRICT, now=NOW + timedelta(days=400)).code == 0
    assert run("list", "--database", sqlite_url, env=STRICT, now=NOW).code == 0, "who only reads may be anywhen"


DATED = """
[provider]
display_name = "Acme"

[[model]]
id = "one"
type = "chat"
prices = [{ input = 1, output = 2 }, { from = 2026-12-01, input = 2, output = 3 }]
"""


@pytest.fixture
def _anywhere(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    request.addfinalizer(time.tzset)
    request.addfinalizer(monkeypatch.undo)


@pytest.mark.parametrize("_anywhere", ["Pacific/Kiritimati", "UTC", "Pacific/Pago_Pago"], indirect=True)
@pytest.mark.usefixtures("_anywhere")
def test_a_price_comes_into_force_at_midnight_utc(sqlite_url: str, sync: Sync, query: Query) -> None:
    Path("mine").mkdir()
    Path("mine/acme.toml").write_text(DATED)
    midnight = datetime(2026, 12, 1, tzinfo=UTC)
    for at, price in ((midnight - timedelta(microseconds=1), 1), (midnight, 2)):
        assert sync(sqlite_url, "acme", "--catalog", "mine", now=at).code == 0
        assert query(sqlite_url, "SELECT input_price_per_mtok FROM ai_models") == [(price,)]
