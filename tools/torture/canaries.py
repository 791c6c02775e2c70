"""Planted secrets, and the look into everything that a command writes whether one of them is there."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import create_engine, inspect, text
from sqlalchemy.pool import NullPool


class Leaked(AssertionError):
    """A secret stands where it must not."""


KEYS = {"acme": "sk-canary-acme-7Qp2Zx91LmVw", "zeta": "sk-canary-zeta-4Rt8Yb37KcNd"}
"""The API keys of the two providers."""
PASSWORD = "canary-Pw5jHs60TgXe"
"""Of a database's user."""
MASTER_KEY = base64.b64encode(b"canary-master-key-of-32-bytes-Uf").decode()
SECRETS = (*KEYS.values(), PASSWORD, MASTER_KEY)


def forms(secret: str) -> Iterable[bytes]:
    """How a secret may be written."""
    plain = secret.encode()
    coded = base64.b64encode(plain)[:-4]
    return {plain, quote(secret, safe="").encode(), coded, coded.replace(b"+", b"-").replace(b"/", b"_")}


def check_text(content: bytes, where: str, secrets: Iterable[str] = SECRETS) -> None:
    """Leaked where a secret stands in what was written."""
    for secret in secrets:
        for form in forms(secret):
            if form in content:
                at = content.index(form)
                raise Leaked(f"a secret ({secret[:14]}…) is in {where}: {content[max(0, at - 80) : at + 20]!r}")


def check_files(directory: Path, *, but: Iterable[Path] = (), secrets: Iterable[str] = SECRETS) -> None:
    """All files below a directory: logs, plan files, stored listings, a SQLite file with all that was deleted in it."""
    left_out = tuple(but)
    for path in sorted(directory.rglob("*")):
        if path.is_file() and not any(path.is_relative_to(each) for each in left_out):
            check_text(path.read_bytes(), str(path.relative_to(directory)), secrets)


def check_database(url: str, secrets: Iterable[str] = SECRETS) -> None:
    """Every value of every table."""
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        for table in inspect(connection).get_table_names():
            rows = connection.execute(text(f"SELECT * FROM {table}")).all()
            check_text(repr(rows).encode(), f"table {table}", secrets)
    engine.dispose()
