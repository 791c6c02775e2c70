"""Exported catalogs: how they read, what they cannot say, and which files may be overwritten."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from modelctl.catalog.export import ExportedCatalog, Fate, exported, write_files
from modelctl.catalog.load import load, load_overlay, shipped_directory
from modelctl.catalog.prices import Origins, price_lines
from modelctl.core.facts import ModelFacts, ModelKey, ModelRecord, Source
from modelctl.core.planning.merge import Snapshot
from modelctl.core.prices.price import PricePoint
from modelctl.core.provider import Provider
from modelctl.core.stored import StoredModel, StoredProvider
from modelctl.errors import CatalogError
from tests.catalog.exports import ACME, NOW, PRICES, export, synced

# ---- how it reads

ORIGINS = Origins(of_the_file=PRICES, of_the_api="https://acme.test/v1")
DAY = datetime(2026, 12, 1, tzinfo=UTC)


def lines(*points: PricePoint) -> list[dict[str, Any]]:
    return price_lines(points, currency="USD", origins=ORIGINS)


def point(amount: str, kind: str = "input", **values: Any) -> PricePoint:
    return PricePoint(kind=kind, amount=Decimal(amount), **{"source": PRICES, **values})


def test_what_holds_on_the_same_terms_stands_on_one_line_in_a_readable_order() -> None:
    found = lines(
        point("20.000000000", "output"),
        point("10", "web_search", unit="thousand"),
        point("2", service_tier="batch"),
        point("0.4", "cache_read"),
        point("8", effective_from=DAY),
        point("4"),
        point("9", context_above=272_000),
    )
    assert found == [
        {"input": 4, "cache_read": Decimal("0.4"), "output": 20},
        {"from": date(2026, 12, 1), "input": 8},
        {"context_above": 272_000, "input": 9},
        {"service_tier": "batch", "input": 2},
        {"per": "thousand", "web_search": 10},
    ]
    assert list(found[0]) == ["input", "cache_read", "output"]


PRICE_CASES = {
    "a correction": ([point("4"), point("5", revision=1)], [{"input": 5}]),
    "an instant": (
        [point("4", effective_from=DAY.replace(hour=7))],
        [{"from": DAY.replace(hour=7), "input": 4}],
    ),
    "an end that another price forestalls": (
        [point("4", effective_to=DAY + timedelta(days=9)), point("5", effective_from=DAY)],
        [{"input": 4}, {"from": DAY.date(), "input": 5}],
    ),
    "an end at which another begins": (
        [point("4", effective_to=DAY), point("5", effective_from=DAY)],
        [{"to": DAY.date(), "input": 4}, {"from": DAY.date(), "input": 5}],
    ),
    "what the API told": (
        [point("4", source="api", basis="observed", effective_from=DAY)],
        [{"from": DAY.date(), "input": 4, "basis": "observed", "source": "https://acme.test/v1"}],
    ),
    "what a person entered": (
        [point("4", source="ann", basis="manual")],
        [{"input": 4, "basis": "manual", "source": "ann"}],
    ),
    "a person's price that an announced one follows": (
        [point("4", basis="manual"), point("5", effective_from=DAY)],
        [{"to": DAY.date(), "input": 4, "basis": "manual"}, {"from": DAY.date(), "input": 5}],
    ),
    "a price without a source": ([point("4", source="")], [{"input": 4, "source": "overlay"}]),
    "another currency": ([point("4", currency="EUR")], [{"input": 4, "currency": "EUR"}]),
    "the smallest amount": ([point("0.000000001")], [{"input": Decimal("0.000000001")}]),
}


@pytest.mark.parametrize(("points", "expected"), PRICE_CASES.values(), ids=PRICE_CASES)
def test_a_ledger_as_lines(points: list[PricePoint], expected: list[dict[str, Any]]) -> None:
    assert lines(*points) == expected


FACTS = ModelFacts(
    display_name='The "best" \\ one',
    type="chat",
    status="active",
    vision=True,
    tools=False,
    context_window=1_050_000,
    released_on=date(2026, 7, 9),
    tags=("smart", "größer"),
    aliases=(),
)


def model(**values: Any) -> StoredModel:
    return StoredModel(**{"key": ModelKey("acme", "m-1"), "facts": FACTS, "is_enabled": True, **values})


def exported_text(
    *models: StoredModel, below: ModelFacts | None = None, row: Provider = ACME
) -> tuple[ExportedCatalog, str]:
    records = {}
    if below is not None:
        key = models[0].key
        records[key] = ModelRecord(key=key, facts=below, provenance=dict.fromkeys(dict(below.known()), "catalog"))
    return export(
        Snapshot(source=Source.CATALOG, records=records),
        StoredProvider(models={each.key: each for each in models}),
        row,
    )


def test_a_file_reads_like_one_that_a_person_wrote() -> None:
    verified = datetime(2026, 11, 2, tzinfo=UTC)
    _, text = exported_text(
        model(
            last_verified_at=verified, prices=(point("4"), point("0.4", "cache_read"), point("2", service_tier="batch"))
        )
    )
    assert (
        text.partition("\n\n")[2]
        == """\
[provider]
display_name = "Acme"
kind = "openai-compatible"
api_base_url = "https://acme.test/v1"
pricing_url = "https://acme.test/prices"

[[model]]
id = "m-1"
display_name = "The \\"best\\" \\\\ one"
type = "chat"
capabilities = ["vision"]
lacks = ["tools"]
context_window = 1_050_000
released_on = 2026-07-09
aliases = []
tags = ["smart", "größer"]
verified_on = 2026-11-02
prices = [
  { input = 4, cache_read = 0.4 },
  { service_tier = "batch", input = 2 },
]
"""
    )


def test_what_the_shipped_catalog_states_and_the_row_does_not_is_unset() -> None:
    below = ModelFacts(context_window=1, max_output_tokens=5, streaming=True, status="preview", tier="premium")
    _, text = exported_text(model(), below=below)
    assert 'unset = ["streaming", "max_output_tokens", "tier"]\n' in text
    assert 'status = "active"\n' in text


def test_a_status_is_stated_only_where_the_dates_do_not_give_it() -> None:
    ended = FACTS._replace(retires_on=date(2026, 1, 1), status="retired")
    for facts, stated in {
        FACTS: False,
        ended: False,
        FACTS._replace(status="preview"): True,
        FACTS._replace(status="retired"): True,
    }.items():
        assert ("status = " in exported_text(model(facts=facts))[1]) == stated, facts.status
    catalog, text = exported_text(model(facts=ended._replace(status="active")))
    assert "status = " not in text
    assert catalog.notes == (
        "acme/m-1: its status is active, but its dates give retired; in a new database they decide",
    )


def test_what_cannot_be_said_in_a_file_is_noted() -> None:
    row = replace(ACME, kind="", api_base_url="https://me:secret@acme.test/v1")
    facts = FACTS._replace(display_name=None, input_price_per_mtok=Decimal(3))
    catalog, text = exported_text(model(facts=facts, prices=(point("4"),)), row=row)
    assert "secret" not in text
    assert 'kind = ""\n' in text
    assert any("api_base_url is left out" in note for note in catalog.notes)
    assert any("input_price_per_mtok was set to 3 in the row alone" in note for note in catalog.notes)
    assert any("no display_name" in note for note in catalog.notes)


def test_a_long_list_is_wrapped() -> None:
    tags = tuple(f"tag-number-{number}" for number in range(30))
    _, text = exported_text(model(facts=FACTS._replace(tags=tags)))
    assert max(map(len, text.partition("\n\n")[2].splitlines())) <= 120
    assert tuple(tomllib.loads(text)["model"][0]["tags"]) == tags


def test_a_row_that_no_catalog_may_hold_is_named_and_nothing_is_written(tmp_path: Path) -> None:
    catalog = exported(ACME, None, [model(facts=FACTS._replace(family=" x "))], {}, NOW)
    with pytest.raises(CatalogError, match="acme/m-1 cannot be exported: family: begins or ends with a blank"):
        write_files(tmp_path / "out", {"acme": catalog}, {})
    assert not (tmp_path / "out").exists()


# ---- which files are written


def test_only_its_own_unedited_files_are_overwritten(tmp_path: Path) -> None:
    def write(catalog: ExportedCatalog, *, force: bool = False) -> Fate:
        [file] = write_files(tmp_path, {"acme": catalog}, {}, force=force)
        return file.fate

    first = exported(ACME, None, [model()], {}, NOW)
    second = exported(ACME, None, [model(facts=FACTS._replace(context_window=2))], {}, NOW)
    path = tmp_path / "acme.toml"
    assert write(first) is Fate.WRITTEN
    assert write(first) is Fate.UNCHANGED
    assert write(second) is Fate.WRITTEN
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))  # as git may check it out
    assert write(first) is Fate.WRITTEN
    path.write_text(path.read_text().replace("[[model]]", "# ours\n[[model]]"))
    assert write(first) is Fate.UNCHANGED, "it says the same: the comment stays"
    assert "# ours" in path.read_text()
    with pytest.raises(CatalogError, match=r"acme.toml was edited since it was exported \(1 models, begins '# Written"):
        write(second)
    path.write_text("# mine\n")
    with pytest.raises(CatalogError, match=r"acme.toml was not written by an export \(0 models, begins '# mine'"):
        write(second)
    assert path.read_text() == "# mine\n"
    assert write(second, force=True) is Fate.WRITTEN
    assert sorted(each.name for each in tmp_path.iterdir() if each.suffix != "" and each.is_file()) == ["acme.toml"]


@pytest.mark.parametrize("name", sorted(load(shipped_directory()).providers))
def test_a_shipped_catalog_survives_the_way_through_rows_and_file(name: str, tmp_path: Path) -> None:
    shipped = load(shipped_directory(), only=[name])
    stored, _ = synced(StoredProvider(), [shipped.snapshot], NOW, name)
    bare = {key: replace(each, facts=ModelFacts(), prices=()) for key, each in shipped.snapshot.records.items()}
    for below in (shipped.snapshot.records, bare):
        catalog = exported(shipped.providers[name], shipped.providers[name], list(stored.models.values()), below, NOW)
        write_files(tmp_path, {name: catalog}, shipped.providers, force=True)
        overlay = load_overlay(tmp_path, shipped)
        assert overlay.providers == shipped.providers
        again, _ = synced(StoredProvider(), [overlay.snapshot], NOW, name)
        assert catalog.notes == ()
        for key, row in stored.models.items():
            assert again.models[key].facts == row.facts
            assert sorted(map(repr, again.models[key].prices)) == sorted(map(repr, row.prices)), key
