"""What is wrong in a catalog file, and on which line. Owns how that reads; what is wrong, others find."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

import tomli

from modelctl.core.text import shorten

KeyPath: TypeAlias = tuple[str | int, ...]
"""Where something stands in a file: `("model", 3, "prices", 2, "input")`; list positions count from 0."""

_BLANK = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*")
_KEY = re.compile(r"""[A-Za-z0-9_-]+|"(?:\\.|[^"\\\n])*"|'[^'\n]*'""")
_DOT = re.compile(r"[ \t]*\.[ \t]*")
_EQUALS = re.compile(r"[ \t]*=[ \t]*")
_STRINGS = (  # the longer quotes first: a multi-line string may end in up to two quotes of its own
    re.compile(r'"""(?:\\.|[^\\])*?"{3,5}', re.DOTALL),
    re.compile(r"'''.*?'{3,5}", re.DOTALL),
    re.compile(r'"(?:\\.|[^"\\\n])*"'),
    re.compile(r"'[^'\n]*'"),
)
_SCALAR = re.compile(r"[^\s,\]}#]+(?: (?=\d)[^\s,\]}#]+)?")  # a blank may stand between a date and its time


class Lines:
    """The lines of one text, looked for when the first is asked: most files have nothing wrong in them."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._lines: Mapping[KeyPath, int] | None = None

    def of(self, path: KeyPath) -> int:
        """The line of a key, or of the nearest table around it that is in the file; else the first."""
        if self._lines is None:
            self._lines = key_lines(self._text)
        while path and path not in self._lines:
            path = path[:-1]
        return self._lines.get(path, 1)


class Severity(StrEnum):
    """Whether a catalog can be used in spite of a finding."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong, by its path in the file; it becomes a `Finding` once the line is looked up."""

    at: KeyPath
    message: str
    hint: str = ""
    severity: Severity = Severity.ERROR
    line: int | None = None
    """Where the parser has told it; otherwise it is looked up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogFinding:
    """One thing that is wrong, as people and editors need it. As text: `file:line: model ID: key: message; hint`."""

    path: str
    """Relative to the working directory where the file is below it."""
    line: int
    """From 1: the line of the key, or of the table that should have it."""
    model_id: str
    """Empty where no model is concerned, or it has no id."""
    key: str
    """Within the model, as `prices[2].input`; else within the file. Empty for the whole of it."""
    severity: Severity
    message: str
    hint: str = ""

    def __str__(self) -> str:
        return f"{self.text}; {self.hint}" if self.hint else self.text

    @property
    def text(self) -> str:
        """The finding without its hint, in one line."""
        model = f"model {self.model_id}: " if self.model_id else ""
        key = f"{self.key}: " if self.key else ""
        return f"{self.path}:{self.line}: {model}{key}{self.message}"


def key_text(path: KeyPath) -> str:
    """A path as people write it: `prices[2].input`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{printable(part)}" if text else printable(part)
    return text


def printable(text: str) -> str:
    """Text from a file or a file's name that is safe in one line of a terminal."""
    return shorten(text if text.isprintable() else ascii(text)[1:-1])


def key_lines(text: str) -> Mapping[KeyPath, int]:
    """The line, from 1, of every table, key and list item. A list item's path ends in its position."""
    scanner = _Scanner(text)
    with suppress(_Lost, RecursionError):  # a line number that is a little too early is better than none
        scanner.document()
    return scanner.lines


class _Lost(Exception):
    """The text is not what the scanner expects here."""


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.lines: dict[KeyPath, int] = {}
        self._newlines = [match.start() for match in re.finditer("\n", text)]
        self._list_lengths: dict[KeyPath, int] = {}

    def document(self) -> None:
        table: KeyPath = ()
        self._take(_BLANK)
        while self.position < len(self.text):
            if self.text[self.position] == "[":
                table = self._header()
            else:
                self._assignment(table)
            self._take(_BLANK)

    def _header(self) -> KeyPath:
        line = self._line()
        brackets = 2 if self.text.startswith("[[", self.position) else 1
        self.position += brackets
        self._take(_BLANK)
        path: KeyPath = ()
        names = self._names()
        for name in names[:-1]:
            path = self._last_item((*path, name))
            self.lines.setdefault(path, line)
        path = (*path, names[-1])
        self.lines.setdefault(path, line)
        if brackets == 2:
            length = self._list_lengths[path] = self._list_lengths.get(path, 0) + 1
            path = (*path, length - 1)
        self.lines[path] = line
        self._take(_BLANK)
        self.position += brackets
        return path

    def _last_item(self, path: KeyPath) -> KeyPath:
        """Below `[[model]]`, `[model.x]` belongs to the model that was begun last."""
        length = self._list_lengths.get(path)
        return path if length is None else (*path, length - 1)

    def _assignment(self, table: KeyPath) -> None:
        line = self._line()
        path = table
        for name in self._names():
            path = (*path, name)
            self.lines.setdefault(path, line)
        self._take(_EQUALS)
        self._value(path)

    def _names(self) -> list[str]:
        names = [_unquoted(self._take(_KEY))]
        while _DOT.match(self.text, self.position):
            self._take(_DOT)
            names.append(_unquoted(self._take(_KEY)))
        return names

    def _value(self, path: KeyPath) -> None:
        opening = self.text[self.position : self.position + 1]
        if opening == "[":
            self._list(path)
        elif opening == "{":
            self._inline_table(path)
        elif opening in ('"', "'"):
            for pattern in _STRINGS:
                if match := pattern.match(self.text, self.position):
                    self.position = match.end()
                    return
            raise _Lost
        else:
            self._take(_SCALAR)

    def _list(self, path: KeyPath) -> None:
        index = 0
        while not self._closed_by("]"):
            self.lines[(*path, index)] = self._line()
            self._value((*path, index))
            index += 1

    def _inline_table(self, path: KeyPath) -> None:
        while not self._closed_by("}"):
            self._assignment(path)

    def _closed_by(self, bracket: str) -> bool:
        """Step over the opening bracket or comma; whether the closing one follows, which is stepped over, too."""
        self._take(_BLANK)
        if self.text[self.position : self.position + 1] != bracket:
            self.position += 1
            self._take(_BLANK)
        if self.text[self.position : self.position + 1] == bracket:
            self.position += 1
            return True
        return False

    def _take(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self.text, self.position)
        if match is None:
            raise _Lost
        self.position = match.end()
        return match.group()

    def _line(self) -> int:
        return bisect_left(self._newlines, self.position) + 1


def _unquoted(key: str) -> str:
    if key[0] == "'":
        return key[1:-1]
    if key[0] == '"':
        return key[1:-1] if "\\" not in key else str(tomli.loads(f"key = {key}")["key"])
    return key
