"""Generated cases: what sources state, what people do, and syncs that follow each other; small pools, so all meet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from modelctl.core.facts import FACT_FIELDS, ModelFacts, ModelKey, ModelRecord, Source
from modelctl.core.planning.merge import Snapshot, merge_sources
from modelctl.core.planning.plan import Plan
from modelctl.core.planning.planner import NEW_MODELS, Consulted, plan
from modelctl.core.planning.policy import NewModels, Patterns
from modelctl.core.prices.price import SINCE_LAUNCH, Basis, PricePoint
from modelctl.core.stored import RemovedModel, StoredProvider
from tests.core.effects import after_plan

PROVIDER = "acme"
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
IDS = ("a", "b", "C")
DAYS = tuple(NOW.date() + timedelta(days=offset) for offset in (-400, -30, -1, 0, 1, 30))
AMOUNTS = tuple(map(Decimal, ("0", "0.15", "2.5", "5", "30")))
VALUES: Mapping[str, tuple[Any, ...]] = {
    "display_name": ("A", "B"),
    "type": ("chat", "embedding"),
    "status": ("preview", "active", "deprecated", "retired"),
    "vision": (True, False),
    "context_window": (128_000, 200_000),
    "deprecated_on": DAYS,
    "retires_on": DAYS,
    "aliases": ((), ("x",)),
    "recommended": (True, False),
    "tier": ("free", "premium"),
}
"""Facts that cases are made of, each with the values that sources and people give it."""


def key(model_id: str) -> ModelKey:
    """The key of a model of the one provider here."""
    return ModelKey(PROVIDER, model_id)


def day(text: str) -> datetime:
    """The first instant of an ISO day, in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def record(model_id: str, source: str = "catalog", *, verified_on: date | None = None, **facts: Any) -> ModelRecord:
    """What one source states of one model; what it states to have no value is given as None."""
    known = {name: value for name, value in facts.items() if value is not None and name in FACT_FIELDS}
    others = {name: value for name, value in facts.items() if name not in FACT_FIELDS}
    return ModelRecord(
        key=key(model_id),
        facts=ModelFacts(**known),
        provenance=dict.fromkeys(known, source),
        stated_none=frozenset(facts) - frozenset(known) - frozenset(others),
        verified_on=verified_on,
        **others,
    )


def listed(model_id: str, *, at: datetime = NOW, **facts: Any) -> ModelRecord:
    """What the provider's API shows of one model."""
    return record(model_id, "api", listed_at=at, **facts)


def snapshot(source: Source, *records: ModelRecord, complete: bool = False) -> Snapshot:
    """The records of one source."""
    return Snapshot(
        source=source,
        records={each.key: each for each in records},
        complete_for=frozenset({PROVIDER} if complete else ()),
    )


@dataclass(frozen=True)
class Sources:
    """What one sync hears: a catalog, a listing, or both."""

    catalog: Snapshot | None = None
    listing: Snapshot | None = None

    def plan(self, stored: StoredProvider, now: datetime = NOW, new_models: NewModels = NEW_MODELS) -> Plan:
        """The plan of a sync of `stored` with these sources."""
        return plan(
            PROVIDER,
            stored,
            self.desired(stored, now),
            consulted=Consulted(
                catalogs=self.catalog is not None,
                listing_is_whole=self.listing is not None and PROVIDER in self.listing.complete_for,
            ),
            new_models=new_models,
            now=now,
        )

    def desired(self, stored: StoredProvider, now: datetime = NOW) -> dict[ModelKey, ModelRecord]:
        """What these sources want the rows to say."""
        layers = [layer for layer in (self.listing and stamped(self.listing, now), self.catalog) if layer is not None]
        return merge_sources(layers, stored, Patterns(), today=now.date()).records

    def sync(self, stored: StoredProvider, now: datetime = NOW, times: int = 1) -> StoredProvider:
        """The rows after so many syncs with these sources."""
        for _ in range(times):
            stored = after_plan(stored, self.plan(stored, now), now=now)
        return stored

    @property
    def without_key(self) -> Sources:
        """The same catalog, the API not asked."""
        return replace(self, listing=None)

    @property
    def api_only(self) -> Sources:
        """The same listing, the catalog not read."""
        return replace(self, catalog=None)


def catalog(*records: ModelRecord) -> Sources:
    """A sync without a key."""
    return Sources(catalog=snapshot(Source.CATALOG, *records))


def both(records: list[ModelRecord], listing: list[ModelRecord], *, whole: bool = True) -> Sources:
    """A sync with a key and the catalog."""
    return Sources(catalog=snapshot(Source.CATALOG, *records), listing=snapshot(Source.API, *listing, complete=whole))


def stamped(listing: Snapshot, now: datetime) -> Snapshot:
    """The listing as it is when it is taken at `now`."""
    points = {
        each: tuple(point._replace(effective_from=now) for point in record.prices)
        for each, record in listing.records.items()
    }
    records = {each: replace(record, listed_at=now, prices=points[each]) for each, record in listing.records.items()}
    return replace(listing, records=records)


def edited(stored: StoredProvider, model_id: str, **facts: Any) -> StoredProvider:
    """The rows after somebody wrote into one of them."""
    model = stored.models[key(model_id)]
    return replace(stored, models={**stored.models, model.key: replace(model, facts=model.facts.replaced(facts))})


def pinned(stored: StoredProvider, model_id: str, *names: str) -> StoredProvider:
    """The rows after somebody pinned fields of one of them."""
    model = stored.models[key(model_id)]
    state = replace(model.state, pins=frozenset(names))
    return replace(stored, models={**stored.models, model.key: replace(model, state=state)})


def removed(stored: StoredProvider, model_id: str) -> StoredProvider:
    """The rows after somebody deleted one of them."""
    models = {each: model for each, model in stored.models.items() if each != key(model_id)}
    gone = stored.models[key(model_id)]
    known = {} if gone.state is None else {gone.key: RemovedModel(state=gone.state, prices=gone.prices)}
    return replace(stored, models=models, removed_by_hand={**stored.removed_by_hand, **known})


# ---- strategies


def facts(names: tuple[str, ...] = tuple(VALUES)) -> st.SearchStrategy[dict[str, Any]]:
    """Some facts with some values."""
    return st.fixed_dictionaries({}, optional={name: st.sampled_from(VALUES[name]) for name in names})


KINDS = st.sampled_from(("input", "output", "cache_read"))


@st.composite
def announced_points(draw: st.DrawFn) -> tuple[PricePoint, ...]:
    """Dated prices as a catalog states them: at most one for each key and start."""
    starts = st.sampled_from((SINCE_LAUNCH, *(datetime(each.year, each.month, each.day, tzinfo=UTC) for each in DAYS)))
    dated = draw(st.dictionaries(st.tuples(KINDS, starts), st.sampled_from(AMOUNTS), max_size=4))
    return tuple(
        PricePoint(
            kind=kind,
            amount=amount,
            effective_from=start,
            effective_to=start + timedelta(days=25) if draw(st.booleans()) and start != SINCE_LAUNCH else None,
            source="https://acme.test/prices",
        )
        for (kind, start), amount in dated.items()
    )


@st.composite
def api_points(draw: st.DrawFn) -> tuple[PricePoint, ...]:
    """What an API charges now."""
    amounts = draw(st.dictionaries(KINDS, st.sampled_from(AMOUNTS), max_size=2))
    return tuple(
        PricePoint(kind=kind, amount=amount, effective_from=NOW, basis=Basis.OBSERVED, source=Source.API)
        for kind, amount in amounts.items()
    )


@st.composite
def catalogs(draw: st.DrawFn) -> Snapshot:
    """A catalog of a few models."""
    records = [
        record(
            model_id, prices=draw(announced_points()), verified_on=draw(st.sampled_from((None, *DAYS[:4]))), **stated
        )
        for model_id, stated in draw(st.dictionaries(st.sampled_from(IDS), facts())).items()
    ]
    return snapshot(Source.CATALOG, *records)


@st.composite
def listings(draw: st.DrawFn) -> Snapshot:
    """A listing of a few models, whole or not, that says some facts and derives a type by rule."""
    records = []
    names = ("display_name", "status", "vision", "context_window", "deprecated_on", "retires_on")
    for model_id, stated in draw(st.dictionaries(st.sampled_from(IDS), facts(names))).items():
        nothing = dict.fromkeys(draw(st.sets(st.sampled_from(("deprecated_on", "retires_on")))) - set(stated))
        each = listed(model_id, prices=draw(api_points()), **stated, **nothing)
        if draw(st.booleans()):
            typed = each.facts.replaced({"type": draw(st.sampled_from(VALUES["type"]))})
            each = replace(each, facts=typed, provenance={**each.provenance, "type": "rule:type"})
        records.append(each)
    return snapshot(Source.API, *records, complete=draw(st.booleans()))


@st.composite
def sources(draw: st.DrawFn) -> Sources:
    """What one sync hears."""
    return Sources(
        catalog=draw(st.none() | catalogs()),
        listing=draw(st.none() | listings()),
    )


@st.composite
def moved_by_people(draw: st.DrawFn, stored: StoredProvider) -> StoredProvider:
    """The rows after people edited, blanked, pinned, switched, deleted or brought some of their own."""
    for each in sorted(stored.models):
        model_id = each.model_id
        match draw(st.sampled_from(("nothing", "nothing", "edit", "pin", "switch", "remove", "disown"))):
            case "edit":
                name = draw(st.sampled_from(sorted(VALUES)))
                stored = edited(stored, model_id, **{name: draw(st.none() | st.sampled_from(VALUES[name]))})
            case "pin" if stored.models[each].state is not None:
                stored = pinned(stored, model_id, draw(st.sampled_from(sorted(VALUES))))
            case "switch":
                model = stored.models[each]
                stored = replace(
                    stored, models={**stored.models, each: replace(model, is_enabled=not model.is_enabled)}
                )
            case "remove":
                stored = removed(stored, model_id)
            case "disown":
                stored = replace(stored, models={**stored.models, each: replace(stored.models[each], state=None)})
    return stored


@st.composite
def stored_states(draw: st.DrawFn) -> StoredProvider:
    """Rows as syncs and people leave them, the last sync some days ago."""
    stored = StoredProvider()
    for days_ago in sorted(draw(st.lists(st.integers(0, 40), max_size=3)), reverse=True):
        stored = draw(sources()).sync(stored, NOW - timedelta(days=days_ago))
        stored = draw(moved_by_people(stored))
    return stored
