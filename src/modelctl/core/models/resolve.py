"""Which model a name means. Exact id, alias, or `-latest` or a real date stripped; never a prefix or a part.

`gemini-1.5-flash-8b` is not `gemini-1.5-flash`: what merely looks alike is suggested, not taken.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from modelctl.core.facts import ModelFacts, ModelKey
from modelctl.core.stored import StoredModel, has_ended
from modelctl.core.text import shorten, similar_names
from modelctl.errors import ModelctlError, UsageError

if TYPE_CHECKING:
    from modelctl.core.provider import Provider

NAMING_FACTS = ("aliases",)
"""The facts by which a name can mean a model, besides its key."""
_DATED = re.compile(r"(?P<name>.+)(?:-(\d{4})-(\d{2})-(\d{2})|[-@](\d{4})(\d{2})(\d{2}))")
_LATEST = "-latest"


class Rule(StrEnum):
    """How a name was understood, in the order in which the rules are tried."""

    EXACT = "exact"  # provider/model_id
    BARE_ID = "id"  # the id alone, which one provider has
    ALIAS = "alias"  # with the provider or without
    WITHOUT_LATEST = "latest"  # any of these, once `-latest` is stripped: the undated id is what vendors move along
    WITHOUT_DATE = "date"  # any of these, once a date is stripped from the end


_BY = {
    Rule.EXACT: "exact id",
    Rule.BARE_ID: "id, which no other provider has",
    Rule.ALIAS: "alias",
    Rule.WITHOUT_LATEST: "name without `-latest`",
    Rule.WITHOUT_DATE: "name without the date",
}


class Named(Protocol):
    """What can be resolved: a stored model, or a record of a source."""

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


def resolve(name: str, models: Iterable[Named]) -> Resolution:
    """The one model that the name means. UsageError where it means several, ModelctlError where it means none."""
    known = list(models)
    if found := _match(name, known):
        return found
    if name.endswith(_LATEST) and (found := _match(name.removesuffix(_LATEST), known)):
        return Resolution(found.key, Rule.WITHOUT_LATEST)
    dated = _DATED.fullmatch(name)
    is_dated = dated is not None and _is_a_day(*(int(part) for part in dated.groups()[1:] if part is not None))
    if dated is not None and is_dated and (found := _match(dated["name"], known)):
        return Resolution(found.key, Rule.WITHOUT_DATE)
    raise _unknown(name, known)


def _match(name: str, known: list[Named]) -> Resolution | None:
    rules: dict[Rule, Callable[[Named], bool]] = {
        Rule.EXACT: lambda model: str(model.key) == name,
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


def _is_a_day(year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True


def _unknown(name: str, known: list[Named]) -> ModelctlError:
    spellings: dict[str, list[str]] = {}
    for model in known:
        for spelling in (model.key.model_id, str(model.key)):
            spellings.setdefault(spelling, []).append(str(model.key))
    close = list(dict.fromkeys(key for spelling in similar_names(name, spellings) for key in spellings[spelling]))
    hint = f"similar: {', '.join(close)}" if close else "see `modelctl list --all`, or `modelctl list --search TEXT`"
    return ModelctlError(f"no model is named {shorten(name)!r}", hint)


def usable(
    models: Iterable[StoredModel],
    providers: Mapping[str, Provider],
    has_key: Callable[[Provider], bool],
    today: date,
) -> list[StoredModel]:
    """Those that are enabled and answer, of providers that are enabled and have a key, or need none."""
    askable = {name for name, each in providers.items() if each.is_enabled and (not each.env_vars or has_key(each))}
    return [each for each in models if each.key.provider in askable and each.is_enabled and not has_ended(each, today)]


def by_provider(models: Iterable[StoredModel]) -> dict[str, tuple[StoredModel, ...]]:
    """The models of each provider, in their order."""
    groups: dict[str, list[StoredModel]] = {}
    for each in models:
        groups.setdefault(each.key.provider, []).append(each)
    return {name: tuple(group) for name, group in groups.items()}
