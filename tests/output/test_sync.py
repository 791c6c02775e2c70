"""The sync report in its three formats: nothing is lost, nothing is cut, and every fate has a word of its own."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from modelctl.core.planning.plan import Plan
from modelctl.core.planning.report import SyncReport
from modelctl.core.runs import Outcome
from modelctl.errors import ExitCode
from modelctl.output.console import PLAIN, Look, look_of, render
from modelctl.output.sync import SyncDocument
from modelctl.output.sync_text import failures
from tests.output.reports import FAILED, IN_SYNC, everything, full, openai, report_with

GOLDEN = Path(__file__).parent / "golden"


def code_of(report: SyncReport) -> ExitCode:
    return report.exit_code(pending_counts=False)


def table(report: SyncReport, **look: object) -> str:
    return SyncDocument.of(report, code_of(report)).to_table(Look(**look))


def details(report: SyncReport, **look: object) -> str:
    return SyncDocument.of(report, code_of(report)).to_details(Look(**look))


def markdown(report: SyncReport, code: ExitCode) -> str:
    return SyncDocument.of(report, code).to_markdown(PLAIN)


@pytest.mark.parametrize("width", [40, 60, 80, 120, None])
@pytest.mark.parametrize("form", [table, details])
def test_the_table_looks_as_it_was_approved(form, width):
    text = form(full(), width=width) + "\n"
    path = GOLDEN / f"sync_{form.__name__}_{width or 'piped'}.txt"
    if not path.exists():  # delete a file to have it written anew, then read the difference
        path.write_text(text, encoding="utf-8")
        pytest.fail(f"{path.name} was missing and is written anew: read it")
    assert text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("width", [30, 40, 60, 80, 120])
@pytest.mark.parametrize(
    ("form", "words"),
    [
        (table, ("openai/gpt-4o", "input_price_per_mtok", "openai/gpt-5", "openai/o1-mini")),
        (details, ("gpt-new-7", "input_price_per_mtok", "openai/gpt-5", "REPLICATE_API_TOKEN")),
    ],
)
def test_no_line_is_wider_than_the_terminal_and_no_id_is_broken(form, words, width):
    text = form(full(), width=width)
    assert max(map(len, text.splitlines())) <= width
    for word in words:
        assert word in text


@pytest.mark.parametrize("form", [table, details])
def test_colour_changes_nothing_but_colour(form):
    for width in (40, 100, None):
        coloured = form(full(), width=width, colour=True)
        assert "\x1b[" in coloured
        assert without_colour(coloured) == form(full(), width=width)


def without_colour(text):
    """The text of a terminal without what colours it, and without the rules of its tables."""
    lines = (line.rstrip() for line in re.sub(r"\x1b\[[\d;]*m", "", text).splitlines())
    return "\n".join(line for line in lines if not line or line.strip("─"))


def test_a_sync_that_changed_nothing_is_one_line_however_many_providers():
    assert table(report_with(IN_SYNC)) == "In sync: 20 models of anthropic"
    many = [replace(IN_SYNC, provider=f"provider-{number}") for number in range(12)]
    assert table(report_with(*many)) == "In sync: 240 models of 12 providers"


def test_what_is_yours_skipped_or_absent_is_counted_even_where_nothing_changed():
    left_alone = replace(everything(), changes=(), held=(), needs_review=(), not_created=())
    text = table(report_with(openai(Outcome.IN_SYNC, left_alone)))
    counts = "1 protected, 1 absent, 12 skipped, 1 filtered, 1 removed by hand, 1 not ours"
    assert text == f"In sync: 57 models of openai ({counts})"


def test_a_first_sync_is_told_in_eight_lines_with_what_comes_next():
    first = [
        replace(
            openai(Outcome.APPLIED, replace(everything(), provider=name, existing=0, held=(), absences={})),
            provider=name,
        )
        for name in ("acme", "openai")
    ]
    created = [
        replace(
            each, plan=replace(each.plan, changes=[change for change in each.plan.changes if change.existing is None])
        )
        for each in first
    ]
    lines = table(report_with(*created)).splitlines()
    assert lines[0] == "+  260 models (2 of them retired): acme 130, openai 130"
    assert lines[-1].startswith("Next: ")
    assert len(lines) <= 8


def test_changes_have_a_sign_old_and_new_and_one_total():
    lines = table(report_with(openai(Outcome.HELD))).splitlines()
    assert "~  openai/gpt-4o" in lines
    assert "    input_price_per_mtok  2.5 → 2 (-20 %)" in lines
    assert "-  openai/o1-mini" in lines
    assert [line for line in lines if line.startswith("!  openai/gpt-5: held by price-rise")]
    assert "    to let it pass:  --accept openai/gpt-5" in lines
    assert lines[-1].startswith("130 created, 1 updated, 1 deprecated, 13 held; 57 unchanged")


def test_what_was_planned_is_not_called_written_in_brief():
    lines = table(full(Outcome.PLANNED)).splitlines()
    assert lines[-1].startswith("Planned, and nothing was written: 130 created, 1 updated")


def test_failures_are_told_with_the_fix_and_with_what_became_of_the_rows():
    [failed] = failures(report_with(FAILED))
    assert failed == (
        "replicate: HTTP 401 Unauthorized from https://api.replicate.com/v1; check REPLICATE_API_TOKEN"
        " (its rows stay as they are)"
    )
    partial = replace(openai(Outcome.PARTIAL), error=FAILED.error)
    assert next(failures(report_with(partial))).endswith("(its catalogs are applied all the same)")


def test_each_fate_has_a_word_of_its_own():
    words = ["created", "updated", "deprecated", "unchanged", "held", "protected", "filtered", "skipped"]
    words += ["needs review", "not created", "removed by hand", "not ours", "absent"]
    text = details(full())
    for word in words:
        assert re.search(rf"^ +{word}\b|\b{word} \d", text, re.MULTILINE), word


def test_prices_show_old_and_new_and_by_how_much():
    text = details(full())
    assert "input_price_per_mtok  2.5 → 2 (-20 %)" in text
    assert "price input, batch  1.25 → 1 USD (-20 %) from 2026-11-21 12:00Z" in text
    assert "price input  2.5 → 5 USD (+100 %) from 2026-12-01" in text


def test_what_can_be_called_is_named_before_what_is_retired():
    assert "created  gpt-new-0, gpt-new-1" in details(full())


def test_what_was_not_written_is_not_called_written():
    text = details(full(Outcome.REFUSED))
    assert "refused: a guard holds this provider, and nothing was written" in text
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
    assert details(report).splitlines()[-1].startswith(closing)
    assert closing in markdown(report, code_of(report)).replace("\\", "").splitlines()[0]


def test_nothing_found_filtered_away_and_an_empty_listing_differ():
    nothing = replace(openai(Outcome.IN_SYNC, Plan(provider="openai")), records={}, fetched=None)
    assert "no source knows a model" in details(report_with(nothing))
    assert "the listing is empty" in details(report_with(replace(nothing, fetched=0)))
    filtered = replace(nothing, plan=replace(nothing.plan, filtered=full().providers[1].plan.filtered))
    assert "patterns leave out every model" in details(report_with(filtered))


def test_a_provider_is_one_line():
    failed = details(report_with(FAILED)).splitlines()[0]
    assert failed == "replicate  failed  HTTP 401 Unauthorized from https://api.replicate.com/v1"
    line = details(report_with(openai(Outcome.HELD))).splitlines()[0]
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
    evil = replace(IN_SYNC, not_asked=None, notices=("a\x1b[31m\nb <img src=x> @team | `c`",))
    for text in (details(report_with(evil)), markdown(report_with(evil), ExitCode.OK)):
        assert "\x1b" not in text
        assert "a\N{REPLACEMENT CHARACTER}" in text.replace("\\", "")
    assert "\\<img src=x\\> \\@team \\| \\`c\\`" in markdown(report_with(evil), ExitCode.OK)


def test_a_stream_without_unicode_gets_ascii():
    look = look_of(io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    document = SyncDocument.of(full(), ExitCode.PARTIAL)
    for format in ("table", "json", "markdown"):
        assert "".join(render(document, format, look)).isascii(), format
    assert "2.5 -> 2" in document.to_table(look)
