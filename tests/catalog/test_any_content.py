"""Law: whatever a catalog file holds, it is read or refused in one line; nothing else is ever raised."""

from __future__ import annotations

import tempfile
from datetime import date
from pathlib import Path

from hypothesis import example, given
from hypothesis import strategies as st

from modelctl.catalog.lint import Severity, lint
from modelctl.catalog.load import Catalog, load
from modelctl.errors import CatalogError
from tests.catalog.test_load import FULL

TOKENS = [
    *("[", "]", "[[", "]]", "{", "}", '"', "'", '"""', "'''", "=", ",", ".", "#", "\n", "\r", "\0", "\\", "\\u0000"),
    *("nan", "-inf", "1e-400", "-0.0", "0x" + "f" * 5000, "9" * 5000, "true", "''", "[]", "{}", "[[[]]]", "-1", "1.5"),
    *("0001-01-01", "9999-12-31", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", "07:32:00"),
    *('"24:00-24:00"', '"00:00-24:00,23:59-24:00"', '"\\u202e\\n"', "[model]", "[[model]]", "[[model.prices]]"),
    *("[[provider]]", "id = 'gpt-6'", "retires_on = 0001-01-01", "replacement = 'gpt-6'", "aliases = ['gpt-6', '']"),
    *("prices = [{ input = nan, cache_read = 1 }]", "{ input = 0 }, { from = 9999-12-31, input = 0 },"),
]


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A sound file in which some lines, or parts of them, were swapped, dropped, doubled or replaced."""
    lines = FULL.split("\n")
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(lines) - 1))
        key, equals, value = lines[at].partition(" = ")
        other = draw(st.sampled_from(FULL.split("\n")))
        token = draw(st.one_of(st.sampled_from(TOKENS), st.text(max_size=8)))
        replaced = [f"{key} = {token}", f"{token}{equals}{value}", f"{key} = {other.partition(' = ')[2]}"]
        lines[at] = draw(st.sampled_from(["", token, other, f"{lines[at]}\n{other}", lines[at] + token, *replaced]))
    return "\n".join(lines).encode()


@given(st.one_of(mutated(), mutated(), st.binary(), st.text().map(str.encode)))
@example(b"[provider]\ndisplay_name='x'\n[[model]]\nid='a'\nprices=[{input=nan,cache_read=1}]")
@example(b"[provider]\ndisplay_name='x'\n[[model]]\nid='a'\nx=" + b"[" * 450 + b"]" * 450)
def test_any_content_is_read_or_refused(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        (directory / "openai.toml").write_bytes(content)
        found = lint(directory, today=date(2026, 11, 21))
        errors = [each for each in found if each.severity is Severity.ERROR]
        try:
            outcome: Catalog | CatalogError = load(directory)
        except CatalogError as error:
            outcome = error
    for each in found:
        assert str(each).isprintable()
        assert 1 <= each.line <= content.count(b"\n") + 1
    if isinstance(outcome, CatalogError):
        assert str(outcome).isprintable()
        assert outcome.message in [each.text for each in errors]
