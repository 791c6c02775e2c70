"""No secret gets out: whatever is run, fails or is kept is searched for the keys that were planted."""

from __future__ import annotations

import json
import logging
import os
import pty
import re
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect, text

from modelctl.core.credentials import Credential, FoundKey, KeySource
from modelctl.db.encryption import master_key, new_master_key
from tests.cli.keyring_backend import Backend
from tests.conftest import NOW, Result, Run
from tests.loopback import ProviderServer, openai_item, status

OLD, NEW = new_master_key(), new_master_key()
KEYS = ("sk-canary-platform-0001", "sk-canary-shop-0002", "sk-canary-variable-0003")
SECRETS = (OLD.rstrip("=\n"), NEW.rstrip("=\n"), *KEYS)
ECHOED = f"Incorrect API key provided: {' '.join(KEYS)}"


def told(result: Result) -> str:
    return result.stdout + result.stderr


def held_by(url: str) -> str:
    """Every value of every table."""
    engine = create_engine(url)
    with engine.connect() as connection:
        tables = inspect(connection).get_table_names()
        found = {name: [list(row) for row in connection.execute(text(f"SELECT * FROM {name}"))] for name in tables}
    engine.dispose()
    assert found["ai_provider_credentials"]
    assert found["ai_changes"]
    return repr(found)


def test_no_planted_secret_is_in_any_output_log_plan_audit_row_exception_or_file(
    run: Run, provider_server: ProviderServer, sqlite_url: str, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level(logging.DEBUG)
    provider_server.models["openai"] = [openai_item("gpt-test-1"), openai_item("gpt-test-2")]
    provider_server.keys["openai"] = KEYS[0]
    address = {"OPENAI_BASE_URL": provider_server.base_url("openai"), "OPENAI_API_KEY": KEYS[2]}
    env = {**address, "MODELCTL_SECRET_KEY": OLD}
    keys_file = tmp_path / "new.key"
    keys_file.write_text(NEW)
    keys_file.chmod(0o600)
    said = []

    def do(*argv: str, stdin: str = "", env: dict[str, str] = env) -> Result:
        result = run("--debug", *argv, "--database", sqlite_url, stdin=stdin, env=env)
        said.append(told(result))
        return result

    assert do("db", "upgrade").code == 0
    assert do("key", "set", "openai", stdin=KEYS[0]).code == 0
    assert do("key", "set", "openai", "--project", "shop", stdin=KEYS[1]).code == 0
    assert do("key", "set", "openai", KEYS[0]).code == 2
    assert do("key", "rotate", "--to", NEW).code == 1
    assert do("provider", "models", "openai", "--json").code == 0
    assert do("key", "test", "openai", "--project", "shop", "--json").code == 1
    assert do("sync", "--provider", "openai", "--source", "api", "--project", "shop").code == 1
    provider_server.fail("openai", status(400, text=ECHOED))
    assert do("sync", "--provider", "openai", "--source", "api").code == 1
    provider_server.heal("openai")
    assert do("plan", "openai", "--source", "api", "-o", "plan.json", "--format", "sql").code == 0
    assert do("sync", "--provider", "openai", "--source", "api", "--max-age", "1h").code == 0
    assert do("key", "rotate", "--to", str(keys_file)).code == 0
    do("key", "which", "openai", env={**address, "MODELCTL_SECRET_KEY": NEW})
    do("key", "test", "openai")  # under the old master key
    do("key", "list", "--json", env={**address, "MODELCTL_SECRET_KEY": KEYS[0]})
    for argv in (("doctor",), ("config", "show"), ("config", "show", "--json"), ("history", "--json")):
        do(*argv)
    keys_file.unlink()
    files = [path.read_bytes().decode(errors="replace") for path in tmp_path.rglob("*") if path.is_file()]
    assert any("gpt-test-1" in each for each in files), "the plan, the cache and the database file are searched"
    everything = "\n".join([*said, *files, held_by(sqlite_url), caplog.text])
    for secret in SECRETS:
        assert secret not in everything
    assert "canary" not in everything


def test_what_holds_a_secret_does_not_show_it() -> None:
    key = master_key(OLD, "here")
    row = Credential(
        provider="openai",
        ciphertext=key.encrypt(KEYS[0], "openai", ""),
        key_id=key.id,
        fingerprint=key.fingerprint(KEYS[0]),
        created_at=NOW,
        updated_at=NOW,
    )
    found = FoundKey(key=KEYS[0], source=KeySource.PLATFORM, name="here")
    shown = f"{key!r} {row!r} {found!r} {key} {row} {found}"
    assert "canary" not in shown
    assert not re.search(r"\bb'|v1:", shown)
    assert KEYS[0].encode().hex() not in row.ciphertext


def test_a_key_is_typed_unseen(sqlite_url: str, run: Run) -> None:
    assert run("key", "init").code == 0
    argv = [sys.executable, "-m", "modelctl", "key", "set", "openai", "--database", sqlite_url]
    child, terminal = pty.fork()
    if child == 0:
        os.execv(sys.executable, argv)
    screen = _answered(terminal, prompt="API key of openai", answer=KEYS[0])
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0, screen
    assert "openai: key " in screen
    assert "canary" not in screen


def _answered(terminal: int, *, prompt: str, answer: str) -> str:
    """What the terminal shows until its process ends; the answer is typed once the prompt is there."""
    screen, typed, ends_at = b"", False, time.monotonic() + 60
    while time.monotonic() < ends_at:
        if not select.select([terminal], [], [], 1)[0]:
            continue
        try:
            read = os.read(terminal, 4096)
        except OSError:  # EIO: the process has left its terminal
            break
        if not read:
            break
        screen += read
        if not typed and prompt.encode() in screen and screen.rstrip().endswith(b":"):
            os.write(terminal, answer.encode() + b"\n")
            typed = True
    os.close(terminal)
    return screen.decode()


def test_a_new_master_key_is_a_file_for_its_owner_only_and_never_replaces_one(run: Run) -> None:
    made = run("key", "init", "deep/er/my.key")
    path = Path("deep/er/my.key")
    assert made.code == 0
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_text().strip() not in told(made)
    assert master_key(path.read_text(), "").id in made.stdout
    assert "not in force" in made.stderr
    before = path.read_bytes()
    again = run("key", "init", "deep/er/my.key")
    assert again.code == 1
    assert path.read_bytes() == before
    assert run("key", "init").stderr == "", "where it is looked for: in force at once"


def test_the_variable_counts_before_the_file_and_that_before_the_keyring(run: Run, tmp_path: Path) -> None:
    import keyring

    database = ("--database", f"sqlite:///{tmp_path}/k.db")
    before = keyring.get_keyring()
    keyring.set_keyring(Backend(OLD))
    try:
        by_keyring = id_used(run, *database)
        assert by_keyring == id_used(run, *database, env={"MODELCTL_SECRET_KEY": OLD})
        assert run("key", "init", "named.key").code == 0
        named = {"MODELCTL_SECRET_KEY_FILE": "named.key"}
        assert id_used(run, *database, env=named) != by_keyring
        assert id_used(run, *database, env={"MODELCTL_SECRET_KEY": OLD, **named}) == by_keyring
    finally:
        keyring.set_keyring(before)


def id_used(run: Run, *database: str, env: dict[str, str] | None = None) -> str:
    """Which master key a key is stored under."""
    assert run("key", "set", "openai", *database, stdin=KEYS[0], env=env).code == 0
    [found] = json.loads(run("key", "list", "--json", *database, env=env).stdout)["credentials"]
    assert found["state"] == "readable"
    assert run("key", "remove", "openai", *database).code == 0
    return str(found["key_id"])


def test_who_stores_no_keys_loads_nothing_for_them(sqlite_url: str) -> None:
    code = "import sys; from modelctl.cli.main import main; main(sys.argv[1:]); print(*sys.modules, file=sys.stderr)"
    argv = [sys.executable, "-c", code, "sync", "--provider", "deepseek", "--database", sqlite_url]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert " created; 0 unchanged" in done.stdout
    assert not {"cryptography", "keyring"} & set(done.stderr.split())


def test_a_settings_file_must_not_hold_the_master_key(run: Run) -> None:
    Path("modelctl.toml").write_text(f'secret_key = "{OLD}"\n')
    refused = run("config", "show")
    assert refused.code == 2
    assert "secret_key does not belong in a settings file; set MODELCTL_SECRET_KEY" in refused.stderr
    assert OLD not in told(refused)
    Path("modelctl.toml").write_text('secret_key_file = "my.key"\n')
    shown = run("config", "show", env={"MODELCTL_SECRET_KEY": OLD})
    assert re.search(r"secret_key +\*\*\* +MODELCTL_SECRET_KEY", shown.stdout)
    assert str(Path.cwd() / "my.key") in shown.stdout
