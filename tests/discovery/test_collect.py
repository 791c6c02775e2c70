"""Deadlines, waiting, many providers at once, and what is never believed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from modelctl.core.facts import ModelFacts, ModelKey, ModelRecord, Skipped
from modelctl.core.planning.merge import Snapshot
from modelctl.discovery.base import Access
from modelctl.discovery.fetch import Request, collect_all
from modelctl.discovery.http import clean_key
from modelctl.discovery.registry import REGISTRY
from modelctl.errors import SourceError
from tests.conftest import NOW
from tests.discovery.conftest import Reach, collect
from tests.loopback import ProviderServer, drip, openai_item, slow, status

OPENAI = REGISTRY["openai"]


def source_of(*items: Any, complete: bool = True, raises: Exception | None = None) -> Any:
    """A discovery module made of values: an item is the record, the skip or the exception of its translation."""

    def fetch(_access: Access) -> Iterator[Mapping[str, Any]]:
        yield from ({"id": f"model-{number}", "value": value} for number, value in enumerate(items))
        if raises:
            raise raises

    def translate(item: Mapping[str, Any], _access: Access) -> Any:
        if isinstance(item["value"], Exception):
            raise item["value"]
        return item["value"]

    return SimpleNamespace(KIND="x", DOCS="", BASE_URL_ENV="", COMPLETE=complete, fetch=fetch, translate=translate)


def record(model_id: str, **facts: Any) -> ModelRecord:
    return ModelRecord(key=ModelKey("acme", model_id), facts=ModelFacts(**facts))


ACME = Access(provider="acme", api_key="sk-secret", timeout_s=1, now=NOW)


def error_of(source: Any, access: Access = ACME, deadline_s: float = 5) -> str:
    with pytest.raises(SourceError) as caught:
        collect(source, access, deadline_s=deadline_s, sleep=lambda _: None)
    return str(caught.value)


def test_a_slow_drip_ends_at_the_deadline(provider_server: ProviderServer, reach: Reach) -> None:
    provider_server.fail("openai", drip(0.02))
    began = time.monotonic()
    assert error_of(OPENAI, reach("openai"), deadline_s=0.5).startswith("openai: no complete listing within 0.5 s")
    assert time.monotonic() - began < 3


@pytest.mark.parametrize(
    "value",
    ["3600", format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)],
    ids=["seconds", "date"],
)
def test_a_wait_beyond_the_deadline_is_not_begun(value: str, provider_server: ProviderServer, reach: Reach) -> None:
    provider_server.fail("openai", status(429, retry_after=value))
    began = time.monotonic()
    told = error_of(OPENAI, reach("openai"), deadline_s=20)
    assert "HTTP 429" in told
    assert "longer than this listing may take" in told
    assert len(provider_server.asked("openai")) == 1
    assert time.monotonic() - began < 5


def test_retry_after_is_waited_for(provider_server: ProviderServer, reach: Reach) -> None:
    provider_server.fail("openai", status(429, retry_after=7, times=1))
    waits: list[float] = []
    assert collect(OPENAI, reach("openai"), deadline_s=60, sleep=waits.append).records
    assert len(waits) == 1
    assert waits[0] >= 7


@pytest.mark.parametrize("value", ["soon", "-5", "", "nan"])
def test_a_retry_after_of_no_sense_is_ignored(value: str, provider_server: ProviderServer, reach: Reach) -> None:
    provider_server.fail("openai", status(503, retry_after=value, times=1))
    assert collect(OPENAI, reach("openai"), deadline_s=60, sleep=lambda _: None).records


def test_all_are_asked_at_the_same_time(provider_server: ProviderServer, reach: Reach) -> None:
    names = [f"local-{number}" for number in range(6)]
    for name in names:
        provider_server.models[name] = [openai_item("m")]
        provider_server.fail(name, slow(0.6))
    provider_server.heal("local-5")
    source = REGISTRY["openai-compatible"]
    collect(source, reach("local-5"), deadline_s=20)  # the SDK's import is not what is timed
    began = time.monotonic()
    outcomes = list(collect_all([Request(source=source, access=reach(name), deadline_s=20) for name in names]))
    assert time.monotonic() - began < 6 * 0.6
    assert outcomes[0][0] == "local-5"
    assert {name for name, _ in outcomes} == set(names)
    assert all(isinstance(outcome, Snapshot) for _, outcome in outcomes)


def test_no_more_than_the_limit_run_at_once_and_all_get_their_turn() -> None:
    running, most, lock = 0, 0, threading.Lock()

    def fetch(access: Access) -> Iterator[Mapping[str, Any]]:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.05)
        with lock:
            running -= 1
        yield {"id": access.provider}

    source = source_of()
    source.fetch = fetch
    source.translate = lambda item, access: ModelRecord(key=ModelKey(access.provider, "m"), facts=ModelFacts())
    requests = [
        Request(source=source, access=Access(provider=f"p{n}", api_key="", timeout_s=1, now=NOW), deadline_s=5)
        for n in range(7)
    ]
    assert len(list(collect_all(requests, at_once=2))) == 7
    assert most == 2


def test_one_provider_that_fails_or_hangs_leaves_the_others_alone(
    provider_server: ProviderServer, reach: Reach
) -> None:
    provider_server.fail("openai", status(401))
    provider_server.fail("replicate", slow(30))
    outcomes = dict(
        collect_all(
            Request(source=REGISTRY[name], access=reach(name, timeout_s=30), deadline_s=deadline_s)
            for name, deadline_s in (("openai", 20), ("anthropic", 20), ("replicate", 0.8))
        )
    )
    assert isinstance(outcomes["anthropic"], Snapshot)
    assert "HTTP 401" in str(outcomes["openai"])
    assert "no complete listing within 0.8 s" in str(outcomes["replicate"])


def test_a_provider_is_not_asked_twice_at_once() -> None:
    request = Request(source=source_of(record("a")), access=ACME, deadline_s=5)
    with pytest.raises(ValueError, match="asked twice"):
        list(collect_all([request, request]))


HANGING = """
import sys, time
from datetime import UTC, datetime
from modelctl.discovery.fetch import Request, collect_all
from modelctl.discovery.registry import REGISTRY
from modelctl.discovery.base import Access
access = Access(provider="openai", api_key="openai-test-key", base_url=sys.argv[1], timeout_s=60, now=datetime.now(UTC))
print("asking", flush=True)
request = Request(source=REGISTRY["openai"], access=access, deadline_s=float(sys.argv[2]))
for _, outcome in collect_all([request]):
    sys.exit(str(outcome))
"""


def test_an_abandoned_listing_does_not_keep_the_process_alive(provider_server: ProviderServer) -> None:
    provider_server.fail("openai", slow(60))
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", HANGING, provider_server.base_url("openai"), "1"], capture_output=True, timeout=30
    )
    assert b"no complete listing within 1 s" in done.stderr
    assert time.monotonic() - began < 20


def test_ctrl_c_works_at_once(provider_server: ProviderServer) -> None:
    provider_server.fail("openai", slow(60))
    arguments = [sys.executable, "-c", HANGING, provider_server.base_url("openai"), "60"]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        while not provider_server.asked("openai"):
            time.sleep(0.05)
        began = time.monotonic()
        os.kill(process.pid, signal.SIGINT)
        process.communicate(timeout=20)
    assert time.monotonic() - began < 5
    assert process.returncode == -signal.SIGINT


def test_an_incomplete_source_says_nothing_about_absence() -> None:
    assert collect(source_of(record("a"), complete=False), ACME, deadline_s=5).complete_for == frozenset()


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ((), "acme: the listing is empty"),
        ((Skipped("a", "private: not ours"),), "every one of the 1 models listed was skipped"),
        ((record("a"), record("a")), "acme/a is listed twice"),
        ((Skipped("a", "x"), Skipped("a", "x")), "a is listed twice"),
        ((record("a", context_window=-5),), "acme/a: context_window: -5"),
        ((record("a", display_name="x\x00"),), "acme/a: display_name"),
        ((record("a"), KeyError("id")), "model 'model-1': not what the API documents"),
        ((Skipped("x" * 500, "why"),), "has 500 characters"),
    ],
)
def test_what_is_not_believed(items: tuple[Any, ...], expected: str) -> None:
    assert expected in error_of(source_of(*items))


@pytest.mark.parametrize("error", [RuntimeError, AttributeError, KeyError, TypeError, RecursionError, MemoryError])
def test_whatever_a_module_raises_is_that_providers_failure(error: type[Exception]) -> None:
    told = error_of(source_of(record("a"), raises=error("sk-secret")))
    assert error.__name__ in told
    assert "sk-secret" not in told


def test_errors_that_cause_each_other_are_told_once() -> None:
    inner, outer = ConnectionError("refused"), RuntimeError("wrapped")
    inner.__cause__, outer.__cause__ = outer, inner
    assert "no connection to" in error_of(source_of(raises=inner))


def test_the_key_is_cut_out_of_whatever_text_holds_it() -> None:
    access = Access(provider="acme", api_key="sk-secret", base_url="http://h/sk-secret/v1", timeout_s=1, now=NOW)
    assert "[key]" in error_of(source_of(raises=ConnectionError("sk-secret")), access)


def test_a_placeholder_for_a_key_is_not_cut_out_of_ordinary_words() -> None:
    access = Access(provider="none", api_key="none", base_url="http://none/v1", timeout_s=1, now=NOW)
    assert "[key]" not in error_of(source_of(raises=ConnectionError("none")), access)


def test_exits_are_not_swallowed() -> None:
    with pytest.raises(SystemExit):
        collect(source_of(raises=SystemExit(3)), ACME, deadline_s=5)  # type: ignore[arg-type]


def test_an_alias_that_is_listed_itself_is_a_model_of_its_own() -> None:
    snapshot = collect(source_of(record("a", aliases=("b", "c")), record("b", aliases=("a",))), ACME, deadline_s=5)
    assert {key.model_id: each.facts.aliases for key, each in snapshot.records.items()} == {"a": ("c",), "b": None}


def test_user_password_and_query_of_an_address_are_not_shown(provider_server: ProviderServer, reach: Reach) -> None:
    host = provider_server.url.removeprefix("http://")
    told = error_of(OPENAI, reach("openai", base_url=f"http://joe:hunter2@{host}/nowhere?token=t0ps3cret"))
    assert "hunter2" not in told
    assert "t0ps3cret" not in told


@pytest.mark.parametrize(
    ("base_url", "expected"),
    [
        ("http://127.0.0.1:1/v1", "no connection to http://127.0.0.1:1/v1/models"),
        ("ftp://127.0.0.1/v1", "check the base URL"),
        ("no address at all", "check the base URL"),
        ("http://", "check the base URL"),
    ],
)
def test_addresses_that_cannot_be_asked(base_url: str, expected: str, reach: Reach) -> None:
    assert expected in error_of(OPENAI, reach("openai", base_url=base_url))


def test_a_key_is_cleaned_of_outer_blanks_only() -> None:
    assert clean_key(" sk-abc\r\n", "X") == "sk-abc"
    assert clean_key("", "X") == ""


@pytest.mark.parametrize("key", ["sk-a\nsk-b", "sk\x00a", "sk-é", "sk\u200ba", "sk a", "sk\x7f"])
def test_a_key_that_no_header_can_carry_is_named_not_shown(key: str) -> None:
    with pytest.raises(SourceError) as caught:
        clean_key(key, "OPENAI_API_KEY")
    assert "OPENAI_API_KEY" in str(caught.value)
    assert key not in str(caught.value)


def test_the_server_runs_by_hand() -> None:
    root = Path(__file__).parent.parent.parent
    arguments = [sys.executable, "-m", "tests.loopback", "--port", "0"]
    with subprocess.Popen(arguments, cwd=root, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith(b"export ANTHROPIC_BASE_URL=http://127.0.0.1:")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
    assert process.returncode == 0
