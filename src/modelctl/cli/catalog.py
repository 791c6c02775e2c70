"""`modelctl catalog`: the TOML files themselves. Needs no network, and but for `export` no database."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from modelctl.cli.context import Context, Format, FormatOption, JsonOption, context_of, readable_database
from modelctl.core.facts import FACT_FIELDS
from modelctl.core.text import counted, require_known
from modelctl.errors import ExitCode

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from modelctl.catalog.export import ExportedCatalog
    from modelctl.catalog.load import Catalog
    from modelctl.core.catalog_diff import CatalogState
    from modelctl.core.provider import Provider
    from modelctl.core.stored import StoredModel
    from modelctl.tables.base import Tables


app = typer.Typer(rich_markup_mode=None, no_args_is_help=True, help="Look at the catalogs, and check them.")

CATALOG_COLUMNS = ("provider", "model_id", *FACT_FIELDS, "is_enabled")
"""What a catalog can say of a row."""

STALE_AFTER_DAYS = 60
"""The default of `catalog.lint`, repeated because a look at the help must not load the catalogs' schema."""

NOTES_SHOWN = 10

Providers = Annotated[list[str] | None, typer.Option("--provider", metavar="NAME", help="Only this one. Repeatable.")]


@app.command(
    "lint",
    epilog="""\b
Examples:
  modelctl catalog lint
  modelctl catalog lint my-catalogs --stale-after-days 30
  modelctl catalog lint --json

Exits 3 when there are errors; warnings alone exit 0.
""",
)
def lint_command(
    ctx: typer.Context,
    directory: Annotated[
        Path | None, typer.Argument(metavar="DIR", help="Else the shipped catalogs and your own.")
    ] = None,
    stale_after_days: Annotated[
        int, typer.Option(min=0, metavar="N", help="Warn about facts that nobody has verified for so long.")
    ] = STALE_AFTER_DAYS,
    format: FormatOption = Format.TABLE,
    json: JsonOption = False,
) -> None:
    """Check catalogs; name file, line and key.

    Looked at are schema, ranges, order of dates, successors, prices and their sources, spelling, and when a person
    last verified the facts. A directory of your own, named by --catalog, is looked at over the shipped catalogs: it
    may leave out what these state, and refer to their models.
    """
    from modelctl.catalog.findings import Severity
    from modelctl.catalog.lint import lint
    from modelctl.catalog.load import catalog_paths
    from modelctl.output.setup import LintDocument

    context = context_of(ctx)
    directories = [directory] if directory is not None else list(_directories(context).values())
    today = context.now.date()
    findings = [
        each
        for place in directories
        for each in lint(place, today=today, stale_after_days=stale_after_days, over=_below(context, place))
    ]
    files = sum(len(catalog_paths(place)) for place in directories)
    errors = sum(each.severity is Severity.ERROR for each in findings)
    report = {"files": files, "errors": errors, "findings": findings}
    context.show(LintDocument.model_validate(report), format)
    context.stdout.flush()
    context.say(
        ", ".join([counted(files, "catalog"), counted(errors, "error"), counted(len(findings) - errors, "warning")])
    )
    if errors:
        raise typer.Exit(ExitCode.PENDING)


@app.command(
    "path",
    epilog="""\b
Examples:
  modelctl catalog path
  ls "$(modelctl catalog path | tail -n 1)"
""",
)
def path_command(ctx: typer.Context, format: FormatOption = Format.TABLE, json: JsonOption = False) -> None:
    """Print where the catalogs are.

    Your own directory comes first, if the setting catalog_directory names one; the last line is the shipped one.
    """
    from modelctl.output.setup import CatalogPathsDocument

    context = context_of(ctx)
    context.show(CatalogPathsDocument.model_validate({"own": None, **_directories(context)}), format)


@app.command(
    "show",
    epilog="""\b
Examples:
  modelctl catalog show
  modelctl catalog show openai
  modelctl catalog show openai --json
""",
)
def show_command(
    ctx: typer.Context,
    provider: Annotated[str | None, typer.Argument(metavar="PROVIDER", help="List this one's models.")] = None,
    format: FormatOption = Format.TABLE,
    json: JsonOption = False,
) -> None:
    """Show what the catalogs state, your own over the shipped.

    Counted are the models per provider and status; with PROVIDER its models are listed.
    """
    from modelctl.output.models import ModelList
    from modelctl.output.setup import CatalogsDocument

    context = context_of(ctx)
    models = _models(context)
    if provider is None:
        return context.show(CatalogsDocument.of(models), format)
    require_known(provider, sorted({each.key.provider for each in models}), "catalog for provider")
    wanted = [each for each in models if each.key.provider == provider]
    return context.show(ModelList(wanted, CATALOG_COLUMNS if format is Format.JSON else ()), format)


@app.command(
    "export",
    epilog="""\b
Examples:
  modelctl catalog export catalogs
  modelctl catalog export catalogs --provider openai --force
  modelctl --catalog catalogs sync --dry-run --exit-code
""",
)
def export_command(
    ctx: typer.Context,
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Where to write PROVIDER.toml; made if need be.")],
    provider: Providers = None,
    force: Annotated[
        bool, typer.Option("--force", help="Overwrite files that were edited, or that no export wrote.")
    ] = False,
    format: FormatOption = Format.TABLE,
    json: JsonOption = False,
) -> None:
    """Write what the database holds as catalog files.

    `--catalog DIR` lays them over the shipped ones. The same rows give the same bytes, so the files can live in a
    repository: export, edit, sync.
    """
    from modelctl.catalog.export import write_files
    from modelctl.catalog.load import catalogs_in_force
    from modelctl.output.setup import ExportDocument

    context = context_of(ctx)
    catalogs = catalogs_in_force(context.settings.catalog_directory)
    exports = _exports(context, provider or (), catalogs)
    files = write_files(directory, exports, catalogs[-1].providers, force=force)
    notes = [note for each in exports.values() for note in each.notes]
    context.show(ExportDocument.model_validate({"files": files, "notes": notes}), format)
    for note in notes[:NOTES_SHOWN]:
        context.warn(f"note: {note}")
    if len(notes) > NOTES_SHOWN:
        context.warn(f"note: and {len(notes) - NOTES_SHOWN:,} more; --json has them all")
    others = sorted(path.name for path in directory.glob("*.toml") if path.stem not in exports)
    if others and not provider:
        context.warn(f"note: left as they are: {', '.join(others)}; the database has no such provider")


@app.command(
    "diff",
    epilog="""\b
Examples:
  modelctl catalog diff exported
  modelctl catalog diff exported --provider openai --json
  modelctl catalog diff new --against old --exit-code
""",
)
def diff_command(
    ctx: typer.Context,
    other: Annotated[Path, typer.Argument(metavar="OTHER", help="A directory of catalogs, as an export writes it.")],
    against: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Compare with this directory, not with the catalogs in force.")
    ] = None,
    provider: Providers = None,
    format: FormatOption = Format.TABLE,
    json: JsonOption = False,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="Exit 3 when they differ.")] = False,
) -> None:
    """Tell what other catalogs state otherwise.

    Models, facts and dated prices, against the catalogs in force. In force are the shipped catalogs under your
    own. A key that OTHER leaves out of the [provider] table of a shipped provider is the shipped one.
    """
    from modelctl.catalog.load import catalogs_in_force, load_overlay
    from modelctl.core.catalog_diff import differences
    from modelctl.output.setup import CatalogDiffDocument

    context = context_of(ctx)
    catalogs = catalogs_in_force(context.settings.catalog_directory if against is None else None)
    shipped = catalogs[-1]
    old = _state(context, catalogs if against is None else [load_overlay(against, shipped)])
    new = _state(context, [load_overlay(other, shipped)])
    for name in provider or ():
        require_known(name, sorted(old.providers.keys() | new.providers.keys()), "provider")
    found = [each for each in differences(old, new) if not provider or each.provider in provider]
    compared = {"old": "in force" if against is None else str(against), "new": str(other), "providers": found}
    report = CatalogDiffDocument.model_validate(compared)
    context.show(report, format)
    context.say(report.summary())
    if found and exit_code:
        raise typer.Exit(ExitCode.PENDING)


def _directories(context: Context) -> dict[str, Path]:
    """The catalogs' directories by whose they are, in order of authority."""
    from modelctl.catalog.load import shipped_directory

    own = context.settings.catalog_directory
    return {**({"own": own} if own is not None else {}), "shipped": shipped_directory()}


def _below(context: Context, directory: Path) -> Path | None:
    """The shipped catalogs, for the directory that is the user's own: that one may leave out what they state."""
    directories = _directories(context)
    own = directories.get("own")
    return directories["shipped"] if own is not None and own.resolve() == directory.resolve() else None


def _models(context: Context) -> list[StoredModel]:
    """What a sync from the catalogs alone would put into an empty database, by key."""
    from modelctl.catalog.load import catalogs_in_force
    from modelctl.core.planning.merge import merge
    from modelctl.core.planning.plan import model_after
    from modelctl.core.planning.planner import Consulted, plan
    from modelctl.core.stored import StoredProvider

    now = context.now
    catalogs = catalogs_in_force(context.settings.catalog_directory)
    records = merge([catalog.snapshot for catalog in catalogs], today=now.date())
    made = plan("", StoredProvider(), records, consulted=Consulted(), now=now)
    return [model_after(change, now=now) for change in made.changes]


def _exports(context: Context, wanted: Collection[str], catalogs: Sequence[Catalog]) -> Mapping[str, ExportedCatalog]:
    """What each file is to say, by provider."""
    from modelctl.catalog.export import exported
    from modelctl.db import read

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
    from modelctl.core.planning.merge import merge

    providers = {name: provider for catalog in reversed(catalogs) for name, provider in catalog.providers.items()}
    records = merge([catalog.snapshot for catalog in catalogs], today=context.now.date())
    return CatalogState(providers=providers, records=records)
