"""Writing catalog files into the working directory of a test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

Write = Callable[..., Path]

PROVIDER = """\
[provider]
display_name = "OpenAI"
pricing_url = "https://example.com/pricing"
"""


@pytest.fixture
def write() -> Write:
    """`write(text, name="openai")` puts `catalogs/openai.toml` into the working directory, returns the directory."""

    def write_file(text: str | bytes, name: str = "openai") -> Path:
        directory = Path("catalogs")
        directory.mkdir(exist_ok=True)
        content = text if isinstance(text, bytes) else dedent(text).encode()
        (directory / f"{name}.toml").write_bytes(content)
        return directory

    return write_file


def models(text: str) -> str:
    """A file whose provider table ends on line 3, so that the first line of `text` is line 4."""
    return PROVIDER + dedent(text)
