"""Cohere's listing: endpoints say the type, features what a model can do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from modelctl.core.facts import ModelRecord, Skipped
from modelctl.discovery import cohere
from modelctl.discovery.base import Access
from tests.conftest import NOW
from tests.loopback import cohere_item

DATA = Path(__file__).parent / "data"
ACCESS = Access(provider="cohere", api_key="", timeout_s=1, now=NOW)
SAVED = {each["name"]: each for each in json.loads((DATA / "cohere.json").read_text(encoding="utf-8"))["models"]}


def known(item: dict[str, Any]) -> dict[str, Any]:
    taken = cohere.translate(item, ACCESS)
    assert isinstance(taken, ModelRecord)
    assert taken.prices == ()
    assert taken.provenance == {"context_window": "rule:context_length"}
    return dict(taken.facts.known())


def test_features_are_capabilities_and_what_is_left_out_is_unknown() -> None:
    assert known(SAVED["command-a-03-2025"]) == {
        "type": "chat",
        "tools": True,
        "structured_output": True,
        "context_window": 288_000,
    }
    assert known(SAVED["command-a-vision-07-2025"])["vision"] is True
    assert known(SAVED["command-a-reasoning-08-2025"])["reasoning"] is True


def test_only_a_stated_deprecation_is_one() -> None:
    assert known(SAVED["command-r-03-2024"])["status"] == "deprecated"
    assert "status" not in known(SAVED["command-a-03-2025"])


@pytest.mark.parametrize(
    ("model_id", "kind"),
    [("embed-v4.0", "embedding"), ("rerank-v3.5", "rerank"), ("cohere-transcribe-03-2026", "audio")],
)
def test_endpoints_say_the_type(model_id: str, kind: str) -> None:
    assert known(SAVED[model_id])["type"] == kind


def test_an_unheard_of_endpoint_says_nothing() -> None:
    assert "type" not in known(cohere_item("x", endpoints=["parse"]))


def test_fine_tuned_models_are_private() -> None:
    assert isinstance(cohere.translate(SAVED["4d1e2a3b-acme-ft"], ACCESS), Skipped)
