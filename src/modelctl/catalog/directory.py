"""Where the shipped catalogs are, and whose catalogs a directory holds. Reads no catalog, so that it costs nothing."""

from __future__ import annotations

from pathlib import Path

from modelctl.errors import CatalogError


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
