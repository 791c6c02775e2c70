"""The options that several commands share: which providers, and how `sync`, `plan` and `provider models` ask them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from modelctl.cli.context import Context
from modelctl.core.planning.policy import SourceChoice
from modelctl.core.text import duration
from modelctl.errors import UsageError

if TYPE_CHECKING:
    pass


Source = Annotated[
    SourceChoice,
    typer.Option("--source", help="auto: the catalogs, and each API whose key is set.", rich_help_panel="Sources"),
]
MaxAge = Annotated[
    str | None,
    typer.Option(
        "--max-age",
        metavar="AGE",
        help="Use the last complete listing again if it is no older, as 30m, 1h.",
        rich_help_panel="Sources",
    ),
]
Project = Annotated[
    str | None,
    typer.Option(
        "--project",
        metavar="P",
        help="Use this project's keys, not the platform's.",
        rich_help_panel="Sources",
    ),
]


ALL = "all"

ProviderArguments = Annotated[
    list[str] | None, typer.Argument(metavar="PROVIDER|all", help="Which providers; by default all.")
]
ProviderOption = Annotated[
    list[str] | None,
    typer.Option(
        "--provider", "-p", metavar="all|NAME", help="The same as PROVIDER; also several, as a,b. Repeatable."
    ),
]


def providers_asked(arguments: Iterable[str] | None, options: Iterable[str] | None) -> tuple[str, ...]:
    """The names in the order in which they are written, each once; several may stand in one, with commas between."""
    words = (word.strip() for each in (*(arguments or ()), *(options or ())) for word in each.split(","))
    return tuple(dict.fromkeys(filter(None, words)))


def providers_filter(arguments: Iterable[str] | None, options: Iterable[str] | None) -> tuple[str, ...]:
    """The same for what shows, or fills, rows of some providers: none for all of them."""
    asked = providers_asked(arguments, options)
    return () if ALL in asked else asked


Accept = Annotated[
    list[str] | None,
    typer.Option(
        "--accept",
        metavar="KEY",
        help="Accept a held model, or all that a guard holds. Repeatable.",
        rich_help_panel="Guards",
    ),
]
Force = Annotated[
    bool, typer.Option("--force", help="Accept everything that guards would hold.", rich_help_panel="Guards")
]
Take = Annotated[
    list[str] | None,
    typer.Option(
        "--take",
        metavar="[MODEL:]FIELD",
        help="Let the sources replace overrides of a field, or `all`. Repeatable.",
        rich_help_panel="Overrides",
    ),
]
Recreate = Annotated[
    list[str] | None,
    typer.Option(
        "--recreate",
        metavar="MODEL|all",
        help="Create rows again that somebody deleted. Repeatable.",
        rich_help_panel="Overrides",
    ),
]
Migrate = Annotated[bool, typer.Option("--migrate", help="Create or upgrade the tables on a server, too.")]


def age_of(text: str | None, source: SourceChoice) -> timedelta | None:
    """What --max-age says. UsageError for what is no age, or can have no effect."""
    if text is None:
        return None
    if source is SourceChoice.CATALOG:
        raise UsageError("--max-age is about listings, and --source catalog asks for none", "leave one of them out")
    return duration(text, "--max-age")


def project_asked(text: str | None, source: SourceChoice) -> str:
    """Whose keys are used. UsageError for what is no project, or can have no effect."""
    from modelctl.core.credentials import project_of

    if text is not None and source is SourceChoice.CATALOG:
        raise UsageError("--project is about keys, and --source catalog uses none", "leave one of them out")
    return project_of(text)


def usable_for(usable: bool, project: str | None) -> str | None:
    """Whose keys decide; None where they do not matter."""
    if project is not None and not usable:
        raise UsageError("--project says whose keys count, which only --usable asks about", "add --usable")
    if not usable:
        return None
    from modelctl.core.credentials import project_of

    return project_of(project)


_WHERE = {
    "row": "disabled; `modelctl provider enable NAME` enables it",
    "settings": "disabled in modelctl.toml",
    "key": "no key is set, and only configured providers are asked for",
}


def say_left_out(context: Context, left_out: Mapping[str, str]) -> None:
    """Name the providers that are left out, and why, as `Chosen.left_out` has it."""
    for where, why in _WHERE.items():
        if names := [name for name, place in left_out.items() if place == where]:
            context.say(f"left out: {', '.join(names)} ({why})")


def refuse_together(option: str, others: Mapping[str, object]) -> None:
    """UsageError where any of `others`, by their spelling, is given beside `option`: None and False are not given."""
    if clashing := [name for name, value in others.items() if value is not None and value is not False and value != []]:
        hint = "leave one of them out" if len(clashing) == 1 else f"leave {option} out, or the others"
        raise UsageError(f"{option} and {', '.join(clashing)} contradict each other", hint)
