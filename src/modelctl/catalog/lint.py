"""Everything that is wrong or doubtful in a directory of catalogs. Owns the list of checks; changes nothing."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from modelctl.catalog.checks import FACT_CHECKS, Terms
from modelctl.catalog.finding import Finding, Severity
from modelctl.catalog.load import catalog_paths
from modelctl.catalog.names import NAME_CHECKS
from modelctl.catalog.read import CatalogFile, read
from modelctl.catalog.successors import SUCCESSOR_CHECKS

__all__ = ["STALE_AFTER_DAYS", "Finding", "Severity", "lint"]

STALE_AFTER_DAYS = 60
"""Vendors change something in most months: facts that nobody has looked at for two are doubtful."""

CHECKS = (*FACT_CHECKS, *SUCCESSOR_CHECKS, *NAME_CHECKS)


def lint(directory: Path, *, today: date, stale_after_days: int = STALE_AFTER_DAYS) -> tuple[Finding, ...]:
    """The findings of all files by file and line. CatalogError when the directory has no catalogs to look at."""
    terms = Terms(today=today, stale_after_days=stale_after_days)
    return tuple(finding for path in catalog_paths(directory) for finding in _lint_file(read(path), terms))


def _lint_file(file: CatalogFile, terms: Terms) -> tuple[Finding, ...]:
    doubts = [problem for check in CHECKS for problem in check(file, terms)]
    return file.findings([*file.problems, *doubts])
