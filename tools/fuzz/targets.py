"""What is fuzzed: the reader of each kind of listing, the whole module behind its SDK, catalogs, and settings files."""

from __future__ import annotations

import random
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from modelctl.catalog.lint import lint
from modelctl.catalog.load import load
from modelctl.config import resolve_settings
from modelctl.core.validation import check_record
from modelctl.discovery.base import Access, UnusableListing, json_of, list_at, read_listing
from modelctl.discovery.fetch import failure_of
from modelctl.discovery.openai_compatible import page_at
from modelctl.discovery.registry import REGISTRY
from modelctl.errors import ModelctlError
from tools.fuzz import corpus, mutating

KEY = "sk-fuzz-0123456789abcdef"
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
TODAY = NOW.date()
ACCESS = Access(provider="acme", api_key=KEY, timeout_s=1, now=NOW, base_url="http://127.0.0.1:9/v1")
UNDOCUMENTED = "not what the API documents"
"""What a translation that broke is told as: the module did not say itself what is wrong."""


class Unclear(AssertionError):
    """Something else than a result or a clear error came of an input."""


@dataclass(frozen=True, slots=True)
class Target:
    """One way in: how an input is made, and what is done with it. True: it was understood; False: clearly refused."""

    name: str
    share: int
    """Of a thousand inputs."""
    make: Callable[[random.Random], Any]
    read: Callable[[Any], bool]


def targets() -> tuple[Target, ...]:
    """All of them; the shares add up to 1,000."""
    kinds = corpus.kinds()
    share = 690 // len(kinds)
    listings = [Target(f"{kind} listing", share, partial(_answer, kind), partial(read_answer, kind)) for kind in kinds]
    modules = [Target(f"{kind} module", 1, partial(_answer, kind), partial(ask_module, kind)) for kind in kinds]
    left = 1000 - (share + 1) * len(kinds)
    return (
        *listings,
        *modules,
        Target("catalogs", left // 2, _catalog, read_catalog),
        Target("settings", left - left // 2, _settings, read_settings),
    )


def _answer(kind: str, draw: random.Random) -> bytes:
    return mutating.changed_json(draw, corpus.answer(draw, kind), corpus.answer(draw, draw.choice(corpus.kinds())))


def _catalog(draw: random.Random) -> tuple[str, bytes]:
    name, text = corpus.catalog(draw)
    return name, mutating.changed_toml(draw, text, corpus.catalog(draw)[1])


def _settings(draw: random.Random) -> bytes:
    return mutating.changed_toml(draw, corpus.SETTINGS, corpus.SETTINGS)


def read_answer(kind: str, content: bytes) -> bool:
    """The body through the readers of its kind, without the SDK, which costs a hundred times as much."""
    module = REGISTRY[kind]

    def fetch(_access: Access) -> Iterator[Mapping[str, Any]]:
        body = json_of(SimpleNamespace(content=content, headers={}, url="http://h/v1/models"))
        if kind == "openai-compatible":
            yield from page_at(body, "http://h/v1/models").items
        else:
            keys = [each.items for each in module.ENDPOINTS]
            yield from list_at(body, next((key for key in keys if isinstance(body, dict) and key in body), keys[0]))

    source: Any = SimpleNamespace(COMPLETE=True, fetch=fetch, translate=module.translate)
    return _is_listing(source)


def ask_module(kind: str, content: bytes) -> bool:
    """The body as the answer to every request of the whole module, SDK included."""
    with _answering(content):
        return _is_listing(REGISTRY[kind])


def _is_listing(source: Any) -> bool:
    try:
        snapshot = read_listing(source, ACCESS, lambda: False)
    except (UnusableListing, ModelctlError) as error:
        _check_told(str(failure_of(error, ACCESS).to_error(ACCESS)))
        return False
    if not snapshot.records:
        raise Unclear("an empty listing was believed")
    for record in snapshot.records.values():
        check_record(record)
    return True


def _check_told(told: str) -> None:
    if not told.startswith("acme: ") or "\n" in told or KEY in told or UNDOCUMENTED in told:
        raise Unclear(f"this is no clear error: {told!r}")


@contextmanager
def _answering(content: bytes) -> Iterator[None]:
    """Both HTTP libraries give this answer, without a network."""
    import httpx
    import httpx2

    kept = [(library, library.HTTPTransport.handle_request) for library in (httpx, httpx2)]
    for library, _ in kept:

        def handle_request(_self: Any, request: Any, library: Any = library) -> Any:
            sent = _for_path(request.url.path, content)
            return library.Response(200, headers={"content-type": "application/json"}, content=sent, request=request)

        library.HTTPTransport.handle_request = handle_request
    try:
        yield
    finally:
        for library, handle in kept:
            library.HTTPTransport.handle_request = handle


def _for_path(path: str, content: bytes) -> bytes:
    """For xAI, which is asked for typed listings besides: all of the models are language models."""
    if path.endswith("/language-models"):
        return content.replace(b'"data"', b'"models"', 1)
    return b'{"models": []}' if path.endswith("-generation-models") else content


def read_catalog(given: tuple[str, bytes]) -> bool:
    """A catalog as the only file of a directory: read; what is refused has a finding of lint, too."""
    name, content = given
    path = _directory() / f"{name}.toml"
    path.write_bytes(content)
    try:
        load(path.parent)
    except ModelctlError as error:
        if not str(error).isprintable():
            raise Unclear(f"this is no clear error: {str(error)!r}") from None
        if content[-1:] < b"2" and not lint(path.parent, today=TODAY):  # some: it reads everything again
            raise Unclear(f"lint does not see what is refused: {error}") from None
        return False
    finally:
        path.unlink()
    return True


def read_settings(content: bytes) -> bool:
    """A settings file that is named with --config."""
    path = _directory() / "settings"
    path.write_bytes(content)
    try:
        resolve_settings({"config": str(path)}, {"HOME": "/nowhere"}, working_directory=path.parent)
    except ModelctlError:
        return False
    return True


_made: list[Path] = []


def _directory() -> Path:
    """A directory of this process, in memory where there is such a place."""
    if not _made:
        memory = Path("/dev/shm")
        _made.append(Path(tempfile.mkdtemp(prefix="modelctl-fuzz-", dir=memory if memory.is_dir() else None)))
    return _made[0]


def clean_up() -> None:
    """Remove what the targets have written."""
    for path in _made:
        shutil.rmtree(path, ignore_errors=True)
    _made.clear()
