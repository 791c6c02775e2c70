"""What `set`, `enable`, `remove` and `deprecate` have in common: which rows, the question, the report."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated

import typer

from modelctl.cli.context import Context, readable_database
from modelctl.cli.format import Format
from modelctl.core.models.query import where
from modelctl.core.text import counted
from modelctl.errors import BadRows, ExitCode, ModelctlError, UsageError

if TYPE_CHECKING:
    from modelctl.core.planning.plan import Change
    from modelctl.services.edits import EditResult


Where = Annotated[
    str | None,
    typer.Option(
        "--where", metavar="'KEY=VALUE …'", help="All rows that match, as 'provider=openai type=embedding'; see below."
    ),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Write many rows without a question.")]
DryRun = Annotated[bool, typer.Option("--dry-run", "-n", help="Show what would change and write nothing.")]

WHERE_HELP = """\
--where takes KEY=VALUE terms, all of which must hold. provider, status, type and tier take A,B for any of them;
capability, tag and missing take A,B for all of them. There are also enabled=yes, recommended=no, search=TEXT, and
amounts with =, >= or <=, as context_window>=100000. Retired models need status=retired. On a terminal it shows ten
rows and asks. Elsewhere it shows what would change and exits 3; with --yes it writes.
"""

Models = Annotated[list[str], typer.Argument(metavar="MODEL", help="As provider/model_id, or shorter.")]
SomeModels = Annotated[list[str] | None, typer.Argument(metavar="MODEL", help="As provider/model_id, or shorter.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class EditRequest:
    """Which rows a command is about, whether it writes, and how it reports. UsageError for a contradiction."""

    command: str
    names: Sequence[str] = ()
    where: str | None = None
    yes: bool = False
    dry_run: bool = False
    format: Format = Format.TABLE

    def __post_init__(self) -> None:
        """See above."""
        if bool(self.names) == (self.where is not None):
            raise UsageError(f"{self.command} needs models, or --where", f"see `modelctl {self.command} --help`")
        if self.yes and self.dry_run:
            raise UsageError("--yes and --dry-run contradict each other", "leave one of them out")

    @property
    def writes(self) -> bool:
        """Whether anything is written where there is nobody to ask: what a filter chooses only with --yes."""
        return not self.dry_run and (self.where is None or self.yes)

    @property
    def is_asked(self) -> bool:
        """Whether a person is asked first: about many rows, unless --yes has answered."""
        return not (self.yes or self.dry_run) and (self.where is not None or len(self.names) > 1)


def run_edit(context: Context, request: EditRequest, edit: Callable[..., EditResult]) -> None:
    """Edit the rows, report, and exit 3 after a preview that --yes would write.

    `edit` is a function of `services.edits`: it gets the database, what is chosen, `author` and `dry_run`.
    ModelctlError where a person, asked about many rows, does not say yes.
    """
    author = context.author(request.command)
    chosen = where(request.where) if request.where is not None else request.names
    with readable_database(context) as database, told_row_by_row(context):
        if request.is_asked and context.has_person:
            planned = edit(database, chosen, author=author, dry_run=True)
            require_yes(context, request.command, planned.changes)
            request = replace(request, yes=True)
            if (selection := planned.selection) is not None:  # the rows that were shown, whatever passes by now
                chosen = [str(model.key) for model in selection.models]
            edited = replace(edit(database, chosen, author=author), selection=selection)
        else:
            edited = edit(database, chosen, author=author, dry_run=not request.writes)
    _print(context, request, edited, author.run)
    if request.where is not None and not (request.yes or request.dry_run) and edited.changes:
        raise typer.Exit(ExitCode.PENDING)


def require_yes(context: Context, command: str, changes: Sequence[Change]) -> None:
    """Show a person the first rows and ask. ModelctlError for any answer but yes; nothing to do is no question."""
    if not changes:
        return
    from modelctl.output.console import look_of
    from modelctl.output.edits import preview

    context.stderr.write(f"{preview(changes, look_of(context.stderr, context.environ))}\n")
    if not context.ask(f"{command} {counted(len(changes), 'row')}?"):
        raise ModelctlError("the answer was no: nothing was written")


@contextmanager
def told_row_by_row(context: Context) -> Iterator[None]:
    """Every row that cannot be written is named in a line of its own, before the error that sums them up."""
    try:
        yield
    except BadRows as error:
        context.warn_of_each(error.problems)
        raise


def _print(context: Context, request: EditRequest, edited: EditResult, run: str) -> None:
    from modelctl.output.edits import EditsDocument

    written = run if request.writes and edited.changes else None
    context.show(EditsDocument.of(edited.changes, edited.unchanged, written, command=request.command), request.format)
    context.stdout.flush()
    context.say(_summary(request, edited, run))


def _summary(request: EditRequest, edited: EditResult, run: str) -> str:
    """How many rows, what was left out and why, and what is still to be done."""
    count, as_wanted = len(edited.changes), len(edited.unchanged)
    parts = [f"{as_wanted:,} have that already" if as_wanted else ""]
    if edited.selection is not None:
        retired, unknown = edited.selection.retired, edited.selection.unknown
        parts.append(f"left out: {retired:,} retired (status=retired names them)" if retired else "")
        parts.append(f"left out: {unknown:,} for which a fact that was asked for is unknown" if unknown else "")
    rest = "".join(f"; {part}" for part in parts if part)
    if not count:
        nothing = "no model matches" if edited.selection is not None and not as_wanted else "nothing changed"
        return nothing + rest
    rows = counted(count, "row")
    if request.writes:
        return f"{rows} changed (run {run}){rest}"
    hint = "" if request.dry_run else "; nothing was written: add --yes to write it"
    return f"{rows} would change{rest}{hint}"
