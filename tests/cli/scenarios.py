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

Scenario = Callable[["World"], None]

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
class World:
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


def first_sync(world: World) -> None:
    """Every value comes back as it was stated, through the command and through plain SQL."""
    assert world.sql("SELECT COUNT(*) FROM ai_models") == [(len(BASE),)]
    shown = world.shown(LOWER)
    assert (str(shown["input_price_per_mtok"]), str(shown["output_price_per_mtok"])) in {
        (SMALLEST, GREATEST),
        ("1E-9", GREATEST),
    }
    assert {model_id for (model_id,) in world.sql("SELECT model_id FROM ai_models")} == set(BASE)


def price_change(world: World) -> None:
    """A new price is appended, and the old one stays."""
    world.catalog(**{UPPER: 'type = "chat"\nprices = [{ input = 3.000000001, output = 10 }]'})
    world.sync()
    assert str(world.shown(UPPER)["input_price_per_mtok"]) == "3.000000001"
    points = "SELECT COUNT(*) FROM ai_model_prices WHERE model_id = :id AND kind = 'input'"
    assert world.sql(points, id=UPPER) == [(2,)]
    assert world.sql(points, id=LOWER) == [(1,)]


def announced_price(world: World) -> None:
    """A price with a day of its own turns over on that day, at midnight in UTC."""
    world.catalog(**{UPPER: 'type = "chat"\nprices = [{ input = 2.5 }, { from = 2026-12-01, input = 5 }]'})
    world.sync()
    world.now = datetime(2026, 11, 30, 23, 50, tzinfo=NOW.tzinfo)
    world.sync()
    assert world.fact("input_price_per_mtok") == Decimal("2.5")
    world.now = datetime(2026, 12, 1, tzinfo=NOW.tzinfo)
    world.sync()
    assert world.fact("input_price_per_mtok") == 5


def persons_edit(world: World) -> None:
    """What plain SQL set stays, on the very row that was set."""
    world.sql("UPDATE ai_models SET display_name = 'Ours', input_price_per_mtok = 7 WHERE model_id = :id", id=LOWER)
    offered = f'type = "chat"\ndisplay_name = "Theirs"\nprices = [{{ input = {SMALLEST}, output = 999999 }}]'
    world.catalog(**{LOWER: offered})
    world.sync()
    assert (world.fact("display_name", LOWER), world.fact("input_price_per_mtok", LOWER)) == ("Ours", 7)
    assert world.fact("output_price_per_mtok", LOWER) == 999999
    assert world.fact("display_name", UPPER) != "Ours"


def json_null_by_hand(world: World) -> None:
    """A JSON null that an application wrote is an unknown list, as NULL is."""
    world.sql("UPDATE ai_models SET tags = 'null' WHERE model_id = :id", id="gpt-4ö")
    assert world.shown("gpt-4ö")["tags"] is None


def set_and_unpin(world: World) -> None:
    """A value by hand, and the source's again."""
    world.do("set", f"acme/{UPPER}", "context_window=1500")
    world.sync()
    assert world.fact("context_window") == 1500
    world.do("unpin", f"acme/{UPPER}", "context_window")
    world.sync()
    assert world.fact("context_window") == 1000


def deprecation_and_end(world: World) -> None:
    """An end is announced, and comes by itself on its day."""
    end = f'type = "chat"\ndeprecated_on = 2026-11-20\nretires_on = 2026-12-24\nreplacement = "{LOWER}"'
    world.catalog(**{UPPER: end})
    world.sync()
    assert (world.fact("status"), world.fact("replacement")) == ("deprecated", LOWER)
    assert world.fact("status", LOWER) == "active"
    world.now = datetime(2026, 12, 24, 23, 50, tzinfo=NOW.tzinfo)
    world.sync()
    assert world.fact("status") == "deprecated", "the last day on which it answers"
    world.now = datetime(2026, 12, 25, tzinfo=NOW.tzinfo)
    world.sync()
    assert world.fact("status") == "retired"


def undone(world: World) -> None:
    """A sync is taken back, and stays so."""
    world.catalog(**{UPPER: 'type = "chat"\ncontext_window = 2000\nprices = [{ input = 2.5, output = 10 }]'})
    world.sync()
    world.do("undo", "last")
    assert world.fact("context_window") == 1000


def planned_and_applied(world: World) -> None:
    """A plan in a file is what happens, once."""
    world.catalog(**{LONG_ID: 'type = "chat"\ntags = ["new"]'})
    world.do("plan", "acme", "-o", "plan.json", *ACME[2:])
    world.do("apply", "plan.json")
    assert world.fact("type", LONG_ID) == "chat"
    assert world.run("apply", "plan.json").code == 6
    assert world.run("plan", "acme", "--exit-code", *ACME[2:]).code == 0


def populated(world: World) -> None:
    """Default models come in beside the others, once."""
    world.do("populate")
    again = [line.split()[1] for line in world.do("populate").stdout.splitlines()[1:]]
    assert again
    assert set(again) == {"skipped"}


def removed(world: World) -> None:
    """A row that was removed stays away, and its twin in other letters is there."""
    world.do("remove", f"acme/{UPPER}")
    world.sync()
    assert world.sql("SELECT model_id FROM ai_models WHERE model_id IN (:a, :b)", a=UPPER, b=LOWER) == [(LOWER,)]


def added(world: World) -> None:
    """What no database could keep is refused before any of them sees it; what all can is kept."""
    world.do("add", "acme/" + "é" * 191, "type=chat")
    world.do("price", "set", "acme/" + "é" * 191, "--input", "0.123456789", "--source", "https://x.test")
    before = world.everything()
    refused = [["add", f"acme/{each}"] for each in ("x" * 192, "🧠" * 192, "outer ", " outer", "control\x01", "nul\0")]
    refused += [["add", "acme/tokens", "context_window=9223372036854775808"]]
    amounts = ("0.1234567891", "1000000", "NaN", "-1", "1e400")
    refused += [["price", "set", f"acme/{UPPER}", "--input", each, "--source", "https://x.test"] for each in amounts]
    for argv in refused:
        result = world.run(*argv)
        assert (result.code, result.stdout) in ((1, ""), (2, "")), argv
        assert result.stderr.count("\n") == 1, argv
    assert world.everything() == before
    assert world.fact("input_price_per_mtok", "é" * 191) == Decimal("0.123456789")


def switched_off(world: World) -> None:
    """The application's switch is a person's."""
    world.do("disable", f"acme/{LOWER}")
    world.sync()
    assert (bool(world.fact("is_enabled", LOWER)), bool(world.fact("is_enabled", UPPER))) == (False, True)


def held_and_accepted(world: World) -> None:
    """A price that rises tenfold waits for a person."""
    world.catalog(**{UPPER: 'type = "chat"\ncontext_window = 1000\nprices = [{ input = 25, output = 10 }]'})
    assert world.run("sync", *ACME).code == 4
    assert world.fact("input_price_per_mtok") == Decimal("2.5")
    world.do("accept", f"acme/{UPPER}")
    world.sync()
    world.sync()  # it forgets the verdict, which was about that very move
    assert world.fact("input_price_per_mtok") == 25


def listed(world: World) -> None:
    """An API's listing with twins; one with an id that not every database could keep changes nothing."""
    world.do("provider", "add", "local", "--base-url", world.server.base_url("openai"), "--env", "LOCAL_API_KEY")
    world.env["LOCAL_API_KEY"] = world.server.env("openai")["OPENAI_API_KEY"]
    world.sources = ("--provider", "local", "--source", "api")
    good = (UPPER, LOWER, "🧠" * 191, "e\u0301", "é")
    refused = {"🧠" * 192: "more than 191", "nul\0": "control"}
    for bad, why in refused.items():
        world.server.models["openai"] = [openai_item(each) for each in (*good, bad)]
        result = world.run("sync", *world.sources)
        assert (result.code, why in result.stdout) == (1, True), result.stdout
    world.server.models["openai"] = [openai_item(each) for each in good]
    world.sync()
    assert {each for (each,) in world.sql("SELECT model_id FROM ai_models WHERE provider = 'local'")} == set(good)


SCENARIOS: tuple[Scenario, ...] = (
    first_sync,
    price_change,
    announced_price,
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
