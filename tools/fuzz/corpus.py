"""What is mutated: the saved answers of the providers, the shipped catalogs, and a settings file with everything."""

from __future__ import annotations

import json
import random
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

from modelctl.discovery.registry import REGISTRY
from tests.loopback.shapes import kind_of

ROOT = Path(__file__).parents[2]
SAVED = ROOT / "tests" / "discovery" / "data"
SETTINGS = """\
database_url = "sqlite:///models.db"
table_prefix = "llm_"
catalog_directory = "catalogs"
enable_new = "none"
timeout_s = 20
deadline_s = 120.5
lock_wait_s = 0
secret_key_file = "~/key"
max_retired_percent = 30
guard_min_rows = 10
max_price_rise = 2.5
min_limit_percent = 50

[providers.openai]
exclude = ["gpt-3.5-*", "*-audio-*"]
include = ["gpt-*"]

[providers.fireworks]
enabled = false
"""


@cache
def kinds() -> tuple[str, ...]:
    """The kinds of listing that there are."""
    return tuple(sorted(REGISTRY))


@cache
def answers(kind: str) -> tuple[Any, ...]:
    """The saved answers that a module of this kind is to understand."""
    own = [path for path in sorted(SAVED.glob("*.json")) if kind_of(path) == kind]
    return tuple(json.loads(path.read_text(encoding="utf-8")) for path in own)


def answer(draw: random.Random, kind: str) -> Any:
    """A saved answer with few of its items, so that a mutation meets something that matters."""
    body = draw.choice(answers(kind))
    if isinstance(body, list):
        return _some(draw, body)
    return {key: _some(draw, value) if isinstance(value, list) else value for key, value in body.items()}


def _some(draw: random.Random, items: list[Any]) -> list[Any]:
    return deepcopy(draw.sample(items, min(len(items), draw.choice((1, 1, 2, 3)))))


@cache
def catalogs() -> tuple[tuple[str, str, tuple[str, ...]], ...]:
    """Name, `[provider]` table and `[[model]]` tables of each shipped catalog, as text."""
    found = []
    for path in sorted((ROOT / "catalogs").glob("*.toml")):
        head, *models = path.read_text(encoding="utf-8").split("[[model]]\n")
        found.append((path.stem, head, tuple(models)))
    return tuple(found)


def catalog(draw: random.Random) -> tuple[str, str]:
    """The name of a provider, and its catalog with few of its models."""
    name, head, models = draw.choice(catalogs())
    chosen = draw.sample(models, min(len(models), draw.choice((1, 1, 2, 3))))
    return name, "[[model]]\n".join([head, *chosen])
