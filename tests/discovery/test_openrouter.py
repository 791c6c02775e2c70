"""OpenRouter's list: prices as text per token, tiers, hours, -1, and lists that say no by leaving out."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from modelctl.core.facts import ModelRecord
from modelctl.core.validation import check_record
from modelctl.discovery import openrouter
from modelctl.discovery.base import Access, UnusableListing
from modelctl.errors import SourceError
from tests.conftest import NOW, Result, Run
from tests.discovery.conftest import Reach, collect
from tests.loopback import ProviderServer, wrong_shape
from tests.loopback.shapes import DATA

ACCESS = Access(provider="openrouter", api_key="", timeout_s=1, now=NOW)
SAVED = {each["id"]: each for each in json.loads((DATA / "openrouter.json").read_text(encoding="utf-8"))["data"]}
GPT_4O = SAVED["openai/gpt-4o"]


def record(item: dict[str, Any]) -> ModelRecord:
    taken = openrouter.translate(item, ACCESS)
    assert isinstance(taken, ModelRecord)
    check_record(taken)
    return taken


def prices(item: dict[str, Any]) -> dict[tuple[str, ...], str]:
    return {
        (point.kind, *filter(None, (str(point.context_above or ""), point.hours_utc))): str(point.amount)
        for point in record(item).prices
    }


def test_facts_come_from_modalities_parameters_and_the_top_provider() -> None:
    gpt = record(GPT_4O)
    assert dict(gpt.facts.known()) == {
        "display_name": "OpenAI: GPT-4o",
        "type": "chat",
        "input_modalities": ("text", "image", "pdf"),
        "output_modalities": ("text",),
        "vision": True,
        "pdf_input": True,
        "audio_input": False,
        "audio_output": False,
        "tools": True,
        "structured_output": True,
        "reasoning": False,
        "temperature": True,
        "web_search": True,
        "context_window": 128_000,
        "max_output_tokens": 16_384,
        "knowledge_cutoff": "2023-10-31",
        "released_on": date(2024, 5, 13),
    }
    assert gpt.provenance == {"type": "rule:output_modalities", "released_on": "rule:created"}
    assert prices(GPT_4O) == {("input",): "2.5", ("output",): "10", ("cache_read",): "1.25"}


def test_an_empty_list_says_nothing() -> None:
    embedding = record(SAVED["openai/text-embedding-3-small"]).facts
    assert (embedding.type, embedding.tools, embedding.temperature) == ("embedding", None, None)
    assert embedding.output_modalities is None, "vectors are no modality"
    bare = GPT_4O | {"supported_parameters": None, "architecture": None}
    assert (record(bare).facts.type, record(bare).facts.vision, record(bare).facts.tools) == (None, None, None)


@pytest.mark.parametrize(
    ("model_id", "kind"),
    [
        ("google/gemini-2.5-flash-image", "image"),
        ("openai/gpt-audio", "audio"),
        ("openai/text-embedding-3-small", "embedding"),
        ("perplexity/sonar-pro", "chat"),
    ],
)
def test_what_comes_out_says_the_type(model_id: str, kind: str) -> None:
    assert record(SAVED[model_id]).facts.type == kind


def test_a_price_that_varies_is_unknown_and_a_stated_zero_is_free() -> None:
    assert prices(SAVED["openrouter/auto"]) == {}
    free = SAVED["z-ai/glm-4.5-air:free"]
    assert prices(free) == {("input",): "0", ("output",): "0"}
    assert record(free).facts.retires_on == date(2026, 12, 15)
    assert prices(SAVED["openai/text-embedding-3-small"]) == {("input",): "0.02", ("output",): "0"}


def test_a_price_above_some_prompt_is_a_tier_with_what_it_leaves_out_as_usual() -> None:
    assert prices(SAVED["anthropic/claude-sonnet-4.5"]) == {
        ("input",): "3",
        ("output",): "15",
        ("cache_read",): "0.3",
        ("cache_write",): "3.75",
        ("cache_write_1h",): "6",
        ("input", "200000"): "6",
        ("output", "200000"): "22.5",
        ("cache_read", "200000"): "0.6",
        ("cache_write", "200000"): "7.5",
        ("cache_write_1h", "200000"): "6",
        ("web_search",): "10",
    }


def test_prices_by_the_hour_are_the_same_whenever_they_are_asked_for() -> None:
    deepseek = SAVED["deepseek/deepseek-chat"]
    by_day = prices(deepseek)
    assert by_day == {
        ("input",): "0.28",
        ("output",): "0.42",
        ("input", "00:00-00:30,16:30-24:00"): "0.14",
        ("output", "00:00-00:30,16:30-24:00"): "0.21",
    }
    by_night = {**deepseek["pricing"], "prompt": "0.00000014", "completion": "0.00000021"}
    assert prices(deepseek | {"pricing": by_night}) == by_day


@pytest.mark.parametrize(
    ("window", "hours"),
    [((0, 400), "00:00-04:00"), ((2200, 0), "22:00-24:00"), ((2330, 15), "00:00-00:15,23:30-24:00")],
)
def test_a_window_may_touch_or_pass_midnight(window: tuple[int, int], hours: str) -> None:
    rest = {"utc_start": window[1], "utc_end": window[0], "prompt": "0.000002"}
    cheap = {"utc_start": window[0], "utc_end": window[1], "prompt": "0.000001"}
    assert prices(GPT_4O | {"pricing": {"prompt": "0.000002", "overrides": [rest, cheap]}}) == {
        ("input",): "2",
        ("input", hours): "1",
    }


@pytest.mark.parametrize("clock", [2460, 999, -100, 2500, "16:30", None, True, 16.5])
def test_a_clock_that_nobody_reads_is_an_error(clock: Any) -> None:
    windows = [{"utc_start": 0, "utc_end": 1200}, {"utc_start": clock, "utc_end": 0}]
    pricing = {"prompt": "0.000002", "overrides": windows}
    if clock is None:
        assert ("input",) in prices(GPT_4O | {"pricing": pricing}), "null is midnight, as 0 is"
        return
    with pytest.raises(UnusableListing, match="utc_start"):
        record(GPT_4O | {"pricing": pricing})


def test_prices_of_calls_and_of_sound() -> None:
    assert prices(SAVED["perplexity/sonar-pro"]) == {
        ("input",): "3",
        ("output",): "15",
        ("request",): "0.006",
        ("web_search",): "5",
    }
    assert prices(SAVED["openai/gpt-audio"]) == {
        ("input",): "2.5",
        ("output",): "10",
        ("audio_input",): "32",
        ("audio_output",): "64",
    }


def test_an_override_of_a_condition_that_we_do_not_know_is_left_out() -> None:
    overrides = [{"weekday": "sunday", "prompt": "0.000001"}]
    assert prices(GPT_4O | {"pricing": {"prompt": "0.000002", "overrides": overrides}}) == {("input",): "2"}


def test_with_a_discount_nobody_can_tell_what_is_charged() -> None:
    assert prices(GPT_4O | {"pricing": {**GPT_4O["pricing"], "discount": 0.5}}) == {}
    assert prices(GPT_4O | {"pricing": {**GPT_4O["pricing"], "discount": 0}}) == prices(GPT_4O)


def test_models_of_every_kind_are_asked_for(provider_server: ProviderServer, reach: Reach) -> None:
    assert len(collect(openrouter, reach("openrouter"), deadline_s=20).records) == len(SAVED)
    [asked] = provider_server.asked("openrouter")
    assert (asked.path, asked.query) == ("/openrouter/api/v1/models", {"output_modalities": ["all"]})


def test_a_list_that_goes_on_is_followed_or_refused(provider_server: ProviderServer, reach: Reach) -> None:
    more = {"data": [GPT_4O], "links": {"next": "/openrouter/api/v1/models?offset=1&limit=1"}}
    provider_server.fail("openrouter", wrong_shape(more, times=1))
    provider_server.models["openrouter"] = [SAVED["openai/gpt-audio"]]
    assert len(collect(openrouter, reach("openrouter"), deadline_s=20).records) == 2
    provider_server.fail("openrouter", wrong_shape(more | {"links": {"next": "https://elsewhere.test/models"}}))
    with pytest.raises(SourceError, match="goes on at another server"):
        collect(openrouter, reach("openrouter"), deadline_s=20)


def test_a_sync_needs_no_key_and_the_next_one_changes_nothing(
    run: Run, sqlite_url: str, provider_server: ProviderServer
) -> None:
    def do(*argv: str) -> Result:
        return run(*argv, "--database", sqlite_url)

    provider_server.keys["openrouter"] = None
    assert do("sync", "--migrate", "--provider", "openrouter").code == 0
    assert do("provider", "set", "openrouter", "--base-url", provider_server.base_url("openrouter")).code == 0
    assert do("sync", "--provider", "openrouter").code == 0
    assert provider_server.asked("openrouter") == []
    listed = do("sync", "--provider", "openrouter", "--source", "api")
    assert listed.code == 0, listed.stdout
    rows = {row["model_id"]: row for row in json.loads(do("list", "--provider", "openrouter", "--json").stdout)}
    assert rows.keys() >= SAVED.keys()
    assert (rows["openai/gpt-audio"]["type"], rows["openai/gpt-audio"]["input_price_per_mtok"]) == ("audio", 2.5)
    assert (rows["openrouter/auto"]["type"], rows["openrouter/auto"]["input_price_per_mtok"]) == ("chat", None)
    again = do("sync", "--provider", "openrouter", "--source", "api", "--dry-run", "--exit-code")
    assert again.code == 0, again.stdout


def test_prices_that_a_listing_has_lost_are_told_and_kept(
    run: Run, sqlite_url: str, provider_server: ProviderServer
) -> None:
    provider_server.keys["openrouter"] = None
    place = ("--database", sqlite_url)
    address = provider_server.base_url("openrouter")
    assert run("provider", "set", "openrouter", "--base-url", address, *place).code == 0
    argv = ("sync", "openrouter", "--source", "api", *place)
    assert run(*argv).code == 0
    provider_server.models["openrouter"] = [
        {**each, "pricing": {}} if each["id"] == "openai/gpt-4o" else each
        for each in provider_server.models["openrouter"]
    ]
    price = ("price", "show", "openrouter/openai/gpt-4o", "--json", *place)
    before = run(*price).stdout
    told = run(*argv)
    assert "the listing lacks prices that it had; they are kept: openai/gpt-4o" in told.stdout + told.stderr
    assert run(*price).stdout == before
