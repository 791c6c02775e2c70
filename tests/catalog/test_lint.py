"""What lint finds in files that the schema lets pass, and on which line."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from modelctl.catalog.findings import CatalogFinding, Severity
from modelctl.catalog.lint import lint
from modelctl.errors import CatalogError
from tests.catalog.conftest import PROVIDER, Write, models

TODAY = date(2026, 11, 21)


def findings(directory: Path, **options: int) -> list[str]:
    return [f"{found.severity} {found}" for found in lint(directory, today=TODAY, **options)]


def model(model_id: str, *keys: str) -> str:
    return "\n".join(["[[model]]", f'id = "{model_id}"', "verified_on = 2026-11-21", *keys, ""])


def test_a_sound_catalog_has_no_findings(write: Write) -> None:
    text = model(
        "gpt-6",
        "released_on = 2026-01-01",
        "deprecated_on = 2026-01-01",
        "retires_on = 2026-11-21",
        "status = 'deprecated'",
        "context_window = 10",
        "max_input_tokens = 10",
        "max_output_tokens = 10",
        "replacement = 'gpt-7'",
        "aliases = ['gpt-6-latest']",
        "prices = [{ input = 1, cache_read = 1 }]",
    )
    assert findings(write(models(text + model("gpt-7", "status = 'active'", "deprecated_on = 2026-11-22")))) == []


KEYS = {
    "released_on = 2026-07-09\nretires_on = 2026-07-08": "8: model gpt-6: retires_on: 2026-07-08 is before "
    "released_on (2026-07-09)",
    "deprecated_on = 2026-07-08\nreleased_on = 2026-07-09": "7: model gpt-6: deprecated_on: 2026-07-08 is before "
    "released_on (2026-07-09)",
    "deprecated_on = 2027-07-09\nretires_on = 2027-07-08": "8: model gpt-6: retires_on: 2027-07-08 is before "
    "deprecated_on (2027-07-09)",
    "context_window = 10\nmax_output_tokens = 11": "8: model gpt-6: max_output_tokens: 11 is above the "
    "context_window (10)",
    "context_window = 10\nmax_input_tokens = 11": "8: model gpt-6: max_input_tokens: 11 is above the "
    "context_window (10)",
    "retires_on = 2026-11-20\nstatus = 'active'": "8: model gpt-6: status: is 'active', but the model has retired on "
    "2026-11-20; leave status out: the dates decide",
    "retires_on = 2026-11-20\nstatus = 'preview'": "8: model gpt-6: status: is 'preview', but the model has retired on "
    "2026-11-20; leave status out: the dates decide",
    "retires_on = 2026-11-21\nstatus = 'retired'": "8: model gpt-6: status: is 'retired', but the model answers until "
    "2026-11-21; leave status out: the dates decide",
    "deprecated_on = 2026-11-21\nstatus = 'active'": "8: model gpt-6: status: is 'active', but its end was announced "
    "on 2026-11-21; leave status out: the dates decide",
    "\nreplacement = 'gpt-6'": "8: model gpt-6: replacement: is the model itself",
    "\nreplacement = 'gpt-77'": "8: model gpt-6: replacement: gpt-77 is not a model of this file; did you mean gpt-7?",
    "\nreplacement = 'x'\naliases = ['x']": "8: model gpt-6: replacement: x is not a model of this file; it is an "
    "alias of gpt-6",
    "\naliases = ['x', 'gpt-7']": "8: model gpt-6: aliases[1]: gpt-7 is the id of another model",
    "\naliases = ['gpt-6']": "8: model gpt-6: aliases[0]: gpt-6 is the id of this model",
    "aliases = [\n'GPT-6']": "8: model gpt-6: aliases[0]: GPT-6 has an upper-case letter, which no id of OpenAI has",
    "\naliases = ['gpt 6']": "8: model gpt-6: aliases[0]: gpt 6 holds a blank",
}


@pytest.mark.parametrize(("keys", "message"), KEYS.items())
def test_facts_that_contradict_each_other_are_errors(write: Write, keys: str, message: str) -> None:
    directory = write(models(model("gpt-6", keys) + model("gpt-7")))

    assert findings(directory) == [f"error catalogs/openai.toml:{message}"]


DOUBTS = {
    "status = 'retired'": "4: model gpt-6: retires_on: is missing, but the model is retired",
    "prices = [\n{ input = 0.5 },\n{ output = 1, cache_read = 0.6 }\n]": "9: model gpt-6: prices[1].cache_read: 0.6 is "
    "above the input price (0.5)",
    "prices = [{ input = 2, cache_read = 1 },\n{ from = 2026-12-01, cache_read = 3 }]": "8: model gpt-6: "
    "prices[1].cache_read: 3 is above the input price (2)",
}


@pytest.mark.parametrize(("keys", "message"), DOUBTS.items())
def test_what_may_be_right_is_a_warning(write: Write, keys: str, message: str) -> None:
    assert findings(write(models(model("gpt-6", keys)))) == [f"warning catalogs/openai.toml:{message}"]


@pytest.mark.parametrize("kind", ["audio", "image", "video"])
def test_output_that_is_no_text_has_a_limit_of_its_own(write: Write, kind: str) -> None:
    keys = f"type = '{kind}'\ncontext_window = 8192\nmax_output_tokens = 16384"

    assert findings(write(models(model("gpt-6", keys)))) == []
    assert len(findings(write(models(model("gpt-6", f"{keys}\nmax_input_tokens = 16384"))))) == 1


def test_prices_of_other_terms_are_not_compared(write: Write) -> None:
    prices = "prices = [{ input = 1 }, { service_tier = 'batch', cache_read = 2 }, { per = 'page', cache_read = 2 }]"

    assert findings(write(models(model("gpt-6", prices)))) == []


def test_facts_that_nobody_looked_at_lately_are_doubtful(write: Write) -> None:
    text = "".join(
        f"[[model]]\nid = 'm{index}'\n{verified}\n"
        for index, verified in enumerate(
            ["verified_on = 2026-09-22", "verified_on = 2026-09-21", "", "verified_on = 2026-11-22"]
        )
    )
    directory = write(models(text))

    assert findings(directory) == [
        "warning catalogs/openai.toml:9: model m1: verified_on: 2026-09-21 is 61 days ago",
        "error catalogs/openai.toml:10: model m2: verified_on: is missing; "
        "the day on which the facts were compared with the vendor's",
        "warning catalogs/openai.toml:15: model m3: verified_on: 2026-11-22 is in the future",
    ]
    assert len(findings(directory, stale_after_days=61)) == 2
    assert len(findings(directory, stale_after_days=59)) == 4


def test_a_price_without_a_page_to_look_it_up_is_an_error(write: Write) -> None:
    prices = (
        "prices = [\n{ input = 1, output = 2, source = 'https://x.com' },\n{ per = 'image', input = 1, output = 2 }]"
    )
    text = "[provider]\ndisplay_name = 'X'\n" + model("gpt-6", prices)

    assert findings(write(text)) == [
        "error catalogs/openai.toml:8: model gpt-6: prices[1]: has no source; "
        "give the line a source, or the provider a pricing_url"
    ]


def test_replacements_that_go_round_in_a_circle_are_errors(write: Write) -> None:
    directory = write(
        models(
            model("a", "replacement = 'b'")
            + model("b", "replacement = 'c'")
            + model("c", "replacement = 'b'")
            + model("d", "replacement = 'd'")
        )
    )

    assert findings(directory) == [
        "error catalogs/openai.toml:7: model a: replacement: goes round in a circle: a -> b -> c -> b",
        "error catalogs/openai.toml:11: model b: replacement: goes round in a circle: b -> c -> b",
        "error catalogs/openai.toml:15: model c: replacement: goes round in a circle: c -> b -> c",
        "error catalogs/openai.toml:19: model d: replacement: is the model itself",
    ]


def test_replacements_of_another_provider_are_looked_for_in_its_file(write: Write) -> None:
    elsewhere = "replacement_provider = 'azure'"
    directory = write(
        models(
            model("a", "replacement = 'x'", elsewhere)
            + model("b", "replacement = 'y'", elsewhere)
            + model("c", "replacement = 'z'", "replacement_provider = 'nobody'")
            + model("d", elsewhere)
        )
    )
    write(models(model("x", "replacement = 'a'", "replacement_provider = 'openai'")), "azure")

    assert findings(directory) == [
        "error catalogs/azure.toml:7: model x: replacement: goes round in a circle: x -> openai/a -> x",
        "error catalogs/openai.toml:7: model a: replacement: goes round in a circle: a -> azure/x -> a",
        "error catalogs/openai.toml:12: model b: replacement: y is not a model of azure",
        "warning catalogs/openai.toml:17: model c: replacement: no catalog here tells whether nobody/z is there",
        "error catalogs/openai.toml:19: model d: replacement: replacement_provider is stated without it; state both",
    ]


def test_replacements_that_end_in_a_retired_model_are_doubtful(write: Write) -> None:
    directory = write(
        models(
            model("a", "replacement = 'b'")
            + model("b", "retires_on = 2026-01-01", "replacement = 'c'")
            + model("c", "retires_on = 2026-11-20")
            + model("d", "replacement = 'e'")
            + model("e", "retires_on = 2026-11-21")
        )
    )

    assert findings(directory) == [
        "warning catalogs/openai.toml:7: model a: replacement: ends in a retired model: a -> b -> c",
        "warning catalogs/openai.toml:12: model b: replacement: ends in a retired model: b -> c",
    ]


def test_an_alias_belongs_to_one_model(write: Write) -> None:
    directory = write(models(model("a", "aliases = ['x']") + model("b", "aliases = ['x']")))

    assert findings(directory) == ["error catalogs/openai.toml:11: model b: aliases[0]: x is an alias of a, too"]


@pytest.mark.parametrize(
    ("provider", "right", "wrong"),
    [
        ("openai", ["gpt-4.1-nano", "o1-preview", "tts-1-hd"], ["GPT-4o"]),
        (
            "anthropic",
            ["claude-sonnet-4-20250514", "claude-2.1", "claude-instant-1.2", "claude-1.3-100k"],
            ["claude-3.5-sonnet", "claude-opus-4.1", "Claude-3-opus"],
        ),
        ("google", ["gemini-1.5-flash-8b", "gemma-3n-E2B-it", "gemma-4-E4B"], ["Gemini-pro", "models/gemini", "a-E2B"]),
        ("replicate", ["meta/llama-3", "black-forest-labs/flux-1.1-pro"], ["llama-3", "meta/llama/3"]),
        ("together", ["Qwen/Qwen3-Coder", "a.b"], ["a b"]),
    ],
)
def test_ids_are_spelled_like_the_vendor_spells_them(
    write: Write, provider: str, right: list[str], wrong: list[str]
) -> None:
    found = lint(write(models("".join(map(model, right + wrong))), provider), today=TODAY)

    assert [(each.model_id, each.key, each.severity) for each in found] == [(each, "id", "error") for each in wrong]


def test_broken_models_do_not_hide_what_is_wrong_with_others(write: Write) -> None:
    text = """
        [[model]]
        id = "a"
        tier = 4

        [[model]]
        id = "b"
        replacement = "a"

        [[model]]
        id = "b"
        verified_on = 2026-11-21
        prices = [
          { input = -1 },
        ]
        """
    write(models(text))
    write("x", "acme")
    directory = write(PROVIDER, "zeta")

    assert findings(directory) == [
        "error catalogs/acme.toml:1: is not TOML: Expected '=' after a key in a key/value pair (at end of document)",
        "error catalogs/openai.toml:7: model a: tier: 4 is not text in quotes",
        "error catalogs/openai.toml:9: model b: verified_on: is missing; "
        "the day on which the facts were compared with the vendor's",
        "error catalogs/openai.toml:14: model b: id: is defined already on line 9",
        "error catalogs/openai.toml:17: model b: prices[0].input: -1 is negative "
        "(a free price is 0, an unknown one is left out)",
    ]


def test_a_finding_names_file_line_model_and_key(write: Write) -> None:
    assert lint(write(models(model("a", "replacement = 'a'"))), today=TODAY) == (
        CatalogFinding(
            path="catalogs/openai.toml",
            line=7,
            model_id="a",
            key="replacement",
            severity=Severity.ERROR,
            message="is the model itself",
        ),
    )


def test_nothing_to_lint_is_an_error() -> None:
    with pytest.raises(CatalogError, match="catalog directory missing cannot be read"):
        lint(Path("missing"), today=TODAY)
