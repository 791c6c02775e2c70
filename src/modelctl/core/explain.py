"""Why a model is in the table as it is, or why it is not: one sentence per reason, from a sync's report."""

from __future__ import annotations

from collections.abc import Iterator

from modelctl.core.encoding import encode
from modelctl.core.model import ModelKey
from modelctl.core.plan import Change
from modelctl.core.report import ProviderReport, SyncReport


def explain(report: SyncReport, name: str) -> tuple[str, ...]:
    """What the run found out about the model `name` (`provider/model_id`, or an id in any provider)."""
    return tuple(
        f"{each.provider}/{model_id}: {line}"
        for each in report.providers
        for model_id in [_id_in(each.provider, name)]
        for line in _lines(each, ModelKey(each.provider, model_id))
    )


def _id_in(provider: str, name: str) -> str:
    return name.removeprefix(f"{provider}/")


def _lines(report: ProviderReport, key: ModelKey) -> Iterator[str]:
    plan = report.plan
    yield from (f"filtered: {each.reason}" for each in plan.filtered if each.item_id == key.model_id)
    yield from (f"skipped from the listing: {each.reason}" for each in plan.skipped if each.item_id == key.model_id)
    if key in plan.removed_by_hand:
        yield "somebody removed its row; a sync does not bring it back"
    if key in plan.not_created:
        yield "new, and not created: the setting new_models is `skip`"
    if key in plan.unowned:
        yield "its row was there before modelctl and is left alone"
    yield from _facts(report, key)
    yield from (_described(change) for change in plan.changes if change.key == key)
    yield from (
        f"held by the guard {held.guard}: {held.reason}; --accept {key} lets it pass"
        for held in plan.held
        if held.change.key == key
    )
    yield from (
        f"{each.name} is a person's: kept {_text(each.kept)}, {each.source} says {_text(each.offered)}"
        for each in plan.protected
        if each.key == key
    )
    if key in plan.absences:
        yield f"absent from {plan.absences[key]} whole listing(s) in a row"
    if report.error is not None and (not report.records or key in report.records):
        yield f"nothing was done for this provider: {report.error.message}"


def _facts(report: ProviderReport, key: ModelKey) -> Iterator[str]:
    record = report.records.get(key)
    if record is None:
        return
    if record.listed_at is not None:
        yield "the provider's API lists it"
    if record.verified_on is not None:
        yield f"a catalog states it, verified on {record.verified_on.isoformat()}"
    for name, value in record.facts.known():
        yield f"{name} = {_text(value)} (from {record.provenance.get(name, 'the price ledger')})"
    if not any(change.key == key for change in report.plan.changes):
        yield "nothing to change"


def _described(change: Change) -> str:
    verb = change.action.value
    fields = ", ".join(f"{each.name} {_text(each.old)} → {_text(each.new)}" for each in change.fields)
    return f"would {verb}" if change.existing is None else f"would {verb}: {fields or 'prices only'}"


def _text(value: object) -> str:
    encoded = encode(value)  # type: ignore[arg-type]  # values of facts only
    if encoded is None:
        return "unknown"
    return ", ".join(encoded) if isinstance(encoded, list) else str(encoded)
