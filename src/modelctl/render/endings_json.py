"""The ends of models for programs. A promise: keys are only added; `version` counts up when one changes its meaning."""

from __future__ import annotations

import json
from typing import Any

from modelctl.core.encoding import encode, exact_number
from modelctl.core.endings import Ending, Endings, EndKind
from modelctl.core.model import AfterRetirement
from modelctl.core.succession import Money, PriceStep, change_percent
from modelctl.render.json_values import plain
from modelctl.render.terminal import Look

VERSION = 1


def endings_json(endings: Endings, look: Look) -> str:
    """All rows by kind; ISO days, amounts as exact numbers, null for what is unknown."""
    document = {
        "version": VERSION,
        "today": encode(endings.today),
        **{kind.value: [_ending(each) for each in endings.of(kind)] for kind in EndKind},
    }
    return json.dumps(document, indent=2, ensure_ascii=not look.unicode)


def _ending(ending: Ending) -> dict[str, Any]:
    chain = ending.chain
    is_redirected = ending.after_retirement == AfterRetirement.REDIRECT
    return {
        "provider": ending.key.provider,
        "model_id": ending.key.model_id,
        "day": encode(ending.day),
        "days_left": ending.days_left,
        "status": ending.status,
        "is_enabled": ending.is_enabled,
        "replacement": ending.replacement,
        "successor": {
            "outcome": chain.end.value,
            "model_id": chain.live,
            "path": list(chain.path),
            "ends_on": encode(chain.ends_on),
        },
        "after_retirement": ending.after_retirement,
        "billed_as": ending.replacement if is_redirected else None,
        "still_listed_on": encode(ending.listed_on),
        "prices_on": encode(ending.prices_on),
        "prices": {kind: _step(step) for kind, step in ending.prices.items()},
        "finding": ending.finding.value if ending.finding is not None else None,
    }


def _step(step: PriceStep) -> dict[str, Any]:
    later = step.scheduled
    return {
        "old": _amount(step.old),
        "old_currency": step.old.currency if step.old is not None else None,
        **_new(step.old, step.new),
        "scheduled": None if later is None else {"from": plain(later.begins), **_new(step.old, later.price)},
    }


def _new(old: Money | None, new: Money | None) -> dict[str, Any]:
    change = change_percent(old, new)
    return {
        "new": _amount(new),
        "new_currency": new.currency if new is not None else None,
        "percent": exact_number(change) if change is not None else None,
    }


def _amount(money: Money | None) -> int | float | None:
    return exact_number(money.amount) if money is not None else None
