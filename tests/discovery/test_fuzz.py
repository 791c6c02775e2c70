"""Whatever JSON a server sends, the answer is a snapshot or one clear line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelctl.core.validation import check_record
from modelctl.discovery.base import Access, UnusableListing, json_of, read_listing
from modelctl.discovery.fetch import failure_of
from modelctl.discovery.registry import REGISTRY
from modelctl.errors import InvalidFact, SourceError
from tests.conftest import NOW
from tests.loopback.shapes import DATA, kind_of

ACCESS = Access(provider="acme", api_key="sk-secret-key", timeout_s=1, now=NOW)

WORDS = (
    "text",
    "image",
    "chat",
    "active",
    "models/x",
    "ft:x",
    "generateContent",
    "2026-11-21",
    "0.000001",
    "-1",
    "1e400",
    "1e-30",
    "NaN",
    "",
)

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(WORDS)
ids = st.fixed_dictionaries(
    {"id": st.text(max_size=5), "name": st.sampled_from(["models/x", "x"]), "owner": st.just("o")}
)


@cache
def items_of(kind: str) -> st.SearchStrategy[dict[str, Any]]:
    """Models with every word of the answers that are saved for this kind, and whatever behind it."""
    saved = [json.loads(path.read_text(encoding="utf-8")) for path in DATA.glob("*.json") if kind_of(path) == kind]
    keys = st.sampled_from(sorted(set(_keys(saved))))
    values = st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4),
        max_leaves=8,
    )
    return st.tuples(ids, st.dictionaries(keys, values, max_size=6)).map(lambda pair: pair[0] | pair[1])


def _keys(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from value
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _keys(each)


@pytest.mark.parametrize("kind", sorted(REGISTRY))
@given(data=st.data())
def test_any_json_gives_possible_records_or_a_clear_refusal(kind: str, data: st.DataObject) -> None:
    listing = data.draw(st.lists(items_of(kind), max_size=3))
    sent = SimpleNamespace(content=json.dumps(listing).encode(), headers={}, url="http://h")

    def fetch(_access: Access) -> Iterator[Mapping[str, Any]]:
        yield from json_of(sent)

    module = REGISTRY[kind]
    source: Any = SimpleNamespace(COMPLETE=True, fetch=fetch, translate=module.translate)
    try:
        snapshot = read_listing(source, ACCESS, lambda: False)
    except (UnusableListing, InvalidFact, SourceError) as error:
        told = str(failure_of(error, ACCESS).to_error(ACCESS))
        assert told.startswith("acme: ")
        assert "not what the API documents" not in told
        return
    assert snapshot.records
    for record in snapshot.records.values():
        check_record(record)


@given(body=st.binary(max_size=50))
def test_any_bytes_are_json_or_refused(body: bytes) -> None:
    sent = SimpleNamespace(content=body, headers={"content-type": "text/plain"}, url="http://u:p@h/x?key=1")
    try:
        json_of(sent)
    except UnusableListing as error:
        assert str(error).startswith("http://h/x answered with")
