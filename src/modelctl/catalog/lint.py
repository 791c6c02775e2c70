"""What `catalog lint` looks for beyond what makes a file unusable. One check, one function.

A user's own catalog is looked at together with what it is laid over; what is wrong in that is not told.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import NamedTuple, TypeAlias

from modelctl.catalog.findings import CatalogFinding, Problem, Severity
from modelctl.catalog.load import catalog_paths
from modelctl.catalog.read import CatalogFile, ModelEntry, read
from modelctl.catalog.schema import STATED_FACTS
from modelctl.core.facts import ModelKey, Source, Status
from modelctl.core.prices.price import PriceKind, current
from modelctl.core.text import suggestion
from modelctl.core.toml import KeyPath, printable
from modelctl.core.validation import days_out_of_order, limits_above_the_window

STALE_AFTER_DAYS = 60
"""Vendors change something in most months: facts that nobody has looked at for two are doubtful."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LintOptions:
    """What a check goes by besides the file."""

    today: date
    stale_after_days: int
    is_own: bool = False
    """The catalog is a user's, who need not account for what is in it."""
    entries: Mapping[ModelKey, ModelEntry] = field(default_factory=dict)
    """The models of all files, with what they are laid over: a replacement may be another provider's."""


LintCheck: TypeAlias = Callable[[CatalogFile, LintOptions], Iterator[Problem]]
"""Reads a file that may have problems of its own; tells only what those do not."""


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


def lint(
    directory: Path, *, today: date, stale_after_days: int = STALE_AFTER_DAYS, over: Path | None = None
) -> tuple[CatalogFinding, ...]:
    """The findings of all files by file and line. CatalogError when the directory has no catalogs to look at.

    `over`: the directory that this one is laid over, as a user's own catalogs are over the shipped ones. Its models
    are there to be referred to and overridden; what is wrong in them is not told.
    """
    options = LintOptions(today=today, stale_after_days=stale_after_days)
    if over is None:
        alone = {path.stem: read(path) for path in catalog_paths(directory)}
        options = replace(options, entries=_entries(alone))
        return tuple(finding for file in alone.values() for finding in _lint_file(file, options))
    below = {path.stem: read(path) for path in catalog_paths(over)}
    providers = {name: file.provider for name, file in below.items() if file.provider is not None}
    files = {path.stem: read(path, source=Source.OVERLAY, over=providers) for path in catalog_paths(directory)}
    laid = {name: laid_over(file, below[name]) if name in below else file for name, file in files.items()}
    options = replace(options, is_own=True, entries=_entries({**below, **laid}))
    return tuple(finding for name, file in files.items() for finding in _lint_overlay(file, below.get(name), options))


def _entries(files: Mapping[str, CatalogFile]) -> dict[ModelKey, ModelEntry]:
    return {ModelKey(name, entry.table.id): entry for name, file in files.items() for entry in file.entries}


def misspellings(provider: str, name: str) -> Iterator[str]:
    """What speaks against an id or an alias by all that is known of its vendor's spelling."""
    plain = _EFFECTIVE_SIZE.sub("", name) if name.startswith("gemma-") else name
    for rule in (*ANYWHERE, *VENDOR_SPELLINGS.get(provider, ())):
        if rule.wrong.search(plain):
            yield rule.message


def is_retired(entry: ModelEntry, today: date) -> bool:
    """Whether the id has stopped to answer, by what is stated or by its last day."""
    ends = entry.table.facts.retires_on
    return entry.table.facts.status == Status.RETIRED or (ends is not None and ends < today)


def dates_in_order(file: CatalogFile, options: LintOptions) -> Iterator[Problem]:
    """Released, then deprecated, then retired."""
    for entry in file.entries:
        yield from (
            Problem(at=_at(entry, each.name), message=each.message) for each in days_out_of_order(entry.table.facts)
        )


def limits_fit_the_window(file: CatalogFile, options: LintOptions) -> Iterator[Problem]:
    """No limit is above the context window."""
    for entry in file.entries:
        found = limits_above_the_window(entry.table.facts)
        yield from (Problem(at=_at(entry, each.name), message=each.message) for each in found)


def status_fits_the_dates(file: CatalogFile, options: LintOptions) -> Iterator[Problem]:
    """A stated status does not contradict the dates beside it."""
    for entry in file.entries:
        status, ends, announced = (
            entry.table.facts.status,
            entry.table.facts.retires_on,
            entry.table.facts.deprecated_on,
        )
        if status is None:
            continue
        contradiction = ""
        if status == Status.RETIRED:
            if ends is not None and ends >= options.today:
                contradiction = f"the model answers until {ends}"
        elif ends is not None and ends < options.today:
            contradiction = f"the model has retired on {ends}"
        elif status == Status.ACTIVE and announced is not None and announced <= options.today:
            contradiction = f"its end was announced on {announced}"
        if contradiction:
            hint = "leave status out: the dates decide"
            yield Problem(at=_at(entry, "status"), message=f"is {status!r}, but {contradiction}", hint=hint)


def retired_has_a_date(file: CatalogFile, options: LintOptions) -> Iterator[Problem]:
    """The last day of a retired model is worth to be known: bills of the past ask for it."""
    for entry in file.entries:
        if entry.table.facts.status == Status.RETIRED and entry.table.facts.retires_on is None:
            yield Problem(
                at=_at(entry, "retires_on"), message="is missing, but the model is retired", severity=Severity.WARNING
            )


def verified_lately(file: CatalogFile, options: LintOptions) -> Iterator[Problem]:
    """Somebody has compared the facts with the vendor's, and not too long ago."""
    for entry in file.entries:
        day, at = entry.table.verified_on, _at(entry, "verified_on")
        if day is None:
            yield Problem(
                at=at,
                message="is missing",
                hint="the day on which the facts were compared with the vendor's",
                severity=Severity.WARNING if options.is_own else Severity.ERROR,
            )
        elif (age := (options.today - day).days) > options.stale_after_days:
            yield Problem(at=at, message=f"{day} is {age} days ago", severity=Severity.WARNING)
        elif age < 0:
            yield Problem(at=at, message=f"{day} is in the future", severity=Severity.WARNING)


def defaults_are_live(file: CatalogFile, options: LintOptions) -> Iterator[Problem]:
    """What `modelctl populate` puts into a new database is there to be used."""
    for entry in file.entries:
        sets, announced = entry.table.sets or (), entry.table.facts.deprecated_on
        if len(set(sets)) != len(sets):
            yield Problem(at=_at(entry, "sets"), message="names a set twice")
        if not sets:
            continue
        if is_retired(entry, options.today):
            yield Problem(at=_at(entry, "sets"), message="the model is retired", hint="put its replacement there")
        elif entry.table.facts.retires_on is not None or (announced is not None and announced <= options.today):
            hint = "put its replacement there"
            yield Problem(
                at=_at(entry, "sets"), message="its retirement is announced", hint=hint, severity=Severity.WARNING
            )


def prices_have_a_source(file: CatalogFile, options: LintOptions) -> Iterator[Problem]:
    """Somebody who doubts a bill can look the price up."""
    for entry in file.entries:
        for line in sorted({each.line for each in entry.priced if not each.point.source}):
            yield Problem(
                at=_at(entry, "prices", line),
                message="has no source",
                hint="give the line a source, or the provider a pricing_url",
            )


def cached_is_cheaper(file: CatalogFile, options: LintOptions) -> Iterator[Problem]:
    """A price for cached input above that for input is nearly always two numbers in the wrong order."""
    for entry in file.entries:
        for each in entry.priced:
            if each.point.kind != PriceKind.CACHE_READ:
                continue
            in_force = current(entry.record.prices, each.point.effective_from)
            plain = in_force.get(each.point.key._replace(kind=str(PriceKind.INPUT)))
            if plain is not None and each.point.amount > plain.amount:
                yield Problem(
                    at=_at(entry, "prices", each.line, "cache_read"),
                    message=f"{each.point.amount} is above the input price ({plain.amount})",
                    severity=Severity.WARNING,
                )


def replacement_exists(file: CatalogFile, options: LintOptions) -> Iterator[Problem]:
    """The replacement is another model of the same file, or of the file of the provider that is named, by its id."""
    ids = {model_id for model_id in file.ids if model_id}
    owners = {alias: entry.table.id for entry in file.entries for alias in entry.table.facts.aliases or ()}
    for entry in file.entries:
        wanted, own = entry.table.facts.replacement, entry.record.key.provider
        seller = entry.table.facts.replacement_provider
        if wanted is None:
            if seller is not None:
                yield _problem(entry, "replacement_provider is stated without it", hint="state both")
        elif seller is not None and seller != own:
            yield from _elsewhere(entry, ModelKey(seller, wanted), options)
        elif wanted == entry.table.id:
            yield _problem(entry, "is the model itself")
        elif wanted not in ids:
            owner = owners.get(wanted)
            hint = (
                f"it is an alias of {printable(owner)}"
                if owner
                else suggestion(wanted, map(printable, sorted(ids)), most=1)
            )
            yield _problem(entry, f"{printable(wanted)} is not a model of this file", hint=hint)


def chain_ends_alive(file: CatalogFile, options: LintOptions) -> Iterator[Problem]:
    """Following the replacements ends, and at a model that answers."""
    known = {**options.entries, **{entry.record.key: entry for entry in file.entries}}
    for entry in file.entries:
        chain = _chain(entry, known)
        if len(chain) < 2 or chain[1] is entry:  # none, an unknown one, or itself: said elsewhere
            continue
        shown = " -> ".join(printable(each.record.key.beside(entry.record.key.provider)) for each in chain)
        if chain[-1] in chain[:-1]:
            yield _problem(entry, f"goes round in a circle: {shown}")
        elif is_retired(chain[-1], options.today) and chain[-1].table.facts.replacement is None:
            yield _problem(entry, f"ends in a retired model: {shown}", severity=Severity.WARNING)


def spelled_like_the_vendor(file: CatalogFile, options: LintOptions) -> Iterator[Problem]:
    """Ids and aliases follow what is known of the vendor's spelling."""
    provider = file.provider.name if file.provider is not None else ""
    for entry in file.entries:
        yield from _problems(provider, entry.table.id, ("model", entry.index, "id"))
        for position, alias in enumerate(entry.table.facts.aliases or ()):
            yield from _problems(provider, alias, ("model", entry.index, "aliases", position))


def names_are_unique(file: CatalogFile, options: LintOptions) -> Iterator[Problem]:
    """An alias is no other model's id or alias. (Two models with one id are refused before.)"""
    owners = {model_id: model_id for model_id in file.ids if model_id}
    for entry in file.entries:
        for position, alias in enumerate(entry.table.facts.aliases or ()):
            at = ("model", entry.index, "aliases", position)
            owner = owners.get(alias)
            if owner is None:
                owners[alias] = entry.table.id
            elif owner == alias:
                message = "is the id of this model" if alias == entry.table.id else "is the id of another model"
                yield Problem(at=at, message=f"{printable(alias)} {message}")
            elif owner != entry.table.id:
                yield Problem(at=at, message=f"{printable(alias)} is an alias of {printable(owner)}, too")


FACT_CHECKS: tuple[LintCheck, ...] = (
    dates_in_order,
    limits_fit_the_window,
    status_fits_the_dates,
    retired_has_a_date,
    verified_lately,
    defaults_are_live,
    prices_have_a_source,
    cached_is_cheaper,
)
SUCCESSOR_CHECKS: tuple[LintCheck, ...] = (replacement_exists, chain_ends_alive)
NAME_CHECKS: tuple[LintCheck, ...] = (spelled_like_the_vendor, names_are_unique)
CHECKS = (*FACT_CHECKS, *SUCCESSOR_CHECKS, *NAME_CHECKS)


def _lint_file(file: CatalogFile, options: LintOptions) -> tuple[CatalogFinding, ...]:
    doubts = [problem for check in CHECKS for problem in check(file, options)]
    return file.findings([*file.problems, *doubts])


def _lint_overlay(file: CatalogFile, below: CatalogFile | None, options: LintOptions) -> tuple[CatalogFinding, ...]:
    """The findings of the file alone, looked at with all that it is laid over."""
    if below is None:
        return _lint_file(file, options)
    laid = laid_over(file, below)
    doubts = [problem for check in CHECKS for problem in check(laid, options)]
    return file.findings([*file.problems, *(each for each in doubts if _is_of(file, each))])


def _is_of(file: CatalogFile, problem: Problem) -> bool:
    match problem.at:
        case ("model", int(index), *_):
            return index < len(file.ids)
    return True


def laid_over(file: CatalogFile, below: CatalogFile) -> CatalogFile:
    """The file with what it leaves out of its models, and with the models that only `below` has.

    These are numbered after the file's own, so that a problem in them can be told apart, and come first, so that of
    two models with one alias it is the file's that has it wrongly.
    """
    shipped = {entry.table.id: entry for entry in below.entries}
    own = [_filled_up(entry, shipped.get(entry.table.id)) for entry in file.entries]
    others = [entry for model_id, entry in shipped.items() if model_id not in file.ids]
    numbered = [replace(entry, index=len(file.ids) + position) for position, entry in enumerate(others)]
    ids = (*file.ids, *(entry.table.id for entry in others))
    return replace(file, provider=file.provider or below.provider, entries=(*numbered, *own), ids=ids)


def _filled_up(entry: ModelEntry, below: ModelEntry | None) -> ModelEntry:
    if below is None:
        return entry
    own = entry.table
    missing = {
        name: getattr(below.table.facts, name)
        for name in STATED_FACTS
        if getattr(own.facts, name) is None and name not in own.unset
    }
    table = own._replace(
        facts=own.facts.replaced(missing),
        verified_on=own.verified_on or below.table.verified_on,
        sets=below.table.sets if own.sets is None else own.sets,
    )
    return replace(entry, table=table)


def _at(entry: ModelEntry, *key: str | int) -> tuple[str | int, ...]:
    return ("model", entry.index, *key)


def _problems(provider: str, name: str, at: KeyPath) -> Iterator[Problem]:
    for message in misspellings(provider, name):
        yield Problem(at=at, message=f"{printable(name)} {message}")


def _elsewhere(entry: ModelEntry, wanted: ModelKey, options: LintOptions) -> Iterator[Problem]:
    """What is to be said of a replacement that another provider sells."""
    ids = [key.model_id for key in options.entries if key.provider == wanted.provider]
    if not ids:
        message = f"no catalog here tells whether {printable(str(wanted))} is there"
        yield _problem(entry, message, severity=Severity.WARNING)
    elif wanted not in options.entries:
        hint = suggestion(wanted.model_id, map(printable, sorted(ids)), most=1)
        yield _problem(entry, f"{printable(wanted.model_id)} is not a model of {wanted.provider}", hint=hint)


def _chain(entry: ModelEntry, known: Mapping[ModelKey, ModelEntry]) -> list[ModelEntry]:
    """The model, its replacement, that one's replacement …; in a circle the last one is there twice."""
    chain, passed = [entry], {entry.record.key}
    while (key := chain[-1].table.facts.successor_of(chain[-1].record.key.provider)) in known:
        assert key is not None
        chain.append(known[key])
        if key in passed:
            break
        passed.add(key)
    return chain


def _problem(entry: ModelEntry, message: str, *, hint: str = "", severity: Severity = Severity.ERROR) -> Problem:
    return Problem(at=("model", entry.index, "replacement"), message=message, hint=hint, severity=severity)
