"""Taking a run back: row by row, where nothing has moved since. Pure; the plan that it makes is applied like any other.

What an undo brings back counts as a person's decision: what is remembered as written stays as the run left it, so that
the next sync sees fields that somebody else has set, and leaves them alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from modelctl.core.credentials import MASK
from modelctl.core.edits.providers import BY_CATALOGS, EDITABLE, editable_of, setting_from_audit, with_settings
from modelctl.core.facts import FACT_FIELDS, PRICE_FIELDS, ModelKey, Source, decode, encode
from modelctl.core.planning.plan import Action, Change, FieldChange, Plan
from modelctl.core.prices.ledger import MONEY_FIELDS
from modelctl.core.prices.price import Basis, PriceKey, PricePoint, point_at
from modelctl.core.provider import Provider
from modelctl.core.runs import CREDENTIAL, MODEL, PROVIDER, HistoryEntry, RecordedPoint, field_names
from modelctl.core.stored import RowState, StoredModel, StoredProvider

COMMAND = "runs undo"
_SWITCHES = ("is_enabled", "pins")


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftAlone:
    """A change of the run that is not undone, and why."""

    key: str
    """A model, or `provider NAME`."""
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Undo:
    """What taking a run back means for one provider."""

    plan: Plan
    moved: tuple[LeftAlone, ...] = ()
    """Rows that somebody has changed since: they stay whole as they are."""
    kept: tuple[LeftAlone, ...] = ()
    """What no undo can take back: prices that followed none, a row that was adopted."""


def undo(
    name: str,
    row: Provider | None,
    stored: StoredProvider,
    entries: Sequence[HistoryEntry],
    ledger: Mapping[ModelKey, Sequence[RecordedPoint]],
) -> Undo:
    """The plan that takes back what `entries` say, all of one run and of this provider.

    `row`: None where the provider's own row has gone.
    """
    draft = _UndoDraft(
        run=entries[0].entry.run if entries else "",
        keeps_basis=bool(entries) and entries[0].entry.command == COMMAND,
    )
    settings: tuple[FieldChange, ...] = ()
    action: Action | None = None
    for each in sorted(entries, key=lambda each: (each.entity, each.key)):
        if each.entity == MODEL:
            key = ModelKey(name, each.key.partition("/")[2])
            _undo_model(draft, each, key, stored, ledger.get(key, ()))
        elif each.entity == CREDENTIAL:
            draft.kept.append(LeftAlone(key=f"key of {each.key}", reason="the audit trail keeps no keys: set it again"))
        else:
            settings, action = _undo_provider(each, row, draft.moved, draft.kept)
    if action is Action.REMOVE and stored.models.keys() - {each.key for each in draft.changes}:
        draft.kept.append(LeftAlone(key=f"provider {name}", reason="its row stays while it has models"))
        action = None
    plan = Plan(
        provider=name,
        changes=tuple(sorted(draft.changes, key=lambda change: change.key)),
        provider_settings=settings,
        provider_action=action,
        existing=len(stored.models),
    )
    return Undo(plan=plan, moved=tuple(draft.moved), kept=tuple(draft.kept))


def removed_provider(entries: Sequence[HistoryEntry]) -> Provider | None:
    """The provider whose row the run removed, as it was; None where it removed none. A masked address is left out."""
    for each in entries:
        if each.entity == PROVIDER and each.entry.action == Action.REMOVE:
            bare = Provider(name=each.key, display_name=each.key, kind="")
            return with_settings(
                bare,
                tuple(
                    FieldChange(name=name, old=None, new=setting_from_audit(name, value), source=Source.PERSON)
                    for name, value in each.entry.before.items()
                    if name in EDITABLE and not _is_masked(value)
                ),
            )
    return None


@dataclass(slots=True)
class _UndoDraft:
    """An undo in the making."""

    run: str
    keeps_basis: bool
    """The run was an undo itself: the prices that it took back are the sources' again."""
    changes: list[Change] = field(default_factory=list)
    moved: list[LeftAlone] = field(default_factory=list)
    kept: list[LeftAlone] = field(default_factory=list)


def _undo_provider(
    each: HistoryEntry, row: Provider | None, moved: list[LeftAlone], kept: list[LeftAlone]
) -> tuple[tuple[FieldChange, ...], Action | None]:
    """The settings as they were, or that the row itself comes or goes. Appends what is left alone, and why."""
    key, entry = f"provider {each.key}", each.entry
    hidden = [name for name, value in entry.before.items() if _is_masked(value)]
    foreign = [name for name in field_names(entry) if name not in EDITABLE]
    if entry.action == Action.CREATE and entry.command in BY_CATALOGS:
        kept.append(LeftAlone(key=key, reason="a provider's row stays"))
        return (), None
    if since := _moved_since(each, row):
        moved.append(LeftAlone(key=key, reason=since))
    if foreign:
        kept.append(LeftAlone(key=key, reason=f"an undo does not restore {', '.join(foreign)}"))
    if hidden:
        kept.append(LeftAlone(key=key, reason=f"the audit trail keeps no password: {', '.join(hidden)}"))
    if since or row is None:
        return (), None if since else Action.CREATE
    if entry.action == Action.CREATE:
        return (), Action.REMOVE
    return () if foreign or hidden else _former_settings(each, row), None


def _moved_since(each: HistoryEntry, row: Provider | None) -> str:
    """Why the row is not as the run left it; empty where it is."""
    entry = each.entry
    if entry.action == Action.REMOVE:
        return "" if row is None else "the row was added again since"
    if row is None:
        return "the row was removed since"
    present = editable_of(row)
    changed = [name for name in EDITABLE if name in entry.after and encode(present[name]) != entry.after[name]]
    return f"changed since: {', '.join(changed)}" if changed else ""


def _former_settings(each: HistoryEntry, row: Provider) -> tuple[FieldChange, ...]:
    present, before = editable_of(row), each.entry.before
    return tuple(
        FieldChange(name=name, old=present[name], new=setting_from_audit(name, before.get(name)), source=Source.PERSON)
        for name in field_names(each.entry)
    )


def _is_masked(value: object) -> bool:
    return isinstance(value, str) and MASK in value


def _undo_model(
    draft: _UndoDraft, each: HistoryEntry, key: ModelKey, stored: StoredProvider, ledger: Sequence[RecordedPoint]
) -> None:
    model, action = stored.models.get(key), each.entry.action
    if action == Action.REMOVE:
        _bring_back(draft, each, key, stored)
        return
    if model is None:
        draft.moved.append(LeftAlone(key=str(key), reason="the row was removed since"))
        return
    reasons = [*_moves(each, model), *_later_prices(draft.run, ledger)]
    if reasons:
        draft.moved.append(LeftAlone(key=str(key), reason=f"changed since: {', '.join(reasons)}"))
    elif action == Action.ADOPT:
        draft.kept.append(LeftAlone(key=str(key), reason="an adopted row stays modelctl's"))
    elif action == Action.CREATE:
        draft.changes.append(Change(action=Action.REMOVE, key=key, existing=model))
    else:
        _take_back(draft, each, model, ledger)


def _moves(each: HistoryEntry, model: StoredModel) -> Iterator[str]:
    """The fields that no longer have the value which the run gave them."""
    after, state = each.entry.after, model.state or RowState()
    for name in field_names(each.entry):
        if name == "is_enabled":
            same = after.get(name) == model.is_enabled
        elif name == "pins":
            same = after.get(name) == sorted(state.pins)
        else:
            same = name in FACT_FIELDS and after.get(name) == encode(getattr(model.facts, name))
        if not same:
            yield name
    if each.entry.action == Action.CREATE:  # the whole row goes: what others have filled in since counts, too
        yield from (name for name, _ in model.facts.known() if name not in after)
        if "pins" not in after and state.pins:
            yield "pins"


def _later_prices(run: str, ledger: Sequence[RecordedPoint]) -> Iterator[str]:
    """The prices that another run has appended after those of this one."""
    ours = [each for each in ledger if each.run == run]
    later = set()
    for own in ours:
        others = (each for each in ledger if each.run != run and each.point.key == own.point.key)
        start, revision = own.point.effective_from, own.point.revision
        if any(
            each.recorded_at > own.recorded_at
            or (each.point.effective_from == start and each.point.revision > revision)  # which corrects it
            for each in others
        ):
            later.add(f"price {own.point.kind}")
    yield from sorted(later)


def _take_back(draft: _UndoDraft, each: HistoryEntry, model: StoredModel, ledger: Sequence[RecordedPoint]) -> None:
    prices, stuck = _former_prices(draft, ledger)
    before = each.entry.before
    names = [name for name in field_names(each.entry) if name not in _SWITCHES]
    if any(PriceKey(kind) in stuck for kind in PRICE_FIELDS.values()):  # the columns show what the ledger still says
        names = [name for name in names if name not in MONEY_FIELDS]
        prices = tuple(point for point in prices if point.key not in map(PriceKey, PRICE_FIELDS.values()))
    fields = tuple(
        FieldChange(name=name, old=getattr(model.facts, name), new=decode(name, before.get(name)), source=Source.PERSON)
        for name in names
    )
    state = model.state
    if state is not None and "pins" in each.entry.after:
        state = replace(state, pins=frozenset(before.get("pins") or ()))
    if stuck:
        kinds = ", ".join(sorted({key.kind for key in stuck}))
        reason = f"prices are not undone, because none was in force before: {kinds}"
        draft.kept.append(LeftAlone(key=str(model.key), reason=reason))
    is_enabled = bool(before["is_enabled"]) if "is_enabled" in each.entry.after else None
    if fields or prices or is_enabled is not None or state != model.state:
        change = Change(
            action=Action.UPDATE,
            key=model.key,
            fields=fields,
            prices=prices,
            is_enabled=is_enabled,
            state=state,
            existing=model,
        )
        draft.changes.append(change)


def _former_prices(draft: _UndoDraft, ledger: Sequence[RecordedPoint]) -> tuple[tuple[PricePoint, ...], set[PriceKey]]:
    """For each price of the run a revision with what held without it, and the keys for which nothing did."""
    starts = sorted({(each.point.key, each.point.effective_from) for each in ledger if each.run == draft.run})
    others = [each.point for each in ledger if each.run != draft.run]
    prices, stuck = [], set()
    for key, start in starts:
        former = point_at((point for point in others if point.key == key), start)
        if former is None:
            stuck.add(key)
            continue
        there = (each.point for each in ledger if each.point.key == key and each.point.effective_from == start)
        revision = max(point.revision for point in there) + 1
        own = draft.keeps_basis and former.effective_from == start
        basis = former.basis if own else Basis.MANUAL
        source = former.source if own else f"undo of {draft.run}"
        prices.append(former._replace(effective_from=start, revision=revision, basis=basis, source=source))
    return tuple(point for point in prices if point.key not in stuck), stuck


def _bring_back(draft: _UndoDraft, each: HistoryEntry, key: ModelKey, stored: StoredProvider) -> None:
    """A row that the run removed, as it was. What is remembered of it still is: who owned a field owns it again."""
    if key in stored.models:
        draft.moved.append(LeftAlone(key=str(key), reason="the row was created again since"))
        return
    before, removed = each.entry.before, stored.removed_by_hand.get(key)
    fields = tuple(
        FieldChange(name=name, old=None, new=decode(name, before[name]), source=Source.PERSON)
        for name in FACT_FIELDS
        if before.get(name) is not None
    )
    change = Change(
        action=Action.CREATE,
        key=key,
        fields=fields,
        is_enabled=bool(before.get("is_enabled")),
        state=removed.state if removed is not None else None,
        removed=removed,
    )
    draft.changes.append(change)
