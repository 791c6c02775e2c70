"""What a provider's rows should say: all sources merged, the API's remembered word included, the filtered left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from modelctl.core.filters import Patterns, split
from modelctl.core.merge import merge
from modelctl.core.model import UNKNOWN, ModelKey, ModelRecord, Skipped, Source, Status
from modelctl.core.snapshot import Snapshot
from modelctl.core.stored import StoredModel, StoredProvider


@dataclass(frozen=True, slots=True, kw_only=True)
class Desired:
    """Records by key, and those that the patterns leave out."""

    records: dict[ModelKey, ModelRecord]
    filtered: tuple[Skipped, ...]


def desired(layers: Sequence[Snapshot], stored: StoredProvider, patterns: Patterns, *, today: date) -> Desired:
    """What the sources state of a provider. `layers` come in order of authority, highest first."""
    memory = _remembered(stored, layers)
    with_memory = [memory, *layers] if memory.records else layers
    records, filtered = split(merge(with_memory, today=today), patterns)
    return Desired(records=records, filtered=filtered)


def api_is_newer(model: StoredModel, verified_on: date | None) -> bool:
    """Whether the API showed the model on or after the day on which the catalog was verified."""
    seen_at = model.last_seen_at
    return seen_at is not None and (verified_on is None or seen_at.date() >= verified_on)


def _remembered(stored: StoredProvider, layers: Sequence[Snapshot]) -> Snapshot:
    """What the API said of the models that it has not been asked about this time, where no catalog is newer.

    Without this memory, a sync with a key and one without would undo each other for ever.
    """
    listed = {key for layer in layers if layer.source is Source.API for key in layer.records}
    records = {}
    for key, model in stored.models.items():
        if key not in listed and api_is_newer(model, _verified_on(key, layers)):
            records[key] = _as_the_api_said(model)
    return Snapshot(source=Source.API, records=records)


def _verified_on(key: ModelKey, layers: Sequence[Snapshot]) -> date | None:
    days = [record.verified_on for layer in layers if (record := layer.records.get(key)) and record.verified_on]
    return max(days, default=None)


def _as_the_api_said(model: StoredModel) -> ModelRecord:
    written = model.state.written if model.state is not None else {}
    was_alive = (
        model.last_seen_at is not None and model.facts.status != Status.RETIRED
    )  # listings show the retired, too
    said = {name: each for name, each in written.items() if each.source.partition(":")[0] == Source.API}
    return ModelRecord(
        key=model.key,
        facts=UNKNOWN.replaced({name: each.value for name, each in said.items()}),
        provenance={name: each.source for name, each in said.items()},
        remembered_on=model.last_seen_at.date() if was_alive and model.last_seen_at is not None else None,
    )
