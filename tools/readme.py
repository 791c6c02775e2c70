"""The README as something that runs: its console blocks, and the tables that are made from code.

A block marked `console` holds commands after `$ ` and the output that each must give; a line `…` stands for any
lines. Commands run in order, in one working directory, at the instant `NOW`. `make readme` writes the real output.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from modelctl.config.resolve import PROVIDER_KINDS, SPECS
from modelctl.errors import EXIT_CODE_MEANING

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
"""The instant at which the commands of the README run."""
README = Path(__file__).resolve().parent.parent / "README.md"
ANY_LINES = "…"

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

    return _with_tables(_BLOCK.sub(block, text))


def exit_code_table() -> str:
    """The exit codes, as the README shows them."""
    rows = [f"| {code.value} | {meaning} |" for code, meaning in EXIT_CODE_MEANING.items()]
    return "\n".join(["| code | meaning |", "| --- | --- |", *rows])


def setting_names() -> list[str]:
    """Every setting that the README's table must name."""
    return [*SPECS, *(f"providers.NAME.{name}" for name in PROVIDER_KINDS)]


def _with_tables(text: str) -> str:
    start, end = "<!-- exit codes -->", "<!-- /exit codes -->"
    before, _, rest = text.partition(start)
    return before + start + "\n" + exit_code_table() + "\n" + end + rest.partition(end)[2] if rest else text


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
        README.write_text(rewritten(README.read_text("utf-8"), run), "utf-8")


if __name__ == "__main__":
    main()
