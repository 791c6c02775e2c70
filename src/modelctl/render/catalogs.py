"""How many models the catalogs have, per provider and status."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence

from modelctl.core.model import Status
from modelctl.core.stored import StoredModel
from modelctl.render.columns import Cell, Column, aligned
from modelctl.render.terminal import Look
from modelctl.render.values import shown

_COUNTS = ("models", *(status.value for status in Status), "unpriced")
TOTAL = "total"


def tally(models: Iterable[StoredModel]) -> dict[str, Counter[str]]:
    """Per provider the models, those of each status, and those that can be called but have no price at all."""
    tallies: dict[str, Counter[str]] = {}
    for model in models:
        counted = tallies.setdefault(model.key.provider, Counter())
        counted["models"] += 1
        counted[model.facts.status or "unknown"] += 1
        counted["unpriced"] += not model.prices and model.facts.status != Status.RETIRED
    return tallies


def tallies_table(tallies: dict[str, Counter[str]], look: Look) -> str:
    """A line per provider, and the total."""
    rows = {**tallies, TOTAL: sum(tallies.values(), Counter())}
    columns = [Column(title="provider", cells=[Cell(name, "bold" if name == TOTAL else "") for name in rows])]
    for count in _COUNTS:
        numbers = [each[count] for each in rows.values()]
        columns.append(Column(title=count, right=True, cells=[Cell(shown(n), "" if n else "dim") for n in numbers]))
    return look.text(aligned(columns, look))


def tallies_json(tallies: dict[str, Counter[str]], look: Look) -> str:
    """An object per provider."""
    rows: Sequence[dict[str, str | int]] = [
        {"provider": name, **{count: counted[count] for count in _COUNTS}} for name, counted in tallies.items()
    ]
    return json.dumps({"version": 1, "providers": rows}, indent=2, ensure_ascii=not look.unicode)
