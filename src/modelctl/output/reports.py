"""How two states of the catalogs differ, as text for people and as JSON for programs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from modelctl.core.catalog_diff import ModelDifference, PriceDifference, ProviderDifference
from modelctl.core.credentials import Credential, CredentialState, masked
from modelctl.core.doctor import Check, CheckFinding, CheckStatus, Checkup
from modelctl.core.facts import ModelRecord, Status
from modelctl.core.planning.plan import FieldChange
from modelctl.core.prices.price import Basis, PricePoint, price_label
from modelctl.core.stored import StoredModel
from modelctl.core.text import counted
from modelctl.output.console import Cell, Column, Look, aligned, labelled, total_width
from modelctl.output.format import old_to_new, one_line, plain, price_object, shown, since

NAMES_SHOWN = 5
"""Of a provider that only one side has, this many models are named; JSON names all."""


def diff_text(found: Sequence[ProviderDifference], look: Look) -> str:
    """A block per provider: `+` is only in the new state, `-` only in the old one, `~` differs."""
    blocks = [list(_block(each, look)) for each in found]
    return look.text("\n\n".join("\n".join(block) for block in blocks).split("\n")) if blocks else ""


def diff_json(found: Sequence[ProviderDifference], old: str, new: str) -> str:
    """The same as a document; `old` and `new` say what was compared."""
    document = {"version": 1, "old": old, "new": new, "providers": [_provider(each) for each in found]}
    return json.dumps(document, indent=2, ensure_ascii=False)


def diff_summary(found: Sequence[ProviderDifference]) -> str:
    """How much differs, in one line."""
    if not found:
        return "no difference"
    added, removed, changed = (sum(len(getattr(each, name)) for each in found) for name in _KINDS)
    providers = f"{counted(len(found), 'provider')} {'differs' if len(found) == 1 else 'differ'}"
    return f"{providers}: {counted(added, 'model')} added, {removed:,} removed, {changed:,} changed"


_KINDS = ("added", "removed", "changed")


def _block(each: ProviderDifference, look: Look) -> Iterator[str]:
    counts = ", ".join(f"{len(getattr(each, name)):,} {name}" for name in _KINDS)
    whole = "added" if each.is_added else "removed"
    title = f"the whole provider is {whole}" if each.is_added or each.is_removed else counts
    yield from labelled(each.provider, title, look, style="bold")
    yield from (line for change in each.settings for line in _field(change, look, indent=2))
    for sign, style, records in (("+", "green", each.added), ("-", "red", each.removed)):
        limit = NAMES_SHOWN if each.is_added or each.is_removed else len(records)
        for record in records[:limit]:
            yield from labelled(f"{sign} {one_line(record.key.model_id)}", _about(record), look, style=style, indent=2)
        if len(records) > limit:
            yield f"  {sign} … and {len(records) - limit:,} more"
    for model in each.changed:
        yield from labelled(f"~ {one_line(model.key.model_id)}", "", look, style="yellow", indent=2)
        yield from (line for change in model.fields for line in _field(change, look, indent=6))
        yield from (line for price in model.prices for line in _price(price, look))


def _about(record: ModelRecord) -> str:
    facts = record.facts
    return ", ".join(one_line(each) for each in (facts.display_name, facts.type, facts.status) if each)


def _field(change: FieldChange, look: Look, *, indent: int) -> list[str]:
    old, new = (masked(each) if isinstance(each, str) and "://" in each else each for each in (change.old, change.new))
    return labelled(change.name, old_to_new(old, new), look, indent=indent)


def _price(price: PriceDifference, look: Look) -> list[str]:
    text = f"{_charged(price.old)} → {_charged(price.new)} from {since(price.effective_from)}"
    return labelled(f"price {price_label(price.key)}", text, look, indent=6)


def _charged(point: PricePoint | None) -> str:
    if point is None:
        return "not stated"
    text = f"{shown(point.amount)} {point.currency}"
    if point.basis != Basis.DOCUMENTED:
        text += f" ({point.basis})"
    return text if point.effective_to is None else f"{text} to {shown(point.effective_to)}"


def _provider(each: ProviderDifference) -> dict[str, Any]:
    return {
        "provider": each.provider,
        "is_added": each.is_added,
        "is_removed": each.is_removed,
        "settings": [_field_object(change) for change in each.settings],
        "added": [record.key.model_id for record in each.added],
        "removed": [record.key.model_id for record in each.removed],
        "changed": [_model(model) for model in each.changed],
    }


def _model(model: ModelDifference) -> dict[str, Any]:
    return {
        "model_id": model.key.model_id,
        "fields": [_field_object(change) for change in model.fields],
        "prices": [
            {
                "kind": str(price.key.kind),
                "unit": str(price.key.unit),
                "context_above": price.key.context_above,
                "service_tier": str(price.key.service_tier),
                "hours_utc": price.key.hours_utc,
                "effective_from": plain(price.effective_from),
                "old": None if price.old is None else price_object(price.old),
                "new": None if price.new is None else price_object(price.new),
            }
            for price in model.prices
        ],
    }


def _field_object(change: FieldChange) -> dict[str, Any]:
    old, new = (
        masked(each) if isinstance(each, str) and "://" in each else plain(each) for each in (change.old, change.new)
    )
    return {"name": change.name, "old": old, "new": new}


_COUNTS = ("models", *(status.value for status in Status), "unpriced")
TOTAL = "total"


def tally(models: Iterable[StoredModel]) -> dict[str, Counter[str]]:
    """Per provider the models, those of each status, and those that can be called but have no price at all."""
    tallies: dict[str, Counter[str]] = {}
    for model in models:
        counted = tallies.setdefault(model.key.provider, Counter())
        counted["models"] += 1
        counted[model.facts.status or "unknown"] += 1
        counted["unpriced"] += not model.prices and model.facts.status != Status.RETIRED
    return tallies


def tallies_table(tallies: dict[str, Counter[str]], look: Look) -> str:
    """A line per provider, and the total."""
    rows = {**tallies, TOTAL: sum(tallies.values(), Counter())}
    columns = [Column(title="provider", cells=[Cell(name, "bold" if name == TOTAL else "") for name in rows])]
    for count in _COUNTS:
        numbers = [each[count] for each in rows.values()]
        columns.append(Column(title=count, right=True, cells=[Cell(shown(n), "" if n else "dim") for n in numbers]))
    return look.text(aligned(columns, look))


def tallies_json(tallies: dict[str, Counter[str]], look: Look) -> str:
    """An object per provider."""
    rows: Sequence[dict[str, str | int]] = [
        {"provider": name, **{count: counted[count] for count in _COUNTS}} for name, counted in tallies.items()
    ]
    return json.dumps({"version": 1, "providers": rows}, indent=2, ensure_ascii=not look.unicode)


VERSION = 1
PLATFORM_TEXT = "(platform)"
_TITLES = ("provider", "project", "fingerprint", "master key", "state", "updated")
_STYLES = {CredentialState.READABLE: "", CredentialState.UNCHECKED: "yellow"}

Stated = tuple[Credential, CredentialState]


def credentials_table(found: Sequence[Stated], look: Look) -> str:
    """A line per key; where that is too wide, its place as a label and the rest as text that is wrapped."""
    rows = [(_cells(each, state), _STYLES.get(state, "red")) for each, state in found]
    columns = [
        Column(title=title, cells=[Cell(cells[index], style if title == "state" else "") for cells, style in rows])
        for index, title in enumerate(_TITLES)
    ]
    if look.width is None or total_width(columns) <= look.width:
        return look.text(aligned(columns, look))
    return look.text(line for cells, style in rows for line in _labelled(cells, style, look))


def credentials_json(found: Sequence[Stated], look: Look) -> str:
    """A promise: keys are only added. `project` null is the platform."""
    objects = [
        {
            "provider": each.provider,
            "project": each.project or None,
            "fingerprint": each.fingerprint,
            "key_id": each.key_id,
            "state": state.value.replace(" ", "_"),
            "created_at": plain(each.created_at),
            "updated_at": plain(each.updated_at),
        }
        for each, state in found
    ]
    return _document({"credentials": objects}, look)


def answer_json(values: Mapping[str, Any], look: Look) -> str:
    """The answer about one provider's key."""
    return _document(values, look)


def _cells(credential: Credential, state: CredentialState) -> tuple[str, ...]:
    project = one_line(credential.project) or PLATFORM_TEXT
    texts = (credential.fingerprint, credential.key_id, state.value, shown(credential.updated_at))
    return one_line(credential.provider), project, *map(one_line, texts)


def _labelled(cells: Sequence[str], style: str, look: Look) -> list[str]:
    provider, project, fingerprint, key_id, state, updated = cells
    text = f"{look.paint(state, style)}, fingerprint {fingerprint}, master key {key_id}, updated {updated}"
    return labelled(f"{provider} {project}", text, look, style="bold")


def _document(values: Mapping[str, Any], look: Look) -> str:
    return json.dumps({"version": VERSION, **values}, indent=2, ensure_ascii=not look.unicode)


DOCTOR_VERSION = 1
MAX_FINDINGS = 10
"""Findings shown of one check; the rest is counted, and in the JSON."""

_CHECK_STYLES = {CheckStatus.OK: "green", CheckStatus.FINDINGS: "red", CheckStatus.NOT_RUN: "yellow"}


def doctor_table(checkup: Checkup, look: Look) -> str:
    """A line for each check, its findings below."""
    width = max(len(_title(check)) for check in checkup.checks)
    lines = [*labelled("database", checkup.database, look), ""]
    for check in checkup.checks:
        label = _title(check).ljust(width)
        lines += labelled(label, _state(check), look, style=_CHECK_STYLES[check.status])
        lines += _findings(check, look)
    return look.text([*lines, "", closing(checkup)])


def doctor_json(checkup: Checkup, look: Look) -> str:
    """Everything. A promise: keys are only added, and `version` counts up when one changes its meaning."""
    document = {
        "version": DOCTOR_VERSION,
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


def _finding(finding: CheckFinding) -> dict[str, str]:
    return {"subject": finding.subject, "problem": finding.problem, "remedy": finding.remedy}
