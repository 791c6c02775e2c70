"""One catalog file, as far as it can be understood, with everything that is wrong in it. Never raises for content."""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

import tomli

from modelctl.catalog.entries import Entry, model_tables, stated_id, understand
from modelctl.catalog.finding import Finding, Lines, Problem, key_text, printable
from modelctl.core.model import Source
from modelctl.core.provider import Provider
from modelctl.core.validate import check_provider_name
from modelctl.errors import InvalidFact


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogFile:
    """What one file says. With no findings, all of it can be used."""

    path: str
    """As it is shown to people."""
    lines: Lines
    provider: Provider | None = None
    entries: tuple[Entry, ...] = ()
    ids: tuple[str, ...] = ()
    """Of every `[[model]]` in turn, the broken ones included; empty where it has none."""
    problems: tuple[Problem, ...] = ()
    """Why the file cannot be used as it stands."""

    def findings(self, problems: Sequence[Problem]) -> tuple[Finding, ...]:
        """The problems with line and model, in the order of the lines."""
        found = [self._finding(problem) for problem in problems]
        return tuple(sorted(found, key=lambda each: each.line))

    def _finding(self, problem: Problem) -> Finding:
        key, model_id = problem.at, ""
        match problem.at:
            case ("model", int(index), *rest) if self.ids[index]:
                key, model_id = tuple(rest), printable(self.ids[index])
        return Finding(
            path=self.path,
            line=problem.line or self.lines.of(problem.at),
            model_id=model_id,
            key=key_text(key),
            severity=problem.severity,
            message=problem.message,
            hint=problem.hint,
        )


def read(path: Path, *, source: Source = Source.CATALOG, over: Mapping[str, Provider] | None = None) -> CatalogFile:
    """The file and its problems. `source` is what its facts are stamped with.

    `over`: for a file of an overlay, the shipped providers; what its `[provider]` leaves out is theirs.
    """
    shown = shown_path(path)
    try:
        _check_file_name(path)
        text = _text_of(path)
        file = _understood(path.stem, text, source) if over is None else _understand(path.stem, text, source, over)
    except _UnreadableError as error:
        return CatalogFile(path=shown, lines=Lines(""), problems=(error.problem,))
    return replace(file, path=shown)


def _understand(name: str, text: str, source: Source, over: Mapping[str, Provider] | None) -> CatalogFile:
    data = _parsed(text)
    problems: list[Problem] = []
    provider, entries = understand(name, data, source, problems.append, over=over)
    ids = tuple(stated_id(table) for table in model_tables(data))
    lines = Lines(text)
    problems += _duplicates(ids, lines)
    return CatalogFile(path="", lines=lines, provider=provider, entries=entries, ids=ids, problems=tuple(problems))


@lru_cache(maxsize=32)
def _understood(name: str, text: str, source: Source) -> CatalogFile:
    """A file with the same text means the same: a process that syncs again and again reads the shipped ones once."""
    return _understand(name, text, source, None)


def shown_path(path: Path) -> str:
    """The path as people know it: relative to the working directory where it is below that."""
    with suppress(ValueError, OSError):  # it is elsewhere, or there is no working directory any more
        path = path.absolute().relative_to(Path.cwd())
    text = str(path)
    return text if text.isprintable() else ascii(text)[1:-1]


class _UnreadableError(Exception):
    """The file is no TOML text: nothing else can be said of it."""

    def __init__(self, message: str, *, line: int = 1, hint: str = "") -> None:
        super().__init__(message)
        self.problem = Problem(at=(), message=message, hint=hint, line=line)


def _check_file_name(path: Path) -> None:
    if path.suffix != ".toml":
        raise _UnreadableError("the name of the file does not end in .toml", hint="write the ending in lower case")
    try:
        check_provider_name(path.stem)
    except InvalidFact as error:
        raise _UnreadableError(f"the file is not named after a provider: {error.message}", hint=error.hint) from error


def _text_of(path: Path) -> str:
    try:
        content = path.read_bytes().removeprefix(BOM_UTF8)  # editors on Windows put that mark in front
    except OSError as error:
        raise _UnreadableError(f"cannot be read: {error.strerror or error}") from error
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _UnreadableError("is not UTF-8", line=line, hint="save the file as UTF-8") from error


def _parsed(text: str) -> dict[str, Any]:
    try:
        return tomli.loads(text, parse_float=Decimal)
    except tomli.TOMLDecodeError as error:
        at_end = str(error).endswith("(at end of document)")
        where = "at end of document" if at_end else f"column {error.colno}"
        raise _UnreadableError(f"is not TOML: {error.msg} ({where})", line=error.lineno) from error
    except RecursionError as error:
        raise _UnreadableError("is nested too deeply") from error
    except (ValueError, ArithmeticError) as error:  # over 4,300 digits, or an exponent beyond Decimal's
        raise _UnreadableError("is not TOML: a number is too long to be read") from error


def _duplicates(ids: Sequence[str], lines: Lines) -> Iterator[Problem]:
    first: dict[str, int] = {}
    for index, model_id in enumerate(ids):
        earlier = first.setdefault(model_id, index)
        if model_id and earlier != index:
            line = lines.of(("model", earlier))
            yield Problem(at=("model", index, "id"), message=f"is defined already on line {line}")
