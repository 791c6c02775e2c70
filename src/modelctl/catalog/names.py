"""Whether ids and aliases are names that the vendor's API takes, each for one model only. Pure.

An id that is spelled like the marketing page (`GPT-4o`, `claude-3.5-sonnet`) looks right and is a 404 in production.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from modelctl.catalog.checks import Check, Terms
from modelctl.catalog.finding import KeyPath, Problem, printable
from modelctl.catalog.read import CatalogFile


class Spelling(NamedTuple):
    """A pattern that no id of a vendor has, and what to say to it."""

    wrong: re.Pattern[str]
    message: str


ANYWHERE = (Spelling(re.compile(r"\s"), "holds a blank"),)

VENDOR_SPELLINGS: Mapping[str, tuple[Spelling, ...]] = {
    "openai": (Spelling(re.compile(r"[A-Z]"), "has an upper-case letter, which no id of OpenAI has"),),
    "anthropic": (
        Spelling(re.compile(r"[A-Z]"), "has an upper-case letter, which no id of Anthropic has"),
        # claude-1.3, claude-instant-1.2, claude-2.1 were the last with a point
        Spelling(
            re.compile(r"^(?!claude-(?:instant-)?[12]\.\d).*\."), "has a point, which ids of Anthropic write as '-'"
        ),
    ),
    "google": (
        Spelling(re.compile(r"^models/"), "is a resource name; the id begins after models/"),
        # gemma-3n-E2B-it: the number of effective parameters is the only upper case that Google has
        Spelling(re.compile(r"[A-Z]"), "has an upper-case letter, which of Google's only gemma's E2B and E4B have"),
    ),
    "replicate": (Spelling(re.compile(r"^[^/]*$|/.*/"), "is not of the form owner/name"),),
}
_EFFECTIVE_SIZE = re.compile(r"-E\d+B(?=-|$)")


def spelled_like_the_vendor(file: CatalogFile, terms: Terms) -> Iterator[Problem]:
    """Ids and aliases follow what is known of the vendor's spelling."""
    provider = file.provider.name if file.provider is not None else ""
    for entry in file.entries:
        yield from _problems(provider, entry.table.id, ("model", entry.index, "id"))
        for position, alias in enumerate(entry.table.aliases or ()):
            yield from _problems(provider, alias, ("model", entry.index, "aliases", position))


def names_are_unique(file: CatalogFile, terms: Terms) -> Iterator[Problem]:
    """An alias is no other model's id or alias. (Two models with one id are refused before.)"""
    owners = {model_id: model_id for model_id in file.ids if model_id}
    for entry in file.entries:
        for position, alias in enumerate(entry.table.aliases or ()):
            at = ("model", entry.index, "aliases", position)
            owner = owners.get(alias)
            if owner is None:
                owners[alias] = entry.table.id
            elif owner == alias:
                message = "is the id of this model" if alias == entry.table.id else "is the id of another model"
                yield Problem(at=at, message=f"{printable(alias)} {message}")
            elif owner != entry.table.id:
                yield Problem(at=at, message=f"{printable(alias)} is an alias of {printable(owner)}, too")


NAME_CHECKS: tuple[Check, ...] = (spelled_like_the_vendor, names_are_unique)


def misspellings(provider: str, name: str) -> Iterator[str]:
    """What speaks against an id or an alias by all that is known of its vendor's spelling."""
    plain = _EFFECTIVE_SIZE.sub("", name) if name.startswith("gemma-") else name
    for rule in (*ANYWHERE, *VENDOR_SPELLINGS.get(provider, ())):
        if rule.wrong.search(plain):
            yield rule.message


def _problems(provider: str, name: str, at: KeyPath) -> Iterator[Problem]:
    for message in misspellings(provider, name):
        yield Problem(at=at, message=f"{printable(name)} {message}")
