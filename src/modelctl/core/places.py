"""Reading a JSON document strictly: each value knows its place, and an error names it in one line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, NoReturn, TypeVar

from modelctl.errors import UsageError

E = TypeVar("E", bound=StrEnum)

_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Place:
    """A value of a document, and where it stands."""

    value: Any
    path: str

    def refuse(self, problem: str) -> NoReturn:
        """UsageError that names the place."""
        raise UsageError(f"{self.path} {problem}", "make the plan anew with `modelctl plan -o FILE`")

    def members(self, *names: str) -> dict[str, Place]:
        """The members of an object that has exactly these."""
        if not isinstance(self.value, dict):
            self.refuse("is no object")
        for name in self.value.keys() - set(names):
            self.refuse(f"has a key {name[:60]!r} that nobody knows")
        for name in names:
            if name not in self.value:
                self.refuse(f"has no {name!r}")
        return {name: Place(self.value[name], f"{self.path}.{name}") for name in names}

    def items(self) -> Iterator[Place]:
        """The items of a list."""
        if not isinstance(self.value, list):
            self.refuse("is no list")
        return (Place(each, f"{self.path}[{index}]") for index, each in enumerate(self.value))

    def text(self) -> str:
        """A text."""
        if not isinstance(self.value, str):
            self.refuse("is no text")
        return self.value

    def texts(self) -> tuple[str, ...]:
        """A list of texts."""
        return tuple(each.text() for each in self.items())

    def text_or_none(self) -> str | None:
        """A text, or null."""
        return None if self.value is None else self.text()

    def count(self) -> int:
        """A whole number that is not negative."""
        if type(self.value) is not int or self.value < 0:
            self.refuse("is no count")
        return self.value

    def count_or_none(self) -> int | None:
        """A count, or null."""
        return None if self.value is None else self.count()

    def boolean(self) -> bool:
        """true or false."""
        if not isinstance(self.value, bool):
            self.refuse("is neither true nor false")
        return self.value

    def boolean_or_none(self) -> bool | None:
        """true, false or null."""
        return None if self.value is None else self.boolean()

    def instant(self) -> datetime:
        """An instant with its offset from UTC."""
        try:
            found = datetime.fromisoformat(self.text())
        except ValueError:
            self.refuse("is no instant")
        if found.tzinfo is None:
            self.refuse("names no time zone")
        return found.astimezone(UTC)

    def choice(self, kind: type[E]) -> E:
        """One of the values of an enumeration."""
        try:
            return kind(self.text())
        except ValueError:
            self.refuse(f"is not one of {', '.join(kind)}")

    def digest_or_none(self) -> str | None:
        """A SHA-256 in hexadecimal digits, or null."""
        if self.value is not None and not _DIGEST.fullmatch(self.text()):
            self.refuse("is no SHA-256")
        return self.text_or_none()


def document(text: str, name: str) -> Place:
    """The JSON document of a file called `name`. UsageError where it is none."""
    try:
        return Place(json.loads(text, parse_constant=_no_number), name)
    except (ValueError, RecursionError) as error:
        reason = f"line {error.lineno}: {error.msg}" if isinstance(error, json.JSONDecodeError) else str(error)[:200]
        Place(None, name).refuse(f"is no JSON document ({reason})")


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no JSON number")
