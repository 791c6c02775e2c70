"""A sync lasts as long as its slowest provider: all are asked before anything else is done."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from modelctl.core.facts import ModelFacts, ModelKey, ModelRecord
from modelctl.core.planning.policy import Patterns
from modelctl.core.provider import Provider
from modelctl.discovery.base import Access
from modelctl.services import gather as listings
from modelctl.services.access import Job
from modelctl.services.gather import gather
from tests.conftest import NOW

PROVIDERS = 20


def job(name: str, *, is_asked: bool) -> Job:
    access = Access(provider=name, api_key="", timeout_s=5, now=NOW) if is_asked else None
    return Job(provider=Provider(name=name, display_name=name, kind="fake"), access=access, patterns=Patterns())


def test_every_provider_is_asked_before_the_first_is_brought_up_to_date(monkeypatch: pytest.MonkeyPatch) -> None:
    everybody_is_asked = threading.Barrier(PROVIDERS + 1)

    def fetch(access: Access) -> Iterator[Mapping[str, Any]]:
        everybody_is_asked.wait(timeout=10)
        yield {"id": access.provider}

    def translate(_item: Mapping[str, Any], access: Access) -> ModelRecord:
        return ModelRecord(key=ModelKey(access.provider, "m"), facts=ModelFacts())

    fake = SimpleNamespace(KIND="fake", DOCS="", BASE_URL_ENV="", COMPLETE=True, fetch=fetch, translate=translate)
    monkeypatch.setattr(listings, "module_of", {"fake": fake}.__getitem__)
    jobs = [job("catalog-only", is_asked=False), *(job(f"p{number}", is_asked=True) for number in range(PROVIDERS))]
    found = gather(jobs, deadline_s=20)
    assert next(found).job.provider.name == "catalog-only"
    everybody_is_asked.wait(timeout=10)
    rest = list(found)
    assert [each.error for each in rest] == [None] * PROVIDERS
    assert [each.fetched for each in rest] == [1] * PROVIDERS
