"""A seller with a few prices, and what tests of prices that people enter ask of the ledger."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.conftest import Result, Run, make_tables

CATALOG = """
[provider]
display_name = "Acme"
pricing_url = "https://acme.test/pricing"

[[model]]
id = "argon"
type = "chat"
verified_on = 2026-11-21
prices = [
  { input = 2, cache_read = 0.1, output = 10 },
  { from = 2026-12-01, input = 4, output = 20 },
  { service_tier = "batch", input = 1, output = 5 },
]

[[model]]
id = "neon"
type = "chat"
verified_on = 2026-11-21
prices = [{ input = 1, output = 2, currency = "EUR" }]

[[model]]
id = "unpriced"
type = "image"
verified_on = 2026-11-21
"""

Command = Callable[..., Result]


def acme(run: Run, url: str, directory: Path) -> Command:
    """`modelctl …` on a database with Acme's models, and on their catalog."""
    catalogs = directory / "catalogs"
    catalogs.mkdir()
    (catalogs / "acme.toml").write_text(CATALOG, encoding="utf-8")

    def command(*argv: str, **kwargs: Any) -> Result:
        return run(*argv, "--database", url, "--catalog", str(catalogs), **kwargs)

    make_tables(url)
    filled = command("sync", "--provider", "acme", "--source", "catalog")
    assert filled.code == 0, filled.stderr
    return command


def document(result: Result) -> Any:
    """The JSON answer of a command that went well."""
    assert result.code == 0, result.stderr
    return json.loads(result.stdout)


def amounts(command: Command, model: str, date: str) -> dict[str, float]:
    """The amounts of the standard tier per million tokens on a day, by kind."""
    sheet = document(command("price", "at", model, date, "--json"))
    return {each["kind"]: each["amount"] for each in sheet["prices"] if each["service_tier"] == "standard"}
