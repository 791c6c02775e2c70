"""Discovery modules of other packages: the example of docs/plugins.md, installed and run; and broken ones."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

from tests.conftest import Result, Run

PAGE = Path(__file__).parents[2] / "docs" / "plugins.md"
BLOCKS = dict(re.findall(r"```(toml|python)\n# [\w.]+\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL))

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """`install("modelctl-acme", code, kind="acme")`: a package on the path, as pip would leave it there."""
    site = tmp_path / "site"
    monkeypatch.syspath_prepend(str(site))
    before = set(sys.modules)

    def install_it(name: str, code: str, kind: str = "acme", version: str = "1.0") -> None:
        module = name.replace("-", "_")
        info = site / f"{module}-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[modelctl.discovery]\n{kind} = {module}\n")
        (site / f"{module}.py").write_text(code)

    yield install_it
    for name in set(sys.modules) - before:
        if name.startswith("modelctl_"):
            del sys.modules[name]


@pytest.fixture
def do(run: Run, sqlite_url: str) -> Callable[..., Result]:
    return lambda *argv: run(*argv, "--database", sqlite_url, env={"ACME_API_KEY": "acme-test-key"})


def test_the_example_of_the_documentation_is_installed_and_synced(
    do: Callable[..., Result], install: Install, httpserver: HTTPServer
) -> None:
    assert 'acme = "modelctl_acme"' in BLOCKS["toml"]
    install("modelctl-acme", BLOCKS["python"])
    engines = [{"engine": "a-1", "window": 8192}, {"engine": "mine", "private": True}]
    accepted = {"Authorization": "Bearer acme-test-key"}
    httpserver.expect_request("/catalogue", headers=accepted).respond_with_json({"engines": engines})
    httpserver.expect_request("/catalogue").respond_with_data(status=401)
    options = ("--kind", "acme", "--base-url", httpserver.url_for(""), "--env", "ACME_API_KEY")
    assert do("provider", "add", "acme", *options).code == 0
    assert do("provider", "test", "acme").stdout.startswith("acme  ok  1 model, 1 skipped, ")
    assert do("sync", "--provider", "acme").code == 0
    [row] = json.loads(do("list", "--provider", "acme", "--json").stdout)
    assert (row["model_id"], row["context_window"]) == ("a-1", 8192)
    assert do("sync", "--provider", "acme", "--dry-run", "--exit-code").code == 0


def test_a_public_listing_is_asked_without_a_key_by_who_names_it_and_wants_its_api(
    run: Run, sqlite_url: str, install: Install, httpserver: HTTPServer
) -> None:
    def do(*argv: str) -> Result:
        return run(*argv, "--database", sqlite_url)

    install("modelctl-acme", BLOCKS["python"].replace("COMPLETE =", "PUBLIC = True\nCOMPLETE ="))
    httpserver.expect_request("/catalogue").respond_with_json({"engines": [{"engine": "a-1"}]})
    options = ("--kind", "acme", "--base-url", httpserver.url_for(""), "--env", "ACME_API_KEY")
    assert do("provider", "add", "acme", *options).code == 0
    for argv in (
        ("sync",),
        ("sync", "--provider", "acme"),
        ("sync", "--source", "api"),
        (
            "provider",
            "models",
        ),
    ):
        assert do(*argv).code != 2
        assert httpserver.log == [], "a sync without keys needs no network"
    notice = "no key; set ACME_API_KEY to ask its API as well; to ask it without a key, name it with --source api"
    assert notice in do("sync", "--provider", "acme").stdout
    assert do("sync", "--provider", "acme", "--source", "api").code == 0
    assert do("provider", "models", "acme").stdout.startswith("acme")
    assert [each["model_id"] for each in json.loads(do("list", "--provider", "acme", "--json").stdout)] == ["a-1"]
    assert all("Authorization" not in request.headers for request, _ in httpserver.log)


OF_0_1_0 = """
from modelctl.core.facts import ModelFacts, ModelKey, ModelRecord
from modelctl.discovery.base import list_at
from modelctl.discovery.http import json_api

KIND = "acme"
DOCS = "https://docs.acme.example/models"
BASE_URL_ENV = ""
COMPLETE = True


def fetch(access):
    with json_api(access, access.base_url or "https://api.acme.example") as get:
        yield from list_at(get("/catalogue").body, "engines")


def translate(item, access):
    return ModelRecord(key=ModelKey(access.provider, item["engine"]), facts=ModelFacts())
"""


def test_a_module_that_was_written_for_0_1_0_still_lists(
    do: Callable[..., Result], install: Install, httpserver: HTTPServer
) -> None:
    install("modelctl-acme", OF_0_1_0)
    httpserver.expect_request("/catalogue").respond_with_json({"engines": [{"engine": "a-1"}]})
    assert do("provider", "add", "acme", "--kind", "acme", "--base-url", httpserver.url_for("")).code == 0
    assert do("provider", "test", "acme").stdout.startswith("acme  ok  1 model, ")
    assert do("sync", "--provider", "acme").code == 0


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("import no_such_sdk", "of modelctl-acme 1.0 cannot be imported (ModuleNotFoundError: No module named"),
        ("raise SystemError('boo\\nhoo')", "of modelctl-acme 1.0 cannot be imported (SystemError: boo hoo)"),
        ("KIND = 'acme'", "of modelctl-acme 1.0 has no DOCS, BASE_URL_ENV, COMPLETE, fetch, translate"),
        (BLOCKS["python"].replace('KIND = "acme"', 'KIND = "acne"'), "says that its kind is 'acne'"),
        (BLOCKS["python"].replace("COMPLETE = True", "COMPLETE = 1 / 0"), "cannot be imported (ZeroDivisionError"),
    ],
)
def test_a_broken_package_fails_its_own_provider_in_one_line_that_names_it(
    do: Callable[..., Result], install: Install, code: str, says: str
) -> None:
    install("modelctl-acme", code)
    assert do("provider", "add", "acme", "--kind", "acme", "--base-url", "http://127.0.0.1:1").code == 0
    done = do("sync", "--provider", "acme", "--provider", "deepseek", "--json")
    found = {each["provider"]: each for each in json.loads(done.stdout)["providers"]}
    assert done.code == 5
    assert says in json.dumps(found["acme"]["error"], ensure_ascii=False)
    assert found["deepseek"]["outcome"] == "applied"


def test_two_packages_of_one_kind_are_both_named(do: Callable[..., Result], install: Install) -> None:
    install("modelctl-acme", BLOCKS["python"])
    install("modelctl-other", BLOCKS["python"])
    assert do("provider", "add", "acme", "--kind", "acme", "--base-url", "http://127.0.0.1:1").code == 0
    told = do("provider", "test", "acme").stdout
    assert "modelctl-acme 1.0 and modelctl-other 1.0 both bring a discovery module 'acme'" in told


def test_what_is_built_in_cannot_be_replaced(do: Callable[..., Result], install: Install) -> None:
    install("modelctl-evil", "raise SystemExit('imported')", kind="openai-compatible")
    assert do("provider", "add", "own", "--base-url", "http://127.0.0.1:1/v1").code == 0
    assert "unreachable" in do("provider", "test", "own").stdout
