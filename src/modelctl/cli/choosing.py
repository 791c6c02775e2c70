"""The providers that a command names, and what is said of those that `all` leaves out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from modelctl.cli.context import Context
from modelctl.cli.database import database_if_any

if TYPE_CHECKING:
    from modelctl.sync.providers import KnownProvider

_WHERE = {
    "row": "disabled; `modelctl provider enable NAME` takes it in again",
    "settings": "switched off in modelctl.toml",
}


def say_left_out(context: Context, left_out: Mapping[str, str]) -> None:
    """Name the providers that are switched off, and where: `row` or `settings`."""
    for where, why in _WHERE.items():
        if names := [name for name, place in left_out.items() if place == where]:
            context.say(f"left out: {', '.join(names)} ({why})")


def chosen(context: Context, wanted: Sequence[str], known: Mapping[str, KnownProvider]) -> list[KnownProvider]:
    """The providers that are wanted, none named meaning all; says whom that leaves out. UsageError for an unknown."""
    from modelctl.services.asking import switches
    from modelctl.sync.jobs import choose, left_out

    rows, on = {name: each.provider for name, each in known.items()}, switches(context)
    say_left_out(context, left_out(wanted, rows, on))
    return [known[each.name] for each in choose(wanted, rows, on)]


def known_to(context: Context) -> dict[str, KnownProvider]:
    """The providers of the catalogs, and of the database where there is one."""
    from modelctl.services.asking import providers_there

    with database_if_any(context) as database:
        return providers_there(context, database)
