"""From a module's items to a snapshot: every record possible, every id once, something in it, or an error."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from modelctl.core.model import ModelKey, ModelRecord, Skipped, Source, provenance_of
from modelctl.core.snapshot import Snapshot
from modelctl.core.validate import check_key, check_record, shorten
from modelctl.discovery.source import Access, Discovery, UnusableListing
from modelctl.errors import SourceError


def read_listing(source: Discovery, access: Access, is_abandoned: Callable[[], bool]) -> Snapshot:
    """One try at the whole listing. Raises whatever went wrong; nothing of a listing that broke off is kept."""
    records: dict[ModelKey, ModelRecord] = {}
    skipped: dict[str, Skipped] = {}
    for item in source.fetch(access):
        if is_abandoned():
            raise UnusableListing("nobody waits for it any more")
        match _translate(source, item, access):
            case Skipped(item_id=item_id) as skip:
                _once(item_id, skipped)
                skipped[item_id] = skip
            case record:
                _once(record.key, records)
                records[record.key] = record
    if not records:
        raise _nothing(skipped)
    return Snapshot(
        source=Source.API,
        records=_without_listed_aliases(records),
        complete_for=frozenset({access.provider}) if source.COMPLETE else frozenset(),
        skipped=tuple(skipped.values()),
    )


def _translate(source: Discovery, item: Mapping[str, Any], access: Access) -> ModelRecord | Skipped:
    try:
        translated = source.translate(item, access)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        what = str(error) if isinstance(error, UnusableListing) else f"not what the API documents ({error!r})"
        raise UnusableListing(f"model {_name_of(item)}: {what}") from error
    if isinstance(translated, Skipped):
        check_key(ModelKey(access.provider, translated.item_id))
        return translated
    check_record(translated)
    stated = {name: Source.API.value for name, _ in translated.facts.known()}
    derived = {name: rule for name, rule in translated.provenance.items() if name in stated}
    return replace(translated, provenance=provenance_of(*(stated | derived).items()), listed_at=access.now)


def _without_listed_aliases(records: Mapping[ModelKey, ModelRecord]) -> dict[ModelKey, ModelRecord]:
    """An alias that the listing also shows by itself is a model of its own (Mistral lists every alias)."""
    ids = {key.model_id for key in records}
    return {
        key: replace(
            record,
            facts=record.facts._replace(
                aliases=tuple(each for each in record.facts.aliases if each not in ids) or None
            ),
        )
        if record.facts.aliases and not ids.isdisjoint(record.facts.aliases)
        else record
        for key, record in records.items()
    }


def _once(key: object, seen: Mapping[Any, object]) -> None:
    if key in seen:
        raise UnusableListing(f"{shorten(str(key))} is listed twice")


def _nothing(skipped: Mapping[str, Skipped]) -> Exception:
    if not skipped:
        return UnusableListing("the listing is empty")
    first = next(iter(skipped.values()))
    return SourceError(
        f"every one of the {len(skipped)} models listed was skipped, the first one as: {first.reason}",
        "does the base URL belong to this provider?",
    )


def _name_of(item: Mapping[str, Any]) -> str:
    return shorten(repr(item.get("id", item.get("name"))))
