"""`modelctl add`: models that no source brings, or that somebody had removed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from modelctl.cli.commands import epilog
from modelctl.cli.context import Context, context_of, database_of, readable_database
from modelctl.cli.edit import DryRun, told_row_by_row
from modelctl.cli.format import Format, FormatOption, JsonOption
from modelctl.core.edits.additions import COMMAND
from modelctl.core.text import counted
from modelctl.errors import ModelctlError, NearMiss, UsageError

if TYPE_CHECKING:
    from modelctl.core.edits.additions import Addition
    from modelctl.core.planning.plan import Plan


STDIN = "-"


@epilog(
    """\b
Examples:
  modelctl add openai/gpt-4o
  modelctl add together/mistralai/Mixtral-8x7B-Instruct-v0.1 type=chat context_window=32768
  modelctl add --from models.jsonl --dry-run
  echo '{"model": "groq/our-tuned-model", "type": "chat", "is_enabled": true}' | modelctl add --from -

What you state, as in `modelctl set`, is pinned. The rest comes from the catalogs, prices included, or is unknown.
Without a complete price a model is added disabled. A row of JSON has "model" (or "provider" and "model_id"), fields by
name, and "is_enabled"; with one bad row, none is written. An id that is nearly a known one is asked about on a
terminal, and refused elsewhere; --exact takes it.
"""
)
def add_command(
    ctx: typer.Context,
    words: Annotated[
        list[str] | None, typer.Argument(metavar="MODEL FIELD=VALUE", help="As provider/model_id, exactly.")
    ] = None,
    source: Annotated[
        str | None, typer.Option("--from", metavar="FILE|-", help="Rows of JSON or JSONL, from a file or stdin.")
    ] = None,
    enabled: Annotated[
        bool | None,
        typer.Option("--enabled/--disabled", help="May the application offer it? By default if it has a price."),
    ] = None,
    exact: Annotated[bool, typer.Option("--exact", help="Take ids as they are written.")] = False,
    dry_run: DryRun = False,
    format: FormatOption = Format.TABLE,
    json: JsonOption = False,
) -> None:
    """Add models by hand: one, or many from JSON."""
    from modelctl.services.additions import AddOptions, add

    context = context_of(ctx)
    author = context.author(COMMAND)
    rows = _rows(context, words or [], source, enabled)
    opened = readable_database if dry_run else database_of
    with told_row_by_row(context), opened(context) as database:
        add_rows = partial(add, context.runtime, database, rows, author)
        try:
            plans = add_rows(AddOptions(exact=exact, dry_run=dry_run))
        except NearMiss as error:
            if context.ask(f"{error.message}: add it as it is written?") is not True:
                raise
            plans = add_rows(AddOptions(exact=True, dry_run=dry_run))
    _print(context, plans, None if dry_run else author.run, format)


def _rows(
    context: Context, words: Sequence[str], source: str | None, enabled: bool | None
) -> list[Addition | ModelctlError]:
    from modelctl.core.edits.additions import addition, read_additions
    from modelctl.core.edits.models import facts_from_words

    if bool(words) == (source is not None):
        raise UsageError("add needs a model, or --from", "`modelctl add openai/gpt-4o context_window=128000`")
    if source is None:
        return [addition(words[0], facts_from_words(words[1:]), is_enabled=enabled)]
    if enabled is not None:
        raise UsageError("--enabled and --disabled go with a named model", 'a row of JSON says "is_enabled"')
    try:
        return read_additions(context.stdin.read() if source == STDIN else Path(source).read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise UsageError(f"--from {source}: is not UTF-8 text ({error.reason} at byte {error.start})") from None


def _print(context: Context, plans: Sequence[Plan], run: str | None, format: Format) -> None:
    from modelctl.output.edits import EditsDocument

    changes = [change for plan in plans for change in plan.changes]
    context.show(EditsDocument.of(changes, (), run, command="add"), format)
    context.stdout.flush()
    rows = counted(len(changes), "row")
    context.say(f"{rows} added (run {run})" if run else f"{rows} would be added")
    if not context.quiet:
        context.warn_of_each(
            f"{key} is disabled: no complete price is known; `modelctl price set`, then `modelctl enable`"
            for plan in plans
            for key in plan.needs_review
        )
