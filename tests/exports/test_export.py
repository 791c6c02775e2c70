"""`modelctl export`: what a file says is what the table says, unknown is never a number, and only whole files."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from decimal import Decimal
from typing import Any

import pytest
import yaml
from sqlalchemy import make_url

from modelctl import ModelStore
from modelctl.exports.registry import FORMATS
from tests.conftest import NOW, Result
from tests.databases import empty_database
from tests.exports.readers import READERS


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database with all shipped catalogs, and a server of one's own whose names are hostile."""
    with empty_database("sqlite", tmp_path_factory.mktemp("export")) as found:
        with ModelStore(found, environ={}, clock=lambda: NOW) as store:
            store.sync(source="catalog")
        return found


@pytest.fixture
def export(run, url) -> Callable[..., Result]:
    return lambda *argv, **kwargs: run("export", *argv, "--database", url, **kwargs)


@pytest.fixture(scope="module")
def rows(url) -> dict[tuple[str, str], dict[str, Any]]:
    """The table as plain SQL reads it."""
    connection = sqlite3.connect(make_url(url).database)
    connection.row_factory = sqlite3.Row
    with closing(connection):
        return {(row["provider"], row["model_id"]): dict(row) for row in connection.execute("SELECT * FROM ai_models")}


@pytest.mark.parametrize("name", READERS)
def test_every_number_in_a_file_is_the_number_in_the_table(name, export, rows):
    result = export(name)
    assert result.code == 0, result.stderr
    said = list(READERS[name](result.stdout))
    assert len(said) > 300, "the reader of this test has lost its models"
    wrong = [
        (provider, model_id, column, value, rows[provider, model_id][column])
        for provider, model_id, column, value in said
        if not is_same(rows[provider, model_id][column], value)
    ]
    assert wrong == []
    assert "retired" not in {rows[provider, model_id]["status"] for provider, model_id, _, _ in said}


@pytest.mark.parametrize("name", sorted({*FORMATS} - {*READERS}))
def test_the_other_formats_can_be_read(name, export):
    assert yaml.safe_load(export(name, "openai").stdout)


def is_same(stored: Any, said: Any) -> bool:
    """Whether a tool reads what is stored; nothing that is unknown may be said."""
    if stored is None or isinstance(said, bool):
        return stored is not None and bool(stored) is said
    return Decimal(str(stored)) == Decimal(str(said))


def models_of(text: str) -> list[str]:
    return [each["model_name"] for each in yaml.safe_load(text)["model_list"]]


def test_providers_filters_and_keys_choose_the_models(export, rows):
    groq = models_of(export("litellm-config", "groq").stdout)
    assert groq and all(each.startswith("groq/") for each in groq)
    assert set(groq) == {
        f"groq/{model_id}"
        for (provider, model_id), row in rows.items()
        if provider == "groq" and row["is_enabled"] and row["status"] != "retired"
    }
    cheap = models_of(export("litellm-config", "groq", "--where", "input_price_per_mtok<=0.2 type=chat").stdout)
    assert cheap and set(cheap) < set(groq)
    usable = models_of(export("litellm-config", "--usable", env={"XAI_API_KEY": "xai-1"}).stdout)
    assert usable and all(each.startswith("xai/") for each in usable)
    assert models_of(export("litellm-config", "groq,xai").stdout)


def test_what_a_format_cannot_say_is_counted(export):
    result = export("librechat", "fireworks")
    assert "listed without window and price, of which LibreChat takes all or none (fireworks/" in result.stderr
    assert export("librechat", "fireworks", "--quiet").stderr == ""


def test_a_file_is_written_whole_and_only_where_it_would_say_something_else(export, tmp_path):
    path = tmp_path / "models.json"
    assert export("litellm-prices", "-o", str(path), "--check").code == 3
    assert not path.exists()
    written = export("litellm-prices", "-o", str(path))
    assert (written.code, written.stdout) == (0, "")
    assert f"{path} written: " in written.stderr
    before = path.stat()
    assert "says the same already" in export("litellm-prices", "-o", str(path)).stderr
    assert path.stat().st_mtime_ns == before.st_mtime_ns
    same = export("litellm-prices", "-o", str(path), "--check", "--quiet")
    assert (same.code, same.stdout, same.stderr) == (0, "", "")
    path.write_text(path.read_text().replace("128000", "127999", 1))
    stale = export("litellm-prices", "-o", str(path), "--check")
    assert stale.code == 3
    assert f"{path} is out of date; run the command without --check to write it" in stale.stderr
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith(".models")] == []


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["litelm-prices"], "litelm-prices"),
        (["llm", "--check"], "--check compares with a file; name it with -o FILE"),
        (["llm", "nobody"], "nobody"),
        (["llm", "--project", "shop"], "--project says whose keys count"),
        (["llm", "groq", "--where", "provider=xai"], "both name providers"),
        (["llm", "--where", "search=nosuchmodel"], "there is no model to export as llm"),
        (["llm", "-o", "/nowhere/at/all.yaml"], "/nowhere/at/all.yaml cannot be written"),
    ],
)
def test_what_cannot_be_is_one_line(argv, message, export):
    result = export(*argv)
    assert (result.code, result.stdout) == (2, "")
    assert result.stderr.count("\n") == 1
    assert message in result.stderr


HOSTILE = 'x: {y}\n- "${HOME}" # {{ z }} & *a !!python/object'


def test_hostile_names_stay_text_in_every_format(run, sqlite_url, tmp_path):
    """An id that would be YAML, a template or a label of its own is the same text when the file is read."""
    ask = lambda *argv: run(*argv, "--database", sqlite_url)  # noqa: E731
    ask("provider", "add", "acme", "--kind", "openai-compatible", "--base-url", "http://127.0.0.1:9/v1")
    row = {"model": 'acme/a"b\\c:#{d}', "display_name": HOSTILE.replace("\n", " "), "type": "chat", "is_enabled": True}
    (tmp_path / "row.json").write_text(json.dumps([row]))
    added = ask("add", "--from", str(tmp_path / "row.json"))
    assert added.code == 0, added.stderr
    for name in FORMATS:
        result = ask("export", name)
        if result.code == 2:
            assert "no model to export" in result.stderr
            continue
        assert result.code == 0, result.stderr
        if name == "prometheus":
            assert result.stdout.count("# TYPE") == 3
        else:
            loaded = yaml.safe_load(result.stdout)
            if "acme" in result.stdout and name not in ("librechat",):
                assert 'a"b\\c:#{d}' in str(loaded).replace("\\\\", "\\")
