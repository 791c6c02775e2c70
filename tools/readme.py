"""The README as something that runs: its picture, its console blocks, and the tables that are made from code.

The picture is a terminal in which the commands `PICTURED` ran. A block marked `console` holds commands after `$ ` and
the output that each must give; a line `…` stands for any lines. Commands run in order, those of the picture first, in
one working directory, at the instant `NOW`. `make readme` writes the real output.
"""

from __future__ import annotations

import contextlib
import io
import os
import pty
import re
import shlex
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from modelctl.config.resolve import PROVIDER_KINDS, SPECS
from modelctl.errors import EXIT_CODE_MEANING

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
"""The instant at which the commands of the README run."""
ROOT = Path(__file__).resolve().parent.parent
README, PICTURE = ROOT / "README.md", ROOT / "docs" / "terminal.svg"
PICTURED = ("sync openai anthropic", "sync openai anthropic", "list anthropic --recommended")
"""The commands of the picture."""
ANY_LINES = "…"
COLUMNS = 100

_BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Example:
    """One command of the README and what follows it there."""

    command: str
    expected: str

    @property
    def argv(self) -> list[str]:
        """The arguments after `modelctl`."""
        program, *arguments = shlex.split(self.command)
        assert program == "modelctl", f"the README runs {program}, which is not ours"
        return arguments


def examples(text: str) -> Iterator[Example]:
    """Every command of every console block, in order."""
    for block in _BLOCK.findall(text):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, expected = part.partition("\n")
            yield Example(command, expected.strip("\n"))


def matches(expected: str, actual: str) -> bool:
    """Whether the output is the expected one, `…` standing for any lines."""
    parts = [re.escape(part.strip("\n")) for part in re.split(rf"^{ANY_LINES}$", expected, flags=re.MULTILINE)]
    return (
        re.fullmatch(r"(?:.*\n)*?".join(part and part + r"\n?" for part in parts), actual.strip("\n") + "\n")
        is not None
    )


def rewritten(text: str, run: Callable[[list[str]], str]) -> str:
    """The README with the real output of every command that does not elide some of it."""

    def block(found: re.Match[str]) -> str:
        lines = []
        for example in examples(found.group(0)):
            elided = ANY_LINES in example.expected.splitlines()
            output = run(example.argv).strip("\n")
            lines.append("\n".join(filter(None, [f"$ {example.command}", example.expected if elided else output])))
        return "```console\n" + "\n\n".join(lines) + "\n```"

    return _with_table(_BLOCK.sub(block, text), "exit codes", exit_code_table())


def play() -> None:
    """Run the commands of the picture, each below its prompt. What a recording records."""
    from modelctl.cli.main import main as modelctl

    for command in PICTURED:
        print(f"\x1b[1m$ modelctl {command}\x1b[0m", flush=True)
        modelctl(command.split(), now=NOW)
        print(flush=True)


def recording(home: str) -> str:
    """What `play` writes to a terminal of 100 columns, in a home of its own."""
    child, terminal = pty.fork()
    if not child:
        os.chdir(home)
        env = {"HOME": home, "TERM": "xterm-256color", "COLUMNS": str(COLUMNS), "PYTHONPATH": str(ROOT)}
        os.execve(sys.executable, [sys.executable, "-c", "from tools.readme import play; play()"], env)
    parts = []
    with contextlib.suppress(OSError):  # the terminal is closed once the child has ended
        while part := os.read(terminal, 4096):
            parts.append(part)
    os.close(terminal)
    os.waitpid(child, 0)
    return b"".join(parts).decode()


def screen(recorded: str) -> list[str]:
    """The lines that stay on a terminal, with their colours: a progress bar erases its own."""
    lines = [""]
    for part in re.split(r"(\r\n|\r|\x1b\[1A|\x1b\[2K|\x1b\[\?25[hl])", recorded):
        if part == "\r\n":
            lines.append("")
        elif part == "\x1b[1A":
            lines.pop()
        elif part == "\x1b[2K":
            lines[-1] = ""
        elif part != "\r" and not part.startswith("\x1b[?25"):
            lines[-1] += part
    return lines


def picture(home: str) -> str:
    """The terminal as an SVG, without the web fonts that Rich would load."""
    from rich.console import Console
    from rich.text import Text

    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    for line in screen(recording(home).rstrip()):
        console.print(Text.from_ansi(line))
    drawn = console.export_svg(title="modelctl", unique_id="modelctl")
    return re.sub(r"\s*@font-face \{.*?\}", "", drawn, flags=re.DOTALL)


def query(text: str) -> str:
    """The SQL that the README shows."""
    [found] = re.findall(r"```sql\n(.*?)```", text, re.DOTALL)
    return str(found)


def rows_table(database: Path, sql: str) -> str:
    """The query's answer, as the README shows it."""
    with contextlib.closing(sqlite3.connect(database)) as connection:
        answer = connection.execute(sql)
        columns = [name for name, *_ in answer.description]
        rows = [columns, ["---"] * len(columns), *answer.fetchall()]
    return "\n".join(f"| {' | '.join('NULL' if cell is None else str(cell) for cell in row)} |" for row in rows)


def exit_code_table() -> str:
    """The exit codes, as the README shows them."""
    rows = [f"| {code.value} | {meaning} |" for code, meaning in EXIT_CODE_MEANING.items()]
    return "\n".join(["| code | meaning |", "| --- | --- |", *rows])


def setting_names() -> list[str]:
    """Every setting that the table of docs/settings.md must name."""
    return [*SPECS, *(f"providers.NAME.{name}" for name in PROVIDER_KINDS)]


def _with_table(text: str, name: str, table: str) -> str:
    """The text with the table between the two comments of that name."""
    start, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    before, _, rest = text.partition(start)
    return before + start + "\n" + table + "\n" + end + rest.partition(end)[2]


def main() -> None:
    """Write the README anew, its commands run in a temporary home without any variable of ours."""
    from modelctl.cli.main import main as modelctl

    def run(arguments: list[str]) -> str:
        with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(out):
            modelctl(arguments, now=NOW)
        return out.getvalue()

    with tempfile.TemporaryDirectory() as home:
        os.environ.clear()
        os.environ["HOME"] = home
        os.chdir(home)
        PICTURE.write_text(picture(home), "utf-8")
        text = rewritten(README.read_text("utf-8"), run)
        [database] = Path(home).rglob("modelctl.db")
        README.write_text(_with_table(text, "rows", rows_table(database, query(text))), "utf-8")


if __name__ == "__main__":
    main()
