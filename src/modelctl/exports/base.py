"""What an export is made of and what it comes to: what every format's module is given, and what it has to say.

A format is one module and one line in `registry.py`. It reads nothing and writes nothing.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import Any, Protocol

from modelctl.core.facts import ModelFacts, ModelKey, ModelType, exact_number
from modelctl.core.prices.price import STANDARD, PriceKey, PricePoint, PriceUnit, current
from modelctl.core.provider import Provider
from modelctl.core.stored import StoredModel

CURRENCY = "USD"
"""The currency of every price list that tools read; an amount in another one would be read as dollars."""


@dataclass(frozen=True, kw_only=True)
class Offer:
    """One model as it can be bought at one instant."""

    model: StoredModel
    """With its ledger."""
    provider: Provider
    at: datetime

    @property
    def key(self) -> ModelKey:
        """The model's identity."""
        return self.model.key

    @property
    def facts(self) -> ModelFacts:
        """What is known of it; None is unknown, and no format may make a number of it."""
        return self.model.facts

    @cached_property
    def in_force(self) -> Mapping[PriceKey, PricePoint]:
        """The prices of this instant, those for some hours of the day among them."""
        return current(self.model.prices, self.at)

    def price(
        self, kind: str, *, unit: str = PriceUnit.MTOK, context_above: int = 0, service_tier: str = STANDARD
    ) -> Decimal | None:
        """The amount in USD per unit that holds all day; None where it is unknown, or in another currency."""
        point = self.in_force.get(PriceKey(kind, unit, context_above, service_tier))
        return point.amount if point is not None and point.currency == CURRENCY else None

    def amounts(self, kinds: Mapping[str, str], *, context_above: int = 0) -> dict[str, Decimal]:
        """Of the prices per million tokens those that are known: `kinds` says for each key of a file which it shows."""
        found = {key: self.price(kind, context_above=context_above) for key, kind in kinds.items()}
        return {key: amount for key, amount in found.items() if amount is not None}

    @cached_property
    def context_tiers(self) -> tuple[int, ...]:
        """The prompt sizes, in tokens, above which other prices per token hold."""
        of_tokens = (key for key in self.in_force if key.unit == PriceUnit.MTOK and key.service_tier == STANDARD)
        return tuple(sorted({key.context_above for key in of_tokens} - {0}))

    @property
    def is_chat(self) -> bool:
        """Whether it answers chat requests."""
        return self.facts.type == ModelType.CHAT

    @property
    def name(self) -> str:
        """The name for people, or the id where none is known."""
        return self.facts.display_name or self.key.model_id

    @property
    def has_vision(self) -> bool | None:
        """Whether it takes images; None where it is unknown."""
        if self.facts.vision is not None or self.facts.input_modalities is None:
            return self.facts.vision
        return "image" in self.facts.input_modalities


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """A file for a tool, and what it could not be told."""

    text: str
    models: int
    """How many models it names."""
    left_out: Mapping[str, tuple[ModelKey, ...]] = field(default_factory=dict)
    """Why -> the models of which something, or all, is missing in it."""


class ExportFormat(Protocol):
    """What a format's module has: what it is for, and one function."""

    @property
    def NAME(self) -> str:
        """As it is written on the command line."""
        ...

    @property
    def SUMMARY(self) -> str:
        """What reads it, in a line of help."""
        ...

    @property
    def DOCS(self) -> str:
        """The page that documents the file, or the code that reads it."""
        ...

    @property
    def IS_MENU(self) -> bool:
        """Whether it says what people may choose from: then only models that are switched on are in it."""
        ...

    def render(self, offers: Sequence[Offer]) -> Export:
        """The file. Pure; the offers come sorted by key, and so does what is made of them."""
        ...


class Omissions:
    """Collects what a format cannot say."""

    def __init__(self) -> None:
        self._by_reason: defaultdict[str, list[ModelKey]] = defaultdict(list)

    def add(self, reason: str, offer: Offer) -> None:
        """Something of this model is missing in the file."""
        self._by_reason[reason].append(offer.key)

    def chat_only(self, offers: Iterable[Offer]) -> list[Offer]:
        """The chat models; the others are left out."""
        return self.only(offers, lambda offer: offer.is_chat, "no chat model")

    def only(self, offers: Iterable[Offer], fits: Callable[[Offer], object], reason: str) -> list[Offer]:
        """Those that fit; the others are left out for that reason."""
        kept = []
        for offer in offers:
            if fits(offer):
                kept.append(offer)
            else:
                self.add(reason, offer)
        return kept

    def one_of_a_name(self, offers: Iterable[Offer], name: Callable[[Offer], str]) -> dict[str, Offer]:
        """By name, the first that has it: a file with two entries of one name would be read as one of them."""
        named: dict[str, Offer] = {}
        for offer in offers:
            if named.setdefault(name(offer), offer) is not offer:
                self.add("the same name as another one", offer)
        return named

    def done(self) -> dict[str, tuple[ModelKey, ...]]:
        """By reason, the models in their order."""
        return {reason: tuple(keys) for reason, keys in self._by_reason.items()}


def per_token(amount: Decimal | None) -> int | float | None:
    """The exact number per token of an amount per million; None stays None."""
    return None if amount is None else number(amount.scaleb(-6))


def number(amount: Decimal | None) -> int | float | None:
    """The exact JSON number of an amount; None stays None."""
    return None if amount is None else exact_number(amount)


def known(values: Mapping[str, Any]) -> dict[str, Any]:
    """Without what is unknown: a reader that finds no key assumes nothing, or says so."""
    return {name: value for name, value in values.items() if value is not None}


def json_file(value: object) -> str:
    """The text of a JSON file, made for diffs: a key on each line."""
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def yaml_file(value: object) -> str:
    """The text of a YAML file, keys in the order that they are given."""
    import yaml

    class Plain(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]  # libyaml's, where it is there
        """Writes a list again where it stands twice: an alias is hard to read, and some readers refuse it."""

        def ignore_aliases(self, data: object) -> bool:
            return True

    text: str = yaml.dump(value, Dumper=Plain, sort_keys=False, allow_unicode=True, width=120)
    return text
