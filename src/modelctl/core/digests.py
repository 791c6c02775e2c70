"""What a plan rests on, as a digest: equal as long as nothing has moved that the plan looked at."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from modelctl.core.database_url import masked
from modelctl.core.encoding import encode
from modelctl.core.holds import Hold
from modelctl.core.price import PricePoint
from modelctl.core.provider import Provider
from modelctl.core.provider_settings import SETTINGS
from modelctl.core.stored import RemovedModel, RowState, StoredModel

_POINT_FIELDS = PricePoint._fields


def model_digest(row: StoredModel | RemovedModel | None) -> str | None:
    """The digest of a row, or of what is left of one; None where there is neither. The row's number does not count."""
    if row is None:
        return None
    stated: dict[str, Any] = {"prices": sorted(_point(each) for each in row.prices), "state": _state(row.state)}
    if isinstance(row, StoredModel):
        stated["facts"] = {name: encode(value) for name, value in row.facts.known()}
        stated["is_enabled"] = row.is_enabled
    return _digest(stated)


def provider_digest(row: Provider | None) -> str | None:
    """The digest of a provider's row; a password that its address holds does not count."""
    if row is None:
        return None
    settings: dict[str, Any] = {name: encode(getattr(row, name)) for name in SETTINGS}
    if row.api_base_url:
        settings["api_base_url"] = masked(row.api_base_url)
    return _digest({**settings, "is_enabled": row.is_enabled})


def decisions_digest(holds: Iterable[Hold]) -> str | None:
    """The digest of what people decided about holds; None where nobody has decided anything."""
    decided = [
        [str(each.key), each.guard, [list(move) for move in each.moves], each.verdict]
        for each in holds
        if each.verdict is not None
    ]
    return _digest({"decided": sorted(decided, key=str)}) if decided else None


def _state(state: RowState | None) -> dict[str, Any] | None:
    """Without the count of absences, which has its own place in a plan."""
    if state is None:
        return None
    written = {name: [encode(value), source] for name, (value, source) in state.written.items()}
    return {"written": written, "pins": sorted(state.pins)}


def _point(point: PricePoint) -> list[str]:
    return [str(encode(getattr(point, name))) for name in _POINT_FIELDS]


def _digest(stated: Mapping[str, Any]) -> str:
    text = json.dumps(stated, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
