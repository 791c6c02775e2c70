"""Writing catalog files: the layout of their text, and which files may be overwritten. Decides nothing about models."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any

import tomli

from modelctl.catalog.entries import understand
from modelctl.catalog.exported import ExportedCatalog, TomlTable
from modelctl.catalog.finding import Problem, key_text, printable
from modelctl.catalog.read import shown_path
from modelctl.core.model import Source
from modelctl.core.provider import Provider
from modelctl.errors import CatalogError
from modelctl.files import write_whole

LINE_MAX_CHARS = 120
_WRITTEN_BY = "# Written by `modelctl catalog export`:"
_HEADER = """\
{written_by} the models of {name} as a database has them.
# Use it with `modelctl --catalog DIR sync`. Edit it freely; a price that changes is a new line with its `from`.
# Its format is described in docs/catalogs.md. Switches (is_enabled), pins and keys stay in the database.
# checksum: {checksum} (as long as it is right, nobody has edited what follows, and an export may overwrite it)
"""
_CHECKSUM = re.compile(r"# checksum: ([0-9a-f]+)\b")


class Fate(StrEnum):
    """What became of a file."""

    WRITTEN = "written"
    UNCHANGED = "unchanged"  # it says the same already


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedFile:
    """One file and what became of it."""

    path: Path
    provider: str
    models: int
    fate: Fate


def catalog_text(name: str, catalog: ExportedCatalog, shipped: Mapping[str, Provider]) -> str:
    """The whole file. CatalogError where the database holds what no catalog may say, so that it could not be read."""
    parts = [_table("[provider]", catalog.provider), *(_table("[[model]]", model) for model in catalog.models)]
    body = "\n".join(parts)
    _require_readable(name, body, catalog, shipped)
    header = _HEADER.format(written_by=_WRITTEN_BY, name=name, checksum=_checksum(body))
    return f"{header}\n{body}"


def write_files(
    directory: Path, catalogs: Mapping[str, ExportedCatalog], shipped: Mapping[str, Provider], *, force: bool = False
) -> tuple[ExportedFile, ...]:
    """One file per provider, by name. CatalogError, and nothing written, where one would destroy what others wrote.

    A file that says the same already is left as it is, comments and all.
    """
    texts = {name: catalog_text(name, catalogs[name], shipped) for name in sorted(catalogs)}
    present = {name: _content(directory / f"{name}.toml") for name in texts}
    if not force:
        blocked = [name for name, text in texts.items() if not _may_write(present[name], text)]
        if blocked:
            raise _refusal(directory, blocked, present)
    directory.mkdir(parents=True, exist_ok=True)
    files = []
    for name, text in texts.items():
        path, models = directory / f"{name}.toml", len(catalogs[name].models)
        fate = Fate.UNCHANGED if _says_the_same(present[name], text) else Fate.WRITTEN
        if fate is Fate.WRITTEN:
            write_whole(path, text)
        files.append(ExportedFile(path=path, provider=name, models=models, fate=fate))
    return tuple(files)


def _table(header: str, table: TomlTable) -> str:
    return "".join([f"{header}\n", *(_assignment(key, value) for key, value in table.items())])


def _assignment(key: str, value: Any) -> str:
    if not isinstance(value, list | tuple):
        return f"{key} = {_literal(value)}\n"
    if value and isinstance(value[0], dict):
        return f"{key} = [\n{''.join(f'  {_inline_table(each)},{chr(10)}' for each in value)}]\n"
    items = [_literal(each) for each in value]
    line = f"{key} = [{', '.join(items)}]\n"
    return line if len(line) <= LINE_MAX_CHARS else f"{key} = [\n{_filled(items)}]\n"


def _filled(items: Sequence[str]) -> str:
    """The items of a list in as few lines as they fit into."""
    lines: list[str] = []
    for item in items:
        if lines and len(lines[-1]) + len(item) + 2 <= LINE_MAX_CHARS:
            lines[-1] += f" {item},"
        else:
            lines.append(f"  {item},")
    return "".join(f"{line}\n" for line in lines)


def _inline_table(table: TomlTable) -> str:
    return f"{{ {', '.join(f'{key} = {_literal(value)}' for key, value in table.items())} }}"


def _literal(value: Any) -> str:
    """A value as TOML has it. tomli_w escapes; it is not asked for numbers and lists, which it spreads over lines."""
    import tomli_w

    match value:
        case bool():
            return str(value).lower()
        case int():
            return f"{value:_}"
        case Decimal():
            return f"{value:f}"
        case datetime():
            return f"{value:%Y-%m-%dT%H:%M:%SZ}"
        case _:
            return tomli_w.dumps({"k": value}).removeprefix("k = ").rstrip("\n")


def _require_readable(name: str, body: str, catalog: ExportedCatalog, shipped: Mapping[str, Provider]) -> None:
    """A database takes what a catalog refuses; a file that a sync could not read would be found out too late."""
    problems: list[Problem] = []
    data = tomli.loads(body, parse_float=Decimal)
    understand(name, data, Source.OVERLAY, problems.append, over=shipped)
    if problems:
        first = problems[0]
        owner, key = name, first.at
        match first.at:
            case ("model", int(index), *rest):
                owner, key = f"{name}/{printable(str(catalog.models[index]['id']))}", tuple(rest)
        raise CatalogError(
            f"{owner} cannot be exported: {key_text(key)}: {first.message}", "correct it in the database first"
        )


def _content(path: Path) -> str | None:
    """The text of a file; None where there is none."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None


def _may_write(present: str | None, text: str) -> bool:
    return present is None or _is_as_exported(present) or _says_the_same(present, text)


def _is_as_exported(present: str) -> bool:
    """Whether an export wrote it, and nobody has edited it since."""
    header, _, body = present.partition("\n\n")
    stated = _CHECKSUM.search(header)
    return header.startswith(_WRITTEN_BY) and stated is not None and stated[1] == _checksum(body)


def _says_the_same(present: str | None, text: str) -> bool:
    if present is None or present == text:
        return present is not None
    with suppress(ValueError, ArithmeticError, RecursionError):
        return tomli.loads(present, parse_float=Decimal) == tomli.loads(text, parse_float=Decimal)
    return False


def _refusal(directory: Path, blocked: Sequence[str], present: Mapping[str, str | None]) -> CatalogError:
    name = blocked[0]
    text = present[name] or ""
    what = "was edited since it was exported" if text.startswith(_WRITTEN_BY) else "was not written by an export"
    begins = printable(text.partition("\n")[0])
    others = f"; so are {len(blocked) - 1} more files" if len(blocked) > 1 else ""
    holds = f"{text.count('[[model]]')} models, begins {begins!r}"
    return CatalogError(
        f"{shown_path(directory / name)}.toml {what} ({holds}){others}",
        "sync what you have edited, or export into another directory; --force overwrites",
    )


def _checksum(body: str) -> str:
    """Short, and the same whatever a version control makes of the ends of lines: `read_text` has undone that."""
    return hashlib.sha256(body.encode("utf-8", "replace")).hexdigest()[:16]
