"""docs/reference.md is what the code says."""

from __future__ import annotations

import re

from tests.test_house import COMMANDS
from tools.reference import REFERENCE, reference


def test_the_reference_is_up_to_date() -> None:
    assert REFERENCE.read_text(encoding="utf-8") == reference(), "run `make reference`"


def test_every_command_and_option_is_in_it() -> None:
    page = reference()
    for path, command in COMMANDS.items():
        section = re.search(rf"^## modelctl {' '.join(path)}\n(.*?)(^## |\Z)", page, re.MULTILINE | re.DOTALL)
        for each in command.params if path else []:
            name = max(each.opts, key=len) if each.param_type_name == "option" else each.metavar
            assert name.replace("|", "\\|") in section[1], (path, name)
