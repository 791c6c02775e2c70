"""`modelctl catalog export` and `catalog diff`: from a database to catalog files, and what tells two catalogs apart."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from modelctl.cli.context import Context, context_of
from modelctl.cli.database import readable_database
from modelctl.core.counts import counted
from modelctl.core.names import require_known
from modelctl.errors import ExitCode

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from modelctl.catalog.exported import ExportedCatalog
    from modelctl.catalog.load import Catalog
    from modelctl.catalog.write import ExportedFile
    from modelctl.core.catalog_diff import CatalogState
    from modelctl.core.provider import Provider
    from modelctl.store.names import Tables

EXPORT_EPILOG = """\b
Examples:
  modelctl catalog export catalogs
  modelctl catalog export catalogs --provider openai --force
  modelctl --catalog catalogs sync --dry-run --exit-code
"""
DIFF_EPILOG = """\b
Examples:
  modelctl catalog diff exported
  modelctl catalog diff exported --provider openai --json
  modelctl catalog diff new --against old --exit-code
"""
NOTES_SHOWN = 10


class FilesFormat(StrEnum):
    """How the answer is printed."""

    TABLE = "table"
    JSON = "json"


Format = Annotated[FilesFormat, typer.Option("--format", help="How to print it.")]
AsJson = Annotated[bool, typer.Option("--json", help="The same as --format json.")]
Providers = Annotated[list[str] | None, typer.Option("--provider", metavar="NAME", help="Only this one. Repeatable.")]


def export_command(
    ctx: typer.Context,
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Where to write PROVIDER.toml; made if need be.")],
    provider: Providers = None,
    force: Annotated[
        bool, typer.Option("--force", help="Overwrite files that were edited, or that no export wrote.")
    ] = False,
    format: Format = FilesFormat.TABLE,
    json: AsJson = False,
) -> None:
    """Write what the database holds as catalog files.

    `--catalog DIR` lays them over the shipped ones. The same rows give the same bytes, so the files can live in a
    repository: export, edit, sync.
    """
    from modelctl.catalog.load import in_force
    from modelctl.catalog.write import write_files

    context = context_of(ctx)
    catalogs = in_force(context.settings.catalog_directory)
    exports = _exports(context, provider or (), catalogs)
    files = write_files(directory, exports, catalogs[-1].providers, force=force)
    notes = [note for each in exports.values() for note in each.notes]
    _answer_files(context, files, notes, as_json=json or format is FilesFormat.JSON)
    for note in notes[:NOTES_SHOWN]:
        context.warn(f"note: {note}")
    if len(notes) > NOTES_SHOWN:
        context.warn(f"note: and {len(notes) - NOTES_SHOWN:,} more; --json has them all")
    others = sorted(path.name for path in directory.glob("*.toml") if path.stem not in exports)
    if others and not provider:
        context.warn(f"note: left as they are: {', '.join(others)}; the database has no such provider")


def diff_command(
    ctx: typer.Context,
    other: Annotated[Path, typer.Argument(metavar="OTHER", help="A directory of catalogs, as an export writes it.")],
    against: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Compare with this directory, not with the catalogs in force.")
    ] = None,
    provider: Providers = None,
    format: Format = FilesFormat.TABLE,
    json: AsJson = False,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="Exit 3 when they differ.")] = False,
) -> None:
    """Tell what other catalogs state otherwise.

    Models, facts and dated prices, against the catalogs in force. In force are the shipped catalogs under your
    own. A key that OTHER leaves out of the [provider] table of a shipped provider is the shipped one.
    """
    from modelctl.catalog.load import in_force, load_overlay
    from modelctl.core.catalog_diff import differences
    from modelctl.render.catalog_diff import diff_json, diff_summary, diff_text
    from modelctl.render.terminal import look_of

    context = context_of(ctx)
    catalogs = in_force(context.settings.catalog_directory if against is None else None)
    shipped = catalogs[-1]
    old = _state(context, catalogs if against is None else [load_overlay(against, shipped)])
    new = _state(context, [load_overlay(other, shipped)])
    for name in provider or ():
        require_known(name, sorted(old.providers.keys() | new.providers.keys()), "provider")
    found = [each for each in differences(old, new) if not provider or each.provider in provider]
    if json or format is FilesFormat.JSON:
        context.answer(diff_json(found, "in force" if against is None else str(against), str(other)))
    elif found:
        context.answer(diff_text(found, look_of(context.stdout, context.environ)))
    context.say(diff_summary(found))
    if found and exit_code:
        raise typer.Exit(ExitCode.PENDING)


def _exports(context: Context, wanted: Collection[str], catalogs: Sequence[Catalog]) -> Mapping[str, ExportedCatalog]:
    """What each file is to say, by provider."""
    from modelctl.catalog.exported import exported
    from modelctl.store import read

    stated: dict[str, Provider] = {
        name: provider for catalog in reversed(catalogs) for name, provider in catalog.providers.items()
    }

    def work(connection: Connection, tables: Tables) -> dict[str, ExportedCatalog]:
        rows = read.providers(connection, tables)
        for name in wanted:
            require_known(name, sorted(rows), "provider")
        return {
            name: exported(
                rows[name],
                stated.get(name),
                list(read.models_of(connection, tables, name).models.values()),
                catalogs[-1].snapshot.records,
                context.now,
            )
            for name in sorted(wanted or rows)
        }

    with readable_database(context) as database:
        return database.read(lambda connection: work(connection, database.tables))


def _state(context: Context, catalogs: Sequence[Catalog]) -> CatalogState:
    from modelctl.core.catalog_diff import CatalogState
    from modelctl.core.merge import merge

    providers = {name: provider for catalog in reversed(catalogs) for name, provider in catalog.providers.items()}
    records = merge([catalog.snapshot for catalog in catalogs], today=context.now.date())
    return CatalogState(providers=providers, records=records)


def _answer_files(context: Context, files: Sequence[ExportedFile], notes: Sequence[str], *, as_json: bool) -> None:
    if as_json:
        import json

        rows = [
            {"file": str(each.path), "provider": each.provider, "models": each.models, "outcome": each.fate.value}
            for each in files
        ]
        context.answer(json.dumps({"version": 1, "files": rows, "notes": list(notes)}, indent=2, ensure_ascii=False))
        return
    width = max((len(str(each.path)) for each in files), default=0)
    for each in files:
        context.answer(f"{each.path!s:<{width}}  {each.fate:<9}  {counted(each.models, 'model')}")
