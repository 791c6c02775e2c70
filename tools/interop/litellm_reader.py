"""Run by an interpreter that has LiteLLM: argv names a price map and a config; prints what LiteLLM makes of them.

A list of [file, model as LiteLLM calls it, field, number]. Costs are of 1,000 tokens of prompt and 100 of answer.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from pathlib import Path
from typing import Any

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
logging.disable(logging.WARNING)

import litellm  # type: ignore[import-not-found,unused-ignore]  # noqa: E402  # it reads its variable when it is imported

FIELDS = (
    "max_input_tokens",
    "max_output_tokens",
    "input_cost_per_token",
    "output_cost_per_token",
    "cache_read_input_token_cost",
    "supports_function_calling",
)


def read(path: Path) -> list[tuple[str, str, Any]]:
    """What LiteLLM knows of each model of the map once it is registered."""
    stated = json.loads(path.read_text(encoding="utf-8"))
    litellm.register_model(stated)
    found: list[tuple[str, str, Any]] = []
    for name, entry in stated.items():
        info = litellm.get_model_info(name)
        found += [(name, field, info.get(field)) for field in FIELDS if field in entry]
        if entry.get("mode") == "chat" and {"input_cost_per_token", "output_cost_per_token"} <= entry.keys():
            prompt, answer = litellm.cost_per_token(model=name, prompt_tokens=1000, completion_tokens=100)
            found.append((name, "cost", prompt + answer))
    return found


print(json.dumps(read(Path(sys.argv[1]))))
