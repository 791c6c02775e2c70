"""What every command is given: the settings, the time, where to write and in which format."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TextIO, TypeVar

import typer

from modelctl.errors import StoreError, UsageError

if TYPE_CHECKING:
    from modelctl.core.models.resolve import Resolution
    from modelctl.core.records import BadRow
    from modelctl.core.runs import Author
    from modelctl.db.engine import Database
    from modelctl.db.lease import Holder
    from modelctl.output.console import Look, Report
    from modelctl.settings import Runtime, Setting, Settings


T = TypeVar("T")
STDIN = "-"
MOST_ROWS_TOLD = 8
"""Rows of which stderr tells one by one; the others are counted."""

SETTING_OF_OPTION = {
    "database": "database_url",
    "catalog": "catalog_directory",
    "config": "config",
    "clock_skew": "clock_skew_s",
}
"""Which setting each global option gives, by the option's name; `config` is where the others are read."""


@dataclass(kw_only=True, eq=False, repr=False)
class Context:
    """What one command is given to see and to write to."""

    now: datetime
    """UTC, taken once; nothing else asks the clock."""
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ), repr=False)
    stdin: TextIO = field(default_factory=lambda: sys.stdin)
    stdout: TextIO = field(default_factory=lambda: sys.stdout)
    """The answer, and nothing else."""
    stderr: TextIO = field(default_factory=lambda: sys.stderr)
    """The talk: progress, warnings, summaries, errors."""
    flags: Mapping[str, str | None] = field(default_factory=dict, repr=False)
    """Global options that are settings, by setting name, and `config`."""
    debug: bool = False
    """Errors come with a traceback."""
    quiet: bool = False
    actor: str | None = None
    """Who is written into the audit; None: the user of this process."""
    as_json: bool = False
    """Whether the report is printed as JSON: then an error is, too."""
    when_interrupted: str = ""
    """What a person is to know after Ctrl-C."""
    confidential: set[str] = field(default_factory=set, repr=False)
    """What this command came to know and must not print: keys from a prompt, a pipe or the database."""

    @cached_property
    def settings(self) -> Settings:
        """Resolved when a command first asks, so that `--help` works with broken settings. May raise UsageError."""
        from modelctl.config import resolve_settings  # and with it a third of the core

        return resolve_settings(self.flags, self.environ, working_directory=Path.cwd())

    @cached_property
    def env_files(self) -> Mapping[str, Setting]:
        """What `.env` and `.env.local` hold, where the settings allow it. May raise UsageError."""
        if not self.settings.env_files:
            return {}
        from modelctl.config import secrets, variables_of_env_files

        found = variables_of_env_files(Path.cwd())
        self.confidential.update(secrets({name: each.value for name, each in found.items()}))
        return found

    @property
    def runtime(self) -> Runtime:
        """What a use case is told of this process. May raise UsageError."""
        from modelctl.settings import Runtime

        return Runtime(
            settings=self.settings,
            environ=self.environ,
            env_files=self.env_files,
            now=self.now,
            confidential=self.confidential,
            actor=self.actor,
        )

    def author(self, command: str) -> Author:
        """A new run of a command, by the user."""
        return self.runtime.author(command)

    def answer(self, text: str) -> None:
        """A line, or more, of the answer."""
        self.stdout.write(f"{text}\n")

    def show(self, report: Report, format: str, *, masked: bool = False) -> None:
        """A report in one of its formats; nothing where that is empty. `masked`: without secrets."""
        from modelctl.output.console import render

        for text in render(report, format, self.look):
            self.answer(self.without_secrets(text) if masked else text)

    @property
    def look(self) -> Look:
        """What stdout can show."""
        from modelctl.output.console import look_of

        return look_of(self.stdout, self.environ)

    def say(self, text: str) -> None:
        """A line of talk; not with `--quiet`."""
        if not self.quiet:
            self.warn(text)

    def warn(self, text: str) -> None:
        """A line that a person must see, `--quiet` or not."""
        if not self.debug and self.stderr.isatty():
            from modelctl.output.console import look_of, wrapped

            width = look_of(self.stderr, self.environ).width
            text = "\n".join(part for line in text.split("\n") for part in wrapped(line, width) or [""])
        self.stderr.write(f"{text}\n")

    def warn_of_each(self, texts: Iterable[str]) -> None:
        """A line for each row that a person must see: the first eight, and how many there are besides."""
        lines = list(texts)
        for text in lines[:MOST_ROWS_TOLD]:
            self.warn(text)
        if len(lines) > MOST_ROWS_TOLD:
            self.warn(f"and {len(lines) - MOST_ROWS_TOLD:,} more")

    @property
    def has_person(self) -> bool:
        """Whether there is somebody to ask: not in a pipe, a cron job or CI, and not where the answer is JSON."""
        from modelctl.output.console import look_of

        return self.stdin.isatty() and look_of(self.stderr, self.environ).width is not None and not self.as_json

    def ask(self, question: str) -> bool | None:
        """Whether a person says yes; None where there is nobody to ask."""
        if not self.has_person:
            return None
        self.stderr.write(f"{question} [y/N] ")
        self.stderr.flush()
        return self.stdin.readline().strip().lower() in ("y", "yes")

    def read_file(self, source: str, label: str, read: Callable[[Iterable[str]], T]) -> T:
        """What `read` makes of the lines of a file, or with `-` of stdin. UsageError where they are no text."""
        try:
            if source == STDIN:
                return read(self.stdin)
            with Path(source).open(encoding="utf-8", newline="") as file:
                return read(file)
        except UnicodeDecodeError as error:
            raise UsageError(f"{label} {source}: is not UTF-8 text ({error.reason} at byte {error.start})") from None

    def tell_bad_rows(self, bad: Iterable[BadRow]) -> None:
        """Each problem once, with all its lines, in the order of the first ones."""
        from modelctl.core.text import line_ranges

        lines: dict[str, list[int]] = {}
        for each in sorted(bad):
            lines.setdefault(each.problem, []).append(each.line)
        self.warn_of_each(f"{line_ranges(where)}: {problem}" for problem, where in lines.items())

    def wait(self, holder: Holder) -> None:
        """Say whose run has to be waited for."""
        self.say(f"waiting for the {holder.command} of {holder.actor}, begun {holder.since}")

    def say_resolved(self, resolutions: Mapping[str, Resolution]) -> None:
        """Say which models were meant by names that are no ids."""
        from modelctl.core.models.resolve import Rule

        for name, resolution in resolutions.items():
            if resolution.rule is not Rule.EXACT:
                self.say(f"{name!r} is {resolution}")

    def without_secrets(self, text: str) -> str:
        """The text without keys and database passwords of this process: the last line of defence, for error reports."""
        from modelctl.config import secrets
        from modelctl.core.credentials import MASK, redacted

        urls = [self.flags.get("database_url"), *(self.environ.get(name) for name in _URL_VARIABLES)]
        if "settings" in self.__dict__:  # resolving them here could raise
            urls.append(self.settings.database_url)
        for url in filter(None, urls):
            text = redacted(text, url)
        for secret in (*secrets(self.environ), *sorted(self.confidential, key=len, reverse=True)):
            text = text.replace(secret, MASK)
        return text


_URL_VARIABLES = ("DATABASE_URL", "MODELCTL_DATABASE_URL")


def context_of(ctx: typer.Context) -> Context:
    """The context of the command that Typer is running."""
    context = ctx.find_object(Context)
    assert context is not None, "commands run through modelctl.cli.main.main"
    return context


@contextmanager
def database_of(context: Context) -> Iterator[Database]:
    """The database of the settings; connects when it is first used, and closes at the end.

    UsageError where no database is set and there is no home for the default one.
    """
    from modelctl.db.engine import Database

    settings = context.settings
    if settings.database_url is None:
        raise UsageError("there is no home directory for the default database", "set HOME, DATABASE_URL or --database")
    database = Database(
        settings.database_url,
        prefix=settings.table_prefix,
        schema=settings.schema,
        clock_skew_s=settings.clock_skew_s,
    )
    try:
        yield database
    finally:
        database.close()


@contextmanager
def readable_database(context: Context) -> Iterator[Database]:
    """The same for a command that only reads: StoreError where nothing was ever written."""
    from modelctl.db.migrate import is_readable

    with database_of(context) as database:
        if not is_readable(database):
            raise StoreError(f"{database.label} has no models yet", "run `modelctl sync` to fill it")
        yield database


@contextmanager
def database_if_any(context: Context) -> Iterator[Database | None]:
    """The same for a command that can do without: None where no database is set, or nothing was ever written."""
    from modelctl.db.migrate import if_readable

    if context.settings.database_url is None:
        yield None
        return
    with database_of(context) as database:
        yield if_readable(database)
