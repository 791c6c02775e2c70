"""Reading a plan file: strictly, for what is applied is exactly what it says. UsageError names the place."""

from __future__ import annotations

from typing import Any

from modelctl.core.encoding import FACT_TYPES, decode_exactly
from modelctl.core.holds import Move
from modelctl.core.model import UNKNOWN, FactValue, ModelKey, Skipped
from modelctl.core.places import Place, document
from modelctl.core.plan import Action, Change, FieldChange, GuardName, Held, Plan, Protected
from modelctl.core.plan_file import (
    COUNTS,
    HELD_LISTS,
    KEY_LISTS,
    POINT_FIELDS,
    PROVIDER_FIELDS,
    VERSION,
    PlanFile,
    PlannedProvider,
)
from modelctl.core.price import PricePoint
from modelctl.core.provider import Provider
from modelctl.core.provider_settings import SETTINGS
from modelctl.core.report import ProviderReport
from modelctl.core.run import Outcome
from modelctl.core.stored import RowState, Written
from modelctl.core.validate import check_key, check_price, check_provider_name, fact_problems
from modelctl.errors import InvalidFact, ModelctlError

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
    providers = tuple(_provider(each) for each in members["providers"].items())
    if len({each.report.provider for each in providers}) != len(providers):
        members["providers"].refuse("names a provider twice")
    return PlanFile(
        modelctl=members["modelctl"].text(),
        created_at=members["created_at"].instant(),
        database=members["database"].text(),
        providers=providers,
    )


def _provider(place: Place) -> PlannedProvider:
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
    row = None if given["row"].value is None else _row(name, given["row"])
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
    changes = [_change(name, each) for each in given["changes"].items()]
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
        protected=tuple(_protected(name, each) for each in given["protected"].items()),
        absences={_key(name, each["model_id"]): each["new"].count() for each in absences},
        seen={_key(name, key): each["at"].instant() for each in seen for key in each["model_ids"].items()},
        listed=frozenset(
            _key(name, key) for each in seen if each["listed"].boolean() for key in each["model_ids"].items()
        ),
        filtered=_skipped(given["filtered"]),
        skipped=_skipped(given["skipped"]),
        notices=given["remarks"].texts(),
        **{each: given[each].count() for each in COUNTS},  # type: ignore[arg-type]
        **{each: tuple(_key(name, key) for key in given[each].items()) for each in KEY_LISTS},  # type: ignore[arg-type]
        **{each: tuple(_held(name, one) for one in given[each].items()) for each in HELD_LISTS},  # type: ignore[arg-type]
    )
    return plan, digests, {_key(name, each["model_id"]): each["old"].count() for each in absences}


def _error(place: Place) -> ModelctlError | None:
    if place.value is None:
        return None
    given = place.members("message", "hint")
    return ModelctlError(given["message"].text(), given["hint"].text())


def _row(name: str, place: Place) -> Provider:
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


def _change(provider: str, place: Place) -> tuple[Change, str | None]:
    given = place.members(*_CHANGE_KEYS)
    digest, action = given["rests_on"].digest_or_none(), given["action"].choice(Action)
    if digest is None and action is not Action.CREATE:
        given["rests_on"].refuse("is null, but only a creation rests on nothing")
    change = Change(
        action=action,
        key=_key(provider, given["model_id"]),
        fields=tuple(_field(each) for each in given["fields"].items()),
        prices=tuple(_price(each) for each in given["prices"].items()),
        is_enabled=given["is_enabled"].boolean_or_none(),
        state=None if given["state"].value is None else _state(given["state"]),
    )
    for problem in fact_problems(UNKNOWN.replaced({each.name: each.new for each in change.fields})):
        given["fields"].refuse(f"cannot be: {problem}")
    return change, digest


def _field(place: Place) -> FieldChange:
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


def _state(place: Place) -> RowState:
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


def _held(provider: str, place: Place) -> Held:
    given = place.members("guard", "reason", "moves", "change")
    change, _ = _change(provider, given["change"])
    moves = [each.members("what", "old", "new") for each in given["moves"].items()]
    return Held(
        change=change,
        guard=given["guard"].choice(GuardName),
        reason=given["reason"].text(),
        moves=tuple(Move(m["what"].text(), m["old"].text_or_none(), m["new"].text_or_none()) for m in moves),
    )


def _protected(provider: str, place: Place) -> Protected:
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


def _skipped(place: Place) -> tuple[Skipped, ...]:
    given = (each.members("id", "reason") for each in place.items())
    return tuple(Skipped(each["id"].text(), each["reason"].text()) for each in given)
