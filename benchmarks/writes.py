"""Which rows a piece of work writes, told by triggers: exact on every database, and nobody else's rows are counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import product
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.drivers import Driver

_EVENTS = ("INSERT", "UPDATE", "DELETE")
_PG_FUNCTION = """CREATE FUNCTION bench_note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
INSERT INTO bench_writes VALUES (TG_TABLE_NAME, TG_OP); RETURN NULL; END $$"""
_BODIES = {
    "sqlite": "BEGIN INSERT INTO bench_writes VALUES ('{table}', '{event}'); END",
    "mariadb": "FOR EACH ROW INSERT INTO bench_writes VALUES ('{table}', '{event}')",
    "postgresql": "FOR EACH ROW EXECUTE FUNCTION bench_note()",
}


def counted_writes(
    kind: str, driver: Driver, tables: tuple[str, ...], work: Callable[[], object]
) -> Counter[tuple[str, str]]:
    """By table and event (INSERT, UPDATE, DELETE), how many rows `work` writes."""
    with _watched(kind, driver, tables):
        work()
        _, rows = driver.query("SELECT name, event, count(*) FROM bench_writes GROUP BY name, event")
    return Counter({(name, event): count for name, event, count in rows})


@contextmanager
def _watched(kind: str, driver: Driver, tables: tuple[str, ...]) -> Iterator[None]:
    cursor, connection = driver.connection.cursor(), driver.connection
    cursor.execute("CREATE TABLE bench_writes (name VARCHAR(64), event VARCHAR(8))")
    if kind == "postgresql":
        cursor.execute(_PG_FUNCTION)
    for table, event in product(tables, _EVENTS):
        body = _BODIES[kind].format(table=table, event=event)
        cursor.execute(f"CREATE TRIGGER bench_{table}_{event} AFTER {event} ON {table} {body}")
    connection.commit()
    try:
        yield
    finally:
        for table, event in product(tables, _EVENTS):
            where = f" ON {table}" if kind == "postgresql" else ""
            cursor.execute(f"DROP TRIGGER bench_{table}_{event}{where}")
        if kind == "postgresql":
            cursor.execute("DROP FUNCTION bench_note()")
        cursor.execute("DROP TABLE bench_writes")
        connection.commit()
