"""The options that say which providers a command asks, and how: the same for `sync`, `plan` and `discover`."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from modelctl.errors import UsageError

if TYPE_CHECKING:
    from modelctl.services.asking import Asking


class SourceOption(StrEnum):
    """Which sources may be asked."""

    AUTO = "auto"
    API = "api"
    CATALOG = "catalog"


SourceChoices = Annotated[
    SourceOption, typer.Option("--source", help="auto asks each API whose key is set, and always the catalogs.")
]
MaxAge = Annotated[
    str | None,
    typer.Option("--max-age", metavar="AGE", help="Use a provider's last whole listing again if no older, as 30m, 1h."),
]
Project = Annotated[
    str | None, typer.Option("--project", metavar="P", help="Use this project's keys; left out means the platform's.")
]


def asking(
    wanted: Sequence[str] | None, source: SourceOption, max_age: str | None, project: str | None = None
) -> Asking:
    """From what the command line says. UsageError for what is no age or project, or can have no effect."""
    from modelctl.core.credentials import project_of
    from modelctl.core.durations import duration
    from modelctl.services.asking import Asking
    from modelctl.sync.jobs import SourceChoice

    age = duration(max_age, "--max-age") if max_age is not None else None
    if age is not None and source is SourceOption.CATALOG:
        raise UsageError("--max-age is about listings, and --source catalog asks for none", "leave one of them out")
    if project is not None and source is SourceOption.CATALOG:
        raise UsageError("--project is about keys, and --source catalog uses none", "leave one of them out")
    return Asking(wanted=wanted or (), source=SourceChoice(source), max_age=age, project=project_of(project))
