"""How many statements a database was sent, and how long it took over them: for the log."""

from __future__ import annotations

import time
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, event


@dataclass(slots=True)
class Tally:
    """A count that goes on. Threads of one engine would mix; modelctl uses a database from one."""

    statements: int = 0
    """A statement with many rows of parameters is one."""
    seconds: float = 0.0
    _began_s: float = 0.0

    @classmethod
    def of(cls, engine: Engine) -> Tally:
        """The tally of an engine, from now on."""
        tally = cls()
        event.listen(engine, "before_cursor_execute", tally.begin)
        event.listen(engine, "after_cursor_execute", tally.end)
        return tally

    def begin(self, _connection: Connection, *_statement: object) -> None:
        """A statement is being sent."""
        self._began_s = time.monotonic()

    def end(self, _connection: Connection, *_statement: object) -> None:
        """It was answered."""
        self.statements += 1
        self.seconds += time.monotonic() - self._began_s

    def __str__(self) -> str:
        return f"{self.statements} statements, answered in {self.seconds * 1000:.0f} ms"
