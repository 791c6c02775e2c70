"""TOML that people write: read whole or refused with its line, and on which line each key of it stands."""

from __future__ import annotations

import re
from bisect import bisect_left
from codecs import BOM_UTF8
from collections.abc import Mapping
from contextlib import suppress
from decimal import Decimal
from typing import Any, TypeAlias

import tomli

from modelctl.core.text import shorten

KeyPath: TypeAlias = tuple[str | int, ...]
"""Where something stands in a file: `("model", 3, "prices", 2, "input")`; list positions count from 0."""


class NotTomlError(Exception):
    """The text is no TOML: nothing else can be said of it."""

    def __init__(self, message: str, *, line: int = 1) -> None:
        super().__init__(message)
        self.message, self.line = message, line


def text_of(content: bytes) -> str:
    """The text of a file. NotTomlError where it is not UTF-8."""
    content = content.removeprefix(BOM_UTF8)  # editors on Windows put that mark in front
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise NotTomlError("is not UTF-8", line=content.count(b"\n", 0, error.start) + 1) from error


def parsed(text: str) -> dict[str, Any]:
    """What the text says; numbers with a point are Decimal. NotTomlError where it says nothing."""
    try:
        return tomli.loads(text, parse_float=Decimal)
    except tomli.TOMLDecodeError as error:
        at_end = str(error).endswith("(at end of document)")
        where = "at end of document" if at_end else f"column {error.colno}"
        raise NotTomlError(f"is not TOML: {error.msg} ({where})", line=error.lineno) from error
    except RecursionError as error:
        raise NotTomlError("is nested too deeply") from error
    except (ValueError, ArithmeticError) as error:  # over 4,300 digits, or an exponent beyond Decimal's
        raise NotTomlError("is not TOML: a number is too long to be read") from error


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
