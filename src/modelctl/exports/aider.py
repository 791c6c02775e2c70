"""aider's `.aider.model.metadata.json`: LiteLLM's map, of chat models."""

from __future__ import annotations

from collections.abc import Sequence

from modelctl.exports import litellm_prices
from modelctl.exports.base import Export, LeftOut, Offer

NAME = "aider"
SUMMARY = ".aider.model.metadata.json (JSON)"
DOCS = "https://aider.chat/docs/config/adv-model-settings.html"
IS_MENU = False


def render(offers: Sequence[Offer]) -> Export:
    """What LiteLLM is told, of chat models alone."""
    left_out = LeftOut()
    export = litellm_prices.render(left_out.chat_only(offers))
    return Export(text=export.text, models=export.models, left_out={**left_out.done(), **export.left_out})
