"""How long errors that may pass are waited for: a conflict for long, an outage once."""

from __future__ import annotations

import time
from collections.abc import Callable

import pymysql
import pytest
from sqlalchemy.exc import OperationalError

from modelctl.db import engine as retrying
from modelctl.db.engine import MAX_TRIES, Patience


def failing(code: int, *, times: int) -> tuple[Callable[[], str], list[float]]:
    """Work that fails so often with an error of MySQL, and when it was tried."""
    tried: list[float] = []

    def work() -> str:
        tried.append(time.monotonic())
        if len(tried) > times:
            return "done"
        raise OperationalError("UPDATE x", {}, pymysql.err.OperationalError(code, "x"))

    return work, tried


def test_an_outage_is_waited_for_once_and_again_after_it_has_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrying, "NOT_READY_S", 0.3)
    patience = Patience()
    work, tried = failing(1047, times=10_000)
    with pytest.raises(OperationalError):
        patience.tried(work)
    assert len(tried) > 1
    assert tried[-1] - tried[0] < 3
    at_once, tried = failing(1180, times=10_000)
    with pytest.raises(OperationalError):
        patience.tried(at_once)
    assert len(tried) == 1
    assert patience.tried(lambda: "through") == "through"
    for_a_moment, tried = failing(1047, times=2)
    assert patience.tried(for_a_moment) == "done"
    assert len(tried) == 3


@pytest.mark.parametrize(("code", "is_conflict"), [(1213, True), (1205, False)])
def test_only_conflicts_are_tried_more_often_than_ten_times(
    code: int, is_conflict: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retrying, "LONGEST_PAUSE_S", 0.01)
    work, tried = failing(code, times=MAX_TRIES + 5)
    if is_conflict:
        assert Patience().tried(work) == "done"
        assert len(tried) == MAX_TRIES + 6
    else:
        with pytest.raises(OperationalError):
            Patience().tried(work)
        assert len(tried) == MAX_TRIES
