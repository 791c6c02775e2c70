"""`modelctl deprecate` and `undeprecate`: the end of a model as a person knows it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from modelctl.cli.context import Context, Format, FormatOption, JsonOption, context_of, readable_database
from modelctl.config.settings import author_of
from modelctl.core.edits.additions import facts_from_words
from modelctl.core.edits.models import (
    Deprecation,
    deprecate,
    referrers_of,
    remove,
    remove_cascading,
    set_enabled,
    set_facts,
    undeprecate,
)
from modelctl.core.models.query import where
from modelctl.core.text import counted, day
from modelctl.errors import BadRows, ExitCode, UsageError

if TYPE_CHECKING:
    from modelctl.services.models import EditAll, EditResult, Reach


Where = Annotated[
    str | None,
    typer.Option(
        "--where", metavar="'KEY=VALUE …'", help="All rows like this, as 'provider=openai type=embedding'; see below."
    ),
]
Yes = Annotated[bool, typer.Option("--yes", help="With --where: write what the preview shows.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would change and write nothing.")]

WHERE_HELP = """\
--where takes the words of `modelctl list`, all of which must hold: provider, status, type, tier (A,B: any of them),
capability, tag, missing (A,B: all of them), enabled=yes, recommended=no, search=TEXT, and amounts with =, >= or <=, as
context_window>=100000. Retired models only with status=retired. It shows what would change and exits 3; with --yes it
writes.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class EditRequest:
    """Which rows a command is about, whether it writes, and how it reports. UsageError for a contradiction."""

    command: str
    names: Sequence[str] = ()
    where: str | None = None
    yes: bool = False
    dry_run: bool = False
    as_json: bool = False

    def __post_init__(self) -> None:
        """See above."""
        if bool(self.names) == (self.where is not None):
            raise UsageError(f"{self.command} needs models, or --where", f"see `modelctl {self.command} --help`")
        if self.yes and self.where is None:
            raise UsageError("--yes goes with --where", "models that are named are written at once")
        if self.yes and self.dry_run:
            raise UsageError("--yes and --dry-run contradict each other", "leave one of them out")

    @property
    def writes(self) -> bool:
        """Whether anything is written: many rows at once only after their preview was seen."""
        return not self.dry_run and (self.where is None or self.yes)


def run_edit(context: Context, order: EditRequest, edit: EditAll, *, reach: Reach = lambda _keys, _known: ()) -> None:
    """Edit the rows, report, and exit 3 after a preview that --yes would write. `reach`: as `edit_rows` has it."""
    from modelctl.services.models import edit_rows

    author = author_of(context, order.command)
    chosen = where(order.where) if order.where is not None else order.names
    with readable_database(context) as database, told_row_by_row(context):
        edited = edit_rows(database, chosen, edit, author, reach=reach, dry_run=not order.writes)
    _print(context, order, edited, author.run)
    if order.where is not None and not (order.yes or order.dry_run) and edited.changes:
        raise typer.Exit(ExitCode.PENDING)


@contextmanager
def told_row_by_row(context: Context) -> Iterator[None]:
    """Every row that cannot be written is named in a line of its own, before the error that sums them up."""
    try:
        yield
    except BadRows as error:
        for problem in error.problems:
            context.warn(problem)
        raise


def _print(context: Context, order: EditRequest, edited: EditResult, run: str) -> None:
    from modelctl.output.console import look_of
    from modelctl.output.edits import edits_json, edits_text

    look = look_of(context.stdout, context.environ)
    is_written = order.writes and bool(edited.changes)
    if order.as_json:
        context.answer(edits_json(edited.changes, edited.unchanged, run if is_written else None, look))
    elif text := edits_text(edited.changes, order.command, look):
        context.answer(text)
    context.stdout.flush()
    context.say(_summary(order, edited, run))


def _summary(order: EditRequest, edited: EditResult, run: str) -> str:
    """How many rows, what was left out and why, and what is still to be done."""
    count, as_wanted = len(edited.changes), len(edited.unchanged)
    parts = [f"{as_wanted:,} as wanted already" if as_wanted else ""]
    if edited.selection is not None:
        retired, unknown = edited.selection.retired, edited.selection.unknown
        parts.append(f"left out: {retired:,} retired (status=retired names them)" if retired else "")
        parts.append(f"left out: {unknown:,} for which a fact that was asked for is unknown" if unknown else "")
    rest = "".join(f"; {part}" for part in parts if part)
    if not count:
        nothing = "no model matches" if edited.selection is not None and not as_wanted else "nothing changed"
        return nothing + rest
    rows = counted(count, "row")
    if order.writes:
        return f"{rows} changed (run {run}){rest}"
    hint = "" if order.dry_run else "; nothing was written: add --yes to write it"
    return f"{rows} would change{rest}{hint}"


DEPRECATE_EPILOG = """\b
Examples:
  modelctl deprecate openai/gpt-5.4 --replacement gpt-6.1-sol --retires 2027-03-31
  modelctl deprecate gpt-5.4 gpt-5.4-mini --replacement gpt-6-luna --on 2026-12-01

The replacement is a live model of the same provider. What is said here is pinned. From --on (today, unless the
vendor's day is known) the status is `deprecated`, after --retires `retired`.
"""

UNDEPRECATE_EPILOG = """\b
Examples:
  modelctl undeprecate openai/gpt-5.4

What was said with `modelctl deprecate` goes back to the sources. Where these state an end themselves, it is denied:
its days are blank and the status is `active`, pinned, until `modelctl unpin MODEL all`.
"""

Models = Annotated[list[str], typer.Argument(metavar="MODEL", help="As provider/model_id, or shorter.")]


def deprecate_command(
    ctx: typer.Context,
    models: Models,
    replacement: Annotated[str | None, typer.Option(metavar="MODEL", help="What to use instead.")] = None,
    on: Annotated[str | None, typer.Option(metavar="DAY", help="When it was announced, as 2026-12-01.")] = None,
    retires: Annotated[str | None, typer.Option(metavar="DAY", help="The last day on which it answers.")] = None,
    dry_run: DryRun = False,
    format: FormatOption = Format.TABLE,
    json: JsonOption = False,
) -> None:
    """State the end of models, and what replaces them."""
    context = context_of(ctx)
    end = Deprecation(
        replacement=replacement,
        on=day(on, "--on") if on is not None else None,
        retires=day(retires, "--retires") if retires is not None else None,
    )
    order = EditRequest(command="deprecate", names=models, dry_run=dry_run, as_json=format is Format.JSON)
    today = context.now.date()
    run_edit(context, order, lambda models, known: deprecate(models, known, end, today=today))


def undeprecate_command(
    ctx: typer.Context,
    models: Models,
    dry_run: DryRun = False,
    format: FormatOption = Format.TABLE,
    json: JsonOption = False,
) -> None:
    """Take the end of models back."""
    from modelctl.services.models import each_row

    context = context_of(ctx)
    order = EditRequest(command="undeprecate", names=models, dry_run=dry_run, as_json=format is Format.JSON)
    today = context.now.date()
    run_edit(context, order, each_row(lambda model, _known: undeprecate(model, today=today)))


ENABLE_EPILOG = f"""\b
Examples:
  modelctl enable openai/gpt-4o gpt-4o-mini
  modelctl enable --where 'provider=anthropic recommended=yes' --yes

{WHERE_HELP}"""

DISABLE_EPILOG = f"""\b
Examples:
  modelctl disable openai/gpt-4o
  modelctl disable --where 'status=retired enabled=yes' --yes
  modelctl disable --where 'output_price_per_mtok>=50' --yes

{WHERE_HELP}"""

SomeModels = Annotated[list[str] | None, typer.Argument(metavar="MODEL", help="As provider/model_id, or shorter.")]


def enable_command(
    ctx: typer.Context,
    models: SomeModels = None,
    where: Where = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    format: FormatOption = Format.TABLE,
    json: JsonOption = False,
) -> None:
    """Switch models on for your application."""
    _turn(ctx, "enable", is_enabled=True)


def disable_command(
    ctx: typer.Context,
    models: SomeModels = None,
    where: Where = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    format: FormatOption = Format.TABLE,
    json: JsonOption = False,
) -> None:
    """Switch models off for your application.

    Syncs keep them up to date.
    """
    _turn(ctx, "disable", is_enabled=False)


def _turn(ctx: typer.Context, command: str, *, is_enabled: bool) -> None:
    from modelctl.services.models import each_row

    said = ctx.params
    order = EditRequest(
        command=command,
        names=said["models"] or (),
        where=said["where"],
        yes=said["yes"],
        dry_run=said["dry_run"],
        as_json=said["format"] is Format.JSON,
    )
    edit = each_row(lambda model, _known: set_enabled(model, is_enabled=is_enabled))
    run_edit(context_of(ctx), order, edit)


EPILOG = """\b
Examples:
  modelctl remove openai/gpt-3.5-turbo
  modelctl remove gpt-4 --cascade --dry-run

The price ledger and the audit trail stay, so past bills can still be computed. No sync brings a removed row back;
`modelctl add MODEL` does, and `modelctl undo`. A row that others name as their replacement, or among their aliases,
stays, unless --cascade takes it out of those rows, too. To hide a model from your application, disable it.
"""


def remove_command(
    ctx: typer.Context,
    models: Annotated[list[str], typer.Argument(metavar="MODEL", help="As provider/model_id, or shorter.")],
    cascade: Annotated[
        bool, typer.Option("--cascade", help="Take the replacement or alias out of the rows that point there.")
    ] = False,
    dry_run: DryRun = False,
    format: FormatOption = Format.TABLE,
    json: JsonOption = False,
) -> None:
    """Remove rows; syncs do not bring them back."""
    context = context_of(ctx)
    order = EditRequest(command="remove", names=models, dry_run=dry_run, as_json=format is Format.JSON)
    today = context.now.date()
    edit: EditAll = remove
    if cascade:
        edit = lambda models, known: remove_cascading(models, known, today=today)  # noqa: E731
    run_edit(context, order, edit, reach=referrers_of)


SET_EPILOG = f"""\b
Examples:
  modelctl set openai/gpt-4o context_window=128000 'display_name=GPT-4o (ours)'
  modelctl set gpt-4o tags=smart,latest family=
  modelctl set --where 'provider=openai type=embedding' recommended=no --yes

FIELD is a column of the row; FIELD= (or FIELD=null) makes it unknown. Lists are A,B; switches yes or no; days
2026-12-01. What is set is pinned: no sync changes it until `modelctl unpin`. Prices are set by `modelctl price set`.

{WHERE_HELP}"""


def set_command(
    ctx: typer.Context,
    words: Annotated[list[str], typer.Argument(metavar="MODEL FIELD=VALUE", help="With --where without the MODEL.")],
    where: Where = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    format: FormatOption = Format.TABLE,
    json: JsonOption = False,
) -> None:
    """Set facts of a model, or of many, and pin them.

    Only those that are given.
    """
    from modelctl.services.models import each_row

    context = context_of(ctx)
    names, assignments = ([], words) if where is not None else (words[:1], words[1:])
    if not assignments:
        raise UsageError(f"set {words[0]}: there is no FIELD=VALUE", "`modelctl set gpt-4o context_window=128000`")
    values = facts_from_words(assignments)
    order = EditRequest(
        command="set",
        names=names,
        where=where,
        yes=yes,
        dry_run=dry_run,
        as_json=format is Format.JSON,
    )
    today = context.now.date()
    run_edit(context, order, each_row(lambda model, known: set_facts(model, values, known, today=today)))
