"""The providers that are discovered with nothing but their `[provider]` table, end to end, at their own addresses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest

from modelctl.catalog.load import load, shipped_directory
from tests.cli.conftest import Query, report_of
from tests.conftest import NOW, Result, Run
from tests.loopback import ProviderServer, openai_item, status

Sync = Callable[..., Result]
Row = dict[str, Any]
Point = tuple[str, str, int, float, str, str]
"""kind, unit, context_above, amount, basis, source"""

EVERYTHING = ("SELECT * FROM ai_models ORDER BY id", "SELECT * FROM ai_model_prices ORDER BY 1, 2, 3, 4, 5, 6, 7, 8")
SHIPPED = load(shipped_directory())


@dataclass(frozen=True)
class Case:
    """What a provider lists, and what a sync must make of it."""

    listed: list[Row]
    """Beside the saved items."""
    rows: dict[str, Row]
    observed: dict[str, set[Point]]
    """Prices of the API that the catalog did not have."""
    changes: tuple[str, ...] = ()
    """Options: guards that these listings trip."""


def mistral_item(model_id: str, **more: Any) -> Row:
    base = {"completion_chat": True, "function_calling": True, "vision": False}
    capabilities = {**base, **more.pop("capabilities", {})}
    return openai_item(model_id, name=model_id, capabilities=capabilities, created=1795226400, type="base", **more)


def grok(model_id: str, prompt: int, cached: int, completion: int, **more: Any) -> Row:
    prices = {"prompt_text_token_price": prompt, "cached_prompt_text_token_price": cached}
    return openai_item(
        model_id, listed_under="language-models", **prices, completion_text_token_price=completion, **more
    )


CASES = {
    "deepseek": Case(
        listed=[],
        rows={
            # The ledger's own price outside the peak hours: a listing of ids changes none.
            "deepseek-flash": {"context_window": 1_000_000, "input_price_per_mtok": 0.15, "is_enabled": 1},
            "deepseek-v5-unheard-of": {"context_window": None, "input_price_per_mtok": None, "is_enabled": 0},
        },
        observed={},
    ),
    "fireworks": Case(
        listed=[],
        rows={
            "accounts/fireworks/models/kimi-k3": {
                "display_name": "Kimi K3",
                "context_window": 1_048_576,
                "input_price_per_mtok": 3,
                "vision": 1,
            },
            "accounts/fireworks/models/glm-9p9-unheard-of": {
                "type": "chat",
                "context_window": 202_752,
                "tools": 1,
                "vision": 0,
                "is_enabled": 0,
            },
        },
        observed={},
    ),
    "groq": Case(
        listed=[
            openai_item("openai/gpt-oss-20b", active=True, context_window=131_072, max_completion_tokens=98_304),
            openai_item("openai/gpt-oss-9b", active=True, context_window=131_072, max_completion_tokens=32_768),
        ],
        rows={
            "openai/gpt-oss-20b": {
                "max_output_tokens": 98_304,  # the catalog has 65,536
                "released_on": "2025-08-05",  # the catalog's: `created` is Groq's own day
                "input_price_per_mtok": 0.075,
            },
            "openai/gpt-oss-9b": {"context_window": 131_072, "max_output_tokens": 32_768, "is_enabled": 0},
        },
        observed={},
    ),
    "mistral": Case(
        listed=[
            mistral_item("mistral-small-2603", max_context_length=262_144, capabilities={"vision": True}),
            mistral_item("mistral-giant-2611", max_context_length=1_000_000, aliases=["mistral-giant-latest"]),
        ],
        rows={
            "mistral-small-2603": {
                "display_name": "Mistral Small 4",
                "context_window": 262_144,  # the catalog has 256,000
                "input_price_per_mtok": 0.15,
            },
            "mistral-giant-2611": {
                "display_name": "Mistral Giant 2611",
                "type": "chat",
                "context_window": 1_000_000,
                "aliases": '["mistral-giant-latest"]',
                "released_on": None,  # `created` is the time of the request
                "is_enabled": 0,
            },
        },
        observed={},
        changes=("--accept", "limit-drop"),
    ),
    "perplexity": Case(
        listed=[openai_item("perplexity/sonar-nano", created=0)],
        rows={
            "perplexity/sonar": {"status": "active"},
            "perplexity/sonar-nano": {"released_on": None, "is_enabled": 0},
            "sonar-pro": {"input_price_per_mtok": 3, "is_enabled": 1},  # not in the listing, and no worse for it
        },
        observed={},
    ),
    "together": Case(
        listed=[
            openai_item(
                "zai-org/GLM-5.3",
                type="chat",
                context_length=1_048_576,
                pricing={"hourly": 0, "input": 1.5, "output": 4.4, "cached_input": 0.26, "base": 0, "finetune": 0},
            ),
            openai_item("zai-org/glm-5.3", type="chat", context_length=8192, pricing={"input": 0.1, "output": 0.2}),
        ],
        rows={
            "zai-org/GLM-5.3": {
                "context_window": 1_048_576,
                "input_price_per_mtok": 1.5,  # the catalog has 1.4
                "output_price_per_mtok": 4.4,
                "cache_read_price_per_mtok": 0.26,
            },
            "zai-org/glm-5.3": {"context_window": 8192, "input_price_per_mtok": 0.1, "is_enabled": 1},
            "cartesia/sonic-2": {"type": "audio", "input_price_per_mtok": None, "is_enabled": 0},
            "black-forest-labs/FLUX.1-schnell": {"type": "image", "input_price_per_mtok": None},
        },
        observed={
            "zai-org/GLM-5.3": {("input", "mtok", 0, 1.5, "observed", "api")},
            "zai-org/glm-5.3": {
                ("input", "mtok", 0, 0.1, "observed", "api"),
                ("output", "mtok", 0, 0.2, "observed", "api"),
            },
            "cartesia/sonic-2": set(),
        },
    ),
    "xai": Case(
        listed=[
            grok("grok-4.5", 25_000, 3_000, 60_000, context_length=500_000, long_context_threshold=0),
            grok(
                "grok-5",
                30_000,
                7_500,
                150_000,
                context_length=2_000_000,
                long_context_threshold=200_000,
                prompt_text_token_price_long_context=60_000,
                cached_prompt_text_token_price_long_context=0,
                completion_text_token_price_long_context=300_000,
            ),
        ],
        rows={
            "grok-4.3": {"input_price_per_mtok": 1.25, "output_price_per_mtok": 2.5, "released_on": "2026-04-30"},
            "grok-4.5": {"input_price_per_mtok": 2.5, "cache_read_price_per_mtok": 0.3, "output_price_per_mtok": 6},
            "grok-5": {
                "type": "chat",
                "context_window": 2_000_000,
                "input_price_per_mtok": 3,
                "cache_read_price_per_mtok": 0.75,
                "output_price_per_mtok": 15,
                "is_enabled": 1,
            },
            "grok-imagine-image": {"context_window": 16_000, "input_price_per_mtok": None},
        },
        observed={
            "grok-4.3": set(),
            "grok-4.5": {("input", "mtok", 0, 2.5, "observed", "api")},
            "grok-5": {
                ("input", "mtok", 0, 3, "observed", "api"),
                ("cache_read", "mtok", 0, 0.75, "observed", "api"),
                ("output", "mtok", 0, 15, "observed", "api"),
                ("input", "mtok", 200_000, 6, "observed", "api"),
                ("cache_read", "mtok", 200_000, 0.75, "observed", "api"),
                ("output", "mtok", 200_000, 30, "observed", "api"),
            },
            "grok-imagine-image": set(),
        },
    ),
    "cohere": Case(
        listed=[],
        rows={
            "command-a-03-2025": {"context_window": 256_000, "structured_output": 1, "input_price_per_mtok": 2.5},
            "command-r-03-2024": {"status": "deprecated"},
            "cohere-transcribe-03-2026": {"type": "audio", "context_window": None, "is_enabled": 0},
        },
        observed={},
    ),
}


@pytest.fixture(params=CASES)
def provider(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def reached(
    sqlite_url: str, sync: Sync, run: Run, query: Query, provider_server: ProviderServer
) -> Callable[..., Result]:
    """`reached("groq")`: a sync of that provider, whose row a person has pointed to the loopback server."""

    def sync_it(provider: str, *argv: str) -> Result:
        if not query(sqlite_url, "SELECT name FROM sqlite_master WHERE name = 'ai_models'"):
            assert sync(sqlite_url, "--source", "catalog", "--provider", provider).code == 0
            address = provider_server.base_url(provider)
            assert run("provider", "set", provider, "--base-url", address, "--database", sqlite_url).code == 0
        return sync(sqlite_url, "--provider", provider, "--format", "json", *argv, env=provider_server.env(provider))

    return sync_it


def test_the_shipped_address_is_the_one_that_speaks_this_shape(provider: str, provider_server: ProviderServer) -> None:
    shipped = SHIPPED.providers[provider]
    path = urlsplit(shipped.api_base_url or "").path
    assert urlsplit(provider_server.base_url(provider)).path == f"/{provider}{path}"
    assert provider_server.env(provider).keys() & set(shipped.env_vars)


def test_limits_and_prices_land_in_the_row_and_the_ledger(
    provider: str, reached: Callable[..., Result], sqlite_url: str, query: Query, provider_server: ProviderServer
) -> None:
    case = CASES[provider]
    listed = {each.get("id", each.get("name")): each for each in (*provider_server.models[provider], *case.listed)}
    provider_server.models[provider] = list(listed.values())
    result = reached(provider, *case.changes)
    assert result.code == 0, result.stdout + result.stderr
    report = report_of(result)["providers"][provider]
    assert report["sources"] == ["api", "catalog"]
    for model_id, expected in case.rows.items():
        columns = ", ".join(expected)
        found = query(sqlite_url, f"SELECT {columns} FROM ai_models WHERE model_id = :id", id=model_id)
        assert found == [tuple(expected.values())], model_id
    for model_id, points in case.observed.items():
        ledger = query(
            sqlite_url,
            "SELECT kind, unit, context_above, amount, basis, source FROM ai_model_prices"
            " WHERE model_id = :id AND source = 'api'",
            id=model_id,
        )
        assert set(ledger) == points, model_id
        assert len(ledger) == len(points)
    ids = {model_id for (model_id,) in query(sqlite_url, "SELECT model_id FROM ai_models")}
    shipped = {key.model_id for key in SHIPPED.snapshot.records if key.provider == provider}
    assert ids == shipped | (set(listed) - skipped_of(listed))
    assert report["counts"]["skipped"] == len(skipped_of(listed))

    before = [query(sqlite_url, statement) for statement in EVERYTHING]
    again = reached(provider, *case.changes)
    assert again.code == 0, again.stdout + again.stderr
    assert report_of(again)["providers"][provider]["outcome"] == "in_sync"
    assert [query(sqlite_url, statement) for statement in EVERYTHING] == before


def skipped_of(listed: dict[Any, Row]) -> set[Any]:
    """Ids of models that are off, or of one account."""
    marks = {"active": False, "type": "fine-tuned", "finetuned": True, "kind": "HF_PEFT_ADDON"}
    return {model_id for model_id, item in listed.items() if any(item.get(key) == mark for key, mark in marks.items())}


def test_a_provider_that_fails_changes_nothing(
    provider: str, reached: Callable[..., Result], sqlite_url: str, query: Query, provider_server: ProviderServer
) -> None:
    assert reached(provider, *CASES[provider].changes).code == 0
    before = [query(sqlite_url, statement) for statement in EVERYTHING]
    provider_server.fail(provider, status(401))
    assert reached(provider).code == 5
    assert [query(sqlite_url, statement) for statement in EVERYTHING] == before


def test_cohere_is_reached_by_the_variable_of_its_sdk(
    sqlite_url: str, sync: Sync, provider_server: ProviderServer
) -> None:
    env = provider_server.env("cohere")
    assert "CO_API_URL" in env
    assert sync(sqlite_url, "--provider", "cohere", env=env).code == 0
    assert provider_server.asked("cohere")[0].query["page_size"] == ["1000"]


def test_prices_of_a_listing_begin_at_a_whole_second_whatever_the_clock_shows(
    sqlite_url: str, run: Run, sync: Sync, query: Query, provider_server: ProviderServer
) -> None:
    item = openai_item("zai-org/glm-9", type="chat", pricing={"input": 0.1, "output": 0.2})
    provider_server.models["local"], provider_server.keys["local"] = [item], None
    assert sync(sqlite_url, "--source", "catalog").code == 0
    added = run("provider", "add", "local", "--base-url", provider_server.base_url("local"), "--database", sqlite_url)
    assert added.code == 0, added.stderr
    within_a_second = NOW.replace(microsecond=608_142)
    for now in (within_a_second, within_a_second + timedelta(hours=1)):
        result = sync(sqlite_url, "--provider", "local", now=now)
        assert result.code == 0, result.stdout
    begins = query(sqlite_url, "SELECT DISTINCT effective_from FROM ai_model_prices WHERE provider = 'local'")
    assert [datetime.fromisoformat(begin) for (begin,) in begins] == [NOW.replace(tzinfo=None)]
