"""One catalog file, from its text to a provider and its models. Whatever cannot be is reported with its line."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from itertools import chain
from pathlib import Path
from typing import Any

from modelctl.catalog.findings import CatalogFinding, Problem
from modelctl.catalog.prices import PointsByLine, Priced, price_points, price_problems, with_lines
from modelctl.catalog.schema import DOCUMENT, MODEL, PROVIDER, STATED_FACTS, ModelTable, ProviderTable, read_table
from modelctl.core.facts import (
    CAPABILITIES,
    FACT_FIELDS,
    ModelFacts,
    ModelKey,
    ModelRecord,
    Source,
    provenance_of,
)
from modelctl.core.provider import Provider
from modelctl.core.text import suggestion
from modelctl.core.toml import KeyPath, Lines, NotTomlError, key_text, parsed, printable, text_of
from modelctl.core.validation import check_key, check_provider_name, fact_problems
from modelctl.errors import InvalidFact

UNSETTABLE = frozenset(STATED_FACTS) | frozenset(CAPABILITIES)
"""Facts that an overlay can blank. A price cannot be: one that has been charged stays in the ledger."""

Report = Callable[[Problem], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogFile:
    """What one file says. With no findings, all of it can be used."""

    path: str
    """As it is shown to people."""
    lines: Lines
    provider: Provider | None = None
    entries: tuple[ModelEntry, ...] = ()
    ids: tuple[str, ...] = ()
    """Of every `[[model]]` in turn, the broken ones included; empty where it has none."""
    problems: tuple[Problem, ...] = ()
    """Why the file cannot be used as it stands."""

    def findings(self, problems: Sequence[Problem]) -> tuple[CatalogFinding, ...]:
        """The problems with line and model, in the order of the lines."""
        found = [self._finding(problem) for problem in problems]
        return tuple(sorted(found, key=lambda each: each.line))

    def _finding(self, problem: Problem) -> CatalogFinding:
        key, model_id = problem.at, ""
        match problem.at:
            case ("model", int(index), *rest) if self.ids[index]:
                key, model_id = tuple(rest), printable(self.ids[index])
        return CatalogFinding(
            path=self.path,
            line=problem.line or self.lines.of(problem.at),
            model_id=model_id,
            key=key_text(key),
            severity=problem.severity,
            message=problem.message,
            hint=problem.hint,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelEntry:
    """One `[[model]]` whose shape is right."""

    index: int
    """Its place among the models of the file, from 0, the broken ones counted."""
    table: ModelTable
    record: ModelRecord
    points: PointsByLine
    """`record.prices` by the lines of `prices`."""

    @property
    def priced(self) -> tuple[Priced, ...]:
        """`record.prices`, each with the line of `prices` that states it."""
        return with_lines(self.points)


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


def shown_path(path: Path) -> str:
    """The path as people know it: relative to the working directory where it is below that."""
    with suppress(ValueError, OSError):  # it is elsewhere, or there is no working directory any more
        path = path.absolute().relative_to(Path.cwd())
    text = str(path)
    return text if text.isprintable() else ascii(text)[1:-1]


def understand(
    name: str,
    data: Mapping[str, Any],
    source: Source,
    report: Report,
    *,
    over: Mapping[str, Provider] | None = None,
) -> tuple[Provider | None, tuple[ModelEntry, ...]]:
    """The provider and the models of one file. What has not the right shape is left out, and reported.

    `over`: the providers whose own words fill up what `[provider]` leaves out.
    """
    below = over.get(name) if over is not None else None
    read_table(DOCUMENT, {"provider": {}, **data} if below else data, (), partial(_hinted, report, name, over))
    own = data.get("provider", {} if below else None)
    about = None
    if isinstance(own, dict):
        about = read_table(PROVIDER, {**_table_of(below), **own} if below else own, ("provider",), report)
    default_source = (about and "pricing_url" in own and about.pricing_url) or ""
    if source is Source.OVERLAY:  # a price of one's own is not the vendor's word
        default_source = default_source or source.value
    entries = (
        _entry(name, index, table, default_source=default_source, source=source, report=report)
        for index, table in enumerate(model_tables(data))
        if isinstance(table, dict)
    )
    understood = tuple(entry for entry in entries if entry is not None)
    is_builtin = below.is_builtin if below else source is Source.CATALOG
    return None if about is None else _provider(name, about, is_builtin, report), understood


def model_tables(data: Mapping[str, Any]) -> Sequence[object]:
    """What stands under `[[model]]`, whatever it is."""
    tables = data.get("model")
    return tables if isinstance(tables, list) else ()


def stated_id(table: object) -> str:
    """The id in a model's table, even a broken one; empty where it has none."""
    stated = table.get("id") if isinstance(table, dict) else None
    return stated if isinstance(stated, str) else ""


class _UnreadableError(Exception):
    """The file is no TOML text: nothing else can be said of it."""

    def __init__(self, message: str, *, line: int = 1, hint: str = "") -> None:
        super().__init__(message)
        self.problem = Problem(at=(), message=message, hint=hint, line=line)


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


def _check_file_name(path: Path) -> None:
    if path.suffix != ".toml":
        raise _UnreadableError("the name of the file does not end in .toml", hint="write the ending in lower case")
    try:
        check_provider_name(path.stem)
    except InvalidFact as error:
        raise _UnreadableError(f"the file is not named after a provider: {error.message}", hint=error.hint) from error


def _text_of(path: Path) -> str:
    try:
        return text_of(path.read_bytes())
    except OSError as error:
        raise _UnreadableError(f"cannot be read: {error.strerror or error}") from error
    except NotTomlError as error:
        raise _UnreadableError(error.message, line=error.line, hint="save the file as UTF-8") from error


def _parsed(text: str) -> dict[str, Any]:
    try:
        return parsed(text)
    except NotTomlError as error:
        raise _UnreadableError(error.message, line=error.line) from error


def _duplicates(ids: Sequence[str], lines: Lines) -> Iterator[Problem]:
    first: dict[str, int] = {}
    for index, model_id in enumerate(ids):
        earlier = first.setdefault(model_id, index)
        if model_id and earlier != index:
            line = lines.of(("model", earlier))
            yield Problem(at=("model", index, "id"), message=f"is defined already on line {line}")


def _hinted(report: Report, name: str, over: Mapping[str, Provider] | None, problem: Problem) -> None:
    """A file without `[provider]` is mostly one for a shipped provider whose name is spelt otherwise."""
    if over is not None and problem.at == ("provider",) and problem.message == "is missing":
        near = suggestion(name, sorted(over), most=1) or "only a shipped provider needs none"
        problem = replace(problem, hint=f"{near} (this file is for {printable(name)})")
    report(problem)


def _table_of(provider: Provider) -> dict[str, Any]:
    """What a `[provider]` table would state of it."""
    stated = ((key, getattr(provider, key)) for key in ProviderTable._fields)
    return {key: value for key, value in stated if value is not None}


def _provider(name: str, table: ProviderTable, is_builtin: bool, report: Report) -> Provider:
    for problem in fact_problems(ModelFacts(display_name=table.display_name)):
        report(_about_fact(problem, ("provider",)))
    return Provider(name=name, is_builtin=is_builtin, **table._asdict())


def _entry(
    provider: str, index: int, stated: Mapping[str, Any], *, default_source: str, source: Source, report: Report
) -> ModelEntry | None:
    at: KeyPath = ("model", index)
    table = read_table(MODEL, stated, at, report)
    if table is None:
        return None
    points = price_points(table.prices, currency=table.currency, default_source=default_source)
    record = ModelRecord(
        key=ModelKey(provider, table.id),
        facts=table.facts,
        prices=tuple(chain.from_iterable(points)),
        provenance=_provenance(tuple(stated), table.capabilities, table.lacks, source),
        stated_none=frozenset(table.unset),
        verified_on=table.verified_on,
    )
    for problem in _impossible(table, record, points, source):
        report(replace(problem, at=(*at, *problem.at)))
    return ModelEntry(index=index, table=table, record=record, points=points)


@lru_cache(maxsize=1024)
def _provenance(
    keys: Sequence[str], capabilities: Sequence[str], lacks: Sequence[str], source: Source
) -> Mapping[str, str]:
    """`keys`: those of the table. Most models of a file have the same."""
    stated = {*keys, *capabilities, *lacks}
    return provenance_of(*((fact, source.value) for fact in FACT_FIELDS if fact in stated))


def _impossible(table: ModelTable, record: ModelRecord, points: PointsByLine, source: Source) -> Iterator[Problem]:
    try:
        check_key(record.key)
    except InvalidFact as error:
        yield Problem(at=("id",), message=error.message.rpartition(": ")[2], hint=error.hint)
    for problem in fact_problems(record.facts):
        yield _about_fact(problem, ())
    yield from _contradicting_capabilities(table.capabilities, table.lacks)
    yield from _wrongly_unset(table, record)
    if unusable := _wrong_currency(table.currency):  # said once; each price would say it again
        yield replace(_about_fact(unusable[0], ()), at=("currency",))
    else:
        yield from price_problems(table.prices, points, of_a_person=source is Source.OVERLAY)


@lru_cache(maxsize=32)
def _wrong_currency(currency: str) -> tuple[str, ...]:
    return tuple(fact_problems(ModelFacts(price_currency=currency)))


@lru_cache(maxsize=1024)
def _contradicting_capabilities(capabilities: Sequence[str], lacks: Sequence[str]) -> Sequence[Problem]:
    problems = []
    for key, named in (("capabilities", capabilities), ("lacks", lacks)):
        if len(set(named)) != len(named):
            problems.append(Problem(at=(key,), message="names something twice"))
    for capability in sorted(set(capabilities) & set(lacks)):
        problems.append(Problem(at=("lacks",), message=f"{capability!r} is among the capabilities, too"))
    return problems


def _wrongly_unset(table: ModelTable, record: ModelRecord) -> Iterator[Problem]:
    for position, name in enumerate(table.unset):
        at = ("unset", position)
        if name not in UNSETTABLE:
            hint = suggestion(name, sorted(UNSETTABLE), most=1) or "name a fact or a capability"
            yield Problem(at=at, message=f"{printable(name)} is not a fact that can be unset", hint=hint)
        elif getattr(record.facts, name) is not None:
            yield Problem(at=at, message=f"{name} is stated by this model, too")
        elif name in table.unset[:position]:
            yield Problem(at=at, message=f"{name} is named twice")


def _about_fact(problem: str, table: KeyPath) -> Problem:
    """The core's sentence, which starts with the name of the fact: here, that is the key."""
    name, _, message = problem.partition(": ")
    return Problem(at=(*table, name), message=message)
