"""Files that others read while we write them, and where a user's files are."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO


def write_whole(path: Path, text: str, *, mode: int = 0o666) -> None:
    """Write the file at once or not at all, as `whole_file` does."""
    with whole_file(path, mode=mode) as file:
        file.write(text)


@contextmanager
def whole_file(path: Path, *, mode: int = 0o666) -> Iterator[TextIO]:
    """The file to be written in parts, as UTF-8 with plain line ends; a reader finds the old one or the new one.

    `mode`: its permissions, less what the user's umask takes away. Any error, OSError among them, leaves the old file.
    """
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.new")
    try:
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise


def user_directory(find: Callable[..., Path]) -> Path | None:
    """The user's directory that a function of platformdirs names; None for a user who has no home."""
    try:
        directory = find("modelctl", appauthor=False)
    except (RuntimeError, KeyError):
        return None
    return directory if directory.is_absolute() else None
