"""The models that a `price` command is about, with their ledgers, and what has to be said of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from modelctl.cli.context import Context
from modelctl.core.model import ModelKey
from modelctl.core.redirects import may_answer
from modelctl.core.resolve import Resolution, Rule, resolve

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from modelctl.core.biller import Billed
    from modelctl.core.stored import StoredModel
    from modelctl.store.names import Tables

Known = Mapping[ModelKey, "StoredModel"]


def find(context: Context, names: Sequence[str]) -> tuple[list[ModelKey], Known]:
    """The models that the names mean, and all models: these, and what they redirect to, with their ledgers.

    UsageError or ModelctlError for a name that means none, or several.
    """
    from modelctl.cli.database import readable_database
    from modelctl.store import read

    def work(connection: Connection, tables: Tables) -> tuple[list[Resolution], Known]:
        known = {each.key: each for each in read.models(connection, tables)}
        found = [resolve(name, known.values()) for name in names]
        return found, with_ledgers(connection, tables, known, [each.key for each in found])

    with readable_database(context) as database:
        found, known = database.read(lambda connection: work(connection, database.tables))
    tell_resolved(context, zip(names, found, strict=True))
    return [each.key for each in found], known


def with_ledgers(connection: Connection, tables: Tables, known: Known, keys: Iterable[ModelKey]) -> Known:
    """All models, those named and what they redirect to with their ledgers."""
    from modelctl.store import read

    return {**known, **read.with_ledgers(connection, tables, may_answer(keys, known))}


def tell_resolved(context: Context, resolved: Iterable[tuple[str, Resolution]]) -> None:
    """Which models were meant by names that are no ids."""
    for name, resolution in resolved:
        if resolution.rule is not Rule.EXACT:
            context.say(f"{name!r} is {resolution}")


def tell_of(context: Context, billed: Billed, known: Known) -> None:
    """What a person should know of a bill before relying on it."""
    from modelctl.render.price_words import not_given_text, overruled_text, oversized_text, served_text

    remarks = [
        *served_text(billed.served, known, billed.bill.at),
        *overruled_text(known, billed.served, context.now),
        *not_given_text(billed),
        *oversized_text(billed),
    ]
    for remark in remarks:
        context.warn(remark)
