"""Which commands there are, where each is found, and how it gets onto the tree that Typer runs.

To import all of them and to look at their options takes four times as long as to start Typer, so a command is loaded
only where its name is on the command line; of the others the help shows the summary that stands here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, NamedTuple, TypeVar

import typer

Command = TypeVar("Command", bound=Callable[..., None])


def epilog(text: str) -> Callable[[Command], Command]:
    """Give a command the text below its help."""

    def give(command: Command) -> Command:
        _EPILOGS[command] = text
        return command

    return give


_EPILOGS: dict[Callable[..., None], str] = {}


def register(app: typer.Typer, name: str, command: Callable[..., None]) -> None:
    """Put a command onto a tree, with the text below its help."""
    app.command(name, epilog=_EPILOGS.get(command))(command)


class CommandEntry(NamedTuple):
    """A command or a group of commands."""

    summary: str
    """The first paragraph of its help, which a test compares."""
    place: str
    """`module:name` of the function, or of the group's Typer app."""

    def add_to(self, app: typer.Typer, name: str) -> None:
        """Import it, and register it under its name."""
        module, _, attribute = self.place.partition(":")
        found: Any = getattr(import_module(module), attribute)
        if isinstance(found, typer.Typer):
            app.add_typer(found, name=name)
        else:
            register(app, name, found)


COMMANDS: Mapping[str, CommandEntry] = {
    "sync": CommandEntry("Bring the table of models up to date with its sources.", "modelctl.cli.sync:sync_command"),
    "plan": CommandEntry("Show what a sync would do; `-o` keeps it for `apply`.", "modelctl.cli.plan:plan_command"),
    "apply": CommandEntry("Apply a plan, exactly as it was shown.", "modelctl.cli.apply:apply_command"),
    "review": CommandEntry("List what guards hold, and accept or decline it.", "modelctl.cli.review:app"),
    "publish": CommandEntry("Keep your application's own table of models true.", "modelctl.cli.publish:app"),
    "list": CommandEntry("List models.", "modelctl.cli.list:list_command"),
    "show": CommandEntry("Show everything that is known about one model.", "modelctl.cli.show:show_command"),
    "resolve": CommandEntry("Show which model a name means, and why.", "modelctl.cli.resolve:resolve_command"),
    "add": CommandEntry("Add models by hand: one, or many from JSON.", "modelctl.cli.add:add_command"),
    "set": CommandEntry("Set facts of a model, or of many, and pin them.", "modelctl.cli.set:set_command"),
    "enable": CommandEntry("Enable models for your application.", "modelctl.cli.enable:enable_command"),
    "disable": CommandEntry("Disable models for your application.", "modelctl.cli.enable:disable_command"),
    "deprecate": CommandEntry(
        "Announce that models retire, and name a replacement.", "modelctl.cli.deprecate:deprecate_command"
    ),
    "remove": CommandEntry("Remove rows; no sync creates them again.", "modelctl.cli.remove:remove_command"),
    "lifecycle": CommandEntry(
        "Show which models retire when, and what replaces them.", "modelctl.cli.lifecycle:lifecycle_command"
    ),
    "override": CommandEntry(
        "Keep values that you set, or let the sources set them again.", "modelctl.cli.override:app"
    ),
    "populate": CommandEntry("Create the default models that are missing.", "modelctl.cli.populate:populate_command"),
    "export": CommandEntry("Write the models as a file for another tool.", "modelctl.cli.export:export_command"),
    "price": CommandEntry("Show and set dated prices.", "modelctl.cli.price:app"),
    "cost": CommandEntry("Compute what requests cost, at the prices of their time.", "modelctl.cli.cost:cost_command"),
    "history": CommandEntry(
        "Show who changed what, when and from which source.", "modelctl.cli.history:history_command"
    ),
    "runs": CommandEntry("List the runs, and undo one.", "modelctl.cli.runs:app"),
    "verify": CommandEntry(
        "Check counts, prices and recommended models after a sync.", "modelctl.cli.verify:verify_command"
    ),
    "provider": CommandEntry("Show providers, test them, add your own.", "modelctl.cli.provider:app"),
    "key": CommandEntry("Keep providers' API keys in the database, encrypted.", "modelctl.cli.key:app"),
    "catalog": CommandEntry("Show the catalogs, check them, write your own.", "modelctl.cli.catalog:app"),
    "db": CommandEntry("Create and upgrade modelctl's tables, or restore them.", "modelctl.cli.db:app"),
    "config": CommandEntry("Show the settings in force; change a settings file.", "modelctl.cli.config:app"),
    "doctor": CommandEntry(
        "Check the database, catalogs, keys, runs and models.", "modelctl.cli.doctor:doctor_command"
    ),
    "completion": CommandEntry(
        "Print the script that lets a shell complete commands.", "modelctl.cli.completion:completion_command"
    ),
    "schema": CommandEntry("Print the JSON Schema of a report.", "modelctl.cli.schema:schema_command"),
}
"""By name, in the order of the help."""

PANELS: Mapping[str, tuple[str, ...]] = {
    "Sync": ("sync", "plan", "apply", "review", "publish"),
    "Models": (
        "list",
        "show",
        "resolve",
        "add",
        "set",
        "enable",
        "disable",
        "deprecate",
        "remove",
        "lifecycle",
        "override",
        "populate",
        "export",
    ),
    "Prices": ("price", "cost"),
    "History": ("history", "runs"),
    "Setup": ("provider", "key", "catalog", "db", "config", "doctor", "verify", "completion", "schema"),
}
"""The headings of the help, and the commands under each; a test sees that none is left out."""
