"""A small part of the long form, and the inputs that once broke something."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from tests.conftest import Run
from tools.fuzz import corpus
from tools.fuzz.running import fuzz
from tools.fuzz.targets import read_answer, read_catalog, read_settings, targets

INPUTS = 2000
SEED = 26


def test_mutated_listings_catalogs_and_settings_give_a_result_or_a_clear_error() -> None:
    told: list[str] = []
    assert fuzz(INPUTS, SEED, tell=told.append) == []
    assert len(told) == len(targets()) + 1


@pytest.mark.parametrize("kind", corpus.kinds())
@pytest.mark.parametrize(
    "content",
    [
        b'{"data": ' + b"[" * 100_000,
        b'{"data": [{"id": "gpt-6", "created": 1e99999999999999999999}]}',
        b'{"models": [{"id": "gpt-6", "name": "models/gpt-6", "owner": "x", "created": ' + b"9" * 5000 + b"}]}",
    ],
    ids=["deep nesting", "an exponent beyond all", "a number of 5,000 digits"],
)
def test_what_no_parser_can_read_is_refused_by_name(content: bytes, kind: str) -> None:
    assert read_answer(kind, content) is False


def test_a_limit_of_a_million_digits_is_refused_at_once() -> None:
    began_s = time.monotonic()
    content = b'{"models": [{"name": "models/gpt-6", "inputTokenLimit": 1e999999}]}'
    assert read_answer("google", content) is False
    assert time.monotonic() - began_s < 1


def test_what_is_sound_is_understood() -> None:
    for kind in corpus.kinds():
        assert all(read_answer(kind, json.dumps(each).encode()) for each in corpus.answers(kind)), kind
    assert read_settings(corpus.SETTINGS.encode())
    for name, head, models in corpus.catalogs():
        assert read_catalog((name, "[[model]]\n".join([head, *models]).encode()))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("timeout_s = " + "9" * 5000, "a number is too long to be read"),
        ("timeout_s = 1e9999999999999999999999", "a number is too long to be read"),
        ("timeout_s = " + "[" * 2000 + "]" * 2000, "is nested too deeply"),
    ],
)
def test_a_settings_file_that_no_parser_can_read_is_a_usage_error(text: str, told: str, run: Run) -> None:
    Path("modelctl.toml").write_text(text, encoding="utf-8")
    result = run("config", "show")
    assert (result.code, told in result.stderr, len(result.stderr.splitlines())) == (2, True, 1), result.stderr
