"""What a plan rests on, as a digest: equal as long as nothing has moved that the plan looked at."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from modelctl.core.credentials import masked
from modelctl.core.edits.providers import SETTINGS, settings_of
from modelctl.core.facts import FACT_TYPES, UNKNOWN, FactValue, ModelKey, Skipped, decode_exactly, encode
from modelctl.core.planning.plan import Action, Change, FieldChange, GuardName, Held, Hold, Move, Plan, Protected
from modelctl.core.planning.report import ProviderReport
from modelctl.core.prices.price import PricePoint
from modelctl.core.provider import Provider
from modelctl.core.records import Place, document
from modelctl.core.runs import Outcome
from modelctl.core.stored import RemovedModel, RowState, StoredModel, StoredProvider, Written
from modelctl.core.validation import check_key, check_price, check_provider_name, fact_problems
from modelctl.errors import InvalidFact, ModelctlError, UsageError

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


VERSION = 1
"""Counts up when the document changes; a modelctl reads the versions that it knows, and no other."""

PROVIDER_FIELDS = (*SETTINGS, "features", "settings", "is_builtin", "is_enabled")
"""What the row of a provider starts with, besides its name."""
POINT_FIELDS = PricePoint._fields
KEY_LISTS = ("needs_review", "not_created", "removed_by_hand", "unowned")
HELD_LISTS = ("held", "accepted", "declined")
COUNTS = ("unchanged", "existing", "alive")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedProvider:
    """What is to become of one provider, and what that rests on."""

    report: ProviderReport
    """Its outcome is the one that applying will have."""
    row: Provider | None = None
    """The row that a provider gets which has none yet."""
    rests_on: str | None = None
    """Digest of the provider's row."""
    digests: Mapping[ModelKey, str | None] = field(default_factory=dict)
    """Digest of each row that a change rests on; None for a creation from nothing."""
    absences_before: Mapping[ModelKey, int] = field(default_factory=dict)
    """Counts of absences from which the plan's counts were reached."""
    decisions: str | None = None
    """Digest of what people had decided about what guards hold."""

    @property
    def is_written(self) -> bool:
        """Whether applying writes more than the record of the run."""
        return self.report.outcome in (Outcome.APPLIED, Outcome.HELD, Outcome.IN_SYNC)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanFile:
    """All that one `plan` found."""

    modelctl: str
    """The version that made it."""
    created_at: datetime
    database: str
    """As it may be shown."""
    providers: tuple[PlannedProvider, ...]


def planned(
    report: ProviderReport, outcome: Outcome, *, stated: Provider, row: Provider | None, stored: StoredProvider
) -> PlannedProvider:
    """What a file says of one provider. `row` and `stored` are what the database holds, `stated` what it should.

    UsageError where it would have to hold a password: an address with one cannot be written from a file.
    """
    plan = report.plan
    addresses = [each.new for each in plan.provider_settings if each.name == "api_base_url"]
    for address in [stated.api_base_url] if row is None else addresses:
        if isinstance(address, str) and masked(address) != address:
            raise UsageError(f"{stated.name}: its address holds a password, and no plan does", "use `modelctl sync`")
    return PlannedProvider(
        report=replace(report, outcome=outcome),
        row=stated if row is None else None,
        rests_on=provider_digest(row),
        digests={each.key: model_digest(each.existing or each.removed) for each in plan.changes},
        absences_before={key: _absences(stored, key) for key in plan.absences},
        decisions=decisions_digest(report.holds_before),
    )


def _absences(stored: StoredProvider, key: ModelKey) -> int:
    model = stored.models.get(key)
    return model.state.absences if model is not None and model.state is not None else 0


def plan_document(file: PlanFile) -> dict[str, Any]:
    """The document, of JSON values only."""
    return {
        "version": VERSION,
        "modelctl": file.modelctl,
        "created_at": encode(file.created_at),
        "database": file.database,
        "providers": [_provider(each) for each in file.providers],
    }


def _provider(planned: PlannedProvider) -> dict[str, Any]:
    report, plan, error = planned.report, planned.report.plan, planned.report.error
    return {
        "provider": report.provider,
        "outcome": report.outcome.value,
        "error": None if error is None else {"message": error.message, "hint": error.hint},
        "sources": list(report.sources),
        "notices": list(report.notices),
        "remarks": list(plan.notices),
        "fetched": report.fetched,
        "kept": len(report.records) or report.kept,
        **{name: getattr(plan, name) for name in COUNTS},
        "rests_on": planned.rests_on,
        "row": None if planned.row is None else _row(planned.row),
        "settings": [_field(each) for each in plan.provider_settings],
        "changes": [_change(each, planned.digests.get(each.key)) for each in plan.changes],
        "listing_doubt": plan.listing_doubt,
        "decisions": planned.decisions,
        **{name: [_held(each) for each in getattr(plan, name)] for name in HELD_LISTS},
        "protected": [_protected(each) for each in plan.protected],
        "absences": [
            {"model_id": key.model_id, "old": planned.absences_before[key], "new": count}
            for key, count in sorted(plan.absences.items())
        ],
        "seen": _seen(plan),
        **{name: [key.model_id for key in getattr(plan, name)] for name in KEY_LISTS},
        "filtered": _skipped(plan.filtered),
        "skipped": _skipped(plan.skipped),
    }


def _row(provider: Provider) -> dict[str, Any]:
    values = {name: getattr(provider, name) for name in PROVIDER_FIELDS}
    return {name: dict(value) if isinstance(value, Mapping) else encode(value) for name, value in values.items()}


def _field(change: FieldChange) -> dict[str, Any]:
    old, new = (
        masked(each) if change.name == "api_base_url" and isinstance(each, str) else encode(each)
        for each in (change.old, change.new)
    )
    return {"name": change.name, "old": old, "new": new, "source": change.source}


def _change(change: Change, rests_on: str | None) -> dict[str, Any]:
    return {
        "action": change.action.value,
        "model_id": change.key.model_id,
        "rests_on": rests_on,
        "is_enabled": change.is_enabled,
        "fields": [_field(each) for each in change.fields],
        "prices": [{name: encode(getattr(each, name)) for name in POINT_FIELDS} for each in change.prices],
        "state": None if change.state is None else _state_json(change.state),
    }


def _state_json(state: RowState) -> dict[str, Any]:
    written = {name: {"value": encode(value), "source": source} for name, (value, source) in state.written.items()}
    return {"written": written, "pins": sorted(state.pins), "absences": state.absences}


def _held(held: Held) -> dict[str, Any]:
    change = held.change
    digest = model_digest(change.existing or change.removed)
    return {
        "guard": held.guard.value,
        "reason": held.reason,
        "moves": [{"what": move.what, "old": move.old, "new": move.new} for move in held.moves],
        "change": _change(change, digest),
    }


def _protected(each: Protected) -> dict[str, Any]:
    return {
        "model_id": each.key.model_id,
        "name": each.name,
        "kept": encode(each.kept),
        "offered": encode(each.offered),
        "source": each.source,
    }


def _seen(plan: Plan) -> list[dict[str, Any]]:
    """The rows that sources confirmed, by instant and whether a listing showed them."""
    groups: dict[tuple[datetime, bool], list[str]] = {}
    for key, at in sorted(plan.seen.items()):
        groups.setdefault((at, key in plan.listed), []).append(key.model_id)
    return [{"at": encode(at), "listed": listed, "model_ids": ids} for (at, listed), ids in sorted(groups.items())]


def _skipped(items: Iterable[Skipped]) -> list[dict[str, str]]:
    return [{"id": each.item_id, "reason": each.reason} for each in items]


def moved(
    planned: PlannedProvider, row: Provider | None, stored: StoredProvider, holds: Sequence[Hold]
) -> Iterator[str]:
    """The rows that are not as they were when the plan was made. A provider that is not written rests on none."""
    if not planned.is_written:
        return
    plan = planned.report.plan
    if provider_digest(row) != planned.rests_on:
        yield f"provider {plan.provider}"
    if decisions_digest(holds) != planned.decisions:
        yield f"{plan.provider} (what was decided about its held values)"
    for change in plan.changes:
        present = stored.models.get(change.key) or stored.removed_by_hand.get(change.key)
        was_there = change.key in stored.models
        if model_digest(present) != planned.digests.get(change.key) or was_there is (change.action is Action.CREATE):
            yield str(change.key)
    for key in plan.absences:
        model = stored.models.get(key)
        state = model.state if model is not None else None
        if state is None or state.absences != planned.absences_before[key]:
            yield f"{key} (its count of absences)"


def bound(planned: PlannedProvider, row: Provider | None, stored: StoredProvider) -> Plan:
    """The plan with the rows that it rests on; nothing of them must have moved."""
    plan = planned.report.plan
    present = settings_of(row) if row is not None else {}
    return replace(
        plan,
        changes=tuple(_bound(each, stored) for each in plan.changes),
        held=_bound_held(plan.held, stored),
        accepted=_bound_held(plan.accepted, stored),
        declined=_bound_held(plan.declined, stored),
        provider_settings=tuple(
            each._replace(old=present.get(each.name, each.old)) for each in plan.provider_settings
        ),  # the file masks passwords
        seen={key: at for key, at in plan.seen.items() if _is_news(plan, key, stored.models.get(key))},
    )


def _bound_held(held: Sequence[Held], stored: StoredProvider) -> tuple[Held, ...]:
    return tuple(replace(each, change=_bound(each.change, stored)) for each in held)


def _bound(change: Change, stored: StoredProvider) -> Change:
    existing = stored.models.get(change.key)
    removed = stored.removed_by_hand.get(change.key) if existing is None else None
    return replace(change, existing=existing, removed=removed)


def _is_news(plan: Plan, key: ModelKey, model: StoredModel | None) -> bool:
    """Whether a sighting tells more than the row: a sync may have come in between, which changed nothing else."""
    if model is None:
        return True  # a creation; of a row that is gone there is nothing to update
    at = plan.seen[key]
    newer = model.last_verified_at is None or model.last_verified_at < at
    return newer or (key in plan.listed and (model.last_seen_at is None or model.last_seen_at < at))


_CHANGE_KEYS = ("action", "model_id", "rests_on", "is_enabled", "fields", "prices", "state")
_POINT_TEXTS = ("kind", "unit", "service_tier", "hours_utc", "currency", "basis", "source")
_PROVIDER_KEYS = (
    *("provider", "outcome", "error", "sources", "notices", "remarks", "fetched", "kept", *COUNTS),
    *("rests_on", "row", "settings", "changes", "listing_doubt", "decisions"),
    *(*HELD_LISTS, "protected", "absences", "seen", *KEY_LISTS, "filtered", "skipped"),
)


def read_plan(text: str, name: str) -> PlanFile:
    """The plan in the text of a file called `name`."""
    root = document(text, name)
    version = root.value.get("version") if isinstance(root.value, dict) else None
    if version is not None and version != VERSION:
        root.refuse(f"is a plan of version {version!r:.40}, and this modelctl reads version {VERSION}")
    members = root.members("version", "modelctl", "created_at", "database", "providers")
    if type(version) is not int:
        members["version"].refuse("is no version")
    providers = tuple(_read_provider(each) for each in members["providers"].items())
    if len({each.report.provider for each in providers}) != len(providers):
        members["providers"].refuse("names a provider twice")
    return PlanFile(
        modelctl=members["modelctl"].text(),
        created_at=members["created_at"].instant(),
        database=members["database"].text(),
        providers=providers,
    )


def _read_provider(place: Place) -> PlannedProvider:
    given = place.members(*_PROVIDER_KEYS)
    name = given["provider"].text()
    try:
        check_provider_name(name)
    except InvalidFact as error:
        given["provider"].refuse(f"cannot be: {error.message}")
    outcome = given["outcome"].choice(Outcome)
    if outcome is Outcome.PLANNED or (outcome is Outcome.FAILED) is (given["error"].value is None):
        given["outcome"].refuse("is not what applying a plan can come to")
    plan, digests, absences_before = _plan(name, given)
    row = None if given["row"].value is None else _read_row(name, given["row"])
    rests_on = given["rests_on"].digest_or_none()
    if (row is None) is (rests_on is None):
        given["row"].refuse("must be there where `rests_on` is null, and only there")
    return PlannedProvider(
        report=ProviderReport(
            provider=name,
            outcome=outcome,
            sources=given["sources"].texts(),
            plan=plan,
            fetched=given["fetched"].count_or_none(),
            notices=given["notices"].texts(),
            error=_error(given["error"]),
            kept=given["kept"].count(),
        ),
        row=row,
        rests_on=rests_on,
        digests=digests,
        absences_before=absences_before,
        decisions=given["decisions"].digest_or_none(),
    )


def _plan(name: str, given: dict[str, Place]) -> tuple[Plan, dict[ModelKey, str | None], dict[ModelKey, int]]:
    changes = [_read_change(name, each) for each in given["changes"].items()]
    digests = {change.key: digest for change, digest in changes}
    if len(digests) != len(changes):
        given["changes"].refuse("changes a model twice")
    absences = [each.members("model_id", "old", "new") for each in given["absences"].items()]
    seen = [each.members("at", "listed", "model_ids") for each in given["seen"].items()]
    plan = Plan(
        provider=name,
        changes=tuple(change for change, _ in changes),
        provider_settings=tuple(_setting(each) for each in given["settings"].items()),
        listing_doubt=given["listing_doubt"].text_or_none(),
        protected=tuple(_read_protected(name, each) for each in given["protected"].items()),
        absences={_key(name, each["model_id"]): each["new"].count() for each in absences},
        seen={_key(name, key): each["at"].instant() for each in seen for key in each["model_ids"].items()},
        listed=frozenset(
            _key(name, key) for each in seen if each["listed"].boolean() for key in each["model_ids"].items()
        ),
        filtered=_read_skipped(given["filtered"]),
        skipped=_read_skipped(given["skipped"]),
        notices=given["remarks"].texts(),
        **{each: given[each].count() for each in COUNTS},  # type: ignore[arg-type]
        **{each: tuple(_key(name, key) for key in given[each].items()) for each in KEY_LISTS},  # type: ignore[arg-type]
        **{each: tuple(_read_held(name, one) for one in given[each].items()) for each in HELD_LISTS},  # type: ignore[arg-type]
    )
    return plan, digests, {_key(name, each["model_id"]): each["old"].count() for each in absences}


def _error(place: Place) -> ModelctlError | None:
    if place.value is None:
        return None
    given = place.members("message", "hint")
    return ModelctlError(given["message"].text(), given["hint"].text())


def _read_row(name: str, place: Place) -> Provider:
    given = place.members(*PROVIDER_FIELDS)
    settings = given["settings"]
    if not isinstance(settings.value, dict):
        settings.refuse("is no object")
    values: dict[str, Any] = {each: _setting_value(each, given[each]) for each in SETTINGS}
    return Provider(
        name=name,
        **values,
        features=given["features"].texts(),
        settings={key: Place(value, f"{settings.path}.{key}").text() for key, value in settings.value.items()},
        is_builtin=given["is_builtin"].boolean(),
        is_enabled=given["is_enabled"].boolean(),
    )


def _setting(place: Place) -> FieldChange:
    given = place.members("name", "old", "new", "source")
    name = given["name"].text()
    if name not in SETTINGS:
        given["name"].refuse("names no setting of a provider")
    old, new = (_setting_value(name, given[each]) for each in ("old", "new"))
    return FieldChange(name=name, old=old, new=new, source=given["source"].text())


def _setting_value(name: str, place: Place) -> FactValue:
    if name == "env_vars":
        return place.texts()
    return place.text() if name in ("display_name", "kind") else place.text_or_none()


def _read_change(provider: str, place: Place) -> tuple[Change, str | None]:
    given = place.members(*_CHANGE_KEYS)
    digest, action = given["rests_on"].digest_or_none(), given["action"].choice(Action)
    if digest is None and action is not Action.CREATE:
        given["rests_on"].refuse("is null, but only a creation rests on nothing")
    change = Change(
        action=action,
        key=_key(provider, given["model_id"]),
        fields=tuple(_read_field(each) for each in given["fields"].items()),
        prices=tuple(_price(each) for each in given["prices"].items()),
        is_enabled=given["is_enabled"].boolean_or_none(),
        state=None if given["state"].value is None else _read_state(given["state"]),
    )
    for problem in fact_problems(UNKNOWN.replaced({each.name: each.new for each in change.fields})):
        given["fields"].refuse(f"cannot be: {problem}")
    return change, digest


def _read_field(place: Place) -> FieldChange:
    given = place.members("name", "old", "new", "source")
    name = _fact_name(given["name"])
    old, new = (_fact(name, given[each]) for each in ("old", "new"))
    return FieldChange(name=name, old=old, new=new, source=given["source"].text())


def _fact_name(place: Place) -> str:
    if place.text() not in FACT_TYPES:
        place.refuse("names no fact")
    return place.text()


def _fact(name: str, place: Place) -> FactValue:
    """A fact, if its JSON value is one that `encode` makes."""
    try:
        return None if place.value is None else decode_exactly(name, place.value)
    except ValueError:
        place.refuse(f"is no {name}")


def _price(place: Place) -> PricePoint:
    given = place.members(*POINT_FIELDS)
    amount = _fact("input_price_per_mtok", given["amount"])
    values: dict[str, Any] = {
        **{name: given[name].text() for name in _POINT_TEXTS},
        **{name: given[name].count() for name in ("context_above", "revision")},
        "amount": amount,
        "effective_from": given["effective_from"].instant(),
        "effective_to": None if given["effective_to"].value is None else given["effective_to"].instant(),
    }
    if amount is None:
        given["amount"].refuse("is no amount")
    point = PricePoint(**values)
    try:
        check_price(point, "the point")
    except InvalidFact as error:
        place.refuse(f"cannot be: {error.message}")
    return point


def _read_state(place: Place) -> RowState:
    given = place.members("written", "pins", "absences")
    written = given["written"]
    if not isinstance(written.value, dict):
        written.refuse("is no object")
    entries = {}
    for name, value in written.value.items():
        entry = Place(value, f"{written.path}.{name}").members("value", "source")
        fact = _fact_name(Place(name, written.path))
        entries[fact] = Written(_fact(fact, entry["value"]), entry["source"].text())
    pins = frozenset(_fact_name(each) for each in given["pins"].items())
    return RowState(written=entries, pins=pins, absences=given["absences"].count())


def _read_held(provider: str, place: Place) -> Held:
    given = place.members("guard", "reason", "moves", "change")
    change, _ = _read_change(provider, given["change"])
    moves = [each.members("what", "old", "new") for each in given["moves"].items()]
    return Held(
        change=change,
        guard=given["guard"].choice(GuardName),
        reason=given["reason"].text(),
        moves=tuple(Move(m["what"].text(), m["old"].text_or_none(), m["new"].text_or_none()) for m in moves),
    )


def _read_protected(provider: str, place: Place) -> Protected:
    given = place.members("model_id", "name", "kept", "offered", "source")
    name = _fact_name(given["name"])
    return Protected(
        key=_key(provider, given["model_id"]),
        name=name,
        kept=_fact(name, given["kept"]),
        offered=_fact(name, given["offered"]),
        source=given["source"].text(),
    )


def _key(provider: str, place: Place) -> ModelKey:
    key = ModelKey(provider, place.text())
    try:
        check_key(key)
    except InvalidFact as error:
        place.refuse(f"cannot be: {error.message}")
    return key


def _read_skipped(place: Place) -> tuple[Skipped, ...]:
    given = (each.members("id", "reason") for each in place.items())
    return tuple(Skipped(each["id"].text(), each["reason"].text()) for each in given)
