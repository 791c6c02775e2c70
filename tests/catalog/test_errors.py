"""Every way in which a catalog file can be wrong, and the line that says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelctl.catalog.load import load
from modelctl.errors import CatalogError
from tests.catalog.conftest import PROVIDER, Write, models


def refusal(directory: Path) -> str:
    with pytest.raises(CatalogError) as caught:
        load(directory)
    assert "\n" not in str(caught.value)
    return str(caught.value)


MODEL_ERRORS = {
    "context_windw = 1": "context_windw: is not a known key; did you mean context_window?",
    "zzz = 1": "zzz: is not a known key; docs/catalogs.md lists the keys",
    '"a\\nb" = 1': "a\\nb: is not a known key; docs/catalogs.md lists the keys",
    "from_ = 1": "from_: is not a known key; docs/catalogs.md lists the keys",
    'context_window = "128000"': "context_window: '128000' is not a whole number",
    "context_window = 128_000.0": "context_window: 128000.0 is not a whole number",
    "context_window = true": "context_window: true is not a whole number",
    "context_window = 0": "context_window: 0 is not between 1 and 1000000000000",
    f"context_window = 0x{'f' * 9000}": "context_window: is too big a number",
    "recommended = 1": "recommended: 1 is not true or false",
    "display_name = 6": "display_name: 6 is not text in quotes",
    'display_name = ""': "display_name: is empty",
    'display_name = "a\\u0007"': "display_name: holds control or unprintable characters",
    "family = []": "family: a list is not text in quotes",
    'type = "chatty"': "type: 'chatty' is not one of audio, chat, embedding, image, moderation, other, rerank, video",
    'status = "gone"': "status: 'gone' is not one of active, deprecated, preview, retired",
    'input_modalities = "text"': "input_modalities: 'text' is not a list",
    'input_modalities = ["txt"]': "input_modalities: 'txt' is not one of text, image, audio, video, pdf",
    "tags = [1]": "tags[0]: 1 is not text in quotes",
    'tags = ["a", "a"]': "tags: names something twice",
    'capabilities = ["vision", "vison"]': "capabilities[1]: 'vison' is not one of vision, tools, structured_output, "
    "reasoning, streaming, prompt_caching, pdf_input, audio_input, audio_output, web_search, code_execution, "
    "computer_use, citations, batch, temperature",
    'lacks = ["tools", "tools"]': "lacks: names something twice",
    'released_on = "2026-07-09"': "released_on: '2026-07-09' is not a day like 2026-11-21 (without quotes or a time)",
    "released_on = 2026-07-09T00:00:00Z": "released_on: 2026-07-09T00:00:00+00:00 is not a day like 2026-11-21 "
    "(without quotes or a time)",
    'knowledge_cutoff = "soon"': "knowledge_cutoff: 'soon' is not YYYY, YYYY-MM or YYYY-MM-DD",
    'currency = "usd"': "currency: 'usd' is not three capital letters",
    'source = "the vendor"': "source: 'the vendor' is not a URL like https://host/path",
    f'source = "https://{"a" * 500}"': "source: has more than 500 characters",
    "prices = 4": "prices: 4 is not a list",
    "prices = [4]": "prices[0]: 4 is not a table",
    "prices = [{}]": "prices[0]: states no amount; for example input = 2.5",
}


@pytest.mark.parametrize(("key", "message"), MODEL_ERRORS.items())
def test_a_wrong_key_is_named_with_its_line(write: Write, key: str, message: str) -> None:
    directory = write(models(f'[[model]]\nid = "fine"\n\n[[model]]\nid = "gpt-6"\n# a comment\n{key}\n'))

    assert refusal(directory) == f"catalogs/openai.toml:10: model gpt-6: {message}"


PRICE_ERRORS = {
    "{ inptu = 1 }": "inptu: is not a known key; did you mean input?",
    '{ input = "4" }': "input: '4' is not a number",
    "{ input = true }": "input: true is not a number",
    "{ input = nan }": "input: NaN is not a number",
    "{ input = -0.1 }": "input: -0.1 is negative (a free price is 0, an unknown one is left out)",
    "{ input = 1.0000000001 }": "input: 1.0000000001 has more than 6 digits before or 9 after the point",
    "{ input = 1000000 }": "input: 1000000 has more than 6 digits before or 9 after the point",
    f"{{ input = 0x{'f' * 9000} }}": "input: is too big a number",
    "{ input = 1, context_above = -1 }": "context_above: -1 is not between 0 and 1000000000000",
    '{ input = 1, service_tier = "slow" }': "service_tier: 'slow' is not one of standard, batch, flex, priority, "
    "fast, ultrafast",
    '{ input = 1, per = "token" }': "per: 'token' is not one of mtok, mchar, image, second, page, request, thousand",
    '{ input = 1, basis = "manual" }': "basis: 'manual' is not one of documented, observed",
    '{ input = 1, source = "page 4" }': "source: 'page 4' is not a URL like https://host/path",
    '{ input = 1, from = "2026-12-01" }': "from: '2026-12-01' is not a day like 2026-12-01 or an instant like "
    "2026-12-01T07:00:00Z",
    "{ input = 1, from = 2026-12-01T00:00:00 }": "from: 2026-12-01T00:00:00 does not say in which time zone; "
    "end it with Z for UTC",
    "{ input = 1, from = 2026-12-01T00:00:00.5Z }": "from: 2026-12-01T00:00:00.500000+00:00 has a fraction of a second",
    "{ input = 1, from = 0001-01-01T00:00:00+23:59 }": "from: 0001-01-01T00:00:00+23:59 is not a real day or time",
    "{ input = 1, from = 1969-12-31 }": "from: 1969-12-31 is before 1970-01-01",
    "{ input = 1, output = 2, from = 2026-12-01, to = 2026-12-01 }": "to: ends (2026-12-01 00:00:00+00:00) before it "
    "begins (2026-12-01 00:00:00+00:00)",
    '{ input = 1, hours_utc = "1-4" }': "hours_utc: '1-4' is not like 01:00-04:00,06:00-10:00",
    '{ input = 1, hours_utc = "22:00-02:00" }': "hours_utc: '22:00-02:00' has a span that ends before it begins; "
    "write one that passes midnight as two: 22:00-24:00,00:00-02:00",
    '{ input = 1, hours_utc = "01:00-04:00,03:00-05:00" }': "hours_utc: '01:00-04:00,03:00-05:00' has spans that "
    "overlap",
    "{ web_search = 10 }": "web_search: is a price per call, not per mtok; give it a line of its own with "
    'per = "request" or per = "thousand"',
    "{ output = 1, cache_read = 3 }": "cache_read: is stated by prices[1] from the same instant; a changed price is a "
    "new line with a later `from`",
    "{ from = 2026-06-30, cache_read = 3 }": "to: is after prices[2] begins (cache_read from 2026-06-30 00:00 UTC)",
    '{ hours_utc = "03:00-05:00", audio_input = 2 }': "hours_utc: '03:00-05:00' overlaps the hours of prices[0]; "
    "where the hours have changed, give the earlier line a `to`",
}


@pytest.mark.parametrize(("price", "message"), PRICE_ERRORS.items())
def test_a_wrong_price_is_named_with_its_line(write: Write, price: str, message: str) -> None:
    text = f"""[[model]]
id = "gpt-6"
prices = [
  {{ hours_utc = "01:00-04:00", audio_input = 1 }},
  {{ to = 2026-07-01, cache_read = 1 }},
  {price},
]
"""
    said = refusal(write(models(text)))

    line, index = (8, 1) if message.startswith("to: is after") else (9, 2)
    assert said == f"catalogs/openai.toml:{line}: model gpt-6: prices[{index}].{message}"


FILE_ERRORS = {
    "": "1: provider: is missing",
    '\n[[model]]\nid = "a"\n': "1: provider: is missing",
    'provider = "x"': "1: provider: 'x' is not a table",
    "\n[provider]\n": "2: provider.display_name: is missing",
    f"{PROVIDER}kind = 'Open AI'": "4: provider.kind: 'Open AI' is not a slug of lower-case letters, digits and '-'",
    f"{PROVIDER}env_vars = ['KEY', 'B-C']": "4: provider.env_vars[1]: 'B-C' is not the name of an environment variable",
    f"{PROVIDER}env_vars = ['HOME']": (
        "4: provider.env_vars[0]: 'HOME' is not the name of a key's variable, with KEY, TOKEN or SECRET in it"
    ),
    f"{PROVIDER}auth_header_name = 'X:'": "4: provider.auth_header_name: 'X:' is not the name of a header",
    f"{PROVIDER}auth_header_prefix = 'a b'": "4: provider.auth_header_prefix: 'a b' is not one word, or empty",
    f"{PROVIDER}api_base_url = 'api.x.com'": "4: provider.api_base_url: 'api.x.com' is not a URL like "
    "https://host/path",
    f"{PROVIDER}api_url = 'x'": "4: provider.api_url: is not a known key; did you mean api_base_url?",
    "[provider]\ndisplay_name = ' x'": "2: provider.display_name: begins or ends with a blank",
    f"{PROVIDER}\n[[models]]": "5: models: is not a known key; did you mean model?",
    f"{PROVIDER}\n[model]": "5: model: a table is not a list of [[model]] tables",
    f"model = [\n1]\n{PROVIDER}": "2: model[0]: 1 is not a table",
    f"{PROVIDER}\n[[model]]\n\n[[model]]\nid = 'b'": "5: model[0].id: is missing",
    f"{PROVIDER}[[model]]\nid = 4": "5: model[0].id: 4 is not text in quotes",
    f"{PROVIDER}[[model]]\nid = ''": "5: model[0].id: is empty",
    f"{PROVIDER}[[model]]\nid = 'a '": "5: model a : id: begins or ends with a blank",
    f'{PROVIDER}[[model]]\nid = "a\\n"': "5: model a\\n: id: begins or ends with a blank",
    f"{PROVIDER}[[model]]\nid = '{'x' * 192}'": f"5: model {'x' * 59}…: id: has 192 characters, more than 191",
    f"{PROVIDER}[[model]]\nid = 'a'\n[[model]]\n\nid = 'a'": "8: model a: id: is defined already on line 4",
    f"{PROVIDER}[[model]]\nid = 'a'\ncapabilities = ['tools']\nlacks = ['tools']": "7: model a: lacks: 'tools' is "
    "among the capabilities, too",
    f"{PROVIDER}\n\nx = = 1": "6: is not TOML: Invalid value (column 5)",
    f"{PROVIDER}\n\nx = '": '6: is not TOML: Expected "\'" (at end of document)',
    f"{PROVIDER}x = {'9' * 5000}": "1: is not TOML: a number is too long to be read",
    f"{PROVIDER}x = 1e{'9' * 30}": "1: is not TOML: a number is too long to be read",
    f"{PROVIDER}x = {'[' * 100_000}": "1: is nested too deeply",
}


@pytest.mark.parametrize(("text", "message"), FILE_ERRORS.items(), ids=range(len(FILE_ERRORS)))
def test_a_wrong_file_is_named_with_its_line(write: Write, text: str, message: str) -> None:
    assert refusal(write(text.encode())) == f"catalogs/openai.toml:{message}"


def test_text_that_is_not_utf8_is_named_with_its_line(write: Write) -> None:
    directory = write(PROVIDER.encode() + b"# caf\xe9\n")

    assert refusal(directory) == "catalogs/openai.toml:4: is not UTF-8; save the file as UTF-8"


@pytest.mark.parametrize("name", ["OpenAI", "open ai", "x" * 65])
def test_the_name_of_the_file_is_that_of_a_provider(write: Write, name: str) -> None:
    shown = name if len(name) <= 60 else name[:59] + "…"

    assert refusal(write(PROVIDER, name)) == (
        f"catalogs/{name}.toml:1: the file is not named after a provider: provider name {shown!r} is not a slug; "
        "use 1 to 64 lower-case letters, digits, '.', '_' or '-'"
    )


def test_a_file_name_with_a_line_break_stays_in_one_line(write: Write) -> None:
    assert refusal(write(PROVIDER, "a\nb")).startswith("catalogs/a\\nb.toml:1: the file is not named after a provider")


def test_an_ending_in_capitals_is_said(write: Write) -> None:
    directory = write(PROVIDER)
    (directory / "openai.toml").rename(directory / "openai.TOML")

    assert refusal(directory) == (
        "catalogs/openai.TOML:1: the name of the file does not end in .toml; write the ending in lower case"
    )


def test_a_file_that_cannot_be_read_is_said() -> None:
    directory = Path("catalogs")
    (directory / "openai.toml").mkdir(parents=True)

    assert refusal(directory) == "catalogs/openai.toml:1: cannot be read: Is a directory"


def test_a_file_elsewhere_is_named_in_full(write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = write("x").absolute()
    monkeypatch.chdir(tmp_path / "home")

    assert refusal(directory).startswith(f"{directory}/openai.toml:1: is not TOML")


def test_a_relative_name_that_leads_elsewhere_stays_as_it_was_given(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("x")
    monkeypatch.chdir(tmp_path / "home")

    assert refusal(Path("../checkout/catalogs")).startswith("../checkout/catalogs/openai.toml:1: is not TOML")


def test_the_first_error_says_how_many_follow(write: Write) -> None:
    write(models('[[model]]\ncontext_windw = 1\n[[model]]\nid = "b"\ntier = "dear"\nprices = [{ input = -1 }]\n'))
    directory = write("", "xai")

    assert refusal(directory) == (
        "catalogs/openai.toml:4: model[0].id: is missing; and 4 more: run `modelctl catalog lint`"
    )


def test_a_bad_currency_is_said_once_and_not_for_every_price(write: Write) -> None:
    text = '[[model]]\nid = "a"\ncurrency = "Euro"\nprices = [{ input = 1, output = 2 }, { per = "page", input = 3 }]\n'

    assert refusal(write(models(text))) == "catalogs/openai.toml:6: model a: currency: has 4 characters, more than 3"
