"""What Open WebUI imports under Admin, Models (`POST /api/v1/models/import`): names, capabilities and tags.

It has no place for prices.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from modelctl.exports.base import Export, Offer, Omissions, json_file, known

NAME = "open-webui"
SUMMARY = "Open WebUI's import of models (JSON)"
DOCS = "https://docs.openwebui.com/features/workspace/models"
IS_MENU = True


def render(offers: Sequence[Offer]) -> Export:
    """The body of an import. Each stands for the model of that id which a connection brings."""
    omissions = Omissions()
    named = omissions.one_of_a_name(omissions.chat_only(offers), lambda offer: offer.key.model_id)
    return Export(
        text=json_file({"models": [_model(offer) for offer in named.values()]}),
        models=len(named),
        left_out=omissions.done(),
    )


def _model(offer: Offer) -> dict[str, Any]:
    facts = offer.facts
    capabilities = known({"vision": offer.has_vision, "web_search": facts.web_search})
    return {
        "id": offer.key.model_id,
        "base_model_id": None,
        "name": offer.name,
        "meta": known(
            {
                "description": f"{offer.provider.display_name}: {facts.family}" if facts.family else None,
                "capabilities": capabilities or None,
                "tags": [{"name": tag} for tag in facts.tags or ()],
            }
        ),
        "params": {},
        "is_active": True,
    }
