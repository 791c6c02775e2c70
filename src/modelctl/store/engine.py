"""Opening a database and running transactions on it. Every driver's error leaves here as one line without a secret."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError

from modelctl.core.database_url import masked, redacted
from modelctl.errors import StalePlan, StoreError
from modelctl.store.connecting import engine_of, parsed
from modelctl.store.dialects import is_duplicate
from modelctl.store.hints import hint
from modelctl.store.names import DEFAULT_PREFIX, Tables
from modelctl.store.retrying import Patience
from modelctl.store.tally import Tally
from modelctl.store.transactions import Purpose, options

logger = logging.getLogger(__name__)

T = TypeVar("T")


class Database:
    """One database that modelctl keeps its tables in."""

    def __init__(self, url: str, *, prefix: str = DEFAULT_PREFIX, schema: str | None = None) -> None:
        """Prepares, but does not connect. UsageError where the URL or its driver cannot be used."""
        self.url = parsed(url)
        self._url_as_given = url
        self.tables = Tables(prefix=prefix, schema=schema)
        self.engine = engine_of(self.url, url)
        self._tally = Tally.of(self.engine)
        self._fence: Callable[[Connection], object] | None = None
        self._patience = Patience()
        logging.getLogger("sqlalchemy.pool").setLevel(logging.CRITICAL)  # it prints tracebacks of lost connections

    @property
    def label(self) -> str:
        """The URL as it may be shown: the password is masked, also one among the parameters."""
        return masked(self._url_as_given)

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
        logger.info("%s: %s", self.label, self._tally)

    def _tried(self, once: Callable[[], T]) -> T:
        with self._errors_in_one_line():
            return self._patience.tried(once)

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
                message = f"{self.label}: a row that was to be written exists by now ({text})"
                raise StalePlan(message, "run the command again") from None
            raise StoreError(f"{self.label}: {text}", hint(self.url, error)) from None
        except SQLAlchemyError as error:
            raise StoreError(f"{self.label}: {self._without_secrets(str(error).splitlines()[0])}") from None

    def _without_secrets(self, text: str) -> str:
        """A driver's words, which may repeat parts of the URL."""
        return redacted(text, self._url_as_given)


def first_line(error: DBAPIError) -> str:
    """The driver's words, but for what follows their first line. They may repeat parts of the URL."""
    original: Any = error.orig
    if original is not None and len(original.args) > 1 and isinstance(original.args[0], int):
        return f"{original.args[1]} ({original.args[0]})"  # MySQL: (code, text)
    return str(original).strip().splitlines()[0] if str(original).strip() else type(original).__name__
