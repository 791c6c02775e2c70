"""What came of seeding a database with default models, per model."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from modelctl.core.model import ModelKey
from modelctl.core.populating import Seed, Seeded
from modelctl.render.columns import Cell, Column, aligned
from modelctl.render.terminal import Look
from modelctl.render.values import one_line


def populate_text(results: Sequence[Seeded], look: Look) -> str:
    """A line per model: what became of it, and why it was skipped."""
    columns = [
        Column(title="model", cells=[Cell(one_line(str(each.key)), "bold") for each in results]),
        Column(title="status", cells=[Cell(each.status, _STYLES[each.status]) for each in results]),
        Column(title="reason", cells=[Cell(one_line(each.reason)) for each in results]),
    ]
    return look.text(aligned(columns[: 3 if any(each.reason for each in results) else 2], look))


def populate_json(message: str, results: Sequence[Seeded], ids: Mapping[ModelKey, int], look: Look) -> str:
    """The same for programs. A promise: keys are only added. A dry run knows no ids yet: they are null."""
    document = {"message": message, "summary": summary(results), "results": [_result(each, ids) for each in results]}
    return json.dumps(document, indent=2, ensure_ascii=not look.unicode)


def summary(results: Sequence[Seeded]) -> dict[str, int]:
    """How many were created, skipped and are there in all."""
    created = sum(each.status is Seed.CREATED for each in results)
    return {"created": created, "skipped": len(results) - created, "total": len(results)}


def _result(seeded: Seeded, ids: Mapping[ModelKey, int]) -> dict[str, Any]:
    provider, model_id = seeded.key
    result = {"provider": provider, "model_id": model_id, "status": str(seeded.status)}
    if seeded.status is Seed.SKIPPED:
        return {**result, "reason": seeded.reason}
    return {**result, "id": ids.get(seeded.key)}


_STYLES = {Seed.CREATED: "green", Seed.SKIPPED: ""}
