"""How long errors that may pass are waited for: a conflict for long, an outage once."""

from __future__ import annotations

import time
from collections.abc import Callable

import pymysql
import pytest
from sqlalchemy.exc import OperationalError

from modelctl.db import engine as retrying
from modelctl.db.engine import MAX_TRIES, TransactionRetry


def failing(code: int, *, times: int) -> tuple[Callable[[], str], list[float]]:
    """Work that fails so often with an error of MySQL, and when it was tried."""
    retried: list[float] = []

    def work() -> str:
        retried.append(time.monotonic())
        if len(retried) > times:
            return "done"
        raise OperationalError("UPDATE x", {}, pymysql.err.OperationalError(code, "x"))

    return work, retried


def test_an_outage_is_waited_for_once_and_again_after_it_has_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrying, "NOT_READY_S", 0.3)
    retry = TransactionRetry()
    work, retried = failing(1047, times=10_000)
    with pytest.raises(OperationalError):
        retry.retried(work)
    assert len(retried) > 1
    assert retried[-1] - retried[0] < 3
    at_once, retried = failing(1180, times=10_000)
    with pytest.raises(OperationalError):
        retry.retried(at_once)
    assert len(retried) == 1
    assert retry.retried(lambda: "through") == "through"
    for_a_moment, retried = failing(1047, times=2)
    assert retry.retried(for_a_moment) == "done"
    assert len(retried) == 3


@pytest.mark.parametrize(("code", "is_conflict"), [(1213, True), (1205, False)])
def test_only_conflicts_are_tried_more_often_than_ten_times(
    code: int, is_conflict: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retrying, "LONGEST_PAUSE_S", 0.01)
    work, retried = failing(code, times=MAX_TRIES + 5)
    if is_conflict:
        assert TransactionRetry().retried(work) == "done"
        assert len(retried) == MAX_TRIES + 6
    else:
        with pytest.raises(OperationalError):
            TransactionRetry().retried(work)
        assert len(retried) == MAX_TRIES
