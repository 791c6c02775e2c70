"""The formats of a sync report. One signature for all: report, exit code, stream."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TextIO

from modelctl.core.report import SyncReport
from modelctl.errors import ExitCode
from modelctl.render.sync_json import sync_json
from modelctl.render.sync_markdown import sync_markdown
from modelctl.render.sync_table import provider_line, sync_table
from modelctl.render.terminal import PLAIN, Look, look_of

__all__ = ["FORMATS", "markdown", "provider_line"]


def markdown(report: SyncReport, exit_code: ExitCode) -> str:
    """The report for GitHub's step summary; ends with a newline, for several steps append to one file."""
    return sync_markdown(report, exit_code, PLAIN) + "\n"


def _on(render: Callable[[SyncReport, ExitCode, Look], str]) -> Callable[[SyncReport, ExitCode, TextIO], str]:
    return lambda report, exit_code, stream: render(report, exit_code, look_of(stream))


FORMATS: Mapping[str, Callable[[SyncReport, ExitCode, TextIO], str]] = MappingProxyType(
    {"table": _on(sync_table), "json": _on(sync_json), "markdown": _on(sync_markdown)}
)
"""Format name -> what renders it as the stream can show it."""
