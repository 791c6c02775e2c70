"""What a shell may complete: commands, options, their values, and the names of providers and models.

Typer completes by parsing the words that are already there, for which it loads pydantic. Here the words are followed
along the tree of commands instead, which takes half the time and lets the global options stand anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from modelctl.cli.completion_names import models, providers
from modelctl.cli.context import SETTING_OF_OPTION


class Candidate(NamedTuple):
    """A word that could stand there, as Typer wants it for printing."""

    value: str
    help: str = ""


def candidates(root: Any, words: Sequence[str], ctx: Any, incomplete: str) -> list[Candidate]:
    """What could stand after the words, for the word that a person is writing; none where anything is wrong."""
    return list(_candidates(_followed(root, words), ctx, incomplete))


@dataclass(slots=True)
class _Position:
    """Where on the command line the words so far have led."""

    root: Any
    command: Any
    """None where a word named no command."""
    option: Any = None
    """The option whose value comes next."""
    arguments: int = 0
    """How many the command has been given."""
    options_are_over: bool = False
    settings: dict[str, str] = field(default_factory=dict)
    """Of the global options among the words: they say where names are looked up."""

    def follow(self, word: str) -> None:
        """Go on by one word."""
        commands = getattr(self.command, "commands", None)
        if self.option is not None:
            if word != "=":  # bash makes a word of it
                self._give(self.option, word)
                self.option = None
        elif word == "--":
            self.options_are_over = True
        elif word.startswith("-") and not self.options_are_over:
            name, equals, value = word.partition("=")
            option = next((each for each in self.options() if name in each.opts), None)
            if option is not None and not option.is_flag:
                if equals:
                    self._give(option, value)
                else:
                    self.option = option
        elif commands:
            self.command = commands.get(word)
        else:
            self.arguments += 1

    def options(self) -> Iterator[Any]:
        """The options of the command, and the global ones, which may stand anywhere."""
        for command in dict.fromkeys((self.command, self.root)):
            yield from (each for each in getattr(command, "params", []) if each.param_type_name == "option")

    def argument(self) -> Any:
        """The argument of the command that comes next; None when it has all."""
        arguments = [each for each in getattr(self.command, "params", []) if each.param_type_name == "argument"]
        if self.arguments < len(arguments):
            return arguments[self.arguments]
        return arguments[-1] if arguments and arguments[-1].nargs == -1 else None

    def _give(self, option: Any, value: str) -> None:
        if option in self.root.params and option.name in SETTING_OF_OPTION:
            self.settings[SETTING_OF_OPTION[option.name]] = value


def _followed(root: Any, words: Sequence[str]) -> _Position:
    position = _Position(root=root, command=root)
    for word in words:
        position.follow(word)
    return position


def _candidates(at: _Position, ctx: Any, incomplete: str) -> Iterator[Candidate]:
    if at.option is None and incomplete.startswith("-") and not at.options_are_over:
        named = ((name, each.help) for each in at.options() for name in (*each.opts, *each.secondary_opts))
        yield from (Candidate(name, text) for name, text in named if name.startswith(incomplete))
    elif at.option is None and (commands := getattr(at.command, "commands", None)):
        for name, command in commands.items():
            if name.startswith(incomplete):
                yield Candidate(name, command.get_short_help_str())
    elif (parameter := at.option or at.argument()) is not None:
        yield from map(Candidate, _values(parameter, at, ctx, incomplete))


def _values(parameter: Any, at: _Position, ctx: Any, beginning: str) -> list[str]:
    """The values that a parameter can have, told by its metavar: the word that the help shows for it."""
    metavar = parameter.metavar or ""
    words = set(re.findall(r"\w+", metavar))
    context = replace(ctx.obj, flags={**ctx.obj.flags, **at.settings})
    if ":" in metavar:
        return []  # [MODEL:]FIELD: no name is the whole of it
    if "PROVIDER" in words or parameter.name.startswith("provider"):
        names = providers(context)
    elif words & {"MODEL", "KEY"}:
        names = models(context, beginning)
    else:
        return [each.value for each in parameter.shell_complete(ctx, beginning) if each.type == "plain"]
    return sorted(name for name in names | {"all"} & words if name.startswith(beginning))
