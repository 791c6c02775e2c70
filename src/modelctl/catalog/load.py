"""Whole directories of catalogs: those in force, and what their files state together. The first error refuses all."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from modelctl.catalog.findings import CatalogFinding
from modelctl.catalog.read import CatalogFile, read, shown_path
from modelctl.core.facts import ModelKey, Source
from modelctl.core.planning.merge import Snapshot
from modelctl.core.provider import Provider
from modelctl.core.text import suggestion
from modelctl.core.toml import printable
from modelctl.errors import CatalogError

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalog:
    """What the files of one directory state."""

    providers: Mapping[str, Provider]
    """By name."""
    snapshot: Snapshot
    """Whole for no provider: that a catalog lacks a model proves nothing."""
    sets: Mapping[ModelKey, tuple[str, ...]] = field(default_factory=dict)
    """Models that say in which sets of default models they are, be it in none."""


def catalogs_in_force(overlay: Path | None, *, only: Collection[str] | None = None) -> tuple[Catalog, ...]:
    """The catalogs that count, in order of authority: those of the user's own directory, if any, then the shipped.

    `only`: no more is read than the files of these providers, where there are any. CatalogError for the first error.
    """
    shipped = load(shipped_directory(), only=_among(shipped_directory(), only))
    if overlay is None:
        return (shipped,)
    return load_overlay(overlay, shipped, only=_among(overlay, only)), shipped


def catalogued_providers(overlay: Path | None) -> set[str]:
    """The providers of the catalogs in force, by the names of the files: none is read."""
    return provider_names(shipped_directory()) | (provider_names(overlay) if overlay is not None else set())


def stated_providers(catalogs: Sequence[Catalog]) -> dict[str, Provider]:
    """The providers by name, each as the catalog of most authority states it. `catalogs` come in that order."""
    return {name: provider for catalog in reversed(catalogs) for name, provider in catalog.providers.items()}


def _among(directory: Path, only: Collection[str] | None) -> Collection[str] | None:
    return None if only is None else provider_names(directory).intersection(only)


def load_overlay(directory: Path, shipped: Catalog, *, only: Collection[str] | None = None) -> Catalog:
    """The user's own catalogs as they stand: models as far as they are stated, providers filled up from the shipped."""
    return load(directory, source=Source.OVERLAY, only=only, over=shipped.providers)


def load(
    directory: Path,
    *,
    source: Source = Source.CATALOG,
    only: Collection[str] | None = None,
    over: Mapping[str, Provider] | None = None,
) -> Catalog:
    """Every catalog of the directory, or those of the providers named in `only`.

    `over`: the providers that the directory is laid over; their files may leave out what these state of themselves.
    CatalogError for the first error in them, and for a directory or a named provider without any catalog.
    """
    paths = catalog_paths(directory)
    if only is not None:
        paths = _chosen(paths, only, directory)
    files = [read(path, source=source, over=over) for path in paths]
    findings = [finding for file in files for finding in file.findings(file.problems)]
    if findings:
        raise _refusal(findings)
    catalog = _catalog(files, source)
    logger.info("%d models of %d catalogs in %s", len(catalog.snapshot.records), len(files), shown_path(directory))
    return catalog


def catalog_paths(directory: Path) -> tuple[Path, ...]:
    """The catalog files of a directory by name; hidden ones are an editor's. CatalogError when there is none."""
    try:
        paths = [each for each in directory.iterdir() if each.suffix.lower() == ".toml" and each.name[0] != "."]
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise CatalogError(f"catalog directory {shown_path(directory)} cannot be read: {reason}") from error
    if not paths:
        raise CatalogError(
            f"catalog directory {shown_path(directory)} holds no catalog", "a catalog is a file named PROVIDER.toml"
        )
    return tuple(sorted(paths))


def shipped_directory() -> Path:
    """The catalogs that come with modelctl. CatalogError when the installation lacks them."""
    package = Path(__file__).resolve().parents[1]
    for candidate in (package / "catalogs", package.parents[1] / "catalogs"):  # in a wheel; in a checkout
        if candidate.is_dir():
            return candidate
    raise CatalogError(f"modelctl's own catalogs are missing from {package}", "install modelctl again")


def provider_names(directory: Path) -> set[str]:
    """The providers whose catalogs are there: each file is named after its own. Empty where there is no directory."""
    return {path.stem for path in directory.glob("[!.]*.toml")}


def _chosen(paths: Sequence[Path], only: Collection[str], directory: Path) -> tuple[Path, ...]:
    names = [printable(path.stem) for path in paths]
    for name in sorted(set(only) - {path.stem for path in paths}):
        hint = suggestion(name, names, most=1) or f"there are {', '.join(names)}"
        raise CatalogError(f"no catalog for provider {printable(name)} in {shown_path(directory)}", hint)
    return tuple(path for path in paths if path.stem in only)


def _refusal(findings: Sequence[CatalogFinding]) -> CatalogError:
    first, *others = findings
    more = f"and {len(others)} more: run `modelctl catalog lint`" if others else ""
    return CatalogError(first.text, "; ".join(part for part in (first.hint, more) if part))


def _catalog(files: Sequence[CatalogFile], source: Source) -> Catalog:
    return Catalog(
        providers={file.provider.name: file.provider for file in files if file.provider is not None},
        snapshot=Snapshot(
            source=source, records={entry.record.key: entry.record for file in files for entry in file.entries}
        ),
        sets={
            entry.record.key: entry.table.sets
            for file in files
            for entry in file.entries
            if entry.table.sets is not None
        },
    )
