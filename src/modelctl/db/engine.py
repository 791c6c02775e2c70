"""Opening a database and running transactions on it. Every driver's error leaves here as one line without a secret."""

from __future__ import annotations

import copy
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError

from modelctl.core.credentials import masked, redacted
from modelctl.core.facts import TABLE_PREFIX
from modelctl.db.connect import Purpose, engine_of, options, parsed, without_foreign_keys
from modelctl.db.dialects import is_conflict, is_duplicate, is_not_ready, will_pass
from modelctl.errors import StalePlan, StoreError, UsageError
from modelctl.tables.base import Tables

if TYPE_CHECKING:
    from tenacity import RetryCallState, Retrying

logger = logging.getLogger(__name__)
T = TypeVar("T")


CREDENTIALS = "check the user name and the password of the URL; special characters in them must be percent-encoded"
CONSTRAINTS = "check what else writes these tables, or has changed their constraints"
GRANTS = "docs/databases.md lists what each command needs"

_BY_CODE: Mapping[object, str] = {
    **dict.fromkeys(("42501", 1044, 1142, 1143, 1227), f"grant what is missing; {GRANTS}"),
    **dict.fromkeys(
        ("57014", 1969, 3024),
        "the server stopped a statement that took too long: raise its limit for this user, or try when it is idle",
    ),
    **dict.fromkeys(("55P03", 1205), "another transaction holds the rows: find it, then run the command again"),
    **dict.fromkeys(
        (1047, 1180), "this node has lost its cluster: wait until it has joined again, or use another node"
    ),
    **dict.fromkeys((3819, 4025), CONSTRAINTS),  # for which PyMySQL has no IntegrityError
    1045: CREDENTIALS,
    1049: "create that database, or correct its name in the URL, or correct the setting `schema`",
    "3F000": "create the schema, or correct the setting `schema`",
}
"""By SQLSTATE of PostgreSQL, or by number of MySQL and MariaDB."""

_BY_WORD = {
    ("password authentication failed", "no password supplied", 'fatal:  role "'): CREDENTIALS,
    ('fatal:  database "',): "create that database, or correct its name in the URL",
    (".sqlite_master", "unknown database"): "a SQLite file has no such schema: correct the setting `schema`",
    ("readonly", "read-only", "read only"): "the database cannot be written: check its permissions, "
    "or name the server or the role that may write",
    ("unable to open",): "check that {database} can be created and written",
    ("ssl", "certificate"): "check the TLS options of the URL: sslmode and sslrootcert, or ssl_ca and ssl_verify_cert",
    ("database is locked", "table is locked", "lock is held"): "another program writes to the file: wait for it, "
    "then run the command again",
    (
        "cannot alter type of a column",
    ): "drop what reads the column (a view, a rule, a policy), run `modelctl db upgrade`, and make it again",
    ("is full", "no space"): "free some space, then run the command again",
    ("timed out", "timeout expired"): "check the address; `connect_timeout` in the URL is how many seconds to wait",
}


def hint(url: URL, error: DBAPIError) -> str:
    """The next step for a person."""
    if isinstance(error, IntegrityError):
        return CONSTRAINTS
    original = error.orig
    number = original.args[0] if original is not None and original.args else None
    code = number if isinstance(number, int) else getattr(original, "sqlstate", None)
    if code in _BY_CODE:
        return _BY_CODE[code]
    text = str(original).lower()
    if (error.connection_invalidated or _was_closed(text)) and "timed out" not in text:
        return "the connection was lost: run the command again"
    for words, advice in _BY_WORD.items():
        if any(word in text for word in words):
            return advice.format(database=url.database)
    return "check the address and the permissions"


def _was_closed(text: str) -> bool:
    """PostgreSQL's first statements, with which SQLAlchemy makes itself known: nothing but the words tells it there."""
    return "closed the connection" in text and not text.startswith("connection failed")


MAX_TRIES = 10
"""For errors that have no longer limit of their own."""
MAX_RETRY_S = 60.0
"""For conflicts, each of which another transaction has won: also while a cluster's node is behind the others."""
NOT_READY_S = 20.0
"""For a node that has lost its cluster: what is short (another node died, this one joins again) is over by then."""
LONGEST_PAUSE_S = 2.0
"""Between two tries; the pauses grow up to this, by chance."""


@dataclass(slots=True)
class TransactionRetry:
    """Tries the transactions of a database again. An outage that outlasted one of them is not waited for again."""

    is_exhausted: bool = False

    def retried(self, once: Callable[[], T]) -> T:
        """The result of one transaction, tried as often as it takes; the last error is raised as it is."""
        try:
            result = once()
        except DBAPIError as error:
            if not will_pass(error):
                raise
            result = self._retrying()(_after(error, once))  # only now, for the library takes a while to load
        self.is_exhausted = False
        return result

    def _retrying(self) -> Retrying:
        from tenacity import Retrying, retry_if_exception, wait_random_exponential

        return Retrying(
            retry=retry_if_exception(lambda error: isinstance(error, DBAPIError) and will_pass(error)),
            stop=self._has_had_enough,
            wait=wait_random_exponential(multiplier=0.05, max=LONGEST_PAUSE_S),
            reraise=True,
        )

    def _has_had_enough(self, state: RetryCallState) -> bool:
        error = state.outcome.exception() if state.outcome is not None else None
        elapsed_s = state.seconds_since_start or 0.0
        if isinstance(error, DBAPIError) and is_not_ready(error):
            self.is_exhausted = self.is_exhausted or elapsed_s >= NOT_READY_S
            return self.is_exhausted
        has_limit = not (isinstance(error, DBAPIError) and is_conflict(error))
        return elapsed_s >= MAX_RETRY_S or (has_limit and state.attempt_number >= MAX_TRIES)


def _after(first: DBAPIError, once: Callable[[], T]) -> Callable[[], T]:
    """The tries of `once` of which the first has failed already."""
    failed = [first]

    def tries() -> T:
        if failed:
            raise failed.pop()
        return once()

    return tries


@dataclass(slots=True)
class StatementCount:
    """A count that goes on. Threads of one engine would mix; modelctl uses a database from one."""

    statements: int = 0
    """A statement with many rows of parameters is one."""
    seconds: float = 0.0
    _began_s: float = 0.0

    @classmethod
    def of(cls, engine: Engine) -> StatementCount:
        """The count of an engine, from now on."""
        count = cls()
        event.listen(engine, "before_cursor_execute", count.begin)
        event.listen(engine, "after_cursor_execute", count.end)
        return count

    def begin(self, _connection: Connection, *_statement: object) -> None:
        """A statement is being sent."""
        self._began_s = time.monotonic()

    def end(self, _connection: Connection, *_statement: object) -> None:
        """It was answered."""
        self.statements += 1
        self.seconds += time.monotonic() - self._began_s

    def __str__(self) -> str:
        return f"{self.statements} statements, answered in {self.seconds * 1000:.0f} ms"


class Database:
    """One database that modelctl keeps its tables in."""

    def __init__(
        self, url: str, *, prefix: str = TABLE_PREFIX, schema: str | None = None, clock_skew_s: float | None = None
    ) -> None:
        """Prepares, but does not connect. UsageError where the URL or its driver cannot be used.

        `clock_skew_s`: how far a writer's clock may be from the database's; None: nobody compares them.
        """
        self.url = parsed(url)
        self._url_as_given = url
        self.tables = Tables(prefix=prefix, schema=schema)
        self.engine = engine_of(self.url, url)
        self.clock_skew_s = clock_skew_s
        self._count = StatementCount.of(self.engine)
        self._fence: Callable[[Connection], object] | None = None
        self._retry = TransactionRetry()
        logging.getLogger("sqlalchemy.pool").setLevel(logging.CRITICAL)  # it prints tracebacks of lost connections

    @property
    def label(self) -> str:
        """The URL as it may be shown: the password is masked, also one among the parameters."""
        return masked(self._url_as_given)

    def is_at(self, label: str) -> bool:
        """Whether the label of a database names this one, by server and name or by its file; users may differ."""
        try:
            return _place(parsed(label)) == _place(self.url)
        except UsageError:
            return False

    @property
    def is_sqlite_file(self) -> bool:
        """Whether this is a file that modelctl may create and migrate by itself."""
        return self.url.get_backend_name() == "sqlite"

    @property
    def is_missing_file(self) -> bool:
        """Whether this is a SQLite file that is not there; connecting would create it."""
        path = self._file
        return path is not None and not path.exists()

    def make_directory(self) -> None:
        """Make the directory that a SQLite file will be in. StoreError when that cannot be."""
        if (path := self._file) is None:
            return
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"{path.parent}: {error.strerror}", "choose another file with --database") from None

    @property
    def _file(self) -> Path | None:
        name = self.url.database
        if not self.is_sqlite_file or name is None or name in ("", ":memory:") or name.startswith("file:"):
            return None
        return Path(name)

    def write(self, work: Callable[[Connection], T], *, is_done: Callable[[Connection], bool] | None = None) -> T:
        """The result of `work` in one transaction, tried anew as a whole while the error is one that passes.

        `is_done` tells a later try that an earlier one was committed after all, and only its answer was lost.
        """
        results: list[T] = []

        def unless_done(connection: Connection) -> T:
            if not (results and is_done is not None and is_done(connection)):
                results.append(work(connection))
            return results[-1]

        self._tried(lambda: self._write_once(unless_done))
        return results[-1]

    def alter(self, work: Callable[[Connection], T]) -> T:
        """The result of `work`, which alters tables; as `write`, but not fenced, and SQLite's foreign keys are off.

        Else a table that is dropped to be made anew would take with it the rows that refer to it.
        """

        def once() -> T:
            with self._connected(Purpose.WRITE) as connection, without_foreign_keys(connection), connection.begin():
                return work(connection)

        return self._tried(once)

    def read(self, work: Callable[[Connection], T]) -> T:
        """The result of `work`, which reads one state of the database; tried anew as a whole, as `write` does."""
        return self._tried(lambda: self._read_once(work, Purpose.READ))

    def look(self, work: Callable[[Connection], T]) -> T:
        """The result of `work`, whose SELECTs need not see one state: each goes to the server without a BEGIN."""
        return self._tried(lambda: self._read_once(work, Purpose.LOOK))

    def write_one(self, work: Callable[[Connection], T]) -> T:
        """The result of `work`, whose one statement is a transaction by itself; tried anew, but not fenced."""

        def once() -> T:
            with self._connected(Purpose.WRITE_ONE) as connection, connection.begin():
                return work(connection)

        return self._tried(once)

    def fenced(self, fence: Callable[[Connection], object]) -> Database:
        """The same database, where every transaction that writes begins with `fence`, which raises to prevent it."""
        guarded = copy.copy(self)
        guarded._fence = fence
        return guarded

    def close(self) -> None:
        """Give up all connections."""
        self.engine.dispose()
        logger.info("%s: %s", self.label, self._count)

    def _tried(self, once: Callable[[], T]) -> T:
        with self._errors_in_one_line():
            return self._retry.retried(once)

    def _write_once(self, work: Callable[[Connection], object]) -> None:
        with self._connected(Purpose.WRITE) as connection, connection.begin():
            if self._fence is not None:
                self._fence(connection)
            work(connection)

    def _read_once(self, work: Callable[[Connection], T], purpose: Purpose) -> T:
        with self._connected(purpose) as connection:
            return work(connection)

    @contextmanager
    def _connected(self, purpose: Purpose) -> Iterator[Connection]:
        with self.engine.connect() as connection:
            yield connection.execution_options(**options(connection.dialect, purpose))

    @contextmanager
    def _errors_in_one_line(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            text = self._without_secrets(first_line(error))
            if isinstance(error, IntegrityError) and is_duplicate(error):
                message = f"{self.label}: another program has just written the same row ({text})"
                raise StalePlan(message, "run the command again") from None
            raise StoreError(f"{self.label}: {text}", hint(self.url, error)) from None
        except SQLAlchemyError as error:
            raise StoreError(f"{self.label}: {self._without_secrets(str(error).splitlines()[0])}") from None

    def _without_secrets(self, text: str) -> str:
        """A driver's words, which may repeat parts of the URL."""
        return redacted(text, self._url_as_given)


_PORTS = {"postgresql": 5432, "mysql": 3306, "mariadb": 3306}


def _place(url: URL) -> tuple[object, ...]:
    """Where a database is: of a SQLite file, its path; of a server, which one, and the database there."""
    kind, name = url.get_backend_name(), url.database
    if kind == "sqlite":
        return kind, Path(name).resolve() if name and name != ":memory:" else name
    server = url.host or url.query.get("host") or url.query.get("unix_socket") or "localhost"
    return kind, server, url.port or _PORTS.get(kind), name


def first_line(error: DBAPIError) -> str:
    """The driver's words, but for what follows their first line. They may repeat parts of the URL."""
    original: Any = error.orig
    if original is not None and len(original.args) > 1 and isinstance(original.args[0], int):
        return f"{original.args[1]} ({original.args[0]})"  # MySQL: (code, text)
    return str(original).strip().splitlines()[0] if str(original).strip() else type(original).__name__
