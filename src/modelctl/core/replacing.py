"""Which model may be stated as another one's replacement: one that is there, and that does not lead back. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date

from modelctl.core.lifecycle import ENDED
from modelctl.core.model import ModelKey
from modelctl.core.resolve import resolve
from modelctl.core.stored import StoredModel
from modelctl.core.succession import chain_of
from modelctl.core.validate import shorten
from modelctl.errors import ModelctlError, UsageError


def replacement_of(key: ModelKey, name: str, known: Mapping[ModelKey, StoredModel]) -> ModelKey:
    """The model that `name` means, of the same provider. UsageError where it cannot replace `key`."""
    others = [model for other, model in known.items() if other.provider == key.provider]
    if any(str(other) == name and other.provider != key.provider for other in known):
        raise UsageError(
            f"{key}: replacement {shorten(name)} is another provider's", "a replacement is called at the same provider"
        )
    try:
        found = resolve(name, others).key
    except ModelctlError as error:
        raise UsageError(f"{key}: replacement: {error.message}", error.hint) from None
    if found == key:
        raise UsageError(f"{key}: the replacement is the model itself", "name another one")
    path, at = [key.model_id, found.model_id], known.get(found)
    while at is not None and (following := at.facts.replacement) is not None and following not in path[1:]:
        path.append(following)
        if following == key.model_id:
            raise UsageError(f"{key}: the replacements would go round in a circle: {' -> '.join(path)}")
        at = known.get(ModelKey(key.provider, following))
    return found


def require_live(
    key: ModelKey,
    replacement: ModelKey,
    known: Mapping[ModelKey, StoredModel],
    *,
    ending: Collection[ModelKey],
    until: date | None,
    today: date,
) -> None:
    """UsageError unless the replacement lives, and longer than what it replaces.

    `ending`: the models whose end is being stated together with this one. `until`: the last day of `key`.
    """
    facts = known[replacement].facts
    ends = facts.retires_on
    if replacement in ending:
        raise UsageError(f"{key}: its replacement {replacement} is being deprecated, too", "name one that stays")
    if facts.status in ENDED or (ends is not None and ends < max(until or today, today)):
        chain = chain_of(known[replacement], known, after=until or today, today=today)
        hint = f"{chain.live} replaces that one" if chain.live else "name one that stays"
        end = f" and ends on {ends}" if ends is not None and ends >= today else ""
        raise UsageError(f"{key}: its replacement {replacement} is {facts.status or 'not live'}{end}", hint)
