"""The line of a key, for every way in which TOML lets one write it."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelctl.core.toml import KeyPath, Lines, key_lines

TEXT = '''\
# model = 1
root = 1
a.b."c d" = 2  # x = 3
'single quoted' = 'it\\'
"esc\\u0061ped" = "\\"[[model]]\\" # no"

[provider]   # a comment
text = """
[[model]]
id = "no" \\"""
"""""
raw = \'\'\'
key = 1\'\'\'
[ provider . deep ]
x = {y = 1, "z" = [1,
  {w = 2} ] }

[[model]]
id = "a"
when = 2026-12-01 07:00:00Z
list = [ # comment ]
  1,
  # 2,
  [3, 4], "]",
]
prices = [
  { input = 1, note = "}" },

  { input = 2 },
]
[[model]]
[[model.prices]]
input = 3
[[model.prices]]
input = 4
'''

EXPECTED = {
    ("root",): 2,
    ("a",): 3,
    ("a", "b"): 3,
    ("a", "b", "c d"): 3,
    ("single quoted",): 4,
    ("escaped",): 5,
    ("provider",): 7,
    ("provider", "text"): 8,
    ("provider", "raw"): 12,
    ("provider", "deep"): 14,
    ("provider", "deep", "x"): 15,
    ("provider", "deep", "x", "y"): 15,
    ("provider", "deep", "x", "z"): 15,
    ("provider", "deep", "x", "z", 0): 15,
    ("provider", "deep", "x", "z", 1): 16,
    ("provider", "deep", "x", "z", 1, "w"): 16,
    ("model",): 18,
    ("model", 0): 18,
    ("model", 0, "id"): 19,
    ("model", 0, "when"): 20,
    ("model", 0, "list"): 21,
    ("model", 0, "list", 0): 22,
    ("model", 0, "list", 1): 24,
    ("model", 0, "list", 1, 0): 24,
    ("model", 0, "list", 1, 1): 24,
    ("model", 0, "list", 2): 24,
    ("model", 0, "prices"): 26,
    ("model", 0, "prices", 0): 27,
    ("model", 0, "prices", 0, "input"): 27,
    ("model", 0, "prices", 0, "note"): 27,
    ("model", 0, "prices", 1): 29,
    ("model", 0, "prices", 1, "input"): 29,
    ("model", 1): 31,
    ("model", 1, "prices"): 32,
    ("model", 1, "prices", 0): 32,
    ("model", 1, "prices", 0, "input"): 33,
    ("model", 1, "prices", 1): 34,
    ("model", 1, "prices", 1, "input"): 35,
}


def test_every_key_is_found_on_its_line() -> None:
    assert set(paths(tomllib.loads(TEXT))) == set(EXPECTED)
    assert key_lines(TEXT) == EXPECTED
    assert key_lines(TEXT.replace("\n", "\r\n")) == EXPECTED


@pytest.mark.parametrize(
    ("path", "line"),
    [(("model", 0, "absent"), 18), (("model", 0, "prices", 1, "output"), 29), (("absent",), 1), ((), 1)],
)
def test_a_key_that_is_absent_stands_where_it_is_missing(path: KeyPath, line: int) -> None:
    assert Lines(TEXT).of(path) == line


@given(st.text())
def test_any_text_is_survived(text: str) -> None:
    key_lines(text)


def test_what_is_nested_too_deeply_is_given_up() -> None:
    assert key_lines("a = 1\nb = " + "[" * 100_000)[("a",)] == 1


bare = st.from_regex(r"[A-Za-z0-9_-]{1,5}", fullmatch=True)
names = st.one_of(bare, bare, st.text(max_size=4))
blanks = st.sampled_from(["", " ", "\t"])
breaks = st.sampled_from(["", " ", "\n", " # ]}\n  "])


def written(name: str) -> str:
    return name if re.fullmatch("[A-Za-z0-9_-]+", name) else json.dumps(name)


@st.composite
def values(draw: st.DrawFn, depth: int = 0) -> str:
    choices = ["1", "-2.5e3", "true", "2026-12-01", "2026-12-01 07:00:00Z", "07:32:00", "'# [x]'", "'''\n]'\n''''"]
    kind = draw(st.integers(0, 4 if depth < 3 else 1))
    if kind == 0:
        return draw(st.sampled_from([*choices, '"""\na = 1\n\\"""""', '""', '""""""', '"\\\\"', "nan", "0xff"]))
    if kind == 1:
        return json.dumps(draw(st.text(max_size=5))).replace("\x7f", "")
    if kind in (2, 3):
        items = draw(st.lists(values(depth + 1), max_size=3))
        gaps = [draw(breaks) for _ in range(2 * len(items) + 1)]
        body = "".join(f"{gaps[2 * i]}{item}{gaps[2 * i + 1]}," for i, item in enumerate(items))
        return f"[{body if draw(st.booleans()) else body.removesuffix(',')}{gaps[-1]}]"
    fields = draw(st.dictionaries(names, values(depth + 1), max_size=3))
    return "{ " + ", ".join(f"{written(name)}{draw(blanks)}={value}" for name, value in fields.items()) + " }"


@st.composite
def documents(draw: st.DrawFn) -> str:
    """Text that is mostly TOML: what the parser refuses is of no interest here."""
    lines: list[str] = []
    for _ in range(draw(st.integers(1, 5))):
        lines += [draw(st.sampled_from(["", "# a comment", "[a]", "[[m]]", "[[m.p]]", "[m.q]", "[ b . 'c' ]"]))]
        for name, value in draw(st.dictionaries(names, values(), max_size=3)).items():
            prefix = draw(st.sampled_from(["", "", "", "d.", 'd . "e" .']))
            lines.append(f"{prefix}{written(name)} = {value}")
    return "\n".join(lines)


@given(documents())
def test_whatever_the_parser_finds_is_found_and_nothing_else(text: str) -> None:
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    found = key_lines(text)
    assert set(found) == set(paths(data))
    lines = text.split("\n")
    for path, line in found.items():
        if isinstance(path[-1], str) and path[-1].isalnum() and path[-1].isascii():
            assert path[-1] in lines[line - 1]


def paths(data: Any, prefix: KeyPath = ()) -> Iterator[KeyPath]:
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in items:
        yield (*prefix, key)
        yield from paths(value, (*prefix, key))
