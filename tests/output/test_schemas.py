"""Every report that is printed as JSON has a published schema, and the pages are what the code says."""

from __future__ import annotations

from typing import Any

import pytest

from modelctl.core.models.query import SHOWABLE
from modelctl.output.document import REPORTS, json_schema
from tests.conftest import Run
from tests.test_house import COMMANDS
from tools.schemas import SCHEMAS, pages


def has_json(command: Any) -> bool:
    return any(each.name == "json" for each in command.params)


def test_every_command_that_prints_json_is_described_and_no_other():
    assert {" ".join(path) for path, command in COMMANDS.items() if has_json(command)} | {"error"} == {*REPORTS}


@pytest.mark.parametrize("report", REPORTS)
def test_keys_may_come_to_a_report_and_not_to_a_plan_which_is_read_strictly(report):
    schema = json_schema(report)
    assert schema["$schema"].endswith("2020-12/schema")
    closed = [each.get("additionalProperties") is False for each in (schema, *schema.get("$defs", {}).values())]
    assert any(closed) == (report == "plan")


def test_every_column_of_a_list_is_named_with_its_type_and_what_it_means():
    columns = json_schema("list")["$defs"]["ModelJson"]["properties"]
    assert [*columns] == [*SHOWABLE]
    assert [
        name for name, each in columns.items() if not {"type", "anyOf"} & {*each} or not each.get("description")
    ] == []
    assert columns["context_window"]["anyOf"] == [{"type": "integer"}, {"type": "null"}]
    assert columns["context_window"]["description"].startswith("tokens; ")


def test_the_pages_are_those_that_the_code_makes():
    assert {path.name: path.read_text(encoding="utf-8") for path in SCHEMAS.iterdir()} == pages()


def test_the_command_lists_reports_and_prints_one(run: Run):
    assert run("schema").stdout.split("\n")[:-1] == [*REPORTS]
    printed = run("schema", "cost")
    assert (printed.code, printed.stderr) == (0, "")
    assert '"BillsByModelJson"' in printed.stdout
    unknown = run("schema", "prices")
    assert (unknown.code, unknown.stdout) == (2, "")
