"""What is going on, while it goes on: a line per provider, on a terminal only. It leaves nothing behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TextIO

from modelctl.core.report import ProviderReport


@contextmanager
def watching(stream: TextIO, providers: Sequence[str], *, quiet: bool) -> Iterator[Callable[[ProviderReport], None]]:
    """A function to tell of each provider that is done, while a live display shows those that are not."""
    if quiet or not stream.isatty():
        yield lambda _report: None
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    with Progress(
        SpinnerColumn(finished_text=" "),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
        console=Console(file=stream),
        transient=True,
    ) as progress:
        tasks = {name: progress.add_task(name, total=1) for name in providers}

        def done(report: ProviderReport) -> None:
            outcome = report.outcome.value.replace("_", " ")
            progress.update(tasks[report.provider], completed=1, description=f"{report.provider}: {outcome}")

        yield done
