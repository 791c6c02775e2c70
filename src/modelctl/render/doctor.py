"""A checkup as lines for people, and as JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from modelctl.core.checkup import Check, CheckStatus, Checkup, Finding
from modelctl.core.counts import counted
from modelctl.render.json_values import plain
from modelctl.render.terminal import Look, labelled
from modelctl.render.values import one_line

VERSION = 1
MAX_FINDINGS = 10
"""Findings shown of one check; the rest is counted, and in the JSON."""

_STYLES = {CheckStatus.OK: "green", CheckStatus.FINDINGS: "red", CheckStatus.NOT_RUN: "yellow"}


def doctor_table(checkup: Checkup, look: Look) -> str:
    """A line for each check, its findings below."""
    width = max(len(_title(check)) for check in checkup.checks)
    lines = [*labelled("database", checkup.database, look), ""]
    for check in checkup.checks:
        label = _title(check).ljust(width)
        lines += labelled(label, _state(check), look, style=_STYLES[check.status])
        lines += _findings(check, look)
    return look.text([*lines, "", closing(checkup)])


def doctor_json(checkup: Checkup, look: Look) -> str:
    """Everything. A promise: keys are only added, and `version` counts up when one changes its meaning."""
    document = {
        "version": VERSION,
        "checked_at": plain(checkup.checked_at),
        "database": checkup.database,
        "ok": checkup.is_ok,
        "checks": [_check(each) for each in checkup.checks],
    }
    return json.dumps(document, indent=2, ensure_ascii=not look.unicode)


FORMATS: Mapping[str, Callable[[Checkup, Look], str]] = MappingProxyType({"table": doctor_table, "json": doctor_json})
"""Format name -> what renders it."""


def closing(checkup: Checkup) -> str:
    """The last line."""
    findings = sum(len(check.findings) for check in checkup.checks)
    not_run = sum(check.status is CheckStatus.NOT_RUN for check in checkup.checks)
    if checkup.is_ok:
        return f"all {len(checkup.checks)} checks are ok"
    missed = f", {not_run} of {len(checkup.checks)} checks could not be run" if not_run else ""
    return f"{counted(findings, 'finding')}{missed}"


def _title(check: Check) -> str:
    return check.name.value.replace("_", " ")


def _state(check: Check) -> str:
    note = f" ({one_line(check.note)})" if check.note else ""
    match check.status:
        case CheckStatus.OK:
            return f"ok{note}"
        case CheckStatus.NOT_RUN:
            return f"not run: {one_line(check.not_run)}"
        case CheckStatus.FINDINGS:
            return f"{counted(len(check.findings), 'finding')}{note}"


def _findings(check: Check, look: Look) -> Iterator[str]:
    remedy = ""
    for each in check.findings[:MAX_FINDINGS]:
        yield from labelled(one_line(each.subject), one_line(each.problem), look, indent=2)
        if each.remedy != remedy:  # the same for many: said once, below the first
            yield from labelled("→", one_line(each.remedy), look, indent=4, style="dim")
        remedy = each.remedy
    if (rest := len(check.findings) - MAX_FINDINGS) > 0:
        yield f"  and {rest:,} more (--format json has all)"


def _check(check: Check) -> dict[str, Any]:
    return {
        "name": check.name.value,
        "status": check.status.value,
        "reason": check.not_run or None,
        "note": check.note or None,
        "findings": [_finding(each) for each in check.findings],
    }


def _finding(finding: Finding) -> dict[str, str]:
    return {"subject": finding.subject, "problem": finding.problem, "remedy": finding.remedy}
