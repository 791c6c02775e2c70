"""`modelctl catalog`: the TOML files themselves. Needs no database and no network."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from modelctl.cli.context import Context, context_of
from modelctl.core.counts import counted
from modelctl.core.model import FACT_FIELDS
from modelctl.core.names import require_known
from modelctl.errors import ExitCode

if TYPE_CHECKING:
    from modelctl.catalog.finding import Finding
    from modelctl.core.stored import StoredModel

app = typer.Typer(rich_markup_mode=None, no_args_is_help=True, help="Look at the catalogs, and check them.")


class CatalogFormat(StrEnum):
    """How catalogs can be shown."""

    TABLE = "table"
    JSON = "json"


Format = Annotated[CatalogFormat, typer.Option("--format", help="How to print it.")]
AsJson = Annotated[bool, typer.Option("--json", help="The same as --format json.")]
CATALOG_COLUMNS = ("provider", "model_id", *FACT_FIELDS, "is_enabled")
"""What a catalog can say of a row."""
STALE_AFTER_DAYS = 60
"""The default of `catalog.lint`, repeated because a look at the help must not load the catalogs' schema."""


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
    format: Format = CatalogFormat.TABLE,
    json: AsJson = False,
) -> None:
    """Check catalogs; name file, line and key.

    Looked at are schema, ranges, order of dates, successors, prices and their sources, spelling, and when a person
    last verified the facts. A directory of your own, named by --catalog, is looked at over the shipped catalogs: it
    may leave out what these state, and refer to their models.
    """
    from modelctl.catalog.finding import Severity
    from modelctl.catalog.lint import lint
    from modelctl.catalog.load import catalog_paths

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
    if json or format is CatalogFormat.JSON:
        context.answer(_as_json({"files": files, "errors": errors, "findings": [_finding(each) for each in findings]}))
    else:
        for each in findings:
            context.answer(_finding_line(each))
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
def path_command(ctx: typer.Context, format: Format = CatalogFormat.TABLE, json: AsJson = False) -> None:
    """Print where the catalogs are.

    Your own directory comes first, if the setting catalog_directory names one; the last line is the shipped one.
    """
    context = context_of(ctx)
    found = _directories(context)
    if json or format is CatalogFormat.JSON:
        context.answer(_as_json({name: str(found[name]) if name in found else None for name in ("own", "shipped")}))
    else:
        context.answer("\n".join(map(str, found.values())))


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
    format: Format = CatalogFormat.TABLE,
    json: AsJson = False,
) -> None:
    """Show what the catalogs state, your own over the shipped.

    Counted are the models per provider and status; with PROVIDER its models are listed.
    """
    from modelctl.render.catalogs import tallies_json, tallies_table, tally
    from modelctl.render.listing import json_array, table
    from modelctl.render.terminal import look_of

    context = context_of(ctx)
    models = _models(context)
    look = look_of(context.stdout, context.environ)
    as_json = json or format is CatalogFormat.JSON
    if provider is None:
        context.answer((tallies_json if as_json else tallies_table)(tally(models), look))
        return
    require_known(provider, sorted({each.key.provider for each in models}), "catalog for provider")
    wanted = [each for each in models if each.key.provider == provider]
    context.answer(json_array(wanted, CATALOG_COLUMNS, look) if as_json else table(wanted, (), look))


def _directories(context: Context) -> dict[str, Path]:
    """The catalogs' directories by whose they are, in order of authority."""
    from modelctl.catalog.directory import shipped_directory

    own = context.settings.catalog_directory
    return {**({"own": own} if own is not None else {}), "shipped": shipped_directory()}


def _below(context: Context, directory: Path) -> Path | None:
    """The shipped catalogs, for the directory that is the user's own: that one may leave out what they state."""
    directories = _directories(context)
    own = directories.get("own")
    return directories["shipped"] if own is not None and own.resolve() == directory.resolve() else None


def _models(context: Context) -> list[StoredModel]:
    """What a sync from the catalogs alone would put into an empty database, by key."""
    from modelctl.catalog.load import in_force
    from modelctl.core.merge import merge
    from modelctl.core.outcome import after
    from modelctl.core.planning import Consulted, plan
    from modelctl.core.stored import StoredProvider

    now = context.now
    catalogs = in_force(context.settings.catalog_directory)
    records = merge([catalog.snapshot for catalog in catalogs], today=now.date())
    made = plan("", StoredProvider(), records, consulted=Consulted(), now=now)
    return [after(change, now=now) for change in made.changes]


def _finding_line(finding: Finding) -> str:
    """As compilers write it, so that editors and CI find the place."""
    place = f"{finding.path}:{finding.line}: "
    return f"{place}{finding.severity}: {str(finding).removeprefix(place)}"


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "path": finding.path,
        "line": finding.line,
        "severity": finding.severity.value,
        "model_id": finding.model_id or None,
        "key": finding.key or None,
        "message": finding.message,
        "hint": finding.hint or None,
    }


def _as_json(document: dict[str, Any]) -> str:
    import json

    return json.dumps({"version": 1, **document}, indent=2, ensure_ascii=False)
