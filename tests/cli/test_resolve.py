"""Which model a name means: the same rules wherever a command takes a MODEL."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.conftest import Run


@pytest.fixture
def filled(run: Run, synced_file: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command, on a database with the shipped OpenAI, Google and Together catalogs."""
    providers = ("--provider", "openai", "--provider", "google", "--provider", "together")
    monkeypatch.setenv("DATABASE_URL", synced_file("--source", "catalog", *providers))
    return run


@pytest.mark.parametrize(
    ("name", "model", "rule"),
    [
        ("openai/gpt-4o", "openai/gpt-4o", "exact"),
        ("gpt-4o", "openai/gpt-4o", "id"),
        ("gpt-4o-2024-08-06", "openai/gpt-4o-2024-08-06", "id"),
        ("gpt-4o-2024-08-07", "openai/gpt-4o", "date"),
        ("gpt-4o-latest", "openai/gpt-4o", "latest"),
        ("gemini-1.5-flash-8b", "google/gemini-1.5-flash-8b", "id"),
        ("together/deepseek-ai/DeepSeek-V3", "together/deepseek-ai/DeepSeek-V3", "exact"),
    ],
)
def test_a_name_means_one_model_by_one_rule(filled: Run, name: str, model: str, rule: str) -> None:
    answer = json.loads(filled("resolve", name, "--json").stdout)
    assert (f"{answer['provider']}/{answer['model_id']}", answer["rule"]) == (model, rule)
    plain = filled("resolve", name)
    assert plain.stdout == f"{model}\n"


def test_the_number_of_a_row_names_it_for_reading_and_for_writing(filled: Run) -> None:
    number = json.loads(filled("show", "openai/gpt-4o", "--json").stdout)["model"]["id"]
    assert filled("resolve", f"id:{number}").stdout == "openai/gpt-4o\n"
    assert filled("disable", f"id:{number}", "--dry-run").stdout.count("gpt-4o") == 1
    assert filled("resolve", "id:999999").code == 2


@pytest.mark.parametrize(
    "name",
    [
        "gpt-4o-2024-13-45",
        "gpt-4o-1999-01-01",
        "gpt-4o-2031-01-01",
        "gemini-1.5-flas",
        "GPT-4o",
        "gpt-",
        "",
        "openai/",
        "gpt-4o ",
    ],
)
def test_what_merely_looks_alike_is_suggested_and_not_taken(filled: Run, name: str) -> None:
    result = filled("resolve", name)
    assert result.code == 2
    assert result.stdout == ""
    assert result.stderr.startswith("error: no model is named")
    assert len(result.stderr.splitlines()) == 1
