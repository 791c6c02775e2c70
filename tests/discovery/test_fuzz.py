"""Whatever JSON a server sends, the answer is a snapshot or one clear line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
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

ACCESS = Access(provider="acme", api_key="sk-secret-key", timeout_s=1, now=NOW)

KEYS = """
    id name owner visibility created created_at owned_by shutdown_date active type display_name displayName line
    lifecycle max_tokens max_input_tokens max_output_tokens context_length context_window max_model_len capabilities
    server_tools thinking supported vision completion_chat function_calling pricing prompt completion input output
    request top_provider architecture input_modalities aliases deprecation supported_parameters inputTokenLimit
    supportedGenerationMethods prompt_text_token_price deprecation_replacement_model supports_chat kind endpoints
    features finetuned is_deprecated listed_under image_price long_context_threshold
    prompt_text_token_price_long_context
""".split()  # noqa: SIM905 - a list of 55 quoted words is no easier to read
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
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=8,
)
ids = st.fixed_dictionaries(
    {"id": st.text(max_size=5), "name": st.sampled_from(["models/x", "x"]), "owner": st.just("o")}
)
items = st.tuples(ids, st.dictionaries(st.sampled_from(KEYS), values, max_size=6)).map(lambda pair: pair[0] | pair[1])


@pytest.mark.parametrize("kind", sorted(REGISTRY))
@given(listing=st.lists(items, max_size=3))
def test_any_json_gives_possible_records_or_a_clear_refusal(kind: str, listing: list[dict[str, Any]]) -> None:
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
