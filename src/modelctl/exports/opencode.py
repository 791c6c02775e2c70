"""The providers of opencode's `opencode.json`, in the shape of models.dev."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from modelctl.exports import models_dev
from modelctl.exports.base import Export, Offer, Omissions, json_file, known

NAME = "opencode"
SUMMARY = "the providers of opencode.json (JSON)"
DOCS = "https://opencode.ai/docs/models/"
IS_MENU = True


def render(offers: Sequence[Offer]) -> Export:
    """The file, chat models alone."""
    omissions = Omissions()
    chat = omissions.chat_only(offers)
    providers = {name: _provider(each) for name, each in models_dev.providers(chat, omissions).items()}
    text = json_file({"$schema": "https://opencode.ai/config.json", "provider": providers})
    return Export(text=text, models=len(chat), left_out=omissions.done())


def _provider(provider: dict[str, Any]) -> dict[str, Any]:
    models = {
        model_id: {key: value for key, value in model.items() if key not in ("id", "knowledge", "structured_output")}
        for model_id, model in provider["models"].items()
    }
    options = known({"baseURL": provider.get("api")})
    return known(
        {
            "npm": provider["npm"],
            "name": provider["name"],
            "env": provider["env"],
            "options": options or None,
            "models": models,
        }
    )
