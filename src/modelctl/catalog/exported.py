"""From rows of a database to the tables of a catalog file, and what a file cannot say of them. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from modelctl.catalog.entries import STATED_FACTS, UNSETTABLE
from modelctl.catalog.price_lines import Origins, common_currency, price_lines
from modelctl.core.encoding import encode
from modelctl.core.ledger import projection
from modelctl.core.lifecycle import with_status
from modelctl.core.merge import display_name_of, tier_of
from modelctl.core.model import (
    CAPABILITIES,
    FACT_FIELDS,
    PRICE_FIELDS,
    UNKNOWN,
    ModelFacts,
    ModelKey,
    ModelRecord,
    Source,
)
from modelctl.core.provider import Provider
from modelctl.core.provider_settings import PAGES, settings_of
from modelctl.core.stored import StoredModel

TomlTable: TypeAlias = dict[str, Any]

_BEFORE_CAPABILITIES = STATED_FACTS[: STATED_FACTS.index("output_modalities") + 1]
_AFTER_CAPABILITIES = STATED_FACTS[len(_BEFORE_CAPABILITIES) :]
_MAY_BE_EMPTY: TomlTable = {"kind": "", "env_vars": []}


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedCatalog:
    """What one file is to say, each table with its keys in the order in which they are written."""

    provider: TomlTable
    models: tuple[TomlTable, ...]
    notes: tuple[str, ...] = ()
    """What is in the database and cannot be said in a file."""


def exported(
    row: Provider,
    stated: Provider | None,
    models: Sequence[StoredModel],
    below: Mapping[ModelKey, ModelRecord],
    now: datetime,
) -> ExportedCatalog:
    """The catalog that says of a provider what the database says.

    `stated`: what the catalogs say of the provider, whose pages no table holds. `below`: the shipped records, over
    which the file will be laid: what these state and the database does not must be unset.
    """
    about, notes = _provider(row, stated)
    origins = Origins(
        of_the_file=about.get("pricing_url", Source.OVERLAY.value),
        of_the_api=about.get("api_base_url", Source.OVERLAY.value),
    )
    tables = []
    for model in sorted(models, key=lambda each: each.key):
        facts_below = below[model.key].facts if model.key in below else UNKNOWN
        status, beyond = _status(model, facts_below, now)
        tables.append(_model(model, facts_below, status, origins, now))
        notes += [f"{model.key}: {note}" for note in (*beyond, *_unsaid(model, now))]
    return ExportedCatalog(provider=about, models=tuple(tables), notes=tuple(notes))


def _provider(row: Provider, stated: Provider | None) -> tuple[TomlTable, list[str]]:
    """The `[provider]` table. What it left out would be filled up from the shipped one: what is empty is said."""
    table: TomlTable = {key: value for key, value in settings_of(row).items() if value not in (None, "", ())}
    notes = []
    for key, value in settings_of(stated).items() if stated is not None else ():
        if key in table or value in (None, "", ()):
            continue
        if key in _MAY_BE_EMPTY:
            table[key] = _MAY_BE_EMPTY[key]
        else:
            notes.append(f"{row.name}: that it has no {key} cannot be said in a file")
    if row.auth_header_prefix == "":
        table["auth_header_prefix"] = ""
    if "@" in table.get("api_base_url", ""):
        del table["api_base_url"]
        notes.append(f"{row.name}: its api_base_url is left out, for it may hold a password")
    if stated is not None:
        table |= {key: url for key in PAGES if (url := getattr(stated, key)) is not None}
    return table, notes


def _model(model: StoredModel, below: ModelFacts, status: str | None, origins: Origins, now: datetime) -> TomlTable:
    facts = model.facts._replace(status=status)
    if below.display_name is None and facts.display_name == display_name_of(model.key.model_id):
        facts = facts._replace(display_name=None)
    if below.tier is None and facts.tier == _derived_tier(model, now):
        facts = facts._replace(tier=None)
    currency = common_currency(model.prices)
    table: TomlTable = {
        "id": model.key.model_id,
        **{name: getattr(facts, name) for name in _BEFORE_CAPABILITIES},
        "capabilities": [name for name in CAPABILITIES if getattr(facts, name) is True] or None,
        "lacks": [name for name in CAPABILITIES if getattr(facts, name) is False] or None,
        **{name: getattr(facts, name) for name in _AFTER_CAPABILITIES},
        "unset": [name for name in FACT_FIELDS if name in UNSETTABLE and _must_be_unset(name, facts, below)] or None,
        "currency": None if currency == "USD" else currency,
        "verified_on": None if model.last_verified_at is None else model.last_verified_at.date(),
        "prices": price_lines(model.prices, currency=currency, origins=origins) or None,
    }
    return {key: value for key, value in table.items() if value is not None}


def _must_be_unset(name: str, facts: ModelFacts, below: ModelFacts) -> bool:
    return getattr(facts, name) is None and getattr(below, name) is not None


def _derived_tier(model: StoredModel, now: datetime) -> str | None:
    return tier_of(UNKNOWN.replaced(projection(model.prices, at=now)))


def _status(model: StoredModel, below: ModelFacts, now: datetime) -> tuple[str | None, tuple[str, ...]]:
    """The status to state, None where the dates give it; and a note where no statement would give the one it has."""
    wanted = model.facts.status
    if below.status is None and _status_of(model.facts, None, now) == wanted:
        return None, ()
    if wanted is not None and _status_of(model.facts, wanted, now) == wanted:
        return wanted, ()
    given = _status_of(model.facts, None, now)
    return None, (f"its status is {wanted or 'unknown'}, but its dates give {given}; in a new database they decide",)


def _status_of(facts: ModelFacts, stated: str | None, now: datetime) -> str | None:
    """What a sync without any listing makes of a stated status."""
    provenance = {"status": Source.OVERLAY.value}
    return with_status(facts._replace(status=stated), provenance, today=now.date(), seen_on=None)[0].status


def _unsaid(model: StoredModel, now: datetime) -> Iterator[str]:
    if model.facts.display_name is None:
        yield "that it has no display_name cannot be said; a new database gets one made from the id"
    if model.facts.tier is None and _derived_tier(model, now) is not None:
        yield "that it has no tier cannot be said; a new database gets that of its price"
    in_force = projection(model.prices, at=now)
    for name in PRICE_FIELDS:
        value = getattr(model.facts, name)
        if value is not None and value != in_force.get(name) and model.owner_of(name) == Source.PERSON:
            yield f"{name} was set to {encode(value)} in the row alone; the file has what the price ledger says"
