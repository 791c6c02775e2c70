"""`sync --notify`: a webhook hears of every sync that writes or fails, and a webhook that fails harms nothing."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from modelctl.services.notify import webhook
from tests.cli.conftest import Query
from tests.conftest import Result, Run
from tests.loopback import ProviderServer, openai_item, status

Sync = Callable[..., Result]
CANARY = "canary-path-T0001"
CATALOG = ("--source", "catalog", "--provider", "xai")


@dataclass
class Hook:
    """A webhook on loopback: what it was told, and how it answers."""

    url: str = ""
    bodies: list[Any] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    """Statuses of the first answers; then 200."""
    location: str = ""
    stall: bool = False
    leaving: threading.Event = field(default_factory=threading.Event)


@pytest.fixture
def hook() -> Iterator[Hook]:
    told = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.bodies.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            if told.stall:
                told.leaving.wait(5)
                return
            self.send_response(told.answers.pop(0) if told.answers else 200)
            if told.location:
                self.send_header("location", told.location)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        told.url = f"http://127.0.0.1:{server.server_address[1]}/{CANARY}"
        yield told
        told.leaving.set()
        server.shutdown()


def test_the_report_is_posted_after_the_commit(hook: Hook, sync: Sync, query: Query, sqlite_url: str) -> None:
    result = sync(sqlite_url, *CATALOG, "--notify", hook.url, "--format", "json")
    assert result.code == 0, result.stderr
    [body] = hook.bodies
    assert body.pop("text").startswith("modelctl sync: done\n1 applied\ncreated ")
    assert body == json.loads(result.stdout)
    assert query(sqlite_url, "SELECT outcome FROM ai_sync_runs") == [("applied",)]
    assert CANARY not in result.stdout + result.stderr


def test_slack_gets_text_only_in_which_nothing_is_a_command(
    hook: Hook, sync: Sync, sqlite_url: str, provider_server: ProviderServer
) -> None:
    provider_server.fail("openai", status(400, text="<!channel> & so on"))
    slack = hook.url.replace(CANARY, f"services/{CANARY}")
    result = sync(
        sqlite_url, "--provider", "openai", "--provider", "xai", "--notify", slack, env=provider_server.env("openai")
    )
    assert result.code == 5
    [body] = hook.bodies
    assert list(body) == ["text"]
    assert body["text"].startswith("modelctl sync FAILED for openai\nopenai: its API failed: ")
    assert "exit 5" in body["text"]
    assert "<" not in body["text"]
    assert "openai-test-key" not in body["text"]


def test_what_a_guard_holds_is_told_with_the_way_to_accept_it(
    hook: Hook, sync: Sync, sqlite_url: str, provider_server: ProviderServer
) -> None:
    everything = [openai_item(f"gpt-test-{number}") for number in range(60)]
    provider_server.models["openai"] = everything
    asked = ("--provider", "openai", "--notify", hook.url)
    assert sync(sqlite_url, *asked, env=provider_server.env("openai")).code == 0
    provider_server.models["openai"] = [*everything[:20], openai_item("gpt-new")]
    assert sync(sqlite_url, *asked, env=provider_server.env("openai")).code == 4
    text = hook.bodies[-1]["text"]
    assert text.startswith("modelctl sync: guards hold changes of openai\nopenai: held by short-listing: ")
    assert "gpt-new (--accept openai/gpt-new)" in text


@pytest.mark.parametrize(("on", "told"), [("failure", [0, 0, 1]), ("change", [1, 1, 2]), ("always", [1, 2, 3])])
def test_which_syncs_are_told_of_is_chosen(
    on: str, told: list[int], hook: Hook, sync: Sync, sqlite_url: str, provider_server: ProviderServer
) -> None:
    """One that writes, one that has nothing to do, one whose API fails."""
    counts = []
    for env in ({}, {}, provider_server.env("openai")):
        provider_server.fail("openai", status(401))
        sync(sqlite_url, "openai", "--notify", hook.url, "--notify-on", on, env=env)
        counts.append(len(hook.bodies))
    assert counts == told


def test_a_sync_that_ends_in_an_error_is_told_as_a_failure(hook: Hook, run: Run, sync: Sync) -> None:
    url = "postgresql://me:hunter2-canary@127.0.0.1:1/shop"
    result = sync(url, *CATALOG, "--notify", hook.url)
    assert result.code == 1
    [body] = hook.bodies
    assert body["text"].startswith("modelctl sync FAILED: postgresql")
    assert body["exit_code"] == body["error"]["exit_code"] == 1
    assert "hunter2" not in json.dumps(body) + result.stderr


def test_settings_that_cannot_be_read_are_told_too(hook: Hook, run: Run) -> None:
    result = run("sync", "--notify", hook.url, env={"MODELCTL_TIMEOUT_S": "soon"})
    assert result.code == 2
    assert hook.bodies[0]["exit_code"] == 2


def test_one_server_error_is_tried_again_and_two_are_a_warning(hook: Hook, sync: Sync, sqlite_url: str) -> None:
    hook.answers = [500]
    assert "warning" not in sync(sqlite_url, *CATALOG, "--notify", hook.url).stderr
    assert len(hook.bodies) == 2
    hook.answers = [500, 503]
    result = sync(sqlite_url, *CATALOG, "--notify", hook.url)
    assert result.code == 0
    assert "warning: http://127.0.0.1:" in result.stderr
    assert "was not notified: it answered 503" in result.stderr
    assert CANARY not in result.stderr


@pytest.mark.parametrize("answer", [302, 404])
def test_an_answer_that_will_not_change_is_not_tried_again(
    answer: int, hook: Hook, sync: Sync, sqlite_url: str
) -> None:
    hook.answers, hook.location = [answer], hook.url
    result = sync(sqlite_url, *CATALOG, "--notify", hook.url)
    assert (result.code, len(hook.bodies)) == (0, 1)
    assert f"it answered {answer}" in result.stderr


def test_a_webhook_that_does_not_answer_is_not_waited_for_twice(hook: Hook, sync: Sync, sqlite_url: str) -> None:
    hook.stall = True
    result = sync(sqlite_url, *CATALOG, "--notify", hook.url, env={"MODELCTL_TIMEOUT_S": "0.3"})
    assert (result.code, len(hook.bodies)) == (0, 1)
    assert "no answer within 0.3 s" in result.stderr


def test_a_refused_connection_is_a_warning(sync: Sync, query: Query, sqlite_url: str) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/{CANARY}"
        result = sync(sqlite_url, *CATALOG, "--notify", url)
    assert result.code == 0
    assert "was not notified: it cannot be reached (ConnectError)" in result.stderr
    assert CANARY not in result.stderr
    assert query(sqlite_url, "SELECT outcome FROM ai_sync_runs") == [("applied",)]


@pytest.mark.parametrize(
    "url", ["", "ftp://host/x", "https:///x", "hooks.slack.com/services/x", "http://[::1/x", "http://h\n/x"]
)
def test_what_is_no_url_is_refused_before_the_sync_begins(url: str, run: Run, sqlite_url: str, query: Query) -> None:
    result = run("sync", "--migrate", "--database", sqlite_url, *CATALOG, "--notify", url)
    assert result.code == 2
    assert "--notify" in result.stderr
    assert query(sqlite_url, "SELECT name FROM sqlite_master") == []


@pytest.mark.parametrize("other", [("--dry-run",), ("--explain", "grok-4")])
def test_a_sync_that_writes_nothing_notifies_nobody(other: tuple[str, ...], hook: Hook, sync: Sync) -> None:
    result = sync("sqlite:///none.db", *other, "--notify", hook.url)
    assert (result.code, hook.bodies) == (2, [])


def test_slack_is_known_by_its_host_and_by_the_path_of_its_imitators() -> None:
    assert webhook("https://hooks.slack.com/services/T/B/x").is_slack
    assert webhook("https://chat.example/services/x").is_slack
    assert not webhook("https://user:pw@chat.example:8443/hooks/x").is_slack
    assert webhook("https://user:pw@chat.example:8443/hooks/x").label == "https://chat.example:8443"
