"""Servers that speak OpenAI's listing with words of their own, and how the key reaches them."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from modelctl.core.facts import ModelRecord, Skipped
from modelctl.discovery import openai_compatible
from modelctl.discovery.base import Access, UnusableListing, follow
from modelctl.discovery.openai_compatible import page_at
from modelctl.errors import SourceError
from tests.conftest import NOW, Run
from tests.discovery.conftest import Reach, collect
from tests.loopback import ProviderServer, openai_item, wrong_shape

DATA = Path(__file__).parent / "data"
ACCESS = Access(provider="acme", api_key="", timeout_s=1, now=NOW)


def record(item: dict[str, Any]) -> ModelRecord:
    taken = openai_compatible.translate(item, ACCESS)
    assert isinstance(taken, ModelRecord)
    return taken


def known(item: dict[str, Any]) -> dict[str, Any]:
    return dict(record(item).facts.known())


def prices(item: dict[str, Any]) -> dict[str, str]:
    return {point.kind: str(point.amount) for point in record(item).prices}


def saved(name: str) -> dict[str, dict[str, Any]]:
    text = (DATA / f"openai-compatible{name}.json").read_text(encoding="utf-8")
    body = json.loads(text, parse_float=Decimal)
    return {each["id"]: each for each in (body if isinstance(body, list) else body["data"])}


def test_vllm_states_the_context_and_its_own_clock() -> None:
    assert known(saved("")["Qwen/Qwen3-32B"]) == {"context_window": 40960}
    assert known(saved("")["sql-lora"]) == {}


def test_together_prices_are_per_million_and_zero_twice_is_unknown() -> None:
    models = saved("-together")
    llama = models["meta-llama/Llama-3.3-70B-Instruct-Turbo"]
    assert prices(llama) == {"input": "0.88", "output": "0.88"}
    assert known(llama) == {
        "display_name": "Meta Llama 3.3 70B Instruct Turbo",
        "type": "chat",
        "context_window": 131072,
        "released_on": date(2024, 12, 6),
    }
    assert prices(models["deepseek-ai/DeepSeek-V3.1"]) == {"input": "0.6", "output": "1.7"}
    assert prices(models["black-forest-labs/FLUX.1-schnell"]) == {}
    assert prices(models["intfloat/multilingual-e5-large-instruct"]) == {"input": "0.02", "output": "0"}
    assert known(models["google/gemma-2b"])["type"] == "other"
    assert prices(models["cartesia/sonic-2"]) == {}, "65 USD are per million characters"
    assert prices(models["openai/whisper-large-v3"]) == {}, "per minute"
    assert known(models["openai/whisper-large-v3"])["type"] == "audio"


def test_a_zero_beside_a_price_is_free_only_where_nothing_comes_out() -> None:
    half = {"input": 1.0, "output": 0, "cached_input": 0}
    assert prices(openai_item("x", type="rerank", pricing=half)) == {"input": "1", "output": "0"}
    assert prices(openai_item("x", type="chat", pricing=half)) == {"input": "1"}
    assert prices(openai_item("x", pricing=half)) == {"input": "1"}


def test_what_follows_by_rule_leaves_the_word_to_a_catalog() -> None:
    assert record(saved("-groq")["llama-3.3-70b-versatile"]).provenance["released_on"] == "rule:created"
    assert record(saved("-mistral")["mistral-medium-2508"]).provenance["type"] == "rule:capabilities"
    assert "type" not in record(saved("-together")["google/gemma-2b"]).provenance


def test_fireworks_capabilities_and_private_models() -> None:
    models = saved("-fireworks")
    assert known(models["accounts/fireworks/models/kimi-k3"]) == {
        "type": "chat",
        "vision": True,
        "tools": True,
        "context_window": 1_048_576,
        "released_on": date(2026, 7, 25),
    }
    assert "type" not in known(models["accounts/fireworks/models/flux-1-schnell-fp8"])
    embedding = models["accounts/fireworks/models/gpt-oss-20b"] | {"kind": "EMBEDDING_MODEL"}
    assert "type" not in known(embedding)
    lora = models["accounts/acme/models/support-lora"]
    assert isinstance(openai_compatible.translate(lora, ACCESS), Skipped)


@pytest.mark.parametrize("server", ["deepseek", "perplexity"])
def test_a_listing_of_ids_alone_states_nothing(server: str) -> None:
    for item in saved(f"-{server}").values():
        assert known(item) == {}
        assert prices(item) == {}


def test_groq_limits_and_inactive_models() -> None:
    models = saved("-groq")
    assert known(models["llama-3.3-70b-versatile"]) == {
        "context_window": 131072,
        "max_output_tokens": 32768,
        "released_on": date(2024, 12, 6),
    }
    assert openai_compatible.translate(models["gemma-7b-it"], ACCESS) == Skipped(
        "gemma-7b-it", "the provider lists it as not active"
    )


def test_mistral_capabilities_and_ends() -> None:
    models = saved("-mistral")
    assert known(models["mistral-medium-2508"]) == {
        "type": "chat",
        "vision": True,
        "tools": True,
        "context_window": 131072,
        "aliases": ("mistral-medium-latest", "mistral-medium"),
    }
    magistral = known(models["magistral-medium-2509"])
    assert (magistral["retires_on"], magistral["replacement"]) == (date(2026, 12, 31), "mistral-medium-latest")
    assert known(models["mistral-moderation-2411"])["type"] == "moderation"
    assert isinstance(openai_compatible.translate(models["ft:mistral-small:acme:1"], ACCESS), Skipped)


def test_openrouter_prices_are_per_token() -> None:
    models = saved("-openrouter")
    assert prices(models["openai/gpt-4o"]) == {"input": "2.5", "output": "10", "cache_read": "1.25"}
    assert known(models["openai/gpt-4o"])["max_output_tokens"] == 16384
    assert known(models["openai/gpt-4o"])["vision"] is True
    assert prices(models["openrouter/auto"]) == {}
    assert prices(models["z-ai/glm-4.5-air:free"]) == {"input": "0", "output": "0"}
    assert known(models["z-ai/glm-4.5-air:free"])["retires_on"] == date(2026, 12, 15)
    assert prices(models["perplexity/sonar-pro"]) == {"input": "3", "output": "15", "request": "0.006"}


def test_litellm_creation_is_a_constant() -> None:
    assert known(saved("-litellm")["gpt-4o"]) == {}
    assert known(saved("-litellm")["team-claude"]) == {"context_window": 200_000, "max_output_tokens": 64_000}


@pytest.mark.parametrize(
    "pricing",
    [
        {"prompt": "-1", "completion": "-1"},
        {"prompt": 0.2, "completion": 0.8},  # per million under the names for per token
        {"input": 3e-06, "output": 1.5e-05},  # per token under the names for per million
        {"prompt": "free"},
        {"prompt": None, "input": True, "output": []},
        {"prompt": "NaN", "completion": "Infinity"},
        {"prompt": "1e999999", "completion": "1e-999999", "request": "1e400"},
        {},
        None,
    ],
)
def test_amounts_that_cannot_be_meant_stay_unknown(pricing: Any) -> None:
    assert prices(openai_item("x", pricing=pricing)) == {}


def test_limits_of_no_sense_stay_unknown() -> None:
    item = openai_item("x", context_length=0, context_window=-1, max_model_len=8192, max_output_tokens=0, created=0)
    assert known(item) == {"context_window": 8192}


@pytest.mark.parametrize(
    ("changes", "header", "value"),
    [
        ({}, "authorization", "Bearer s3cret"),
        ({"auth_header_prefix": ""}, "authorization", "s3cret"),
        ({"auth_header_name": "X-Api-Key", "auth_header_prefix": ""}, "x-api-key", "s3cret"),
        ({"auth_header_name": "authorization", "auth_header_prefix": "Token"}, "authorization", "Token s3cret"),
    ],
)
def test_the_key_goes_into_the_header_of_the_row(
    changes: dict[str, str], header: str, value: str, provider_server: ProviderServer, reach: Reach
) -> None:
    provider_server.models["local"], provider_server.keys["local"] = [openai_item("m")], None
    assert collect(openai_compatible, reach("local", api_key="s3cret", **changes), deadline_s=20).records
    headers = provider_server.asked("local")[0].headers
    assert headers[header] == value
    assert [name for name, sent in headers.items() if "s3cret" in sent] == [header]


def test_without_a_key_no_header_is_sent_and_nothing_of_openai_either(
    provider_server: ProviderServer, reach: Reach, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_ADMIN_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):
        monkeypatch.setenv(name, "planted")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Gateway-Token: planted")
    provider_server.models["local"], provider_server.keys["local"] = [openai_item("m")], None
    assert collect(openai_compatible, reach("local", api_key=""), deadline_s=20).records
    headers = provider_server.asked("local")[0].headers
    assert "authorization" not in headers
    assert "planted" not in headers.values()


def test_a_server_that_wants_a_key_says_so(provider_server: ProviderServer, reach: Reach) -> None:
    provider_server.models["local"] = [openai_item("m")]
    with pytest.raises(SourceError, match="it needs an API key; set LOCAL_API_KEY"):
        collect(openai_compatible, reach("local", api_key=""), deadline_s=20)


def test_a_base_url_is_needed(reach: Reach) -> None:
    with pytest.raises(SourceError, match=r"^local: no base URL; .*api_base_url"):
        collect(openai_compatible, reach("local", base_url=None), deadline_s=20)


@pytest.fixture
def answers(provider_server: ProviderServer, reach: Reach) -> Any:
    """`answers(body)`: the ids that a server with this body lists."""

    def listed(body: object) -> list[str]:
        provider_server.models["local"] = [openai_item("m")]
        provider_server.fail("local", wrong_shape(body))
        snapshot = collect(openai_compatible, reach("local"), deadline_s=20)
        return [key.model_id for key in snapshot.records]

    return listed


def test_a_bare_list_is_a_listing(answers: Any) -> None:
    assert answers([{"id": "a"}, {"id": "b"}]) == ["a", "b"]


@pytest.mark.parametrize(
    "body",
    [
        [],
        ["a"],
        {"data": [{"id": "a"}], "has_more": True},
        {"data": [{"id": "a"}], "links": {"next": "http://127.0.0.2/v1/models?offset=1"}},
        {"data": [{"id": "a"}], "links": {"next": "?offset=1"}},  # answered with the same page again
        {"models": [{"id": "a"}]},
        {"object": "error", "message": "no", "code": 500},
    ],
)
def test_what_is_not_a_whole_listing_is_an_error(body: object, answers: Any) -> None:
    with pytest.raises(SourceError, match=r"^local: "):
        answers(body)


def test_litellm_says_what_a_model_is_for_by_its_mode() -> None:
    items = saved("-litellm")
    types = {model_id: known(items[model_id]).get("type") for model_id in items}
    assert types["claude-sonnet-4-5"] == "chat"
    assert types["text-embedding-3-small"] == "embedding"
    assert types["groq/whisper-large-v3"] == types["groq/canopylabs/orpheus-v1-english"] == "audio"
    assert types["deepseek/search"] is None  # a mode that is no type of ours
    assert types["dall-e-3"] is None  # the proxy does not say


@pytest.mark.parametrize("stated", ["-0", "-0.0", "0", Decimal("-0")])
def test_a_price_of_minus_zero_is_zero_and_spoils_no_other(stated: Any) -> None:
    """Negative zero is equal to zero: what was made of one once must not be taken for the other."""
    prices = record({"id": "m", "pricing": {"prompt": stated, "completion": "0.00"}}).prices
    assert [str(point.amount) for point in prices] == ["0", "0"]


CONTINUED = {
    "has_more": True, "has_next": True, "hasNextPage": True, "next": "abc", "next_page": 2, "nextPageToken": "x",
    "@odata.nextLink": "https://x.test/2", "cursor": "x", "next_cursor": "x", "continuation_token": "x",
    "truncated": True, "is_truncated": True, "incomplete": True, "is_last_page": False, "last": False,
    "error": {"message": "half of it"}, "errors": ["one"], "total": 2, "total_count": 7, "more": True,
}  # fmt: skip
WHOLE = {
    "has_more": False, "next": None, "prev_cursor": "x", "first_id": "a", "last_id": "a", "object": "list", "total": 1,
    "is_last_page": True, "error": None, "errors": [], "end_cursor": "x", "page": 1,
    "links": {"self": "x", "next": None},
}  # fmt: skip


@given(
    word=st.sampled_from(sorted(CONTINUED)),
    place=st.sampled_from([None, "meta", "pagination", "links", "page_info"]),
    around=st.dictionaries(st.sampled_from(sorted(WHOLE)), st.none(), max_size=4),
)
def test_a_listing_is_whole_only_where_nothing_says_otherwise(word: str, place: str | None, around: Any) -> None:
    body = {"data": [{"id": "a"}], **{name: WHOLE[name] for name in around}}
    assert [each["id"] for each in follow(lambda _cursor: page_at(body, "https://x.test/models"))] == ["a"]
    said = {word: CONTINUED[word]}
    body |= said if place is None else {place: said}
    with pytest.raises(UnusableListing):
        list(follow(lambda _cursor: page_at(body, "https://x.test/models")))


def test_a_link_header_is_followed_on_its_own_server(run: Run, httpserver: HTTPServer, sqlite_url: str) -> None:
    def answer(request: Request) -> Response:
        page = int(request.args.get("page", 1))
        link = {"Link": f'<{httpserver.url_for("/v1/models")}?page={page + 1}>; rel="next"'} if page < 3 else {}
        return Response(json.dumps({"data": [{"id": f"m{page}"}]}), headers=link, content_type="application/json")

    httpserver.expect_request("/v1/models").respond_with_handler(answer)
    options = ("--kind", "openai-compatible", "--base-url", httpserver.url_for("/v1"))
    assert run("provider", "add", "acme", *options, "--database", sqlite_url).code == 0
    done = run("sync", "acme", "--json", "--database", sqlite_url)
    assert json.loads(done.stdout)["providers"][0]["fetched"] == 3


def test_a_key_that_stands_twice_is_no_listing(httpserver: HTTPServer, reach: Reach) -> None:
    text = '{"data": [{"id": "a"}, {"id": "b"}], "data": [{"id": "a"}]}'
    httpserver.expect_request("/v1/models").respond_with_data(text, content_type="application/json")
    with pytest.raises(SourceError, match="has the key 'data' twice"):
        collect(openai_compatible, reach("local", base_url=httpserver.url_for("/v1")), deadline_s=20)
