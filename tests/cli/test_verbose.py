"""`--verbose` tells what is done, `--debug` everything; neither touches the answer or shows a secret."""

from __future__ import annotations

import logging

from tests.conftest import Run
from tests.loopback import ProviderServer, status


def test_verbose_tells_who_is_asked_what_is_read_and_what_it_took(
    run: Run, provider_server: ProviderServer, sqlite_url: str
) -> None:
    environ = provider_server.env("openai")
    sync = ("sync", "--database", sqlite_url, "--provider", "openai", "--json")
    result = run(*sync, "--verbose", env=environ)
    assert result.code == 0, result.stderr
    for told in (
        "modelctl.catalog.load: ",
        f"openai: asking {provider_server.base_url('openai')}",
        " models in ",
        "openai: applied in ",
        f"{sqlite_url}: ",
        " statements, answered in ",
    ):
        assert told in result.stderr
    assert "modelctl." not in result.stdout
    assert "Traceback" not in result.stderr
    assert not logging.getLogger("modelctl").handlers, "the next command of this process logs nothing"
    assert "asking" not in run(*sync, env=environ).stderr
    assert environ["OPENAI_API_KEY"] not in result.stderr


def test_what_is_logged_holds_no_password(run: Run) -> None:
    url = "postgresql://app:s3cr3t@127.0.0.1:1/none"
    for option in ("--verbose", "--debug"):
        result = run("list", "--database", url, option)
        assert (result.code, result.stdout) == (1, "")
        assert "app:***@127.0.0.1:1/none: 0 statements" in result.stderr
        assert "s3cr3t" not in result.stderr


def test_a_try_that_failed_is_told(run: Run, provider_server: ProviderServer, sqlite_url: str) -> None:
    provider_server.fail("openai", status(503, times=1))
    sync = ("sync", "--verbose", "--database", sqlite_url, "--provider", "openai")
    result = run(*sync, env=provider_server.env("openai"))
    assert result.code == 0, result.stderr
    assert "openai: try 1 failed, next in " in result.stderr
