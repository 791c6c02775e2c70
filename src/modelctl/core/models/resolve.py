"""Which model a name means. Exact id, alias, or `-latest` or a real date stripped; never a prefix or a part.

`gemini-1.5-flash-8b` is not `gemini-1.5-flash`: what merely looks alike is suggested, not taken.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from modelctl.core.facts import ModelFacts, ModelKey
from modelctl.core.stored import StoredModel, has_ended
from modelctl.core.text import shorten, similar_names
from modelctl.errors import UsageError

if TYPE_CHECKING:
    from modelctl.core.provider import Provider

NAMING_FACTS = ("aliases", "family", "released_on")
"""The facts by which a name can mean a model, besides its key."""
_DATED = re.compile(r"(?P<name>.+)(?:-(\d{4})-(\d{2})-(\d{2})|[-@](\d{4})(\d{2})(\d{2}))")
_LATEST = "-latest"
_ROW = re.compile(r"id:([0-9]{1,18})", re.ASCII)


class Rule(StrEnum):
    """How a name was understood, in the order in which the rules are tried."""

    EXACT = "exact"  # provider/model_id
    ROW = "row"  # id:17, the number of the row
    BARE_ID = "id"  # the id alone, which one provider has
    ALIAS = "alias"  # with the provider or without
    WITHOUT_LATEST = "latest"  # any of these, once `-latest` is stripped: the undated id is what vendors move along
    WITHOUT_DATE = "date"  # any of these, once a day on which it can have come out is stripped from the end


_BY = {
    Rule.EXACT: "exact id",
    Rule.ROW: "row's number",
    Rule.BARE_ID: "id, which only this provider has",
    Rule.ALIAS: "alias",
    Rule.WITHOUT_LATEST: "name without `-latest`",
    Rule.WITHOUT_DATE: "name without the date",
}


class Named(Protocol):
    """What can be told from others by its spelling: a stored model, or a record of a source."""

    @property
    def key(self) -> ModelKey:
        """Its identity."""

    @property
    def facts(self) -> ModelFacts:
        """Among them its aliases."""


@dataclass(frozen=True, slots=True)
class Resolution:
    """The model that is meant, and why."""

    key: ModelKey
    rule: Rule

    def __str__(self) -> str:
        return f"{self.key} (by its {_BY[self.rule]})"


def resolve(name: str, models: Iterable[StoredModel], today: date) -> Resolution:
    """The one model that the name means. UsageError where it means none, or several."""
    known = list(models)
    if found := _match(name, known):
        return found
    if name.endswith(_LATEST) and (found := _match(name.removesuffix(_LATEST), known)):
        return Resolution(found.key, Rule.WITHOUT_LATEST)
    dated = _DATED.fullmatch(name)
    day = _day(*(int(part) for part in dated.groups()[1:] if part is not None)) if dated is not None else None
    if dated is not None and day is not None and day <= today and (found := _match(dated["name"], known)):
        first = _first_release(found.key, known)
        if first is None or day >= first:
            return Resolution(found.key, Rule.WITHOUT_DATE)
    raise _unknown(name, known)


def _match(name: str, known: list[StoredModel]) -> Resolution | None:
    numbered = _ROW.fullmatch(name)
    rules: dict[Rule, Callable[[StoredModel], bool]] = {
        Rule.EXACT: lambda model: str(model.key) == name,
        Rule.ROW: lambda model: numbered is not None and model.row_id == int(numbered[1]),
        Rule.BARE_ID: lambda model: model.key.model_id == name,
        Rule.ALIAS: lambda model: any(
            name in (alias, f"{model.key.provider}/{alias}") for alias in model.facts.aliases or ()
        ),
    }
    for rule, fits in rules.items():
        keys = sorted(model.key for model in known if fits(model))
        if len(keys) > 1:
            what = "alias" if rule is Rule.ALIAS else "id"
            raise UsageError(
                f"{shorten(name)!r} is ambiguous: {len(keys)} models have that {what}",
                f"say which one: {', '.join(map(str, keys))}",
            )
        if keys:
            return Resolution(keys[0], rule)
    return None


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _first_release(key: ModelKey, known: Iterable[StoredModel]) -> date | None:
    """When the first model of its family came out, itself included: no dated id of it is older. None: unknown."""
    by_key = {model.key: model for model in known}
    family = by_key[key].facts.family
    days = [
        each.facts.released_on
        for each in by_key.values()
        if each.key == key or (family is not None and (each.key.provider, each.facts.family) == (key.provider, family))
    ]
    return min((day for day in days if day is not None), default=None)


def _unknown(name: str, known: list[StoredModel]) -> UsageError:
    spellings: dict[str, list[str]] = {}
    for model in known:
        for spelling in (model.key.model_id, str(model.key)):
            spellings.setdefault(spelling, []).append(str(model.key))
    close = list(dict.fromkeys(key for spelling in similar_names(name, spellings) for key in spellings[spelling]))
    hint = f"similar: {', '.join(close)}" if close else "see `modelctl list --all`, or `modelctl list --search TEXT`"
    return UsageError(f"no model is named {shorten(name)!r}", hint)


class Obstacle(StrEnum):
    """Why a model cannot be called, in the order in which the causes are mended."""

    PROVIDER = "provider"  # it is switched off, or not in the database
    KEY = "key"  # there is none
    STATUS = "status"  # the model does not answer any more
    SWITCH = "switch"  # the application's own is off


def obstacles(
    model: StoredModel, providers: Mapping[str, Provider], keyed: Collection[str], today: date
) -> tuple[Obstacle, ...]:
    """All that keeps a model from being called; nothing where it can be. `keyed`: the providers that can be asked."""
    provider = providers.get(model.key.provider)
    is_on = provider is not None and provider.is_enabled
    found = {
        Obstacle.PROVIDER: not is_on,
        Obstacle.KEY: is_on and model.key.provider not in keyed,
        Obstacle.STATUS: has_ended(model, today),
        Obstacle.SWITCH: not model.is_enabled,
    }
    return tuple(each for each, is_there in found.items() if is_there)


def by_provider(models: Iterable[StoredModel]) -> dict[str, tuple[StoredModel, ...]]:
    """The models of each provider, in their order."""
    groups: dict[str, list[StoredModel]] = {}
    for each in models:
        groups.setdefault(each.key.provider, []).append(each)
    return {name: tuple(group) for name, group in groups.items()}
