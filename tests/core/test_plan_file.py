"""A plan that was written and read again is the same plan, and a document that was tampered with is refused."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelctl.core.planning.report import PlanFile, ProviderReport, bound, moved, planned
from modelctl.core.provider import Provider
from modelctl.core.runs import Outcome
from modelctl.core.stored import StoredProvider
from modelctl.errors import UsageError
from modelctl.output.plan_file import PlanDocument
from tests.core import strategies

ROW = Provider(name=strategies.PROVIDER, display_name="Acme", kind="")


def file_of(stored: StoredProvider, sources: strategies.Sources) -> PlanFile:
    report = ProviderReport(provider=ROW.name, outcome=Outcome.PLANNED, plan=sources.plan(stored), kept=1)
    each = planned(report, Outcome.APPLIED, stated=ROW, row=ROW, stored=stored)
    return PlanFile(modelctl="0.1", created_at=strategies.NOW, database="sqlite:///x.db", providers=(each,))


def plan_document(file: PlanFile) -> dict:
    return PlanDocument.of(file).model_dump(mode="json")


def read_plan(text: str, name: str) -> PlanFile:
    return PlanDocument.read(text, name).file()


def text_of(file: PlanFile) -> str:
    return json.dumps(plan_document(file), allow_nan=False)


@given(strategies.stored_states(), strategies.sources(), st.data())
def test_a_plan_survives_its_file_and_knows_when_its_rows_have_moved(stored, sources, data):
    file = file_of(stored, sources)
    again = read_plan(text_of(file), "plan.json")
    assert plan_document(again) == plan_document(file)
    [each] = again.providers
    assert list(moved(each, ROW, stored, ())) == []
    plan = sources.plan(stored)
    assert bound(each, ROW, stored).changes == plan.changes
    assert bound(each, ROW, stored).absences == plan.absences

    touched = data.draw(strategies.moved_by_people(stored))
    differing = {
        key for key in {*stored.models, *touched.models} if stored.models.get(key) != touched.models.get(key)
    } & {change.key for change in plan.changes}
    named = {str(key) for key in differing}
    assert named <= {each.removesuffix(" (how often listings lacked it)") for each in moved(each, ROW, touched, ())}


@pytest.fixture
def document() -> dict:
    point = strategies.PricePoint(kind="input", amount=strategies.Decimal("0.15"), source="https://acme.test")
    sources = strategies.catalog(strategies.record("a", type="chat", vision=True, context_window=1000, prices=(point,)))
    return plan_document(file_of(StoredProvider(), sources))


def refusal(document: object) -> str:
    with pytest.raises(UsageError) as caught:
        read_plan(document if isinstance(document, str) else json.dumps(document), "plan.json")
    message = str(caught.value)
    assert message.startswith("plan.json")
    assert "\n" not in message
    return message


@pytest.mark.parametrize("text", ["", "[]", "null", '{"version": 1', '{"version": NaN}', "[" * 100_000, '"x"'])
def test_what_is_no_document_is_refused(text):
    refusal(text)


@pytest.mark.parametrize("version", [0, 2, "1", True, 1.0, None])
def test_only_known_versions_are_read(document, version):
    refusal(document | {"version": version})


def members(value, path):
    if isinstance(value, dict):
        for name in value:
            yield path, name
            yield from members(value[name], (*path, name))
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from members(each, (*path, index))


def test_every_missing_unknown_or_mistyped_member_is_refused(document):
    found = list(members(document, ()))
    assert len(found) > 40
    for path, name in found:
        for change in ("missing", "unknown", "mistyped"):
            copy = json.loads(json.dumps(document))
            parent = copy
            for step in path:
                parent = parent[step]
            if change == "missing":
                del parent[name]
            elif change == "unknown":
                parent["nobody knows"] = parent[name]
            else:
                parent[name] = {"x": [1.5]}
            refusal(copy)


def leaves(value, path=()):
    if isinstance(value, dict | list):
        for name, each in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(each, (*path, name))
    else:
        yield path, value


@given(strategies.stored_states(), strategies.sources(), st.data())
def test_a_plan_of_which_one_value_was_edited_is_refused(stored, sources, data):
    document = plan_document(file_of(stored, sources))
    path, value = data.draw(st.sampled_from(sorted(leaves(document), key=str)))
    others = st.one_of(st.none(), st.booleans(), st.integers(), st.text(), st.just(f"{value}0"))
    parent = document
    for step in path[:-1]:
        parent = parent[step]
    parent[path[-1]] = data.draw(others.filter(lambda other: json.dumps(other) != json.dumps(value)))
    if path == ("seal",):  # which only whoever has the master key can judge
        return
    refusal(document)


@pytest.mark.parametrize(
    ("name", "value"), [("amount", "NaN"), ("amount", "-1"), ("amount", 0.15), ("amount", "0.1500"), ("kind", "x")]
)
def test_impossible_prices_are_refused_by_their_place(document, name, value):
    [change] = document["providers"][0]["changes"]
    change["prices"][0][name] = value
    assert "providers[0].changes[0].prices[0]" in refusal(document)


def test_an_address_with_a_password_is_in_no_plan():
    report = ProviderReport(
        provider=ROW.name, outcome=Outcome.PLANNED, plan=strategies.catalog().plan(StoredProvider())
    )
    row = replace(ROW, api_base_url="https://me:secret@proxy.test/v1")
    with pytest.raises(UsageError, match="password") as caught:
        planned(report, Outcome.APPLIED, stated=row, row=None, stored=StoredProvider())
    assert "secret" not in str(caught.value)
    kept = planned(report, Outcome.APPLIED, stated=row, row=row, stored=StoredProvider())
    file = PlanFile(modelctl="0.1", created_at=strategies.NOW, database="x", providers=(kept,))
    assert "secret" not in text_of(file)
