"""Settings: precedence, strictness, origins, and that no password is shown."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelctl.config import FILE_NAME, Settings, resolve_settings
from modelctl.core.credentials import masked, redacted, with_driver
from modelctl.core.planning.policy import CreateNew, NewModels
from modelctl.errors import UsageError


def resolved(
    text: str = "", environ: dict[str, str] | None = None, user_text: str = "", **flags: str | None
) -> Settings:
    """Settings with `text` in the working directory's file and `user_text` in the user's."""
    if text:
        Path(FILE_NAME).write_text(text, encoding="utf-8")
    if user_text:
        import platformdirs

        directory = platformdirs.user_config_path("modelctl", appauthor=False, ensure_exists=True)
        (directory / FILE_NAME).write_text(user_text, encoding="utf-8")
    return resolve_settings(flags, environ or {}, working_directory=Path.cwd())


def test_defaults_need_no_file_and_no_variable():
    settings = resolved()
    assert settings.database_url.startswith("sqlite:///")
    assert settings.database_url.endswith("modelctl.db")
    assert (settings.table_prefix, settings.schema, settings.catalog_directory) == ("ai_", None, None)
    assert (settings.timeout_s, settings.deadline_s, settings.new_models("openai")) == (20, 120, NewModels())
    assert (settings.limits.min_rows, settings.limits.max_price_fall) == (10, 10)
    assert settings.provider("openai").enabled
    assert {each.origin for each in settings.shown().values()} == {"default"}


def test_the_nearest_source_wins():
    user = "timeout_s = 1\ndeadline_s = 1\ntable_prefix = 'user_'\ncreate_new = 'catalog'"
    here = "timeout_s = 2\ndeadline_s = 2\ntable_prefix = 'here_'"
    settings = resolved(here, {"MODELCTL_TIMEOUT_S": "3", "MODELCTL_DATABASE_URL": "sqlite:///e"}, user)
    assert (settings.timeout_s, settings.deadline_s, settings.table_prefix) == (3, 2, "here_")
    assert settings.create_new is CreateNew.CATALOG
    origins = {name: each.origin for name, each in settings.shown().items()}
    assert origins["timeout_s"] == "MODELCTL_TIMEOUT_S"
    assert origins["deadline_s"] == str(Path.cwd() / FILE_NAME)
    assert origins["create_new"].endswith(FILE_NAME)
    assert origins["create_new"] != origins["deadline_s"]


def test_the_database_comes_from_flag_then_our_variable_then_the_common_one_then_file():
    environ = {"DATABASE_URL": "sqlite:///common", "MODELCTL_DATABASE_URL": "sqlite:///ours"}
    text = "database_url = 'sqlite:///file'"
    assert resolved(text, environ, database_url="sqlite:///flag").database_url == "sqlite:///flag"
    assert resolved(text, environ).database_url == "sqlite:///ours"
    del environ["MODELCTL_DATABASE_URL"]
    settings = resolved(text, environ)
    assert settings.database_url == "sqlite:///common"
    assert settings.shown()["database_url"].origin == "DATABASE_URL"
    assert resolved(text).database_url == "sqlite:///file"


def test_a_named_file_takes_the_place_of_the_others(tmp_path):
    other = tmp_path / "other.toml"
    other.write_text("timeout_s = 5", encoding="utf-8")
    assert resolved("deadline_s = 9", config=str(other)).deadline_s == 120
    assert resolved(environ={"MODELCTL_CONFIG": str(other)}).timeout_s == 5
    with pytest.raises(UsageError, match=r"--config: there is no file .*missing\.toml"):
        resolved(config="missing.toml")


def test_providers_are_merged_key_by_key():
    user = "[providers.openai]\ninclude = ['gpt-*']\nenabled = false\n[providers.google]\nenabled = false"
    settings = resolved("[providers.openai]\nenabled = true\nexclude = ['*-audio-*']", user_text=user)
    openai = settings.provider("openai")
    assert openai.enabled
    assert (openai.patterns.include, openai.patterns.exclude) == (("gpt-*",), ("*-audio-*",))
    assert not settings.provider("google").enabled
    assert settings.shown()["providers.openai.include"].value == ("gpt-*",)


def test_a_relative_catalog_directory_is_meant_from_the_file_that_names_it(tmp_path):
    (tmp_path / "conf.toml").write_text("catalog_directory = 'mine'", encoding="utf-8")
    assert resolved(config=str(tmp_path / "conf.toml")).catalog_directory == tmp_path / "mine"
    assert resolved(environ={"MODELCTL_CATALOG_DIRECTORY": "mine"}).catalog_directory == Path.cwd() / "mine"


def test_guard_limits_are_exact():
    settings = resolved("max_price_rise = 1.1", {"MODELCTL_MAX_PRICE_FALL": "2.5", "MODELCTL_GUARD_MIN_ROWS": "0"})
    assert settings.limits.max_price_rise == Decimal("1.1")
    assert settings.limits.max_price_fall == Decimal("2.5")
    assert settings.limits.min_rows == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("timout_s = 3", r"modelctl\.toml: unknown setting timout_s; did you mean timeout_s\?"),
        ("zzz = 3", r"unknown setting zzz; known are catalog_directory"),
        ("timeout_s = '3'", r"modelctl\.toml: timeout_s: '3' is not a number of seconds"),
        ("timeout_s = true", "True is not a number of seconds"),
        ("timeout_s = 0", "0 is not a number of seconds above 0"),
        ("timeout_s = nan", "NaN is not a number"),
        ("timeout_s = 1e9", "is not a number of seconds"),
        ("max_retired_percent = 101", "101 is not a whole number from 0 to 100"),
        ("max_retired_percent = 30.5", "30.5 is not a whole number"),
        ("guard_min_rows = -1", "-1 is not a whole number from 0 up"),
        ("max_price_rise = 0.5", "0.5 is not a number from 1 up"),
        ("enable_new = 'maybe'", "'maybe' is not one of priced, recommended, none, all"),
        ("create_new = ['catalog']", "is not one of all, catalog"),
        ("table_prefix = 'x; drop table'", "is not a name"),
        ("schema = 3", "3 is not text"),
        ("database_url = 'models.db'", "database_url: is not a database URL"),
        ("providers = 3", "providers: is not a table"),
        ("[providers]\nopenai = 3", "providers: is not a table"),
        (
            "[providers.openai]\nincludes = []",
            r"\[providers.openai\]: unknown setting includes; did you mean include\?",
        ),
        ("[providers.openai]\ninclude = 'gpt-*'", r"\[providers.openai\] include: 'gpt-\*' is not a list of patterns"),
        ("[providers.openai]\nenabled = 1", "enabled: 1 is not true or false"),
        ("a = 1\nb = = 2", r"modelctl\.toml:2: Invalid value"),
        ("a = [", r"modelctl\.toml"),
    ],
)
def test_a_wrong_file_is_refused_by_name_and_key(text, message):
    with pytest.raises(UsageError, match=message):
        resolved(text)


def test_a_settings_file_that_is_not_text_is_refused():
    Path(FILE_NAME).write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match=r"modelctl\.toml: is not UTF-8 text"):
        resolved()
    Path(FILE_NAME).unlink()
    Path(FILE_NAME).mkdir()
    with pytest.raises(UsageError, match=r"modelctl\.toml: cannot be read"):
        resolved()


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({"MODELCTL_TIMOUT_S": "3"}, r"unknown setting MODELCTL_TIMOUT_S; did you mean MODELCTL_TIMEOUT_S\?"),
        ({"MODELCTL_TIMEOUT_S": "soon"}, "MODELCTL_TIMEOUT_S: 'soon' is not a number of seconds"),
        ({"MODELCTL_TIMEOUT_S": "inf"}, "MODELCTL_TIMEOUT_S: Infinity is not a number of seconds"),
        ({"MODELCTL_timeout_s": "3"}, "unknown setting MODELCTL_timeout_s"),
        ({"DATABASE_URL": ""}, "DATABASE_URL is set but empty"),
        ({"DATABASE_URL": "hunter2"}, "DATABASE_URL: is not a database URL"),
    ],
)
def test_a_wrong_variable_is_refused_by_name(environ, message):
    with pytest.raises(UsageError, match=message) as error:
        resolved(environ=environ)
    assert "hunter2" not in str(error.value)


def test_a_file_without_its_scheme_is_told_what_a_url_looks_like(run):
    result = run("list", "--database", "models.db")
    told = "--database: is not a database URL; one looks like sqlite:///my.db or postgresql://user@host/name"
    assert (result.code, result.stderr) == (2, f"error: {told}\n")


def test_seconds_are_written_with_a_unit_too():
    found = resolved('timeout_s = "2m"', environ={"MODELCTL_DEADLINE_S": "90s", "MODELCTL_LOCK_WAIT_S": "0"})
    assert (found.timeout_s, found.deadline_s, found.lock_wait_s) == (120.0, 90.0, 0.0)


def test_variables_of_the_tests_are_no_settings():
    resolved(environ={"MODELCTL_TEST_POSTGRESQL_URL": "x"})


def test_an_empty_variable_that_is_overridden_harms_nobody():
    assert resolved(environ={"DATABASE_URL": ""}, database_url="sqlite:///x").database_url == "sqlite:///x"


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("postgres://u:p@h/d", "postgresql+psycopg://u:p@h/d"),
        ("postgresql://h/d?sslmode=require", "postgresql+psycopg://h/d?sslmode=require"),
        ("mysql://u@h/d", "mysql+pymysql://u@h/d"),
        ("mariadb://u@h/d", "mariadb+pymysql://u@h/d"),
        ("postgresql+psycopg2://h/d", "postgresql+psycopg2://h/d"),
        ("mysql+mysqldb://h/d", "mysql+mysqldb://h/d"),
        ("sqlite:///x.db", "sqlite:///x.db"),
        ("cockroachdb://h/d", "cockroachdb://h/d"),
        ("postgres", "postgres"),
        ("postgresql+asyncpg://u:p@h/d", "postgresql+psycopg://u:p@h/d"),
        ("postgresql+psycopg_async://h/d", "postgresql+psycopg://h/d"),
        ("postgres+asyncpg://h/d?ssl=require&timeout=3", "postgresql+psycopg://h/d?sslmode=require&connect_timeout=3"),
        ("postgresql+asyncpg://u:p?a@h/d?prepared_statement_cache_size=0", "postgresql+psycopg://u:p?a@h/d"),
        ("cockroachdb+asyncpg://h/d?ssl=true", "cockroachdb+psycopg://h/d?sslmode=require"),
        ("sqlite+aiosqlite:///x.db", "sqlite:///x.db"),
        ("mysql+aiomysql://u@h/d?charset=utf8mb4", "mysql+pymysql://u@h/d?charset=utf8mb4"),
        ("mariadb+asyncmy://u@h/d", "mariadb+pymysql://u@h/d"),
    ],
)
def test_a_url_without_a_driver_gets_the_one_that_the_extras_install(url, wanted):
    assert with_driver(url) == wanted
    assert with_driver(wanted) == wanted


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("postgresql://u:p@h/d", "postgresql://u:***@h/d"),
        ("postgresql://u:p@ss/w@rd@h:1/d?x=1", "postgresql://u:***@h:1/d?x=1"),
        ("postgresql://:p@h/d", "postgresql://:***@h/d"),
        ("postgresql://u@h/d", "postgresql://u@h/d"),
        ("postgresql://h/d?user=u&password=p%40&x=a@b", "postgresql://h/d?user=u&password=***&x=a@b"),
        ("sqlite:///models.db", "sqlite:///models.db"),
        ("just-a-secret", "***"),
    ],
)
def test_a_masked_url_shows_all_but_the_password(url, wanted):
    assert masked(url) == wanted


@given(
    user=st.text(alphabet="abcXYZ09_-", max_size=8),
    password=st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="?&"), min_size=4),
)
def test_no_password_survives_masking_or_redaction(user, password):
    url = f"postgresql://{user}:<{password}>@host/name"
    assert masked(url) == f"postgresql://{user}:***@host/name"
    assert f"<{password}>" not in redacted(f"cannot open {url} with <{password}>", url)


def test_config_show_tells_values_and_origins_and_no_password(run):
    Path(FILE_NAME).write_text("table_prefix = 'llm_'\n[providers.openai]\ninclude = ['gpt-*', 'o*']", encoding="utf-8")
    environ = {"DATABASE_URL": "postgres://app:s3cr3t@db/prod"}
    table = run("config", "show", env=environ)
    assert (table.code, table.stderr) == (0, "")
    assert "postgresql+psycopg://app:***@db/prod" in table.stdout
    assert "gpt-*, o*" in table.stdout
    shown = run("config", "show", "--format", "json", env=environ)
    rows = json.loads(shown.stdout)
    assert rows["database_url"]["origin"] == "DATABASE_URL"
    assert rows["table_prefix"] == {"value": "llm_", "origin": str(Path.cwd() / FILE_NAME)}
    assert rows["timeout_s"] == {"value": 20, "origin": "default"}
    assert rows["providers.openai.include"]["value"] == ["gpt-*", "o*"]
    assert "s3cr3t" not in table.stdout + shown.stdout


@pytest.fixture
def homeless(monkeypatch):
    """A user without HOME and without an entry in passwd."""

    def nowhere(*_arguments: object, **_options: object) -> Path:
        raise RuntimeError("could not determine the home directory")

    monkeypatch.setattr("platformdirs.user_config_path", nowhere)
    monkeypatch.setattr("platformdirs.user_data_path", nowhere)
    monkeypatch.setattr(Path, "expanduser", nowhere)


def test_a_user_without_a_home_needs_to_name_the_database_and_nothing_else(run, homeless):
    assert run("config", "show", env={"DATABASE_URL": "sqlite:///models.db"}).code == 0
    unset = run("config", "show", "--format", "json")
    assert json.loads(unset.stdout)["database_url"] == {"value": None, "origin": "default"}
    result = run("list")
    assert (result.code, result.stdout) == (2, "")
    assert "set HOME, DATABASE_URL or --database" in result.stderr
    assert "set HOME or write an absolute path" in run("config", "show", "--config", "~/x.toml").stderr
    assert "set HOME or write an absolute path" in run("config", "show", "--catalog", "~/mine").stderr


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///", "sqlite:///:memory:", "sqlite+pysqlite://?timeout=1"])
def test_a_database_in_memory_is_refused(run, url):
    result = run("config", "show", "--database", url)
    assert (result.code, result.stdout) == (2, "")
    assert "--database: is a SQLite database in memory" in result.stderr
