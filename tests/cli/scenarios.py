"""What a person and the sources do to a table of models, told through the command.

The one list of what must go the same way on every database; `test_every_database.py` runs all of it on each kind.
Ids and amounts are those on which databases differ: case, accents, four-byte letters, 191 characters, nine decimals.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.cli.conftest import Query
from tests.conftest import NOW, Result, Run
from tests.loopback import ProviderServer, openai_item

Scenario = Callable[["Site"], None]

LONG_ID = "🧠" * 191
UPPER, LOWER = "GPT-4o", "gpt-4o"
SMALLEST, GREATEST = "0.000000001", "999999.999999999"
BASE = {
    UPPER: 'type = "chat"\ncontext_window = 1000\nprices = [{ input = 2.5, output = 10 }]',
    LOWER: f'type = "chat"\nprices = [{{ input = {SMALLEST}, output = {GREATEST} }}]',
    "gpt-4ö": 'type = "chat"\ndisplay_name = "\'s \\\\ % :x 🧠"\ntags = []',
    LONG_ID: 'type = "embedding"\naliases = ["é", "e\u0301", "É"]',
    "modèle 模型/1": 'type = "chat"\ncapabilities = ["tools"]\nlacks = ["vision"]',
}
ACME = ("--provider", "acme", "--source", "catalog", "--catalog", "mine")


@dataclass
class Site:
    """One empty database, a catalog that a test may rewrite, and a clock that moves a minute with every command."""

    url: str
    run_: Run
    query_: Query
    server: ProviderServer
    now: datetime = NOW
    env: dict[str, str] = field(default_factory=dict)
    sources: tuple[str, ...] = ACME

    def run(self, *argv: str, **kwargs: Any) -> Result:
        """The command, a minute after the one before."""
        self.now += timedelta(minutes=1)
        return self.run_(*argv, "--database", self.url, now=self.now, env=self.env, **kwargs)

    def do(self, *argv: str, **kwargs: Any) -> Result:
        """The command, which succeeds."""
        result = self.run(*argv, **kwargs)
        assert result.code == 0, (argv, result.stdout, result.stderr)
        return result

    def sync(self, *argv: str) -> Result:
        """A sync that applies everything."""
        return self.do("sync", "--migrate", *self.sources, *argv)

    def sql(self, statement: str, **parameters: Any) -> list[tuple[Any, ...]]:
        """Plain SQL, as an application sends it."""
        return self.query_(self.url, statement, **parameters)

    def catalog(self, **changed: str) -> None:
        """Write the catalog of acme: the base, where ids have other facts."""
        Path("mine").mkdir(exist_ok=True)
        models = {**BASE, **changed}
        text = "".join(f"\n[[model]]\nid = {json.dumps(id_, ensure_ascii=False)}\n{models[id_]}\n" for id_ in models)
        Path("mine/acme.toml").write_text('[provider]\ndisplay_name = "Acme"\n' + text, encoding="utf-8")

    def fact(self, column: str, model_id: str = UPPER) -> Any:
        """One column of one row."""
        [(value,)] = self.sql(f"SELECT {column} FROM ai_models WHERE model_id = :id", id=model_id)
        return Decimal(repr(value)) if isinstance(value, float) else value

    def shown(self, model_id: str) -> dict[str, Any]:
        """One model as `list` gives it, amounts exact."""
        rows = json.loads(self.do("list", "--all", "--format", "json").stdout, parse_float=Decimal)
        return next(row for row in rows if row["model_id"] == model_id)

    def everything(self) -> dict[str, list[tuple[Any, ...]]]:
        """The rows that a sync without a change may not touch, not even their `updated_at`."""
        names = ("ai_providers", "ai_models", "ai_model_prices", "ai_model_state", "ai_changes", "ai_holds")
        return {name: sorted(self.sql(f"SELECT * FROM {name}"), key=repr) for name in names}

    def nothing_is_left(self) -> None:
        """A sync would change nothing, and one that is run changes nothing."""
        assert self.run("sync", "--dry-run", "--exit-code", *self.sources).code == 0
        before = self.everything()
        outcome = json.loads(self.sync("--format", "json").stdout)["providers"]
        assert [each["outcome"] for each in outcome] == ["in_sync"]
        assert self.everything() == before


def first_sync(site: Site) -> None:
    """Every value comes back as it was stated, through the command and through plain SQL."""
    assert site.sql("SELECT COUNT(*) FROM ai_models") == [(len(BASE),)]
    shown = site.shown(LOWER)
    assert (str(shown["input_price_per_mtok"]), str(shown["output_price_per_mtok"])) in {
        (SMALLEST, GREATEST),
        ("1E-9", GREATEST),
    }
    assert {model_id for (model_id,) in site.sql("SELECT model_id FROM ai_models")} == set(BASE)


def price_change(site: Site) -> None:
    """A new price is appended, and the old one stays."""
    site.catalog(**{UPPER: 'type = "chat"\nprices = [{ input = 3.000000001, output = 10 }]'})
    site.sync()
    assert str(site.shown(UPPER)["input_price_per_mtok"]) == "3.000000001"
    points = "SELECT COUNT(*) FROM ai_model_prices WHERE model_id = :id AND kind = 'input'"
    assert site.sql(points, id=UPPER) == [(2,)]
    assert site.sql(points, id=LOWER) == [(1,)]


def announced_price(site: Site) -> None:
    """A price with a day of its own turns over on that day, at midnight in UTC."""
    site.catalog(**{UPPER: 'type = "chat"\nprices = [{ input = 2.5 }, { from = 2026-12-01, input = 5 }]'})
    site.sync()
    site.now = datetime(2026, 11, 30, 23, 50, tzinfo=NOW.tzinfo)
    site.sync()
    assert site.fact("input_price_per_mtok") == Decimal("2.5")
    site.now = datetime(2026, 12, 1, tzinfo=NOW.tzinfo)
    site.sync()
    assert site.fact("input_price_per_mtok") == 5


def announced_price_of_a_held_model(site: Site) -> None:
    """What was announced comes into force on its day, though a guard holds the row, or the whole provider."""
    coming = "{ from = 2026-12-01, input = 3 }, { from = 2026-12-02, input = 4 }"
    site.catalog(**{UPPER: f'type = "chat"\ncontext_window = 1000\nprices = [{{ input = 2.5 }}, {coming}]'})
    site.sync()
    site.catalog(**{UPPER: f'type = "chat"\ncontext_window = 9\nprices = [{{ input = 2.5 }}, {coming}]'})
    for day, options, price in ((1, (), 3), (2, ("--all-or-nothing",), 4)):
        site.now = datetime(2026, 12, day, tzinfo=NOW.tzinfo)
        assert site.run("sync", *site.sources, *options).code == 4
        assert site.fact("input_price_per_mtok") == price
        before = site.everything()
        assert site.run("sync", *site.sources, *options).code == 4
        assert site.everything() == before
    site.sync("--accept", "limit-drop")
    assert site.fact("context_window") == 9


def steps_of_a_week(site: Site) -> None:
    """Prices that double again and again are held within seven days, and go on from what a person has accepted."""
    for price, code in ((5, 0), (10, 4), (5, 0), (4, 0)):
        site.catalog(**{UPPER: f'type = "chat"\ncontext_window = 1000\nprices = [{{ input = {price}, output = 10 }}]'})
        assert site.run("sync", *site.sources).code == code, price
    site.catalog(**{UPPER: 'type = "chat"\ncontext_window = 1000\nprices = [{ input = 7.5, output = 10 }]'})
    held = site.run("sync", *site.sources)
    assert held.code == 4
    assert "2.5 → 7.5 rises to more than 2 times within 7 days" in held.stdout + held.stderr
    site.do("review", "accept", f"acme/{UPPER}")
    site.sync()
    site.catalog(**{UPPER: 'type = "chat"\ncontext_window = 1000\nprices = [{ input = 9, output = 10 }]'})
    site.sync()
    assert site.fact("input_price_per_mtok") == 9


def persons_edit(site: Site) -> None:
    """What plain SQL set stays, on the very row that was set."""
    site.sql("UPDATE ai_models SET display_name = 'Ours', input_price_per_mtok = 7 WHERE model_id = :id", id=LOWER)
    offered = f'type = "chat"\ndisplay_name = "Theirs"\nprices = [{{ input = {SMALLEST}, output = 999999 }}]'
    site.catalog(**{LOWER: offered})
    site.sync()
    assert (site.fact("display_name", LOWER), site.fact("input_price_per_mtok", LOWER)) == ("Ours", 7)
    assert site.fact("output_price_per_mtok", LOWER) == 999999
    assert site.fact("display_name", UPPER) != "Ours"


def json_null_by_hand(site: Site) -> None:
    """A JSON null that an application wrote is an unknown list, as NULL is."""
    site.sql("UPDATE ai_models SET tags = 'null' WHERE model_id = :id", id="gpt-4ö")
    assert site.shown("gpt-4ö")["tags"] is None


def set_and_unpin(site: Site) -> None:
    """A value by hand, and the source's again."""
    site.do("set", f"acme/{UPPER}", "context_window=1500")
    site.sync()
    assert site.fact("context_window") == 1500
    site.do("override", "unpin", f"acme/{UPPER}", "context_window")
    site.sync()
    assert site.fact("context_window") == 1000


def deprecation_and_end(site: Site) -> None:
    """An end is announced, and comes by itself on its day."""
    end = f'type = "chat"\ndeprecated_on = 2026-11-20\nretires_on = 2026-12-24\nreplacement = "{LOWER}"'
    site.catalog(**{UPPER: end})
    site.sync()
    assert (site.fact("status"), site.fact("replacement")) == ("deprecated", LOWER)
    assert site.fact("status", LOWER) == "active"
    site.now = datetime(2026, 12, 24, 23, 50, tzinfo=NOW.tzinfo)
    site.sync()
    assert site.fact("status") == "deprecated", "the last day on which it answers"
    site.now = datetime(2026, 12, 25, tzinfo=NOW.tzinfo)
    site.sync()
    assert site.fact("status") == "retired"


def undone(site: Site) -> None:
    """A sync is taken back, and stays so."""
    site.catalog(**{UPPER: 'type = "chat"\ncontext_window = 2000\nprices = [{ input = 2.5, output = 10 }]'})
    site.sync()
    site.do("runs", "undo", "last")
    assert site.fact("context_window") == 1000


def planned_and_applied(site: Site) -> None:
    """A plan in a file is what happens, once."""
    site.catalog(**{LONG_ID: 'type = "chat"\ntags = ["new"]'})
    site.do("plan", "acme", "-o", "plan.json", *ACME[2:])
    site.do("apply", "plan.json")
    assert site.fact("type", LONG_ID) == "chat"
    assert site.run("apply", "plan.json").code == 6
    assert site.run("plan", "acme", "--exit-code", *ACME[2:]).code == 0


def populated(site: Site) -> None:
    """Default models come in beside the others, once."""
    site.do("populate")
    again = [line.split()[1] for line in site.do("populate").stdout.splitlines()[1:]]
    assert again
    assert set(again) == {"skipped"}


def removed(site: Site) -> None:
    """A row that was removed stays away, and its twin in other letters is there."""
    site.do("remove", f"acme/{UPPER}")
    site.sync()
    assert site.sql("SELECT model_id FROM ai_models WHERE model_id IN (:a, :b)", a=UPPER, b=LOWER) == [(LOWER,)]


def added(site: Site) -> None:
    """What no database could keep is refused before any of them sees it; what all can is kept."""
    site.do("add", "acme/" + "é" * 191, "type=chat")
    site.do("price", "set", "acme/" + "é" * 191, "--input", "0.123456789", "--source", "https://x.test")
    before = site.everything()
    refused = [["add", f"acme/{each}"] for each in ("x" * 192, "🧠" * 192, "outer ", " outer", "control\x01", "nul\0")]
    refused += [["add", "acme/tokens", "context_window=9223372036854775808"]]
    amounts = ("0.1234567891", "1000000", "NaN", "-1", "1e400")
    refused += [["price", "set", f"acme/{UPPER}", "--input", each, "--source", "https://x.test"] for each in amounts]
    for argv in refused:
        result = site.run(*argv)
        assert (result.code, result.stdout) in ((1, ""), (2, "")), argv
        assert result.stderr.count("\n") == 1, argv
    assert site.everything() == before
    assert site.fact("input_price_per_mtok", "é" * 191) == Decimal("0.123456789")


def switched_off(site: Site) -> None:
    """The application's switch is a person's."""
    site.do("disable", f"acme/{LOWER}")
    site.sync()
    assert (bool(site.fact("is_enabled", LOWER)), bool(site.fact("is_enabled", UPPER))) == (False, True)


def held_and_accepted(site: Site) -> None:
    """A price that rises tenfold waits for a person."""
    site.catalog(**{UPPER: 'type = "chat"\ncontext_window = 1000\nprices = [{ input = 25, output = 10 }]'})
    assert site.run("sync", *ACME).code == 4
    assert site.fact("input_price_per_mtok") == Decimal("2.5")
    site.do("review", "accept", f"acme/{UPPER}")
    site.sync()
    site.sync()  # it forgets the verdict, which was about that very move
    assert site.fact("input_price_per_mtok") == 25


def listed(site: Site) -> None:
    """An API's listing with twins; an id that not every database could keep is left out, and the rest counts."""
    site.do("provider", "add", "local", "--base-url", site.server.base_url("openai"), "--env", "LOCAL_API_KEY")
    site.env["LOCAL_API_KEY"] = site.server.env("openai")["OPENAI_API_KEY"]
    site.sources = ("--provider", "local", "--source", "api")
    good = (UPPER, LOWER, "🧠" * 191, "e\u0301", "é")
    refused = {"🧠" * 192: "more than 191", "nul\0": "control"}
    for bad, why in refused.items():
        site.server.models["openai"] = [openai_item(each) for each in (*good, bad)]
        result = site.run("sync", *site.sources, "--details")
        assert (result.code, why in result.stdout) == (0, True), result.stdout
    site.server.models["openai"] = [openai_item(each) for each in good]
    site.sync()
    assert {each for (each,) in site.sql("SELECT model_id FROM ai_models WHERE provider = 'local'")} == set(good)


SCENARIOS: tuple[Scenario, ...] = (
    first_sync,
    price_change,
    announced_price,
    announced_price_of_a_held_model,
    steps_of_a_week,
    persons_edit,
    json_null_by_hand,
    set_and_unpin,
    deprecation_and_end,
    undone,
    planned_and_applied,
    populated,
    removed,
    added,
    switched_off,
    held_and_accepted,
    listed,
)
