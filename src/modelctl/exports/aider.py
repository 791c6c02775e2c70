"""aider's `.aider.model.metadata.json`: LiteLLM's map, of chat models."""

from __future__ import annotations

from collections.abc import Sequence

from modelctl.exports import litellm_prices
from modelctl.exports.base import Export, Offer, Omissions, json_file

NAME = "aider"
SUMMARY = ".aider.model.metadata.json (JSON)"
DOCS = "https://aider.chat/docs/config/adv-model-settings.html"
IS_MENU = False


def render(offers: Sequence[Offer]) -> Export:
    """What LiteLLM is told, of chat models alone."""
    omissions = Omissions()
    entries = litellm_prices.entries_of(omissions.chat_only(offers), omissions)
    return Export(text=json_file(entries), models=len(entries), left_out=omissions.done())
