"""Least privilege: the roles of docs/databases.md, made by its own statements, are enough, and not too much."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

from tests.conftest import NOW, Result, Run

Sync = Callable[..., Result]

DOC = Path(__file__).parents[2] / "docs" / "databases.md"
HEADINGS = {"postgresql": "### PostgreSQL", "mysql": "### MySQL and MariaDB"}
OF_XAI = ("--source", "catalog", "--provider", "xai")
KEY = {"MODELCTL_SECRET_KEY": "h" * 43 + "="}
ON_SERVERS = pytest.mark.parametrize(
    "database_url", [pytest.param(kind, marks=pytest.mark.server) for kind in ("postgresql", "mariadb")], indirect=True
)


def documented(backend: str) -> list[list[str]]:
    """The statements of the page, block by block: who is made, what each may do, what some need besides."""
    section = DOC.read_text(encoding="utf-8").split(HEADINGS[backend] + "\n")[1]
    section = re.split(r"^##", section, flags=re.MULTILINE)[0]
    blocks = re.findall(r"```sql\n(.*?)```", section, re.DOTALL)
    return [[each.strip() for each in block.split(";") if each.strip()] for block in blocks]


class Roles:
    """The three roles under names of their own, and the administrator who makes them."""

    def __init__(self, url: str) -> None:
        self.url = make_url(url)
        self.backend = self.url.get_backend_name()
        self.suffix = str(self.url.database)[-8:]
        self.made, self.granted, self.besides = documented(self.backend)
        self.engine = create_engine(self.url, isolation_level="AUTOCOMMIT")

    def execute(self, statements: list[str]) -> None:
        with self.engine.connect() as connection:
            for each in statements:
                connection.execute(text(self.renamed(each)))

    def renamed(self, statement: str) -> str:
        return re.sub(r"modelctl_(owner|sync|reader)\b", rf"\1_{self.suffix}", statement).replace(
            "shop.", f"{self.url.database}."
        )

    def as_(self, role: str) -> str:
        number = {"owner": 1, "sync": 2, "reader": 3}[role]
        user = self.url.set(username=f"{role}_{self.suffix}", password=f"change-me-{number}")
        return user.render_as_string(hide_password=False)

    def drop(self) -> None:
        with self.engine.connect() as connection:
            for role in ("owner", "sync", "reader"):
                name = f"{role}_{self.suffix}"
                if self.backend == "postgresql":
                    connection.execute(text(f"DROP OWNED BY {name} CASCADE"))
                    connection.execute(text(f"DROP ROLE {name}"))
                else:
                    connection.execute(text(f"DROP USER {name}@'%'"))
        self.engine.dispose()


@pytest.fixture
def roles(database_url: str, run: Run) -> Iterator[Roles]:
    """The roles of the page, and the tables that its owner has made."""
    roles = Roles(database_url)
    roles.execute(roles.made)
    try:
        upgraded = run("db", "upgrade", "--database", roles.as_("owner"))
        assert upgraded.code == 0, upgraded.stderr
        if roles.backend == "postgresql":
            owner = Roles(roles.as_("owner"))
            owner.execute(owner.granted)
            owner.engine.dispose()
        else:
            roles.execute(roles.granted)
        yield roles
    finally:
        roles.drop()


WRITES: list[list[str]] = [
    ["sync", *OF_XAI],
    ["set", "xai/grok-4", "display_name=Mine"],
    ["disable", "xai/grok-4"],
    ["price", "set", "xai/grok-4", "--input", "7", "--source", "https://x.test"],
    ["runs", "undo", "last"],
    ["remove", "xai/grok-3"],
    ["populate"],
    ["plan", "anthropic", "--source", "catalog", "-o", "plan.json"],
    ["apply", "plan.json"],
    ["provider", "set", "xai", "--display-name", "Mine"],
    ["provider", "add", "acme", "--base-url", "http://127.0.0.1:1/v1"],
    ["add", "acme/one", "type=chat"],
]
READS: list[list[str]] = [
    ["list"],
    ["show", "xai/grok-4"],
    ["lifecycle"],
    ["history"],
    ["runs", "list"],
    ["price", "show", "xai/grok-4"],
    ["plan", "xai", "--source", "catalog"],
    ["sync", "--dry-run", "--exit-code", *OF_XAI],
    ["db", "status", "--exit-code"],
    ["review", "list"],
    ["provider", "list"],
    ["key", "list"],
]


@ON_SERVERS
def test_the_documented_grants_are_enough(roles: Roles, run: Run) -> None:
    for minute, argv in enumerate(WRITES + READS):
        result = run(*argv, "--database", roles.as_("sync"), env=KEY, now=NOW + timedelta(minutes=minute))
        assert result.code == 0, (argv, result.stdout, result.stderr)
    doctor = run("doctor", "--database", roles.as_("sync"))
    assert "permissions   ok" in doctor.stdout, doctor.stdout
    for argv in READS:
        result = run(*argv, "--database", roles.as_("reader"), now=NOW + timedelta(hours=1))
        assert result.code == 0, (argv, result.stdout, result.stderr)
    rare = [["key", "set", "xai"], ["provider", "remove", "acme", "--cascade"]]
    for argv in rare:
        result = run(*argv, "--database", roles.as_("sync"), env=KEY, stdin="canary-key-0001\n")
        assert (result.code, result.stderr.count("\n")) == (1, 1), (argv, result.stdout, result.stderr)
    roles.execute(roles.besides)
    for argv in (
        ["key", "set", "xai"],
        ["key", "remove", "xai"],
        ["provider", "remove", "acme", "--cascade"],
    ):
        result = run(*argv, "--database", roles.as_("sync"), env=KEY, stdin="canary-key-0001\n")
        assert result.code == 0, (argv, result.stdout, result.stderr)


NEEDED: list[tuple[str, str, list[str]]] = [
    ("ai_models", "SELECT", ["list"]),
    ("ai_models", "INSERT", ["sync", *OF_XAI]),
    ("ai_models", "UPDATE", ["set", "xai/grok-4", "display_name=Mine"]),
    ("ai_models", "DELETE", ["remove", "xai/grok-4"]),
    ("ai_model_state", "INSERT", ["sync", *OF_XAI]),
    ("ai_model_state", "UPDATE", ["set", "xai/grok-4", "display_name=Mine"]),
    ("ai_model_prices", "INSERT", ["sync", *OF_XAI]),
    ("ai_model_prices", "SELECT", ["show", "xai/grok-4"]),
    ("ai_providers", "INSERT", ["sync", *OF_XAI]),
    ("ai_providers", "UPDATE", ["provider", "set", "xai", "--base-url", "https://x.test"]),
    ("ai_sync_runs", "INSERT", ["sync", *OF_XAI]),
    ("ai_sync_runs", "UPDATE", ["sync", *OF_XAI]),
    ("ai_sync_runs", "SELECT", ["runs", "list"]),
    ("ai_changes", "INSERT", ["sync", *OF_XAI]),
    ("ai_changes", "SELECT", ["history"]),
    ("ai_leases", "INSERT", ["sync", *OF_XAI]),
    ("ai_leases", "UPDATE", ["sync", *OF_XAI]),
    ("ai_holds", "SELECT", ["sync", *OF_XAI]),
    ("ai_provider_credentials", "SELECT", ["key", "list"]),
    ("ai_modelctl_version", "SELECT", ["list"]),
]
"""Rights, and a command that fails without each."""


@contextmanager
def without(roles: Roles, right: str, table: str) -> Iterator[None]:
    """The sync role without one right."""
    place = f"ON {table}" if roles.backend == "postgresql" else f"ON shop.{table}"
    role = "modelctl_sync" if roles.backend == "postgresql" else "modelctl_sync@'%'"
    roles.execute([f"REVOKE {right} {place} FROM {role}"])
    yield
    roles.execute([f"GRANT {right} {place} TO {role}"])


@ON_SERVERS
def test_one_grant_less_is_one_line_that_names_the_table(roles: Roles, run: Run, sync: Sync) -> None:
    fresh = [each for each in NEEDED if each[2] == ["sync", *OF_XAI]]
    for table, right, argv in [*fresh, *(each for each in NEEDED if each not in fresh)]:
        if argv == ["list"]:
            assert run("sync", *OF_XAI, "--database", roles.as_("sync")).code == 0
        with without(roles, right, table):
            result = run(*argv, "--database", roles.as_("sync"))
        said = result.stderr + result.stdout
        assert result.code == 1, (table, right, said)
        assert table in said, (table, right, said)
        assert "docs/databases.md lists what each command needs" in said, (table, right, said)
        assert "Traceback" not in said
        assert "change-me" not in said
    for right, table in (("INSERT", "ai_holds"), ("UPDATE", "ai_sync_runs")):
        with without(roles, right, table):
            doctor = run("doctor", "--database", roles.as_("sync"))
        assert doctor.code == 3
        assert table in doctor.stdout
