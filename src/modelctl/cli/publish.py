"""`modelctl publish`: an application's own tables, kept true."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from modelctl.cli.context import Context, context_of, database_of
from modelctl.cli.format import Format, FormatOption, JsonOption, format_option
from modelctl.errors import UsageError

if TYPE_CHECKING:
    from modelctl.db.engine import Database
    from modelctl.publish.mapping import Target

EPILOG = """\b
Examples:
  modelctl publish init --table ai_models --name shop
  modelctl publish shop --dry-run
  modelctl publish check shop
  modelctl publish shop
  modelctl publish adopt shop gpt-4o name
  modelctl publish shop --format sql > shop.sql

NAME is a mapping: publish/NAME.toml beside modelctl.toml. docs/publish.md says what is in it.

\b
Exit codes:
  0  done, or in sync          3  changes pending (--exit-code)
  1  failed, nothing written   4  a guard holds something
  2  the mapping is wrong      6  another run writes
"""


class _NameFirst(TyperGroup):
    """A group whose first word may be the name of a mapping, in place of a command."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """The arguments; options may follow the name."""
        first = next((each for each in args if not each.startswith("-")), None)
        if first in self.commands:
            args = ["", *args]  # no name
        else:
            ctx.allow_interspersed_args = True
        return super().parse_args(ctx, args)


app = typer.Typer(cls=_NameFirst, rich_markup_mode=None, invoke_without_command=True, epilog=EPILOG)


class PublishFormat(StrEnum):
    """How a publish is printed."""

    TABLE = "table"
    JSON = "json"
    MARKDOWN = "markdown"
    SQL = "sql"


MappingOption = Annotated[
    Path | None, typer.Option("--mapping", metavar="FILE", help="The mapping, in place of publish/NAME.toml.")
]
Name = Annotated[str, typer.Argument(metavar="NAME", help="The mapping, by its name.")]


@app.callback()
def publish_command(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The mapping, by its name.")] = "",
    mapping: MappingOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", "-n", help="Show what would change; write nothing.")] = False,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="Exit 3 when something is pending.")] = False,
    adopt: Annotated[
        bool, typer.Option("--adopt", help="Adopt rows that were there before modelctl, and correct them.")
    ] = False,
    accept: Annotated[
        list[str] | None, typer.Option("--accept", metavar="GUARD", help="Accept what this guard holds. Repeatable.")
    ] = None,
    format: Annotated[
        PublishFormat, format_option("How to print it; sql prints the statements.")
    ] = PublishFormat.TABLE,
    json: JsonOption = False,
) -> None:
    """Keep your application's own table of models true."""
    if ctx.invoked_subcommand is not None:
        return
    if not name:
        raise UsageError("which mapping?", "write `modelctl publish NAME`; `modelctl publish init` writes a mapping")
    from modelctl.core.planning.target import TargetGuard
    from modelctl.core.text import require_known
    from modelctl.services.publish import PublishOptions

    context = context_of(ctx)
    for each in accept or ():
        require_known(each, [guard.value for guard in TargetGuard], "guard")
    is_sql = format is PublishFormat.SQL
    options = PublishOptions(dry_run=dry_run or is_sql or exit_code, adopts=adopt, accepted=frozenset(accept or ()))
    _publish(context, name, mapping, options, format, exit_code=exit_code)


def _publish(
    context: Context, name: str, file: Path | None, options: Any, format: PublishFormat, *, exit_code: bool
) -> None:
    from modelctl.output.publish import PublishDocument, script_text
    from modelctl.services.publish import publish, script

    target = mapping_of(name, file)
    author = context.author("publish")
    with database_of(context) as database, application_of(context, database, target) as application:
        if format is PublishFormat.SQL:
            context.answer(script_text(target.name, script(database, application, target, options, author)))
            return
        report = publish(context.runtime, database, application, target, options, author, context.wait)
    code = report.exit_code(pending_counts=exit_code)
    context.show(PublishDocument.of(report, code), format)
    raise typer.Exit(code)


def mapping_of(name: str, file: Path | None) -> Target:
    """The mapping of that name. UsageError where there is none, or it has open questions."""
    from modelctl.publish.mapping import DIRECTORY, open_questions, read

    path = file or Path(DIRECTORY) / f"{name}.toml"
    if file is None and (Path(name).name != name or name.startswith(".")):
        raise UsageError(f"{name!r} cannot be the name of a mapping", "write --mapping FILE for a file elsewhere")
    if questions := open_questions(path):
        where = ", ".join(f"{path}:{line} ({column})" for line, column in questions[:5])
        several = "questions are" if len(questions) > 1 else "question is"
        raise UsageError(
            f"{len(questions)} {several} open: {where}", 'replace each "?" by what is in the column, or remove its line'
        )
    return read(path)


@contextmanager
def application_of(context: Context, database: Database, target: Target) -> Iterator[Database]:
    """The database that the tables of a target are in: modelctl's own unless the mapping names one."""
    from modelctl.core.credentials import with_driver
    from modelctl.db.engine import Database

    stated = target.database
    if stated is None:
        yield database
        return
    if stated.startswith("$"):
        variable = stated[1:].strip("{}")
        found = context.environ.get(variable, "").strip()
        if not found:
            raise UsageError(f"{variable} is not set, which the mapping {target.name} names as its database", "set it")
        stated = found
    elif "@" in stated and ":" in stated.partition("://")[2].partition("@")[0]:
        raise UsageError("the database of the mapping holds a password", 'put the URL into a variable: "$DATABASE_URL"')
    if stated == context.settings.database_url or with_driver(stated) == context.settings.database_url:
        yield database
        return
    context.confidential.add(stated)
    application = Database(with_driver(stated))
    try:
        yield application
    finally:
        application.close()


@app.command(
    "init",
    epilog="""\b
Examples:
  modelctl publish init --table ai_models
  modelctl publish init --table public.models --name shop
""",
)
def init_command(
    ctx: typer.Context,
    table: Annotated[str, typer.Option("--table", metavar="TABLE", help="Your table, as models or public.ai_models.")],
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="The mapping's name; by default the table's.")
    ] = None,
    mapping: MappingOption = None,
) -> None:
    """Write a first mapping for a table.

    It is guessed from the columns and some of the rows.

    What is not certain is written as "?"; a publish is refused until you answer it. Where your table has the name of
    one of modelctl's own, a new modelctl.toml gives those another prefix.
    """
    from modelctl.files import write_whole
    from modelctl.output.publish import guessed_text
    from modelctl.publish.guess import mapping_text
    from modelctl.publish.mapping import DIRECTORY
    from modelctl.services.published import guess_mapping

    context = context_of(ctx)
    called = name or (mapping.stem if mapping is not None else re.sub(r"[^a-z0-9_-]+", "-", table.lower()).strip("-_"))
    path = mapping or Path(DIRECTORY) / f"{called}.toml"
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,47}", called) or path.stem != called:
        raise UsageError(f"{called!r} cannot be the name of a mapping", "give one of lower-case letters with --name")
    if path.exists():
        raise UsageError(f"{path} is there already; it was not touched", "remove it, or choose another --name")
    with database_of(context) as database:
        found = guess_mapping(context.runtime, database, table)
        is_ours = table.rpartition(".")[2] in database.tables.names()
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, mapping_text(called, found))
    guesses = [(each.column, each.form, each.why) for each in found.guesses]
    context.answer(guessed_text(str(path), guesses, found.known, found.rows))
    if is_ours:
        context.warn(_other_prefix())


def _other_prefix() -> str:
    """Give modelctl's own tables other names than the application's; what was done, or has to be."""
    from modelctl.files import write_whole

    settings, line = Path("modelctl.toml"), 'table_prefix = "modelctl_"'
    if settings.exists():
        return f"your table has the name of one of modelctl's own: put {line} into {settings}"
    write_whole(settings, f"{line}\n")
    return f"wrote {settings}: modelctl's own tables begin with modelctl_, as yours has the name of one"


@app.command(
    "check",
    epilog="""\b
Examples:
  modelctl publish check shop
  modelctl publish check shop --json
""",
)
def check_command(
    ctx: typer.Context,
    name: Name,
    mapping: MappingOption = None,
    format: FormatOption = Format.TABLE,
    json: JsonOption = False,
) -> None:
    """Try a publish in a transaction that is rolled back.

    Exits 3 where rows could not be written.
    """
    from modelctl.errors import ExitCode
    from modelctl.output.publish import PublishCheckDocument
    from modelctl.services.published import check

    context = context_of(ctx)
    target = mapping_of(name, mapping)
    with database_of(context) as database, application_of(context, database, target) as application:
        checks = check(context.runtime, database, application, target, context.author("publish"))
    document = PublishCheckDocument.model_validate({"target": target.name, "tables": checks})
    context.show(document, format)
    raise typer.Exit(ExitCode.PENDING if document.has_findings else ExitCode.OK)


@app.command(
    "adopt",
    epilog="""\b
Examples:
  modelctl publish adopt shop gpt-4o
  modelctl publish adopt shop gpt-4o name max_tokens
""",
)
def adopt_command(
    ctx: typer.Context,
    name: Name,
    row: Annotated[str, typer.Argument(metavar="ROW", help="The row's key, or the id of its model.")],
    cells: Annotated[
        list[str] | None, typer.Argument(metavar="COLUMN", help="Which cells; by default all of the mapping.")
    ] = None,
    mapping: MappingOption = None,
) -> None:
    """End overrides of cells: modelctl writes them again.

    The next publish writes what differs.
    """
    from modelctl.services.published import adopt

    context = context_of(ctx)
    target = mapping_of(name, mapping)
    with database_of(context) as database, application_of(context, database, target) as application:
        author = context.author("publish")
        given = adopt(context.runtime, database, application, target, row, cells or (), author, context.wait)
    for each in given:
        context.answer(each)
    context.say(f"the next `modelctl publish {target.name}` writes what differs")


@app.command(
    "status",
    epilog="""\b
Examples:
  modelctl publish status
  modelctl publish status --json
""",
)
def status_command(ctx: typer.Context, format: FormatOption = Format.TABLE, json: JsonOption = False) -> None:
    """Show what was published into the database, and when last."""
    from modelctl.output.publish import PublishStatusDocument
    from modelctl.services.published import last_published

    context = context_of(ctx)
    with database_of(context) as database:
        found = [] if database.is_missing_file else last_published(database)
    context.show(PublishStatusDocument.model_validate({"tables": found}), format)
    if not found:
        context.say("nothing was published into this database yet")


@app.command(
    "presets",
    epilog="""\b
Examples:
  modelctl publish presets
  modelctl publish presets million > publish/million.toml
""",
)
def presets_command(
    ctx: typer.Context,
    name: Annotated[str | None, typer.Argument(metavar="PRESET", help="Print this one as TOML.")] = None,
    format: FormatOption = Format.TABLE,
    json: JsonOption = False,
) -> None:
    """List the mappings that come with modelctl, or print one."""
    from modelctl.output.publish import PresetsDocument
    from modelctl.publish.presets import preset, preset_fits, preset_names, preset_text

    context = context_of(ctx)
    if name is not None:
        context.answer(preset_text(name).rstrip("\n"))
        return
    found = [
        {"name": each, "fits": preset_fits(each), "tables": [table["table"] for table in preset(each)["table"]]}
        for each in preset_names()
    ]
    context.show(PresetsDocument.model_validate({"presets": found}), format)
