"""`modelctl catalog`: the TOML files themselves. Needs no network, and but for `export` no database."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from modelctl.cli.context import context_of, readable_database
from modelctl.cli.format import Format, FormatOption, JsonOption
from modelctl.cli.options import ProviderArguments, ProviderOption, providers_filter
from modelctl.core.facts import FACT_FIELDS
from modelctl.core.text import counted, days
from modelctl.errors import ExitCode

app = typer.Typer(rich_markup_mode=None, no_args_is_help=True, help="Show the catalogs, check them, write your own.")

CATALOG_COLUMNS = ("provider", "model_id", *FACT_FIELDS, "is_enabled")
"""What a catalog can say of a row."""

STALE_AFTER_DAYS = 60
"""The default of `catalog.lint`, repeated because a look at the help must not load the catalogs' schema."""


@app.command(
    "lint",
    epilog="""\b
Examples:
  modelctl catalog lint
  modelctl catalog lint my-catalogs --stale-after 30d
  modelctl catalog lint --json

Exits 3 when there are errors; warnings alone exit 0.
""",
)
def lint_command(
    ctx: typer.Context,
    directory: Annotated[
        Path | None, typer.Argument(metavar="DIR", help="By default the shipped catalogs and your overlay.")
    ] = None,
    stale_after: Annotated[
        str, typer.Option(metavar="AGE", help="Warn about facts that nobody has verified for so long.")
    ] = f"{STALE_AFTER_DAYS}d",
    format: FormatOption = Format.TABLE,
    json: JsonOption = False,
) -> None:
    """Check catalogs; name file, line and key.

    It checks schema, ranges, order of dates, replacements, prices and their sources, spelling, and when the facts were
    last verified. An overlay, named by --catalog, is checked together with the shipped catalogs. It may leave out what
    these state, and refer to their models.
    """
    from modelctl.output.setup import LintDocument
    from modelctl.services.catalogs import lint_catalogs

    context = context_of(ctx)
    found = lint_catalogs(context.runtime, directory, stale_after_days=days(stale_after, "--stale-after"))
    context.show(LintDocument.model_validate(found), format)
    context.stdout.flush()
    errors, warnings = counted(found.errors, "error"), counted(len(found.findings) - found.errors, "warning")
    context.say(f"{counted(found.files, 'catalog')}, {errors}, {warnings}")
    if found.errors:
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

    Your overlay comes first, if there is one. The last line is the directory of the shipped catalogs.
    """
    from modelctl.output.setup import CatalogPathsDocument
    from modelctl.services.catalogs import catalog_directories

    context = context_of(ctx)
    directories = catalog_directories(context.runtime)
    context.show(CatalogPathsDocument.model_validate({"own": None, **directories}), format)


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
    """Show what the catalogs state, your overlay included.

    Models are counted by provider and status. With PROVIDER, its models are listed.
    """
    from modelctl.output.models import ModelList
    from modelctl.output.setup import CatalogsDocument
    from modelctl.services.catalogs import list_catalog_models

    context = context_of(ctx)
    models = list_catalog_models(context.runtime, provider)
    if provider is None:
        return context.show(CatalogsDocument.of(models), format)
    return context.show(ModelList(models, CATALOG_COLUMNS if format is Format.JSON else ()), format)


@app.command(
    "export",
    epilog="""\b
Examples:
  modelctl catalog export catalogs
  modelctl catalog export catalogs openai --force
  modelctl --catalog catalogs sync --dry-run --exit-code
""",
)
def export_command(
    ctx: typer.Context,
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Where to write PROVIDER.toml; created if missing.")],
    providers: ProviderArguments = None,
    provider: ProviderOption = None,
    force: Annotated[
        bool, typer.Option("--force", help="Overwrite files that were edited, or that no export wrote.")
    ] = False,
    format: FormatOption = Format.TABLE,
    json: JsonOption = False,
) -> None:
    """Write what the database holds as catalog files.

    `--catalog DIR` uses them as an overlay. The same rows give the same bytes, so keep the files in a repository:
    export, edit, sync.
    """
    from modelctl.output.setup import ExportDocument
    from modelctl.services.catalogs import export_catalogs

    context, wanted = context_of(ctx), providers_filter(providers, provider)
    with readable_database(context) as database:
        done = export_catalogs(context.runtime, database, directory, wanted, force=force)
    context.show(ExportDocument.model_validate(done), format)
    context.warn_of_each(f"note: {note}" for note in done.notes)
    if done.others and not wanted:
        context.warn(f"note: left as they are: {', '.join(done.others)}; the database has no such provider")


@app.command(
    "diff",
    epilog="""\b
Examples:
  modelctl catalog diff exported
  modelctl catalog diff exported openai --json
  modelctl catalog diff new --against old --exit-code
""",
)
def diff_command(
    ctx: typer.Context,
    other: Annotated[Path, typer.Argument(metavar="OTHER", help="A directory of catalogs, as an export writes it.")],
    providers: ProviderArguments = None,
    against: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Compare with this directory, not with the catalogs in force.")
    ] = None,
    provider: ProviderOption = None,
    format: FormatOption = Format.TABLE,
    json: JsonOption = False,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="Exit 3 when they differ.")] = False,
) -> None:
    """Show how other catalogs differ.

    Models, facts and dated prices are compared with the catalogs in force: the shipped ones and your overlay. A key
    that OTHER leaves out of the [provider] table of a shipped provider is the shipped one.
    """
    from modelctl.output.setup import CatalogDiffDocument
    from modelctl.services.catalogs import diff_catalogs

    context, wanted = context_of(ctx), providers_filter(providers, provider)
    found = diff_catalogs(context.runtime, other, against=against, providers=wanted)
    compared = {"old": "in force" if against is None else str(against), "new": str(other), "providers": found}
    report = CatalogDiffDocument.model_validate(compared)
    context.show(report, format)
    context.say(report.summary())
    if found and exit_code:
        raise typer.Exit(ExitCode.PENDING)
