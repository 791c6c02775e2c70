"""Rows changed by hand: set, enable, disable, deprecate. What a person says stays."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta

import pytest

from tests.cli.conftest import Query, report_of
from tests.conftest import NOW, Result, Run
from tests.loopback import ProviderServer

Sync = Callable[..., Result]

PROVIDER = ("--provider", "deepseek")
PRO, FLASH = "deepseek/deepseek-v4-pro", "deepseek/deepseek-flash"
ROWS = "SELECT * FROM ai_models ORDER BY provider, model_id"
FACTS = "SELECT status, replacement, deprecated_on, retires_on FROM ai_models WHERE model_id = :name"


@pytest.fixture
def filled(synced_file: Callable[..., str]) -> str:
    """A database with one provider's models."""
    return synced_file(*PROVIDER)


def test_what_is_set_stays_and_is_audited(run: Run, sync: Sync, query: Query, database_url: str) -> None:
    assert sync(database_url, *PROVIDER).code == 0
    order = ("context_window=64,000", "max_output_tokens=8000", "display_name=Ours", "tags=a,b", "family=", "vision=no")
    done = run("set", PRO, *order, "recommended=no", "--database", database_url)
    assert (done.code, done.stderr.count("\n")) == (0, 1), done.stderr
    assert "context_window" in done.stdout
    columns = "context_window, max_output_tokens, display_name, family, vision, recommended"
    facts = f"SELECT {columns} FROM ai_models WHERE model_id = 'deepseek-v4-pro'"
    assert query(database_url, facts) == [(64000, 8000, "Ours", None, False, False)]
    again = run("set", PRO, *order, "recommended=no", "--database", database_url)
    assert (again.code, again.stdout) == (0, "")
    assert "nothing changed" in again.stderr
    report = report_of(sync(database_url, *PROVIDER, "--json"))["providers"]["deepseek"]
    assert {each["field"] for each in report["protected"]} >= {"context_window", "display_name"}
    assert query(database_url, facts) == [(64000, 8000, "Ours", None, False, False)]
    [(name, action)] = query(database_url, "SELECT run, action FROM ai_changes WHERE command = 'set'")
    assert action == "update"
    assert run("runs", "undo", name, "--database", database_url).code == 0
    assert sync(database_url, *PROVIDER, "--dry-run", "--exit-code").code == 0


def test_a_value_that_is_set_to_what_it_is_is_pinned(run: Run, filled: str) -> None:
    shown = json.loads(run("show", PRO, "--json", "--database", filled).stdout)
    run("set", PRO, f"context_window={shown['model']['context_window']}", "--database", filled)
    after = json.loads(run("show", PRO, "--json", "--database", filled).stdout)
    assert after["pins"] == ["context_window"]
    assert after["model"] == shown["model"], "not even updated_at moves"


CANNOT_BE_SET = [
    (["contxt_window=1"], "did you mean context_window?"),
    (["context_window"], "'context_window' is not FIELD=VALUE"),
    (["context_window=128k"], "context_window: '128k' is not a whole number"),
    (["context_window=-1"], "context_window: '-1' is not a whole number"),
    (["context_window=0"], "context_window: 0 is not between 1"),
    (["vision=maybe"], "vision: 'maybe' is not yes or no"),
    (["released_on=2026-13-01"], "released_on: '2026-13-01' is not a day"),
    (["type=chatty"], "type: 'chatty' is not one of"),
    (["input_modalities=text,smell"], "input_modalities: 'smell' is not one of"),
    (["display_name= x"], "display_name: begins or ends with a blank"),
    (["context_window=1", "context_window=2"], "context_window is given twice"),
    (["input_price_per_mtok=1"], "use `modelctl price set`"),
    (["is_enabled=yes"], "`modelctl enable`"),
    (["model_id=x"], "model_id is not a fact"),
    (["context_window=10"], "max_output_tokens:"),
    (["deprecated_on=2026-02-02", "retires_on=2026-01-01"], "retires_on: 2026-01-01 is before deprecated_on"),
    (["replacement=deepseek-flsh"], "deepseek-flash"),
    (["replacement=deepseek-v4-pro"], "the replacement is the model itself"),
    (["context_window=x", "vision=x"], "vision: 'x'"),
    ([], "there is no FIELD=VALUE"),
]


def test_what_cannot_be_set_is_said_with_its_field(run: Run, query: Query, filled: str) -> None:
    before = query(filled, ROWS)
    for words, message in CANNOT_BE_SET:
        refused = run("set", PRO, *words, "--database", filled)
        assert refused.code in (1, 2), words
        assert message in refused.stderr
        assert (refused.stdout, refused.stderr.count("\n")) == ("", 1)
    assert query(filled, ROWS) == before


def test_many_rows_are_shown_first_and_written_with_yes(run: Run, query: Query, filled: str) -> None:
    before = query(filled, ROWS)
    where = ("--where", "provider=deepseek status=active,deprecated output_price_per_mtok<=5", "--database", filled)
    seen = run("disable", *where)
    assert seen.code == 3
    assert "would change" in seen.stderr and "add --yes" in seen.stderr
    assert run("disable", *where, "--dry-run").code == 0
    assert query(filled, ROWS) == before
    done = run("disable", *where, "--yes", "--json")
    assert done.code == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["run"]
    names = [each["model_id"] for each in report["results"] if each["status"] == "changed"]
    assert names == [line.partition("  ")[0].partition("/")[2] for line in seen.stdout.splitlines() if line[0] != " "]
    assert report["summary"] == {"changed": len(names), "unchanged": 0, "total": len(names)}
    off = query(filled, "SELECT model_id FROM ai_models WHERE NOT is_enabled AND status <> 'retired' ORDER BY model_id")
    assert [name for (name,) in off] == names
    assert run("enable", names[0], names[1], "--database", filled).code == 0
    assert "no model matches" in run("set", "--where", "tag=no-such", "family=x", "--database", filled).stderr


def test_a_person_sees_ten_rows_and_is_asked(run: Run, query: Query, synced_file: Callable[..., str]) -> None:
    filled = synced_file("--provider", "anthropic")
    before, many = query(filled, ROWS), ("--where", "enabled=yes", "--database", filled)
    for answer in ("n\n", "\n", ""):
        refused = run("disable", *many, typed=answer)
        assert (refused.code, refused.stdout) == (1, "")
        assert refused.stderr.endswith("rows? [y/N] error: the answer was no: nothing was written\n")
    assert query(filled, ROWS) == before
    shown = refused.stderr.splitlines()
    count = json.loads(run("disable", *many, "--json", typed="").stdout)["summary"]["changed"]
    assert shown[0].endswith("is_enabled yes → no")
    assert [line[:12] for line in shown[:10]] == ["~ anthropic/"] * 10
    assert shown[10:] == [f"… and {count - 10} more", f"disable {count} rows? [y/N] {shown[11].partition('] ')[2]}"]
    assert run("disable", *many, typed="y\n").code == 0
    assert query(filled, "SELECT count(*) FROM ai_models WHERE is_enabled AND status <> 'retired'") == [(0,)]
    assert "no model matches" in run("set", "--where", "tag=no-such", "family=x", "--database", filled, typed="").stderr


def test_two_named_models_are_asked_about_and_one_is_not(run: Run, query: Query, filled: str) -> None:
    gone = "SELECT count(*) FROM ai_models WHERE model_id IN ('deepseek-v4-pro', 'deepseek-flash')"
    both = ("remove", PRO, FLASH, "--cascade", "--database", filled)
    asked = run(*both, typed="no\n")
    assert asked.code == 1 and f"- {PRO}\n" in asked.stderr and query(filled, gone) == [(2,)]
    assert run("disable", PRO, "--database", filled, typed="").code == 0
    assert run(*both, "--yes", typed="").code == 0
    assert query(filled, gone) == [(0,)]
    assert run("override", "adopt", "--all", "--database", filled, typed="").code == 0, "nothing to do is no question"


NAMES_NO_ROWS = [
    (("enable",), "enable needs models, or --where"),
    (("enable", PRO, "--where", "type=chat"), "enable needs models, or --where"),
    (("enable", "--where", "type=chat", "--yes", "--dry-run"), "contradict"),
    (("enable", "--where", ""), "names no rows"),
    (("enable", "--where", "type=chatt"), "did you mean chat?"),
    (("enable", "--where", "provider=depseek"), "did you mean deepseek?"),
    (("enable", "--where", "typ=chat"), "did you mean type?"),
    (("enable", "--where", "chat"), "'chat' is not KEY=VALUE"),
    (("enable", "--where", "type>=chat"), "type goes with '=' only"),
    (("enable", "--where", "enabled=maybe"), "enabled is yes or no"),
    (("enable", "--where", "context_window>=x"), "context_window: 'x' is not a number"),
    (("enable", "--where", "type=chat type=image"), "type is given twice"),
    (("enable", "--where", "search='x"), "close the quotes"),
    (("enable", "deepseek-v4-prro"), "deepseek/deepseek-v4-pro"),
]


def test_which_rows_are_meant_is_never_guessed(run: Run, query: Query, filled: str) -> None:
    before = query(filled, ROWS)
    for argv, message in NAMES_NO_ROWS:
        refused = run(*argv, "--database", filled)
        assert refused.code in (1, 2), argv
        assert message in refused.stderr
        assert refused.stderr.count("\n") == 1
    assert query(filled, ROWS) == before


def test_every_bad_row_is_named_and_none_is_written(run: Run, query: Query, filled: str) -> None:
    before = query(filled, ROWS)
    refused = run("enable", PRO, "nope-1", "nope-2", "--database", filled)
    assert refused.code == 2
    assert "nope-1" in refused.stderr and "nope-2" in refused.stderr
    assert "nothing was written, because 2 of 3" in refused.stderr
    assert query(filled, ROWS) == before


def test_of_many_bad_rows_eight_are_told_and_the_rest_counted(run: Run, filled: str) -> None:
    refused = run("enable", *(f"nope-{number}" for number in range(30)), "--database", filled)
    lines = refused.stderr.splitlines()
    assert (refused.code, len(lines), lines[8]) == (2, 10, "and 22 more")


def test_an_end_is_stated_kept_and_comes_by_itself(run: Run, sync: Sync, query: Query, database_url: str) -> None:
    assert sync(database_url, *PROVIDER).code == 0
    before = query(database_url, FACTS, name="deepseek-v4-pro")
    end = ("--replacement", "deepseek-flash", "--retires", "2026-12-31")
    done = run("deprecate", "deepseek-v4-pro", *end, "--database", database_url)
    assert done.code == 0, done.stderr
    [(status, replacement, *_)] = query(database_url, FACTS, name="deepseek-v4-pro")
    assert (status, replacement) == ("deprecated", "deepseek-flash")
    assert run("deprecate", PRO, *end, "--database", database_url).stdout == ""
    assert sync(database_url, *PROVIDER).code == 0
    [(status, *_)] = query(database_url, FACTS, name="deepseek-v4-pro")
    assert status == "deprecated"
    assert sync(database_url, *PROVIDER, now=NOW + timedelta(days=60)).code == 0
    [(status, *_)] = query(database_url, FACTS, name="deepseek-v4-pro")
    assert status == "retired", "the last day has passed"
    assert run("deprecate", "--cancel", PRO, "--database", database_url).code == 0
    assert query(database_url, FACTS, name="deepseek-v4-pro") == before
    assert sync(database_url, *PROVIDER, "--dry-run", "--exit-code").code == 0
    assert "nothing changed" in run("deprecate", "--cancel", PRO, "--database", database_url).stderr


def test_a_vendors_end_that_a_person_denies_stays_denied(run: Run, sync: Sync, query: Query, filled: str) -> None:
    assert query(filled, FACTS, name="deepseek-chat")[0][0] == "retired"
    assert run("deprecate", "--cancel", "deepseek-chat", "--database", filled).code == 0
    for _ in range(2):
        assert query(filled, FACTS, name="deepseek-chat") == [("active", "deepseek-v4-flash", None, None)]
        assert sync(filled, *PROVIDER).code == 0


def test_an_api_that_shows_a_model_as_live_does_not_undo_a_persons_end(
    run: Run, sync: Sync, query: Query, sqlite_url: str, provider_server: ProviderServer
) -> None:
    def synced(*argv: str) -> Result:
        return sync(sqlite_url, "--provider", "anthropic", *argv, env=provider_server.env())

    assert synced("--force").code == 0
    live = query(sqlite_url, "SELECT model_id FROM ai_models WHERE status = 'active' AND last_seen_at IS NOT NULL")
    name = live[0][0]
    assert run("deprecate", f"anthropic/{name}", "--database", sqlite_url).code == 0
    assert synced("--dry-run", "--exit-code").code == 0
    assert query(sqlite_url, FACTS, name=name)[0][0] == "deprecated"


CANNOT_END = [
    ((PRO, "--replacement", "deepseek-v4-pro"), "the replacement is the model itself"),
    ((PRO, "--replacement", "deepseek-flsh"), "deepseek/deepseek-flash"),
    ((PRO, "--replacement", "deepseek-chat"), "is retired"),
    ((FLASH, PRO, "--replacement", "deepseek-flash"), "the replacement is the model itself"),
    ((PRO, "deepseek-coder", "--replacement", "deepseek-reasoner"), "nothing was written, because 2 of 2"),
    ((PRO, "--on", "tomorrow"), "--on: 'tomorrow' is not a day"),
    ((PRO, "--on", "2026-12-01", "--retires", "2026-11-30"), "retires_on: 2026-11-30 is before deprecated_on"),
    (("no-such-model",), "no model is named"),
]


def test_an_end_that_cannot_be_is_refused(run: Run, query: Query, filled: str) -> None:
    before = query(filled, ROWS)
    for argv, message in CANNOT_END:
        refused = run("deprecate", *argv, "--database", filled)
        assert refused.code in (1, 2), argv
        assert message in refused.stderr
    assert query(filled, ROWS) == before


def test_replacements_never_go_round_in_a_circle(run: Run, filled: str) -> None:
    assert run("set", FLASH, "replacement=deepseek-v4-pro", "--database", filled).code == 0
    refused = run("deprecate", PRO, "--replacement", "deepseek-flash", "--database", filled)
    assert "circle: deepseek-v4-pro -> deepseek-flash -> deepseek-v4-pro" in refused.stderr
    assert "another provider's" not in refused.stderr


def test_a_row_from_before_modelctl_can_be_set_and_stays_its_owners(run: Run, query: Query, filled: str) -> None:
    query(filled, "DELETE FROM ai_model_state WHERE model_id = 'deepseek-flash'")
    assert run("set", FLASH, "context_window=900000", "--database", filled).code == 0
    assert run("sync", *PROVIDER, "--database", filled).code == 0
    assert query(filled, "SELECT context_window FROM ai_models WHERE model_id = 'deepseek-flash'") == [(900000,)]
    assert query(filled, "SELECT model_id FROM ai_model_state WHERE model_id = 'deepseek-flash'") == []
