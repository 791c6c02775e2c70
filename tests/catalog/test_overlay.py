"""A user's own catalogs: what they may leave out, override and blank, and what stays of the shipped ones."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from textwrap import dedent

import pytest

from modelctl.catalog.load import Catalog, load, load_overlay
from modelctl.core.facts import ModelKey, ModelRecord
from modelctl.core.planning.merge import merge
from modelctl.errors import CatalogError

TODAY = date(2026, 11, 21)

SHIPPED = """\
[provider]
display_name = "OpenAI"
kind = "openai"
api_base_url = "https://api.openai.com/v1"
env_vars = ["OPENAI_API_KEY"]
pricing_url = "https://openai.com/pricing"

[[model]]
id = "gpt-6"
display_name = "GPT-6"
type = "chat"
status = "preview"
capabilities = ["vision", "tools"]
lacks = ["audio_input"]
context_window = 128_000
max_output_tokens = 16_000
tags = ["smart", "fast"]
verified_on = 2026-11-01
prices = [
  { input = 2.5, cache_read = 0.25, output = 10 },
  { from = 2026-06-01, input = 3 },
  { from = 2027-01-01, input = 4, output = 12 },
  { context_above = 200_000, input = 5, output = 15 },
  { service_tier = "batch", input = 1.25, output = 5 },
]
"""

Lay = Callable[..., tuple[Catalog, Catalog]]


@pytest.fixture
def lay() -> Lay:
    """`lay(text, name="openai")`: the overlay of one file and the shipped catalog below it."""

    def lay_over(text: str, name: str = "openai") -> tuple[Catalog, Catalog]:
        for directory, file, content in (("shipped", "openai", SHIPPED), ("mine", name, text)):
            Path(directory).mkdir(exist_ok=True)
            (Path(directory) / f"{file}.toml").write_text(dedent(content))
        shipped = load(Path("shipped"))
        return load_overlay(Path("mine"), shipped), shipped

    return lay_over


def merged(catalogs: tuple[Catalog, ...], model_id: str = "gpt-6") -> ModelRecord:
    return merge([each.snapshot for each in catalogs], today=TODAY)[ModelKey("openai", model_id)]


def prices(record: ModelRecord, kind: str = "input", **terms: object) -> list[tuple[str, str]]:
    """The start and amount of each standard price of a kind."""
    wanted = {"context_above": 0, "service_tier": "standard", **terms}
    return sorted(
        (f"{each.effective_from:%Y-%m-%d}", str(each.amount))
        for each in record.prices
        if each.kind == kind and all(getattr(each, name) == value for name, value in wanted.items())
    )


def test_an_overridden_fact_leaves_all_the_others(lay: Lay) -> None:
    overlay = lay("""\
        [[model]]
        id = "gpt-6"
        context_window = 200_000
        lacks = ["vision"]
        tags = ["ours"]
    """)
    record, shipped = merged(overlay), merged(overlay[1:])
    assert (record.facts.context_window, record.facts.vision, record.facts.tags) == (200_000, False, ("ours",))
    assert record.provenance["context_window"] == "overlay"
    assert record.provenance["display_name"] == "catalog"
    assert (
        record.facts.replaced({"context_window": 128_000, "vision": True, "tags": ("smart", "fast")}) == shipped.facts
    )
    assert set(record.prices) == set(shipped.prices)
    assert record.verified_on == date(2026, 11, 1)


def test_an_overridden_price_keeps_the_tiers_and_the_other_kinds(lay: Lay) -> None:
    record = merged(lay('[[model]]\nid = "gpt-6"\nprices = [{ input = 2 }]'))
    assert prices(record) == [("1970-01-01", "2")], "no dated line of the shipped price comes after it"
    assert prices(record, "output") == [("1970-01-01", "10"), ("2027-01-01", "12")]
    assert prices(record, "cache_read") == [("1970-01-01", "0.25")]
    assert prices(record, context_above=200_000) == [("1970-01-01", "5")]
    assert prices(record, service_tier="batch") == [("1970-01-01", "1.25")]


def test_a_price_from_a_day_on_keeps_what_was_charged_until_then(lay: Lay) -> None:
    record = merged(lay('[[model]]\nid = "gpt-6"\nprices = [{ from = 2026-08-01, input = 2 }]'))
    assert prices(record) == [("1970-01-01", "2.5"), ("2026-06-01", "3"), ("2026-08-01", "2")]


def test_a_price_of_ones_own_is_not_said_to_be_on_the_vendors_page(lay: Lay) -> None:
    overlay, _ = lay("""\
        [provider]
        pricing_url = "https://wiki.example.com/contract"

        [[model]]
        id = "gpt-6"
        prices = [{ input = 2 }]
    """)
    assert {each.source for each in overlay.snapshot.records[ModelKey("openai", "gpt-6")].prices} == {
        "https://wiki.example.com/contract"
    }
    overlay, _ = lay('[[model]]\nid = "gpt-6"\nprices = [{ input = 2 }]')
    assert {each.source for each in overlay.snapshot.records[ModelKey("openai", "gpt-6")].prices} == {"overlay"}


def test_unset_blanks_a_fact_and_a_capability(lay: Lay) -> None:
    record = merged(lay('[[model]]\nid = "gpt-6"\nunset = ["context_window", "vision", "audio_input", "status"]'))
    assert record.facts.context_window is None
    assert record.facts.vision is None
    assert record.facts.audio_input is None
    assert record.facts.status == "active", "a blank status is for the dates to decide"
    assert record.facts.tools is True


UNSET_ERRORS = {
    'unset = ["context_windw"]': "'context_windw' is not a fact that can be unset; did you mean context_window?",
    'unset = ["input_price_per_mtok"]': "input_price_per_mtok is not a fact that can be unset",
    'unset = ["vision"]\ncapabilities = ["vision"]': "vision is stated by this model, too",
    'unset = ["tags", "tags"]': "tags is named twice",
    "unset = [1]": "1 is not text in quotes",
}


@pytest.mark.parametrize(("keys", "message"), UNSET_ERRORS.items())
def test_what_cannot_be_unset_is_said_with_its_line(lay: Lay, keys: str, message: str) -> None:
    with pytest.raises(CatalogError) as refused:
        lay(f'[[model]]\nid = "gpt-6"\n{keys}\n')
    assert str(refused.value).startswith("mine/openai.toml:3: model gpt-6: unset[")
    assert message.replace("'context_windw'", "context_windw") in str(refused.value)


def test_a_partial_provider_is_filled_up_from_the_shipped_one(lay: Lay) -> None:
    overlay, shipped = lay('[provider]\napi_base_url = "https://proxy.example.com/v1"\n')
    mine, theirs = overlay.providers["openai"], shipped.providers["openai"]
    assert mine.api_base_url == "https://proxy.example.com/v1"
    assert (mine.display_name, mine.kind, mine.env_vars) == ("OpenAI", "openai", ("OPENAI_API_KEY",))
    assert mine.is_builtin
    assert theirs.api_base_url == "https://api.openai.com/v1"


def test_an_empty_value_is_no_left_out_one(lay: Lay) -> None:
    overlay, _ = lay('[provider]\nkind = ""\nenv_vars = []\n')
    assert (overlay.providers["openai"].kind, overlay.providers["openai"].env_vars) == ("", ())


def test_a_new_provider_is_not_builtin_and_needs_a_name(lay: Lay) -> None:
    overlay, _ = lay('[provider]\ndisplay_name = "Acme"\n\n[[model]]\nid = "acme-1"\n', "acme")
    assert not overlay.providers["acme"].is_builtin
    for text, message in {
        '[provider]\nkind = "openai-compatible"\n': "acme.toml:1: provider.display_name: is missing",
        '[[model]]\nid = "acme-1"\n': "provider: is missing; only a shipped provider needs none",
    }.items():
        with pytest.raises(CatalogError, match=message):
            lay(text, "acme")


def test_a_misspelt_file_name_gets_a_hint(lay: Lay) -> None:
    with pytest.raises(CatalogError) as refused:
        lay('[[model]]\nid = "gpt-6"\n', "opnai")
    assert "did you mean openai?" in str(refused.value)


def test_only_ones_own_catalog_may_have_a_persons_price(lay: Lay) -> None:
    line = '{ input = 2, basis = "manual", source = "contract 17, signed by ann" }'
    overlay, _ = lay(f'[[model]]\nid = "gpt-6"\nprices = [{line}]')
    [point] = overlay.snapshot.records[ModelKey("openai", "gpt-6")].prices
    assert (point.basis, point.source) == ("manual", "overlay: contract 17, signed by ann")
    Path("mine/openai.toml").write_text(f'[provider]\ndisplay_name = "X"\n[[model]]\nid = "a"\nprices = [{line}]')
    with pytest.raises(CatalogError, match="'manual' is not one of documented, observed"):
        load(Path("mine"))


def test_a_line_that_a_persons_price_outranks_is_refused(lay: Lay) -> None:
    manual = '{ input = 2, basis = "manual" }'
    with pytest.raises(CatalogError, match="never holds: prices\\[0\\] is a manual price without an end"):
        lay(f'[[model]]\nid = "gpt-6"\nprices = [{manual}, {{ from = 2027-01-01, input = 3 }}]')
    for later in (
        '{ from = 2027-01-01, input = 3, basis = "manual" }',
        "{ from = 2027-01-01, output = 3 }",
    ):
        lay(f'[[model]]\nid = "gpt-6"\nprices = [{manual}, {later}]')


def test_a_line_may_have_a_currency_of_its_own(lay: Lay) -> None:
    overlay, _ = lay(
        '[[model]]\nid = "gpt-6"\ncurrency = "EUR"\nprices = [{ input = 2 }, { output = 3, currency = "USD" }]'
    )
    points = overlay.snapshot.records[ModelKey("openai", "gpt-6")].prices
    assert [(each.kind, each.currency) for each in points] == [("input", "EUR"), ("output", "USD")]
    with pytest.raises(CatalogError, match=r"prices\[0\].currency: 'usd' is not three capital letters"):
        lay('[[model]]\nid = "gpt-6"\nprices = [{ input = 2, currency = "usd" }]')


def test_a_persons_price_stands_against_the_shipped_and_the_apis(lay: Lay) -> None:
    from modelctl.core.prices.ledger import missing_points
    from modelctl.core.prices.price import Basis, PricePoint, current

    now = datetime(2026, 11, 21, tzinfo=UTC)
    record = merged(lay('[[model]]\nid = "gpt-6"\nprices = [{ from = 2026-11-01, input = 2, basis = "manual" }]'))
    api = PricePoint(kind="input", amount=Decimal(9), effective_from=now, basis=Basis.OBSERVED, source="api")
    ledger = missing_points((), (*record.prices, api), now=now)
    assert [each.amount for key, each in current(ledger, now).items() if key == api.key] == [2]
    assert missing_points(ledger, (*record.prices, api), now=now) == ()
