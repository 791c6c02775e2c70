"""The catalogs themselves: what they state, whether it is sound, how others differ, and rows written as catalogs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from modelctl.catalog.export import ExportedCatalog, ExportedFile, exported, write_files
from modelctl.catalog.findings import CatalogFinding, Severity
from modelctl.catalog.lint import lint
from modelctl.catalog.load import (
    Catalog,
    catalog_paths,
    catalogs_in_force,
    load_overlay,
    provider_names,
    shipped_directory,
    stated_providers,
)
from modelctl.core.catalog_diff import CatalogState, ProviderDifference, differences
from modelctl.core.planning.merge import merge
from modelctl.core.planning.plan import model_after
from modelctl.core.planning.planner import Consulted, plan
from modelctl.core.stored import StoredModel, StoredProvider
from modelctl.core.text import require_known
from modelctl.db import read
from modelctl.db.engine import Database
from modelctl.settings import Runtime

if TYPE_CHECKING:
    from datetime import date

    from sqlalchemy import Connection


def catalog_directories(runtime: Runtime) -> dict[str, Path]:
    """The catalogs' directories by whose they are, `own` or `shipped`, in order of authority."""
    own = runtime.settings.catalog_directory
    return {**({"own": own} if own is not None else {}), "shipped": shipped_directory()}


def list_catalog_models(runtime: Runtime, provider: str | None = None) -> list[StoredModel]:
    """What a sync from the catalogs alone would put into an empty database, by key: of a provider, or of all.

    UsageError where no catalog states a model of that provider.
    """
    models = _models(runtime, None if provider is None else [provider])
    if provider is not None and not models:
        require_known(provider, sorted({each.key.provider for each in _models(runtime)}), "catalog for provider")
    return models


def _models(runtime: Runtime, only: Collection[str] | None = None) -> list[StoredModel]:
    state = _state(catalogs_in_force(runtime.settings.catalog_directory, only=only), runtime.now.date())
    made = plan("", StoredProvider(), state.records, consulted=Consulted(), now=runtime.now)
    return [model_after(change, now=runtime.now) for change in made.changes]


@dataclass(frozen=True, slots=True, kw_only=True)
class LintReport:
    """What was looked at, and what is wrong with it."""

    files: int
    findings: tuple[CatalogFinding, ...]

    @property
    def errors(self) -> int:
        """Findings for which a sync refuses the catalog; the others are warnings."""
        return sum(each.severity is Severity.ERROR for each in self.findings)


def lint_catalogs(runtime: Runtime, directory: Path | None, *, stale_after_days: int) -> LintReport:
    """The catalogs of a directory, or those in force, looked at file by file; warns of facts unverified for so long.

    CatalogError for a directory without catalogs.
    """
    directories = catalog_directories(runtime)
    own, shipped = directories.get("own"), directories["shipped"]
    places = [directory] if directory is not None else list(directories.values())
    found: list[CatalogFinding] = []
    for place in places:
        is_own = own is not None and own.resolve() == place.resolve()  # it may leave out what the shipped ones state
        over = shipped if is_own else None
        found += lint(place, today=runtime.now.date(), stale_after_days=stale_after_days, over=over)
    return LintReport(files=sum(len(catalog_paths(place)) for place in places), findings=tuple(found))


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogExport:
    """What came of an export."""

    files: tuple[ExportedFile, ...]
    notes: tuple[str, ...]
    """What is in the database and cannot be said in a file."""
    others: tuple[str, ...]
    """Catalogs of the directory that were left as they are."""


def export_catalogs(
    runtime: Runtime, database: Database, directory: Path, providers: Collection[str] = (), *, force: bool = False
) -> CatalogExport:
    """Write what the database holds of these providers, or of all, as catalogs.

    UsageError for a provider that there is not; CatalogError, and nothing written, for what no catalog may say, and
    without `force` where a file would be overwritten that no export wrote, or somebody has edited.
    """
    catalogs = catalogs_in_force(runtime.settings.catalog_directory, only=providers or None)
    stated, shipped = stated_providers(catalogs), catalogs[-1]

    def work(connection: Connection) -> dict[str, ExportedCatalog]:
        rows = read.providers(connection, database.tables)
        for name in providers:
            require_known(name, sorted(rows), "provider")
        return {
            name: exported(
                rows[name],
                stated.get(name),
                list(read.models_of(connection, database.tables, name).models.values()),
                shipped.snapshot.records,
                runtime.now,
            )
            for name in sorted(providers or rows)
        }

    exports = database.read(work)
    files = write_files(directory, exports, shipped.providers, force=force)
    return CatalogExport(
        files=files,
        notes=tuple(note for each in exports.values() for note in each.notes),
        others=tuple(sorted(path.name for path in directory.glob("*.toml") if path.stem not in exports)),
    )


def diff_catalogs(
    runtime: Runtime, other: Path, *, against: Path | None = None, providers: Collection[str] = ()
) -> list[ProviderDifference]:
    """What the catalogs of a directory state otherwise than those in force, or than those of `against`.

    Of these providers, or of all. UsageError for one that is in neither, CatalogError for what cannot be read.
    """
    overlay = runtime.settings.catalog_directory if against is None else None
    directories = [other, against] if against is not None else [other, *catalog_directories(runtime).values()]
    known = sorted(set().union(*map(provider_names, directories)))
    for name in providers:
        require_known(name, known, "provider")
    catalogs = catalogs_in_force(overlay, only=providers or None)
    shipped, today = catalogs[-1], runtime.now.date()

    def state(directory: Path) -> CatalogState:
        only = provider_names(directory).intersection(providers) if providers else None
        return _state([load_overlay(directory, shipped, only=only)], today)

    old = _state(catalogs, today) if against is None else state(against)
    return list(differences(old, state(other)))


def _state(catalogs: Sequence[Catalog], today: date) -> CatalogState:
    """What catalogs state together, once they are laid over each other."""
    return CatalogState(
        providers=stated_providers(catalogs), records=merge([catalog.snapshot for catalog in catalogs], today=today)
    )
