"""The sync report in its three formats: nothing is lost, nothing is cut, and every fate has a word of its own."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import pytest

from modelctl.core.planning.plan import Plan
from modelctl.core.planning.report import SyncReport
from modelctl.core.runs import Outcome
from modelctl.errors import ExitCode
from modelctl.output.console import PLAIN, Look, look_of, render
from modelctl.output.sync import SyncDocument
from tests.output.reports import FAILED, IN_SYNC, full, openai, report_with

GOLDEN = Path(__file__).parent / "golden"


def code_of(report: SyncReport) -> ExitCode:
    return report.exit_code(pending_counts=False)


def table(report: SyncReport, **look: object) -> str:
    return SyncDocument.of(report, code_of(report)).to_table(Look(**look))


def markdown(report: SyncReport, code: ExitCode) -> str:
    return SyncDocument.of(report, code).to_markdown(PLAIN)


@pytest.mark.parametrize("width", [40, 60, 80, 120, None])
def test_the_table_looks_as_it_was_approved(width):
    text = table(full(), width=width) + "\n"
    path = GOLDEN / f"sync_{width or 'piped'}.txt"
    if not path.exists():  # delete a file to have it written anew, then read the difference
        path.write_text(text, encoding="utf-8")
        pytest.fail(f"{path.name} was missing and is written anew: read it")
    assert text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("width", [30, 40, 60, 80, 120])
def test_no_line_is_wider_than_the_terminal_and_no_id_is_broken(width):
    text = table(full(), width=width)
    assert max(map(len, text.splitlines())) <= width
    for word in ("gpt-new-7", "input_price_per_mtok", "openai/gpt-5", "REPLICATE_API_TOKEN"):
        assert word in text


def test_colour_changes_nothing_but_colour():
    for width in (40, 100, None):
        coloured = table(full(), width=width, colour=True)
        assert "\x1b[" in coloured
        assert re.sub(r"\x1b\[\d+m", "", coloured) == table(full(), width=width)


def test_each_fate_has_a_word_of_its_own():
    words = ["created", "updated", "deprecated", "unchanged", "held", "protected", "filtered", "skipped"]
    words += ["needs review", "not created", "removed by hand", "not ours", "absent"]
    text = table(full())
    for word in words:
        assert re.search(rf"^ +{word}\b|\b{word} \d", text, re.MULTILINE), word


def test_prices_show_old_and_new_and_by_how_much():
    text = table(full())
    assert "input_price_per_mtok  2.5 → 2 (-20 %)" in text
    assert "price input, batch  1.25 → 1 USD (-20 %) from 2026-11-21 12:00Z" in text
    assert "price input  2.5 → 5 USD (+100 %) from 2026-12-01" in text


def test_what_can_be_called_is_named_before_what_is_retired():
    assert "created  gpt-new-0, gpt-new-1" in table(full())


def test_what_was_not_written_is_not_called_written():
    text = table(full(Outcome.REFUSED))
    assert "refused: nothing was written for this provider" in text
    assert "created 0, updated 0" in text
    assert "waiting 132" in text
    assert "would be updated  gpt-4o" in text
    assert not re.search(r"^  (created|updated|deprecated)", text, re.MULTILINE)


@pytest.mark.parametrize(
    ("report", "closing"),
    [
        (report_with(IN_SYNC), "in sync: nothing to change"),
        (report_with(IN_SYNC, FAILED), "1 in sync, 1 failed; exit 5: partial"),
        (report_with(openai(Outcome.APPLIED, Plan(provider="openai"))), "1 applied"),
        (report_with(openai(Outcome.PLANNED), dry_run=True), "planned (dry run: nothing was written); exit 4"),
        (
            report_with(openai(Outcome.PLANNED, Plan(provider="openai")), dry_run=True),
            "in sync: nothing to change (dry",
        ),
        (report_with(FAILED), "1 failed; exit 1: failed, nothing written"),
        (report_with(), "no provider"),
    ],
)
def test_the_last_line_says_how_it_ended(report, closing):
    assert table(report).splitlines()[-1].startswith(closing)
    assert closing in markdown(report, code_of(report)).replace("\\", "").splitlines()[0]


def test_nothing_found_filtered_away_and_an_empty_listing_differ():
    from dataclasses import replace

    nothing = replace(openai(Outcome.IN_SYNC, Plan(provider="openai")), records={}, fetched=None)
    assert "no source knows a model" in table(report_with(nothing))
    assert "the listing is empty" in table(report_with(replace(nothing, fetched=0)))
    filtered = replace(nothing, plan=replace(nothing.plan, filtered=full().providers[1].plan.filtered))
    assert "patterns leave out every model" in table(report_with(filtered))


def test_a_provider_is_one_line():
    failed = table(report_with(FAILED)).splitlines()[0]
    assert failed == "replicate  failed  HTTP 401 Unauthorized from https://api.replicate.com/v1"
    line = table(report_with(openai(Outcome.HELD))).splitlines()[0]
    assert line.startswith(
        "openai  held  created 130, updated 1, deprecated 1, retired 0, reactivated 0, unchanged 57 ["
    )
    assert line.endswith("]  (api + catalog)")


def test_json_counts_everything_and_keeps_prices_exact():
    document = json.loads(SyncDocument.of(full(), ExitCode.PARTIAL).to_json(PLAIN), parse_float=str)
    assert (document["version"], document["exit_code"], document["dry_run"]) == (1, 5, False)
    anthropic, found, replicate = document["providers"]
    assert anthropic["outcome"] == "in_sync"
    assert replicate["error"]["hint"] == "check REPLICATE_API_TOKEN"
    assert document["totals"]["unchanged"] == 77
    assert found["counts"]["created"] == len([each for each in found["changes"] if each["action"] == "create"])
    assert found["counts"]["held"] == len(found["held"]) == 13
    (updated,) = (each for each in found["changes"] if each["model_id"] == "gpt-4o")
    assert updated["fields"]["input_price_per_mtok"] == {"before": "2.5", "after": 2, "source": "catalog"}
    assert updated["fields"]["vision"]["before"] is None
    assert updated["prices"][2]["effective_from"] == "2026-12-01T00:00:00Z"
    assert found["held"][0]["accept"] == "openai/old-0"
    assert found["absent"] == {"gpt-3": 1}
    for name in ("protected", "needs_review", "not_created", "removed_by_hand", "not_ours", "filtered", "skipped"):
        assert found["counts"][name] == len(found[name]) > 0


def test_every_row_of_a_markdown_table_has_as_many_cells_as_its_header():
    cells = 0
    for line in markdown(full(), ExitCode.PARTIAL).splitlines():
        found = len(re.findall(r"(?<!\\)\|", line))
        cells = (cells or found) if found else 0
        assert found == cells, line
    assert "Our \\| GPT-4" in markdown(full(), ExitCode.PARTIAL)


def test_a_listing_cannot_smuggle_anything_into_terminal_or_markdown():
    from dataclasses import replace

    evil = replace(IN_SYNC, notices=("a\x1b[31m\nb <img src=x> @team | `c`",))
    for text in (table(report_with(evil)), markdown(report_with(evil), ExitCode.OK)):
        assert "\x1b" not in text
        assert "a\N{REPLACEMENT CHARACTER}" in text.replace("\\", "")
    assert "\\<img src=x\\> \\@team \\| \\`c\\`" in markdown(report_with(evil), ExitCode.OK)


def test_a_stream_without_unicode_gets_ascii():
    look = look_of(io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    document = SyncDocument.of(full(), ExitCode.PARTIAL)
    for format in ("table", "json", "markdown"):
        assert "".join(render(document, format, look)).isascii(), format
    assert "2.5 -> 2" in document.to_table(look)
