"""Everything about one model for programs. A promise: keys are only added."""

from __future__ import annotations

import json
from typing import Any

from modelctl.core.audit import AuditEntry
from modelctl.core.dossier import Dossier
from modelctl.render.json_values import model_object, plain, price_object
from modelctl.render.terminal import Look

VERSION = 1


def page_json(dossier: Dossier, rule: str, look: Look) -> str:
    """The whole dossier; `rule` is how the name was resolved. `model` has the columns of the table."""
    prices, chain, state = dossier.prices, dossier.chain, dossier.model.state
    document = {
        "version": VERSION,
        "key": str(dossier.model.key),
        "resolved_by": rule,
        "model": model_object(dossier.model),
        "sources": dossier.sources,
        "overruled": {
            name: {"kept": plain(each.kept), "written": plain(each.written)} for name, each in dossier.overruled.items()
        },
        "pins": list(dossier.pins),
        "unknown": list(dossier.unknown),
        "is_ours": state is not None,
        "absences": state.absences if state is not None else 0,
        "prices": {
            "now": [price_object(each) for each in prices.now],
            "upcoming": [price_object(each) for each in prices.upcoming],
            "past": [price_object(each) for each in prices.past],
        },
        "replacement": {"end": chain.end.value, "path": list(chain.path), "live": chain.live},
        "changes": [_change(each) for each in dossier.changes],
    }
    return json.dumps(document, indent=2, ensure_ascii=not look.unicode)


def _change(entry: AuditEntry) -> dict[str, Any]:
    return {
        "run": entry.run,
        "at": plain(entry.at),
        "actor": entry.actor,
        "command": entry.command,
        "action": entry.action,
        "before": dict(entry.before),
        "after": dict(entry.after),
    }
