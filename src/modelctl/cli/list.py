"""`modelctl list`: the models that pass a filter."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, TypeAlias

import typer

from modelctl.cli.commands import epilog
from modelctl.cli.context import Context, context_of, readable_database
from modelctl.cli.format import JsonOption, format_option
from modelctl.cli.options import Project, ProviderArguments, ProviderOption, providers_filter
from modelctl.core.facts import CAPABILITIES, ModelType, Status, Tier
from modelctl.core.models.query import (
    COLUMNS,
    PROTECTED,
    SHOWABLE,
    Filter,
    Page,
)
from modelctl.core.models.resolve import Obstacle
from modelctl.core.text import counted, require_known
from modelctl.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from modelctl.core.stored import StoredModel
    from modelctl.services.models import FoundModels


HELP = "help"
MAX_NAMED = 5


class ListFormat(StrEnum):
    """How models can be listed."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"
    MARKDOWN = "markdown"
    IDS = "ids"


class GroupBy(StrEnum):
    """What models can be grouped by."""

    PROVIDER = "provider"


@dataclass(frozen=True, slots=True)
class View:
    """How models are shown. UsageError for a column that there is not, and for a format that has no groups."""

    sort: Sequence[str]
    columns: Sequence[str]
    page: Page
    group_by: GroupBy | None
    format: ListFormat

    def __post_init__(self) -> None:
        if self.group_by is not None and self.format not in (ListFormat.TABLE, ListFormat.JSON):
            raise UsageError(f"--format {self.format} has no groups", "--group-by goes with table and json")
        for name in (term.removeprefix("-") for term in self.sort):
            require_known(name, COLUMNS, "column")
        for name in self.columns:
            require_known(name, SHOWABLE, "column")


class Asked(NamedTuple):
    """That only models count which can be called with the keys of a project, or the platform's (empty)."""

    project: str
    spared: Set[Obstacle]
    """What keeps no model from the list all the same."""


def found_models(context: Context, wanted: Filter, asked: Asked | None, view: View) -> FoundModels:
    """What the list found. UsageError for a provider that there is not, and for a project that has no key at all."""
    from modelctl.output.models import columns_shown
    from modelctl.services.models import list_models, require_providers

    with readable_database(context) as database:
        require_providers(database, wanted.providers)
        keys = None
        if asked is not None:
            from modelctl.services.keys import keys_of

            keys = keys_of(context.runtime, database, asked.project)
        return list_models(
            database,
            wanted,
            today=context.now.date(),
            order=view.sort,
            page=view.page,
            columns=columns_shown(view.format, view.columns),
            keys=keys,
            spared=asked.spared if asked is not None else frozenset(),
        )


def _any_of(choices: Iterable[str]) -> str:
    return f"{', '.join(choices)}. Repeatable: any of them."


_ALL_OF = f"{', '.join(CAPABILITIES)}. Repeatable: all of them."
_Limits: TypeAlias = dict[str, Decimal | int]
_Names: TypeAlias = list[str] | None
_Amount = Annotated[str | None, typer.Option(metavar="AMOUNT", help="Per million tokens.", rich_help_panel="Filters")]
Statuses = Annotated[
    list[Status] | None, typer.Option("--status", metavar="STATUS", help=_any_of(Status), rich_help_panel="Filters")
]
Types = Annotated[
    list[ModelType] | None, typer.Option("--type", metavar="TYPE", help=_any_of(ModelType), rich_help_panel="Filters")
]
Tiers = Annotated[
    list[Tier] | None, typer.Option("--tier", metavar="TIER", help=_any_of(Tier), rich_help_panel="Filters")
]
Capabilities = Annotated[
    _Names,
    typer.Option(
        "--capability",
        metavar="NAME",
        help=f"{', '.join(CAPABILITIES)}. Repeatable: all of them.",
        rich_help_panel="Filters",
    ),
]
Tags = Annotated[
    _Names, typer.Option("--tag", metavar="TAG", help="Repeatable: all of them.", rich_help_panel="Filters")
]
MinContext = Annotated[
    int | None, typer.Option(min=0, metavar="TOKENS", help="Context window, at least.", rich_help_panel="Filters")
]
Enabled = Annotated[
    bool | None,
    typer.Option("--enabled/--disabled", help="Whether the application may offer it.", rich_help_panel="Filters"),
]
Recommended = Annotated[
    bool | None, typer.Option("--recommended/--not-recommended", help="For new work.", rich_help_panel="Filters")
]
Missing = Annotated[
    _Names,
    typer.Option(
        "--missing", metavar="COLUMN", help="Where it is unknown. Repeatable: all of them.", rich_help_panel="Filters"
    ),
]
Protected = Annotated[
    bool, typer.Option("--protected", help="With an override: no sync changes it.", rich_help_panel="Filters")
]
Search = Annotated[
    str, typer.Option(metavar="TEXT", help="Part of an id, name or alias, in any case.", rich_help_panel="Filters")
]
WithRetired = Annotated[bool, typer.Option("--all", help="With the retired ones.", rich_help_panel="Filters")]
Sort = Annotated[
    _Names,
    typer.Option(
        metavar="COLUMN,…", help="By this column; -COLUMN reverses it. Unknown comes last.", rich_help_panel="Output"
    ),
]
Limit = Annotated[int | None, typer.Option(min=1, metavar="N", help="At most so many.", rich_help_panel="Output")]
Usable = Annotated[
    bool,
    typer.Option("--usable", help="Enabled, live, and there is a key to call them with.", rich_help_panel="Filters"),
]
Group = Annotated[
    GroupBy | None,
    typer.Option("--group-by", help="In groups, each with a title; in JSON an object.", rich_help_panel="Output"),
]


_COLUMNS_HELP = "Just these columns, in this order; `help` lists them."


def _columns_or_help(ctx: typer.Context, names: list[str] | None) -> list[str] | None:
    """The columns that are asked for; `help` lists all of them, and ends the command."""
    if names != [HELP]:
        return names
    from modelctl.output.model import ColumnsDocument

    context = context_of(ctx)
    context.show(ColumnsDocument(), "json" if context.as_json else "table")
    raise typer.Exit


Columns = Annotated[
    _Names,
    typer.Option(metavar="COLUMN,…", callback=_columns_or_help, help=_COLUMNS_HELP, rich_help_panel="Output"),
]
Offset = Annotated[int, typer.Option(min=0, metavar="N", help="Leave out the first N.", rich_help_panel="Output")]
After = Annotated[
    str | None,
    typer.Option(metavar="MODEL", help="The next page: begin after this provider/model_id.", rich_help_panel="Output"),
]
Configured = Annotated[
    bool,
    typer.Option("--configured", help="Only of providers with a key, or that need none.", rich_help_panel="Filters"),
]
Format = Annotated[ListFormat, format_option()]


@epilog(
    """\b
Examples:
  modelctl list openai --type chat --sort -input_price_per_mtok
  modelctl list --capability vision --capability tools --max-input-price 1
  modelctl list --missing input_price_per_mtok --format csv
  modelctl list --search gemini --columns model_id,context_window --json
  modelctl list --usable --project shop --group-by provider --json
"""
)
def list_command(
    ctx: typer.Context,
    providers: ProviderArguments = None,
    provider: ProviderOption = None,
    status: Statuses = None,
    type: Types = None,
    tier: Tiers = None,
    capability: Capabilities = None,
    tag: Tags = None,
    max_input_price: _Amount = None,
    max_output_price: _Amount = None,
    min_input_price: _Amount = None,
    min_output_price: _Amount = None,
    min_context: MinContext = None,
    enabled: Enabled = None,
    recommended: Recommended = None,
    missing: Missing = None,
    protected: Protected = False,
    search: Search = "",
    with_retired: WithRetired = False,
    sort: Sort = None,
    columns: Columns = None,
    limit: Limit = None,
    offset: Offset = 0,
    after: After = None,
    usable: Usable = False,
    configured: Configured = False,
    project: Project = None,
    group_by: Group = None,
    format: Format = ListFormat.TABLE,
    json: JsonOption = False,
) -> None:
    """List models.

    Retired ones are left out unless --all or --status asks for them.
    """
    switches = Filter(is_enabled=enabled, is_recommended=recommended, is_protected=protected, search=search)
    wanted = replace(
        _named(switches, providers_filter(providers, provider), status, type, tier, capability, tag, missing),
        **_bounds(min_input_price, min_output_price, min_context, max_input_price, max_output_price),
        with_retired=with_retired,
    )
    view = View(_split(sort), _columns(columns, protected), Page(limit, offset, after), group_by, format)
    _list(context_of(ctx), wanted, _keys_wanted(usable, configured, project), view)


def _named(switches: Filter, *names: Iterable[str] | None) -> Filter:
    """The filter with that on names: provider, status, type, tier, capability, tag and missing column."""
    providers, statuses, types, tiers, capabilities, tags, missing = (frozenset(map(str, each or ())) for each in names)
    return replace(
        switches,
        providers=providers,
        statuses=statuses,
        types=types,
        tiers=tiers,
        capabilities=capabilities,
        tags=tags,
        missing=missing,
    )


def _keys_wanted(usable: bool, configured: bool, project: str | None) -> Asked | None:
    """Whose keys decide, and what does not; None where they do not matter."""
    if not (usable or configured):
        if project is not None:
            raise UsageError("--project goes with --usable or --configured", "add one of them, whose keys count")
        return None
    from modelctl.core.credentials import project_of

    return Asked(project_of(project), frozenset() if usable else frozenset({Obstacle.STATUS, Obstacle.SWITCH}))


def _bounds(
    min_input: str | None,
    min_output: str | None,
    min_context: int | None,
    max_input: str | None,
    max_output: str | None,
) -> dict[str, Any]:
    """The limits of a filter; prices are per million tokens."""
    return {
        "at_least": _limits("min", min_input, min_output, min_context),
        "at_most": _limits("max", max_input, max_output),
    }


def _list(context: Context, wanted: Filter, asked: Asked | None, view: View) -> None:
    from modelctl.output.models import ModelList

    for column, least in wanted.at_least.items():
        if (most := wanted.at_most.get(column)) is not None and least > most:
            raise UsageError(f"no {column} is at least {least} and at most {most}", "exchange the two amounts")
    found = found_models(context, wanted, asked, view)
    shown = found.shown
    context.show(ModelList(shown, view.columns, by_provider=view.group_by is not None), view.format)
    context.stdout.flush()  # so that the summary comes after the answer where both go to one log
    if view.format is ListFormat.TABLE:
        _say_too_narrow(context, shown, view.columns)
    if asked is not None and found.obstacles and not shown and not found.known:
        for line in _nothing_usable(asked.project, found.obstacles):
            context.say(line)
    else:
        context.say(_summary(found, view.page))
    if asked is not None and not shown:
        raise typer.Exit(ExitCode.PENDING)


def _say_too_narrow(context: Context, models: Sequence[StoredModel], columns: Sequence[str]) -> None:
    """What of the table the terminal has no room for."""
    from modelctl.output.models import not_whole

    left_out, ids = not_whole(models, columns, context.look)
    told = [f"not shown: {', '.join(left_out)}"] if left_out else []
    if ids:
        told.append(f"{counted(ids, 'id')} shortened (--format ids prints them in full)")
    if told:
        context.say(f"{'; '.join(told)}; the terminal is too narrow, --columns chooses")


_MENDS = {
    Obstacle.PROVIDER: "of disabled providers (`modelctl provider enable NAME`)",
    Obstacle.KEY: "of providers without a key (`modelctl key set NAME`)",
    Obstacle.STATUS: "that are retired (`modelctl lifecycle` names their replacements)",
    Obstacle.SWITCH: "disabled (`modelctl enable MODEL`; `modelctl list --disabled` shows them)",
}


def _nothing_usable(project: str, hindered: Mapping[Obstacle, Sequence[StoredModel]]) -> Iterator[str]:
    """A line for each cause, with what mends it, and of which providers the models are."""
    yield f"{f'project {project}' if project else 'the platform'} can call no model:"
    for cause in Obstacle:
        if models := hindered.get(cause):
            names = sorted({each.key.provider for each in models})
            more = ", …" if len(names) > MAX_NAMED else ""
            yield f"  {counted(len(models), 'model')} {_MENDS[cause]}: {', '.join(names[:MAX_NAMED])}{more}"


def _summary(found: FoundModels, page: Page) -> str:
    """How many there are, and how many are left out and why: never silently."""
    selection, shown, known = found.selection, len(found.shown), found.known
    if not known:
        return "the table is empty; run `modelctl sync` to fill it"
    count = len(selection.models)
    text = counted(count, "model") if count else "no model matches these filters"
    if shown < count:
        text = f"{shown:,} of {text}" if page.offset or page.after else f"the first {shown:,} of {text}"
        if shown:
            text += f" (the next page: --after {found.shown[-1].key})" * (found.has_more)
    left_out = [
        f"{selection.retired:,} retired (--all shows them)" * bool(selection.retired),
        f"{selection.unknown:,} for which a fact that was asked for is unknown" * bool(selection.unknown),
    ]
    if any(left_out):
        text += f"; left out: {', '.join(filter(None, left_out))}"
    return text


def _limits(side: str, input_price: str | None, output_price: str | None, context: int | None = None) -> _Limits:
    """The limits that are given, by column; `side` is `min` or `max`, as in the option's name."""
    limits = {
        "input_price_per_mtok": _amount(f"--{side}-input-price", input_price),
        "output_price_per_mtok": _amount(f"--{side}-output-price", output_price),
        "context_window": context,
    }
    return {column: limit for column, limit in limits.items() if limit is not None}


def _amount(option: str, text: str | None) -> Decimal | None:
    if text is None:
        return None
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or amount < 0:
        raise UsageError(f"{option}: {text!r} is not an amount", "write it like 2.5")
    return amount


def _columns(values: list[str] | None, protected: bool) -> list[str]:
    """The columns that are asked for; what a person protects is shown with `--protected`."""
    return _split(values) or (["provider", "model_id", PROTECTED] if protected else [])


def _split(values: list[str] | None) -> list[str]:
    return [name.strip() for value in values or () for name in value.split(",") if name.strip()]
