"""Lint of a user's own catalogs: they may leave out, override and refer to what the shipped ones state."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from modelctl.catalog.lint import lint
from tests.conftest import Run

SHIPPED = """\
[provider]
display_name = "OpenAI"
pricing_url = "https://openai.com/pricing"

[[model]]
id = "gpt-5"
verified_on = 2026-11-20
retires_on = 2026-01-01
replacement = "gpt-6"
aliases = ["gpt-five"]
wrong_key = 1

[[model]]
id = "gpt-6"
verified_on = 2026-11-20
released_on = 2026-07-01
context_window = 128_000
aliases = ["gpt-latest"]
"""

Found = Callable[[str], list[str]]


@pytest.fixture
def found() -> Found:
    """What lint says of an overlay's `openai.toml`, each finding after its file."""

    def lint_overlay(text: str, shipped: str = SHIPPED.replace("wrong_key = 1\n", "")) -> list[str]:
        for directory, content in (("shipped", shipped), ("mine", text)):
            Path(directory).mkdir(exist_ok=True)
            Path(directory, "openai.toml").write_text(content)
        findings = lint(Path("mine"), today=date(2026, 11, 21), over=Path("shipped"))
        return [str(each).removeprefix("mine/openai.toml:") for each in findings]

    return lint_overlay


def test_what_the_shipped_catalog_states_need_not_be_said_again(found: Found) -> None:
    assert found('[[model]]\nid = "gpt-6"\nmax_output_tokens = 64_000\nprices = [{ input = 2 }]\n') == []


def test_successors_and_chains_may_lead_through_shipped_models(found: Found) -> None:
    own = '[[model]]\nid = "ours"\nverified_on = 2026-11-20\nreplacement = "{}"\n'
    assert found(own.format("gpt-6")) == []
    assert found(own.format("gpt-5")) == [], "it leads on to gpt-6"
    assert found(own.format("gpt-7")) == [
        "4: model ours: replacement: gpt-7 is not a model of this file; did you mean gpt-6?"
    ]
    [line] = found('[[model]]\nid = "gpt-6"\nreplacement = "gpt-5"\n')
    assert line == "3: model gpt-6: replacement: goes round in a circle: gpt-6 -> gpt-5 -> gpt-6"


def test_an_alias_may_not_be_a_shipped_name(found: Found) -> None:
    own = '[[model]]\nid = "ours"\nverified_on = 2026-11-20\naliases = ["{}"]\n'
    assert found(own.format("gpt-6")) == ["4: model ours: aliases[0]: gpt-6 is the id of another model"]
    assert found(own.format("gpt-latest")) == ["4: model ours: aliases[0]: gpt-latest is an alias of gpt-6, too"]
    assert found('[[model]]\nid = "gpt-6"\naliases = ["gpt-latest", "gpt-newest"]\n') == []


def test_an_override_is_checked_against_what_it_leaves_standing(found: Found) -> None:
    assert found('[[model]]\nid = "gpt-6"\nmax_output_tokens = 200_000\n') == [
        "3: model gpt-6: max_output_tokens: 200000 is above the context_window (128000)"
    ]
    assert found('[[model]]\nid = "gpt-6"\nmax_output_tokens = 200_000\nunset = ["context_window"]\n') == []
    assert found('[[model]]\nid = "gpt-6"\nretires_on = 2026-06-01\n') == [
        "3: model gpt-6: retires_on: 2026-06-01 is before released_on (2026-07-01)"
    ]


def test_what_is_wrong_below_is_not_told(found: Found) -> None:
    assert found('[[model]]\nid = "gpt-6"\ncontext_window = 5\n', SHIPPED) == []  # type: ignore[call-arg]


def test_a_model_of_ones_own_need_not_be_verified_but_it_is_said(found: Found) -> None:
    [line] = found('[[model]]\nid = "ours"\n')
    assert line.startswith("1: model ours: verified_on: is missing")


def test_the_command_knows_which_directory_is_ones_own(run: Run) -> None:
    Path("mine").mkdir()
    Path("mine/openai.toml").write_text('[[model]]\nid = "ours"\nreplacement = "gpt-4o"\nprices = [{ input = 1 }]\n')
    alone = run("catalog", "lint", "mine")
    assert alone.code == 3
    assert "provider: is missing" in alone.stdout
    for argv in (["--catalog", "mine", "catalog", "lint", "mine"], ["--catalog", "mine", "catalog", "lint"]):
        over = run(*argv)
        assert over.code == 0, over.stdout
        assert "mine/openai.toml:1: warning: model ours: verified_on: is missing" in over.stdout
