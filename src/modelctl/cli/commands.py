"""Which commands there are, and how each gets onto the tree that Typer runs.

To import all of them and to look at their options takes four times as long as to start Typer, so a command is loaded
only where its name is on the command line; of the others the help shows the summary that stands here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import NamedTuple, TypeAlias

import typer

Command: TypeAlias = tuple[Callable[..., None], str]
"""A function, and the text below its help."""


class CommandEntry(NamedTuple):
    """A command or a group of commands."""

    summary: str
    """The first paragraph of its help, which a test compares."""
    load: Callable[[], Command | typer.Typer]

    def add_to(self, app: typer.Typer, name: str) -> None:
        """Import it, and register it under its name."""
        match self.load():
            case typer.Typer() as group:
                app.add_typer(group, name=name)
            case function, epilog:
                app.command(name, epilog=epilog)(function)


def _sync() -> Command:
    from modelctl.cli.sync import EPILOG, sync_command

    return sync_command, EPILOG


def _discover() -> Command:
    from modelctl.cli.discover import EPILOG, discover_command

    return discover_command, EPILOG


def _plan() -> Command:
    from modelctl.cli.plan import PLAN_EPILOG as EPILOG
    from modelctl.cli.plan import plan_command

    return plan_command, EPILOG


def _apply() -> Command:
    from modelctl.cli.plan import EPILOG, apply_command

    return apply_command, EPILOG


def _list() -> Command:
    from modelctl.cli.list import EPILOG, list_command

    return list_command, EPILOG


def _show() -> Command:
    from modelctl.cli.show import SHOW_EPILOG as EPILOG
    from modelctl.cli.show import show_command

    return show_command, EPILOG


def _lifecycle() -> Command:
    from modelctl.cli.show import EPILOG, lifecycle_command

    return lifecycle_command, EPILOG


def _held() -> Command:
    from modelctl.cli.ownership import EPILOG, held_command

    return held_command, EPILOG


def _accept() -> Command:
    from modelctl.cli.ownership import EPILOG, accept_command

    return accept_command, EPILOG


def _decline() -> Command:
    from modelctl.cli.ownership import EPILOG, decline_command

    return decline_command, EPILOG


def _populate() -> Command:
    from modelctl.cli.add import POPULATE_EPILOG as EPILOG
    from modelctl.cli.add import populate_command

    return populate_command, EPILOG


def _add() -> Command:
    from modelctl.cli.add import EPILOG, add_command

    return add_command, EPILOG


def _set() -> Command:
    from modelctl.cli.edit import SET_EPILOG as EPILOG
    from modelctl.cli.edit import set_command

    return set_command, EPILOG


def _remove() -> Command:
    from modelctl.cli.edit import EPILOG, remove_command

    return remove_command, EPILOG


def _enable() -> Command:
    from modelctl.cli.edit import ENABLE_EPILOG, enable_command

    return enable_command, ENABLE_EPILOG


def _disable() -> Command:
    from modelctl.cli.edit import DISABLE_EPILOG, disable_command

    return disable_command, DISABLE_EPILOG


def _deprecate() -> Command:
    from modelctl.cli.edit import DEPRECATE_EPILOG, deprecate_command

    return deprecate_command, DEPRECATE_EPILOG


def _undeprecate() -> Command:
    from modelctl.cli.edit import UNDEPRECATE_EPILOG, undeprecate_command

    return undeprecate_command, UNDEPRECATE_EPILOG


def _pin() -> Command:
    from modelctl.cli.ownership import PIN_EPILOG, pin_command

    return pin_command, PIN_EPILOG


def _unpin() -> Command:
    from modelctl.cli.ownership import UNPIN_EPILOG, unpin_command

    return unpin_command, UNPIN_EPILOG


def _adopt() -> Command:
    from modelctl.cli.ownership import ADOPT_EPILOG, adopt_command

    return adopt_command, ADOPT_EPILOG


def _resolve() -> Command:
    from modelctl.cli.show import RESOLVE_EPILOG as EPILOG
    from modelctl.cli.show import resolve_command

    return resolve_command, EPILOG


def _history() -> Command:
    from modelctl.cli.history import EPILOG, history_command

    return history_command, EPILOG


def _undo() -> Command:
    from modelctl.cli.plan import UNDO_EPILOG as EPILOG
    from modelctl.cli.plan import undo_command

    return undo_command, EPILOG


def _doctor() -> Command:
    from modelctl.cli.doctor import EPILOG, doctor_command

    return doctor_command, EPILOG


@cache  # registers once
def _provider() -> typer.Typer:
    from modelctl.cli import provider as providers
    from modelctl.cli.provider import app

    app.command("add", epilog=providers.ADD_EPILOG)(providers.add_command)
    app.command("set", epilog=providers.SET_EPILOG)(providers.set_command)
    app.command("enable", epilog=providers.ENABLE_EPILOG)(providers.enable_command)
    app.command("disable", epilog=providers.DISABLE_EPILOG)(providers.disable_command)
    app.command("remove", epilog=providers.REMOVE_EPILOG)(providers.remove_command)
    app.command("test", epilog=providers.EPILOG)(providers.test_command)
    return app


@cache  # registers once
def _catalog() -> typer.Typer:
    from modelctl.cli import catalog
    from modelctl.cli.catalog import app

    app.command("export", epilog=catalog.EXPORT_EPILOG)(catalog.export_command)
    app.command("diff", epilog=catalog.DIFF_EPILOG)(catalog.diff_command)
    return app


def _runs() -> typer.Typer:
    from modelctl.cli.history import app

    return app


def _price() -> typer.Typer:
    from modelctl.cli.price import app

    return app


@cache  # registers once
def _credential() -> typer.Typer:
    from modelctl.cli import credential
    from modelctl.cli.credential import NO_ARGUMENTS, app

    app.command("which", epilog=credential.WHICH_EPILOG)(credential.which_command)
    app.command("test", epilog=credential.TEST_EPILOG)(credential.test_command)
    app.command("key", epilog=credential.KEY_EPILOG)(credential.key_command)
    rotate = app.command("rotate", epilog=credential.ROTATE_EPILOG, context_settings=NO_ARGUMENTS)
    rotate(credential.rotate_command)
    return app


def _config() -> typer.Typer:
    from modelctl.cli.config import app

    return app


def _db() -> typer.Typer:
    from modelctl.cli.db import app

    return app


COMMANDS: Mapping[str, CommandEntry] = {
    "sync": CommandEntry("Bring the table of models up to date with its sources.", _sync),
    "discover": CommandEntry("Show what the providers' APIs list; nothing is written.", _discover),
    "plan": CommandEntry("Show what a sync would do, and keep it for `apply`.", _plan),
    "apply": CommandEntry("Carry out a plan, exactly as it was shown.", _apply),
    "list": CommandEntry("List models.", _list),
    "show": CommandEntry("Show everything that is known of one model.", _show),
    "lifecycle": CommandEntry("Show which models end when, and what replaces them.", _lifecycle),
    "held": CommandEntry("List what guards hold, and what was decided about it.", _held),
    "accept": CommandEntry("Accept what a guard holds: the next sync writes it.", _accept),
    "decline": CommandEntry("Decline what a guard holds: syncs leave it out.", _decline),
    "populate": CommandEntry("Create the default models that are not there yet.", _populate),
    "add": CommandEntry("Add models by hand: one, or many from JSON.", _add),
    "set": CommandEntry("Set facts of a model, or of many, and pin them.", _set),
    "remove": CommandEntry("Remove rows; syncs do not bring them back.", _remove),
    "enable": CommandEntry("Switch models on for your application.", _enable),
    "disable": CommandEntry("Switch models off for your application.", _disable),
    "deprecate": CommandEntry("State the end of models, and what replaces them.", _deprecate),
    "undeprecate": CommandEntry("Take the end of models back.", _undeprecate),
    "pin": CommandEntry("Claim fields of a model: no sync changes them.", _pin),
    "unpin": CommandEntry("Give fields back: the next sync writes what sources state.", _unpin),
    "adopt": CommandEntry("Let the sources fill rows that were there before modelctl.", _adopt),
    "resolve": CommandEntry("Say which model a name means, and by which rule.", _resolve),
    "history": CommandEntry("Show who changed what, when and from which source.", _history),
    "undo": CommandEntry("Take a run back.", _undo),
    "doctor": CommandEntry("Check the database, catalogs, keys, runs and models.", _doctor),
    "provider": CommandEntry("Look at providers, try them, add your own.", _provider),
    "catalog": CommandEntry("Look at the catalogs, and check them.", _catalog),
    "runs": CommandEntry("Show the last runs: who wrote when, and what came of it.", _runs),
    "price": CommandEntry("Show and enter dated prices, and compute bills.", _price),
    "credential": CommandEntry("Keep providers' API keys in the database, encrypted.", _credential),
    "config": CommandEntry("Show the settings in force; begin a settings file.", _config),
    "db": CommandEntry("Create and upgrade modelctl's tables.", _db),
}
"""By name, in the order of the help."""
