"""`modelctl completion`, and what a shell is answered that asks: commands, options, names that somebody knows."""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from modelctl.cli.commands import epilog
from modelctl.cli.context import SETTING_OF_OPTION, Context, context_of
from modelctl.errors import ModelctlError

if TYPE_CHECKING:
    from modelctl.settings import Settings


class Shell(StrEnum):
    """Shells for which there is a script."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


@epilog(
    """\b
Examples:
  source <(modelctl completion bash)
  modelctl completion zsh >~/.zfunc/_modelctl     # a directory of fpath
  modelctl completion fish >~/.config/fish/completions/modelctl.fish

For zsh, the directory must be in `fpath` before `compinit` runs. You can also source the script after that.
"""
)
def completion_command(
    ctx: typer.Context, shell: Annotated[Shell, typer.Argument(metavar="SHELL", help="Which one: bash, zsh or fish.")]
) -> None:
    """Print the script that lets a shell complete commands."""
    from typer.completion import get_completion_script  # type: ignore[attr-defined]  # what it shows and installs

    script = get_completion_script(prog_name="modelctl", complete_var="_MODELCTL_COMPLETE", shell=shell.value)
    context_of(ctx).answer(f"{script}{FIRST_TIME if shell is Shell.ZSH else ''}")


FIRST_TIME = """
if [ "$funcstack[1]" = "_modelctl" ]; then
  _modelctl_completion "$@"
fi"""
"""For zsh, which runs a file of `fpath` when it is first asked, and takes that run for the answer."""


def providers(context: Context) -> set[str]:
    """The providers that the catalogs in force or the database know."""
    from modelctl.catalog.load import provider_names, shipped_directory

    try:
        settings, shipped = context.settings, shipped_directory()
    except ModelctlError:
        return set()
    names = provider_names(shipped)
    if settings.catalog_directory is not None:
        names |= provider_names(settings.catalog_directory)
    return names | {name for (name,) in _rows(settings, "providers", "name")}


def models(context: Context, beginning: str) -> set[str]:
    """The models of the database as provider/model_id; for a beginning also the bare ids that only one provider has."""
    try:
        rows = _rows(context.settings, "models", "provider", "model_id")
    except ModelctlError:
        return set()
    names = {f"{provider}/{model_id}" for provider, model_id in rows}
    if not beginning:
        return names
    sellers = Counter(model_id for _, model_id in rows)
    return names | {model_id for model_id, count in sellers.items() if count == 1}


def runs(context: Context) -> set[str]:
    """The ids of the runs that the database knows: syncs, and whatever else wrote."""
    try:
        found = [_rows(context.settings, table, "run") for table in ("sync_runs", "changes")]
    except ModelctlError:
        return set()
    return {run for rows in found for (run,) in rows}


def _rows(settings: Settings, table: str, *columns: str) -> list[tuple[str, ...]]:
    if settings.database_url is None:
        return []
    return quick_rows(settings.database_url, f"{settings.table_prefix}{table}", columns, settings.schema)


TIMEOUT_S = 2
"""For another's lock on a file, and for a server to accept a connection."""


def quick_rows(url: str, table: str, columns: Sequence[str], schema: str | None = None) -> list[tuple[str, ...]]:
    """The different rows of the table in these columns. Empty where anything is wrong; makes nothing."""
    scheme, _, rest = url.partition("://")
    if scheme.lower().partition("+")[0] == "sqlite":
        place = ".".join(f'"{name}"' for name in (schema, table) if name)
        return _rows_of_file(Path(rest[1:].partition("?")[0]), f"SELECT DISTINCT {', '.join(columns)} FROM {place}")
    return _rows_of_server(url, table, columns, schema)


def _rows_of_file(path: Path, query: str) -> list[tuple[str, ...]]:
    address = f"{path.absolute().as_uri()}?mode=ro"  # a file that is missing is not made
    try:
        with closing(sqlite3.connect(address, uri=True, timeout=TIMEOUT_S)) as connection:
            return connection.execute(query).fetchall()
    except sqlite3.Error:
        return []


def _rows_of_server(url: str, table: str, columns: Sequence[str], schema: str | None) -> list[tuple[str, ...]]:
    from sqlalchemy import Select, column, select
    from sqlalchemy import table as named
    from sqlalchemy.exc import SQLAlchemyError

    from modelctl.db.connect import Purpose, engine_of, options, parsed

    rows: Select[*tuple[Any, ...]] = select(*map(column, columns)).select_from(named(table, schema=schema)).distinct()
    try:
        engine = engine_of(parsed(url), url, connect_timeout_s=TIMEOUT_S)
        try:
            with engine.connect() as connection:
                connection.execution_options(**options(engine.dialect, Purpose.LOOK))
                return [tuple(row) for row in connection.execute(rows)]
        finally:
            engine.dispose()
    except (SQLAlchemyError, ModelctlError):
        return []


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
    names = _closed_set(parameter, metavar, words, is_first=at.option is not None or not at.arguments)
    of_providers = "PROVIDER" in words or parameter.name.startswith("provider")
    of_models = bool(words & {"MODEL", "KEY"})
    if names is None and (of_providers or of_models):
        names = (providers(context) if of_providers else set()) | {"all"} & words
        names |= models(context, beginning) if of_models else set()
    elif names is None and "RUN" in words:
        names = runs(context)
    elif names is None:
        return [each.value for each in parameter.shell_complete(ctx, beginning) if each.type == "plain"]
    before, comma, _ = beginning.rpartition(",") if "," in metavar else ("", "", "")
    return sorted(before + comma + name for name in names if (before + comma + name).startswith(beginning))


def _closed_set(parameter: Any, metavar: str, words: set[str], *, is_first: bool) -> set[str] | None:
    """The words of a parameter for which no database is asked; None for another one."""
    if not (parameter.name == "capability" or words & {"COLUMN", "SETTING", "FIELD"}):
        return None
    from modelctl.core.facts import CAPABILITIES, FACT_FIELDS  # the core, which names of models do without

    if parameter.name == "capability":
        return {*CAPABILITIES}
    if "COLUMN" in words:
        from modelctl.core.models.query import COLUMNS

        return {*COLUMNS}
    if "SETTING" in words:
        from modelctl.config import setting_names

        return set(setting_names())
    if "FIELD=VALUE" in metavar:
        return None if is_first else {f"{name}=" for name in FACT_FIELDS}
    return {*FACT_FIELDS} if "FIELD" in words else None
