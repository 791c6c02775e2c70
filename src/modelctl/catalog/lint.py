"""Everything that is wrong or doubtful in a directory of catalogs. Owns the list of checks; changes nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

from modelctl.catalog.checks import FACT_CHECKS, Terms
from modelctl.catalog.finding import Finding, Problem, Severity
from modelctl.catalog.laying import laid_over
from modelctl.catalog.load import catalog_paths
from modelctl.catalog.names import NAME_CHECKS
from modelctl.catalog.read import CatalogFile, read
from modelctl.catalog.successors import SUCCESSOR_CHECKS
from modelctl.core.model import Source

__all__ = ["STALE_AFTER_DAYS", "Finding", "Severity", "lint"]

STALE_AFTER_DAYS = 60
"""Vendors change something in most months: facts that nobody has looked at for two are doubtful."""

CHECKS = (*FACT_CHECKS, *SUCCESSOR_CHECKS, *NAME_CHECKS)


def lint(
    directory: Path, *, today: date, stale_after_days: int = STALE_AFTER_DAYS, over: Path | None = None
) -> tuple[Finding, ...]:
    """The findings of all files by file and line. CatalogError when the directory has no catalogs to look at.

    `over`: the directory that this one is laid over, as a user's own catalogs are over the shipped ones. Its models
    are there to be referred to and overridden; what is wrong in them is not told.
    """
    terms = Terms(today=today, stale_after_days=stale_after_days)
    if over is None:
        return tuple(finding for path in catalog_paths(directory) for finding in _lint_file(read(path), terms))
    terms = replace(terms, is_own=True)
    below = {path.stem: read(path) for path in catalog_paths(over)}
    providers = {name: file.provider for name, file in below.items() if file.provider is not None}
    files = {path.stem: read(path, source=Source.OVERLAY, over=providers) for path in catalog_paths(directory)}
    return tuple(finding for name, file in files.items() for finding in _lint_overlay(file, below.get(name), terms))


def _lint_file(file: CatalogFile, terms: Terms) -> tuple[Finding, ...]:
    doubts = [problem for check in CHECKS for problem in check(file, terms)]
    return file.findings([*file.problems, *doubts])


def _lint_overlay(file: CatalogFile, below: CatalogFile | None, terms: Terms) -> tuple[Finding, ...]:
    """The findings of the file alone, looked at with all that it is laid over."""
    if below is None:
        return _lint_file(file, terms)
    laid = laid_over(file, below)
    doubts = [problem for check in CHECKS for problem in check(laid, terms)]
    return file.findings([*file.problems, *(each for each in doubts if _is_of(file, each))])


def _is_of(file: CatalogFile, problem: Problem) -> bool:
    match problem.at:
        case ("model", int(index), *_):
            return index < len(file.ids)
    return True
