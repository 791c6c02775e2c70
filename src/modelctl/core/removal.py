"""Which rows go when a person removes models, and which rows point at them. Pure; the ledger and the audit stay."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date

from modelctl.core.batches import all_or_none
from modelctl.core.edits import set_facts
from modelctl.core.model import FactValue, ModelKey
from modelctl.core.plan import Action, Change
from modelctl.core.stored import RowState, StoredModel
from modelctl.errors import UsageError

MAX_NAMED = 5


def pointing_at(gone: Collection[ModelKey], known: Mapping[ModelKey, StoredModel]) -> list[ModelKey]:
    """The rows that stay and name one of the models as their replacement, or its id among their aliases."""
    return sorted(
        key
        for key, model in known.items()
        if key not in gone and _without(model, [known[each] for each in gone if each.provider == key.provider])
    )


def remove(models: Sequence[StoredModel], known: Mapping[ModelKey, StoredModel]) -> list[Change]:
    """Remove rows at which no other points. UsageError, or BadRows for several, naming those at which one does."""
    gone = {model.key for model in models}
    return all_or_none(models, lambda model: _removed(model, pointing_at([model.key], known), gone))


def remove_with_pointers(
    models: Sequence[StoredModel], known: Mapping[ModelKey, StoredModel], *, today: date
) -> list[Change]:
    """Remove rows, and take the pointers at them out of the rows that stay; a person's word, so pinned."""
    gone = {model.key for model in models}
    changes = [_removed(model, [], ()) for model in models]
    for key in pointing_at(gone, known):
        values = _without(known[key], [each for each in models if each.key.provider == key.provider])
        if (change := set_facts(known[key], values, known, today=today)) is not None:
            changes.append(change)
    return sorted(changes, key=lambda change: change.key)


def _removed(model: StoredModel, pointing: Sequence[ModelKey], gone: Collection[ModelKey]) -> Change:
    stay = [key for key in pointing if key not in gone]
    if stay:
        more = f" and {len(stay) - MAX_NAMED} more" if len(stay) > MAX_NAMED else ""
        raise UsageError(
            f"{model.key}: {', '.join(map(str, stay[:MAX_NAMED]))}{more} would point at nothing",
            "--cascade takes the replacement or alias out of those rows",
        )
    # What is remembered of a row says that its going was a decision: also of one that modelctl did not own.
    state = RowState() if model.state is None else None
    return Change(action=Action.REMOVE, key=model.key, state=state, existing=model)


def _without(model: StoredModel, gone: Collection[StoredModel]) -> dict[str, FactValue]:
    """The facts of a row that point at those others of its provider, without that; empty where none does."""
    values: dict[str, FactValue] = {}
    ids = {each.key.model_id for each in gone}
    names = ids.union(*(each.facts.aliases or () for each in gone))
    aliases = model.facts.aliases or ()
    if model.facts.replacement in names:
        values["replacement"] = None
    if ids.intersection(aliases):
        values["aliases"] = tuple(each for each in aliases if each not in ids)
    return values
