"""A sync report for programs. A promise: keys are only added, and `version` counts up when one changes its meaning."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from modelctl.core.model import Skipped
from modelctl.core.plan import Change
from modelctl.core.report import ProviderReport, SyncReport
from modelctl.errors import ExitCode, ModelctlError
from modelctl.render.json_values import plain, price_object
from modelctl.render.sync_counts import counts, totals
from modelctl.render.terminal import Look

VERSION = 1


def sync_json(report: SyncReport, exit_code: ExitCode, look: Look) -> str:
    """The whole report; amounts are exact decimal numbers, instants UTC."""
    document = {
        "version": VERSION,
        "run": report.run,
        "database": report.database,
        "started_at": plain(report.started_at),
        "dry_run": report.dry_run,
        "exit_code": exit_code.value,
        "totals": _with_identifiers(totals(report.providers)),
        "providers": [_provider(each) for each in report.providers],
    }
    return json.dumps(document, indent=2, ensure_ascii=not look.unicode)


def _provider(report: ProviderReport) -> dict[str, Any]:
    plan = report.plan
    return {
        "provider": report.provider,
        "outcome": report.outcome.value,
        "written": report.is_written,
        "sources": list(report.sources),
        "fetched": report.fetched,
        "counts": _with_identifiers(counts(report)),
        "notices": [*report.notices, *plan.notices],
        "error": _error(report.error),
        "changes": [_change(each) for each in plan.changes],
        "held": [
            {"guard": each.guard.value, "reason": each.reason, "accept": str(each.change.key), **_change(each.change)}
            for each in plan.held
        ],
        "declined": [
            {"guard": each.guard.value, "reason": each.reason, "model_id": each.change.key.model_id}
            for each in plan.declined
        ],
        "protected": [
            {
                "model_id": each.key.model_id,
                "field": each.name,
                "kept": plain(each.kept),
                "offered": plain(each.offered),
                "source": each.source,
            }
            for each in plan.protected
        ],
        "needs_review": [key.model_id for key in plan.needs_review],
        "not_created": [key.model_id for key in plan.not_created],
        "removed_by_hand": [key.model_id for key in plan.removed_by_hand],
        "not_ours": [key.model_id for key in plan.unowned],
        "absent": {key.model_id: count for key, count in plan.absences.items() if count},
        "filtered": _skipped(plan.filtered),
        "skipped": _skipped(plan.skipped),
    }


def _change(change: Change) -> dict[str, Any]:
    return {
        "action": change.action.value,
        "model_id": change.key.model_id,
        "is_enabled": change.is_enabled if change.existing is None else change.existing.is_enabled,
        "fields": {
            each.name: {"before": plain(each.old), "after": plain(each.new), "source": each.source}
            for each in change.fields
        },
        "prices": [price_object(each) for each in change.prices],
    }


def _skipped(items: Iterable[Skipped]) -> list[dict[str, str]]:
    return [{"id": each.item_id, "reason": each.reason} for each in items]


def _error(error: ModelctlError | None) -> dict[str, Any] | None:
    if error is None:
        return None
    return {"message": error.message, "hint": error.hint, "exit_code": error.exit_code.value}


def _with_identifiers(counted: dict[str, int]) -> dict[str, int]:
    return {name.replace(" ", "_"): count for name, count in counted.items()}
