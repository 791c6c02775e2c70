"""On which line of a TOML text each key stands, which the standard parser does not tell.

Reads text that `tomli` has accepted already and refuses nothing: where it loses its way it keeps what it has found.
Only errors and lint pay for it.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Mapping
from contextlib import suppress

import tomli

from modelctl.catalog.finding import KeyPath

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
