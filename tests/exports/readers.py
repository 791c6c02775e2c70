"""What each exported file says, read as its tool reads it, in our own terms: numbers by provider and model.

Written from the tools' documentation, not from the modules that write the files. Amounts are USD per million tokens.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import yaml

Said = Iterator[tuple[str, str, str, Any]]
"""Provider, model_id, column of `list --json`, value."""

LITELLM = {"gemini": "google", "fireworks_ai": "fireworks", "together_ai": "together", "cohere_chat": "cohere"}
MODELS_DEV = {"fireworks-ai": "fireworks", "togetherai": "together"}
GENAI = {"x-ai": "xai"}


def exact(text: str) -> Any:
    """JSON with its numbers as they are written."""
    return json.loads(text, parse_float=Decimal)


def per_mtok(amount: Any) -> Decimal:
    return Decimal(str(amount)) * 1_000_000


def litellm(name: str, entry: dict[str, Any]) -> Said:
    prefix, _, model_id = name.partition("/")
    provider = LITELLM.get(prefix, prefix)
    costs = {
        "input_cost_per_token": "input_price_per_mtok",
        "output_cost_per_token": "output_price_per_mtok",
        "cache_read_input_token_cost": "cache_read_price_per_mtok",
        "cache_creation_input_token_cost": "cache_write_price_per_mtok",
    }
    for key, column in costs.items():
        if key in entry:
            yield provider, model_id, column, per_mtok(entry[key])
    for key in ("max_output_tokens",):
        if key in entry:
            yield provider, model_id, key, entry[key]
    if "supports_function_calling" in entry:
        yield provider, model_id, "tools", entry["supports_function_calling"]


def litellm_prices(text: str) -> Said:
    for name, entry in exact(text).items():
        yield from litellm(name, entry)


def litellm_config(text: str) -> Said:
    for each in yaml.safe_load(text)["model_list"]:
        yield from litellm(each["model_name"], each["model_info"])


def librechat(text: str) -> Said:
    for endpoint in yaml.safe_load(text)["endpoints"]["custom"]:
        for model_id, costs in endpoint.get("tokenConfig", {}).items():
            yield endpoint["name"], model_id, "input_price_per_mtok", costs["prompt"]
            yield endpoint["name"], model_id, "output_price_per_mtok", costs["completion"]
            yield endpoint["name"], model_id, "context_window", costs["context"]
            assert model_id in endpoint["models"]["default"]


def llm(text: str) -> Said:
    for each in yaml.safe_load(text):
        provider, _, model_id = each["model_id"].partition("/")
        assert each["model_name"] == model_id
        for key, column in {"supports_tools": "tools", "supports_schema": "structured_output"}.items():
            if key in each:
                yield provider, model_id, column, each[key]


def models_dev_models(provider: str, models: dict[str, Any]) -> Said:
    for model_id, each in models.items():
        for key in ("input", "output", "cache_read", "cache_write"):
            if key in each.get("cost", {}):
                yield provider, model_id, f"{key}_price_per_mtok", each["cost"][key]
        if "limit" in each:
            yield provider, model_id, "context_window", each["limit"]["context"]
            yield provider, model_id, "max_output_tokens", each["limit"]["output"]
        if each["tool_call"]:
            yield provider, model_id, "tools", True


def models_dev(text: str) -> Said:
    for name, provider in exact(text).items():
        yield from models_dev_models(MODELS_DEV.get(name, name), provider["models"])


def opencode(text: str) -> Said:
    for name, provider in exact(text)["provider"].items():
        yield from models_dev_models(MODELS_DEV.get(name, name), provider["models"])


def genai_prices(text: str) -> Said:
    for provider in exact(text):
        for model in provider["models"]:
            name = GENAI.get(provider["id"], provider["id"])
            for key in ("input", "output", "cache_read", "cache_write"):
                price = model["prices"].get(f"{key}_mtok")
                if price is not None:
                    base = price["base"] if isinstance(price, dict) else price
                    yield name, model["id"], f"{key}_price_per_mtok", base
            if "context_window" in model:
                yield name, model["id"], "context_window", model["context_window"]


def langfuse(text: str) -> Said:
    for each in exact(text):
        provider = re.fullmatch(r"\(\?i\)\^\((.+?)/\)\?\(.*\)\$", each["matchPattern"])[1]
        assert re.search(each["matchPattern"], each["modelName"])
        [tier] = each["pricingTiers"]
        for key, column in {"input": "input", "output": "output", "input_cache_read": "cache_read"}.items():
            if key in tier["prices"]:
                yield provider, each["modelName"], f"{column}_price_per_mtok", per_mtok(tier["prices"][key])


def openrouter(text: str) -> Said:
    keys = {"prompt": "input", "completion": "output", "input_cache_read": "cache_read"}
    for each in json.loads(text)["data"]:
        seller = each["name"].partition(":")[0]
        provider, _, model_id = ("openrouter", "", each["id"]) if seller == "OpenRouter" else each["id"].partition("/")
        for key, column in keys.items():
            if key in each["pricing"]:
                assert isinstance(each["pricing"][key], str)
                yield provider, model_id, f"{column}_price_per_mtok", per_mtok(each["pricing"][key])
        if "context_length" in each:
            yield provider, model_id, "context_window", each["context_length"]


def prometheus(text: str) -> Said:
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        metric, labels, value = re.fullmatch(r"(\w+)\{(.*)\} (\S+)", line).groups()
        label = {name: re.sub(r"\\(.)", r"\1", text) for name, text in re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', labels)}
        if metric == "modelctl_context_window_tokens":
            yield label["provider"], label["model"], "context_window", int(value)
        if metric == "modelctl_price" and STANDARD.items() <= label.items() and label["kind"] in SHOWN:
            yield label["provider"], label["model"], f"{label['kind']}_price_per_mtok", Decimal(value)


STANDARD = {"context_above": "0", "service_tier": "standard", "hours_utc": "", "unit": "mtok"}
SHOWN = ("input", "output", "cache_read", "cache_write")

READERS = {
    "litellm-prices": litellm_prices,
    "aider": litellm_prices,
    "litellm-config": litellm_config,
    "librechat": librechat,
    "llm": llm,
    "models-dev": models_dev,
    "opencode": opencode,
    "genai-prices": genai_prices,
    "langfuse": langfuse,
    "openrouter": openrouter,
    "prometheus": prometheus,
}
