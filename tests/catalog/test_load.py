"""What a catalog file becomes."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from modelctl.catalog.load import load, shipped_directory
from modelctl.catalog.schema import STATED_FACTS
from modelctl.core.facts import CAPABILITIES, FACT_FIELDS, FACT_TYPES, FACTS, PRICE_FIELDS, ModelKey, Source
from modelctl.core.prices.price import SINCE_LAUNCH, PriceKind
from modelctl.core.provider import Provider
from modelctl.errors import CatalogError
from tests.catalog.conftest import PROVIDER, Write, models

FULL = """
[provider]
display_name = "OpenAI"
kind = "openai"
api_base_url = "https://api.openai.com/v1"
env_vars = ["OPENAI_API_KEY", "OTHER_KEY"]
auth_header_name = "Authorization"
auth_header_prefix = ""
docs_url = "https://example.com/docs"
pricing_url = "https://example.com/pricing"
models_url = "https://example.com/models"
deprecations_url = "https://example.com/deprecations"

[[model]]
id = "gpt-6"
display_name = "GPT-6"
family = "gpt"
type = "chat"
status = "preview"
input_modalities = ["text", "image"]
output_modalities = ["text"]
capabilities = ["vision", "tools"]
lacks = ["audio_input"]
context_window = 1_050_000
max_input_tokens = 922_000
max_output_tokens = 128_000
knowledge_cutoff = "2026-02"
released_on = 2026-07-09
deprecated_on = 2026-10-14
retires_on = 2027-01-14
retires_not_before = 2027-01-14
after_retirement = "redirect"
replacement = "gpt-6.1"
aliases = ["gpt-6-latest"]
recommended = true
tier = "premium"
tags = ["smart"]
currency = "EUR"
verified_on = 2026-11-21
source = "https://example.com/gpt-6"
prices = [
  { input = 4, cache_read = 0.4 },
  { from = 2026-12-01, to = 2027-01-01T00:00:00+02:00, input = 123456.123456789, basis = "observed" },
  { context_above = 272_000, service_tier = "batch", hours_utc = "01:00-04:00", input = 0 },
  { per = "thousand", web_search = 10, source = "https://example.com/search" },
]

[[model]]
id = "gpt-6.1"
"""


def test_every_key_of_the_format_reaches_the_record(write: Write) -> None:
    catalog = load(write(FULL))

    assert catalog.providers == {
        "openai": Provider(
            name="openai",
            display_name="OpenAI",
            kind="openai",
            api_base_url="https://api.openai.com/v1",
            env_vars=("OPENAI_API_KEY", "OTHER_KEY"),
            auth_header_name="Authorization",
            auth_header_prefix="",
            docs_url="https://example.com/docs",
            pricing_url="https://example.com/pricing",
            models_url="https://example.com/models",
            deprecations_url="https://example.com/deprecations",
            is_builtin=True,
        )
    }
    record = catalog.snapshot.records[ModelKey("openai", "gpt-6")]
    known = dict(record.facts.known())
    assert known == {
        "display_name": "GPT-6",
        "family": "gpt",
        "type": "chat",
        "status": "preview",
        "input_modalities": ("text", "image"),
        "output_modalities": ("text",),
        "vision": True,
        "tools": True,
        "audio_input": False,
        "context_window": 1_050_000,
        "max_input_tokens": 922_000,
        "max_output_tokens": 128_000,
        "knowledge_cutoff": "2026-02",
        "released_on": date(2026, 7, 9),
        "deprecated_on": date(2026, 10, 14),
        "retires_on": date(2027, 1, 14),
        "retires_not_before": date(2027, 1, 14),
        "after_retirement": "redirect",
        "replacement": "gpt-6.1",
        "aliases": ("gpt-6-latest",),
        "recommended": True,
        "tier": "premium",
        "tags": ("smart",),
    }
    assert record.provenance == dict.fromkeys(known, "catalog")
    assert record.verified_on == date(2026, 11, 21)
    assert set(known) | set(CAPABILITIES) | set(PRICE_FIELDS) | {"price_currency"} <= set(FACT_FIELDS)


@pytest.mark.parametrize("name", STATED_FACTS)
def test_every_fact_can_be_stated_under_its_own_name(name: str, write: Write) -> None:
    fact, kind = FACTS[name], FACT_TYPES[name]
    text = fact.words[0] if fact.words else "2026" if fact.pattern else "x"
    values = {str: text, tuple: [text], int: 7, bool: True, date: date(2026, 7, 9)}
    stated = {tuple: f'["{text}"]', str: f'"{text}"', int: "7", bool: "true", date: "2026-07-09"}[kind]
    record = load(write(f'[provider]\ndisplay_name = "O"\n[[model]]\nid = "m"\n{name} = {stated}\n')).snapshot.records
    value = values[kind]
    assert getattr(record[ModelKey("openai", "m")].facts, name) == (tuple(value) if kind is tuple else value)


def test_prices_are_exact_dated_and_sourced(write: Write) -> None:
    points = load(write(FULL)).snapshot.records[ModelKey("openai", "gpt-6")].prices

    assert [(point.kind, point.amount, point.unit) for point in points] == [
        ("input", Decimal(4), "mtok"),
        ("cache_read", Decimal("0.4"), "mtok"),
        ("input", Decimal("123456.123456789"), "mtok"),
        ("input", Decimal(0), "mtok"),
        ("web_search", Decimal(10), "thousand"),
    ]
    assert {point.currency for point in points} == {"EUR"}
    first, _, dated, conditional, search = points
    assert (first.effective_from, first.effective_to, first.basis) == (SINCE_LAUNCH, None, "documented")
    assert dated.effective_from == datetime(2026, 12, 1, tzinfo=UTC)
    assert (dated.effective_to, dated.basis) == (datetime(2026, 12, 31, 22, tzinfo=UTC), "observed")
    assert (conditional.context_above, conditional.service_tier) == (272_000, "batch")
    assert conditional.hours_utc == "01:00-04:00"
    assert (first.source, search.source) == ("https://example.com/pricing", "https://example.com/search")


def test_unknown_stays_unknown(write: Write) -> None:
    record = load(write(FULL)).snapshot.records[ModelKey("openai", "gpt-6.1")]

    assert dict(record.facts.known()) == {}
    assert (record.prices, record.provenance, record.verified_on) == ((), {}, None)


def test_a_catalog_never_proves_that_a_model_is_gone(write: Write) -> None:
    snapshot = load(write(FULL)).snapshot

    assert snapshot.complete_for == frozenset()
    assert snapshot.source is Source.CATALOG


def test_an_overlay_is_stamped_as_one(write: Write) -> None:
    catalog = load(write(FULL), source=Source.OVERLAY)

    assert catalog.snapshot.source is Source.OVERLAY
    assert set(catalog.snapshot.records[ModelKey("openai", "gpt-6")].provenance.values()) == {"overlay"}
    assert not catalog.providers["openai"].is_builtin


def test_every_kind_of_price_can_be_stated(write: Write) -> None:
    lines = "".join(f'{{ {kind} = 1, per = "request" }},' for kind in PriceKind)
    record = load(write(models(f'[[model]]\nid = "a"\nprices = [{lines}]'))).snapshot.records[ModelKey("openai", "a")]

    assert [point.kind for point in record.prices] == list(PriceKind)


@pytest.mark.parametrize(
    "prices",
    [
        pytest.param("{ input = 1 }, { from = 2026-12-01, input = 2 }", id="a later price"),
        pytest.param("{ from = 2026-12-01, input = 2 }, { input = 1 }", id="in any order"),
        pytest.param("{ to = 2026-12-01, input = 1 }, { from = 2026-12-01, input = 2 }", id="ends where one begins"),
        pytest.param("{ input = 1 }, { context_above = 1, input = 2 }", id="a long context"),
        pytest.param('{ input = 1 }, { service_tier = "batch", input = 2 }', id="a service tier"),
        pytest.param('{ input = 1 }, { hours_utc = "01:00-04:00", input = 2 }', id="peak hours"),
        pytest.param(
            '{ hours_utc = "04:00-24:00", input = 1 }, { hours_utc = "00:00-04:00", input = 2 }', id="hours that meet"
        ),
        pytest.param(
            '{ hours_utc = "01:00-04:00", to = 2026-12-01, input = 1 },'
            '{ hours_utc = "02:00-05:00", from = 2026-12-01, input = 1 }',
            id="hours that moved",
        ),
        pytest.param(
            '{ hours_utc = "01:00-04:00", input = 1 }, { hours_utc = "02:00-05:00", output = 1 }', id="other kinds"
        ),
    ],
)
def test_price_lists_without_a_contradiction_are_taken(write: Write, prices: str) -> None:
    load(write(models(f'[[model]]\nid = "a"\nprices = [{prices}]')))


def test_tables_of_prices_can_be_written_at_length(write: Write) -> None:
    text = '[[model]]\nid = "a"\n[[model.prices]]\ninput = 1\n[[model.prices]]\nservice_tier = "batch"\ninput = 2\n'
    record = load(write(models(text))).snapshot.records[ModelKey("openai", "a")]

    assert [point.amount for point in record.prices] == [1, 2]


def test_only_the_named_providers_are_read(write: Write) -> None:
    write(PROVIDER, "openai")
    write("no [ TOML", "broken")
    directory = write(PROVIDER, "mistral")

    assert set(load(directory, only=["mistral", "openai"]).providers) == {"mistral", "openai"}
    assert load(directory, only=[]).providers == {}


def test_a_named_provider_without_a_catalog_is_said(write: Write) -> None:
    write(PROVIDER, "openai")
    directory = write(PROVIDER, "mistral")

    with pytest.raises(CatalogError) as caught:
        load(directory, only=["openia"])
    assert str(caught.value) == "no catalog for provider openia in catalogs; did you mean openai?"
    with pytest.raises(CatalogError, match="there are mistral, openai"):
        load(directory, only=["zzz"])


def test_a_directory_without_catalogs_is_said(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="catalog directory missing cannot be read: No such file"):
        load(Path("missing"))
    Path("empty").mkdir()
    with pytest.raises(CatalogError, match="catalog directory empty holds no catalog; a catalog is a file named"):
        load(Path("empty"))
    with pytest.raises(CatalogError, match="cannot be read"):
        load(Path("nul\0"))


def test_hidden_files_of_an_editor_are_no_catalogs(write: Write) -> None:
    write("half [", ".#openai")

    assert set(load(write(PROVIDER)).providers) == {"openai"}


def test_a_byte_order_mark_and_windows_line_ends_are_read(write: Write) -> None:
    text = models('[[model]]\nid = "a"\n').replace("\n", "\r\n").encode()

    assert ModelKey("openai", "a") in load(write(b"\xef\xbb\xbf" + text)).snapshot.records


def test_the_shipped_catalogs_are_found() -> None:
    assert shipped_directory().name == "catalogs"


def test_a_catalog_is_read_without_pydantic_which_takes_longer_to_load_than_all_of_them() -> None:
    code = (
        "import sys; from modelctl.catalog.load import catalogs_in_force; catalogs_in_force(None); "
        "print('pydantic' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "False"
