"""Stored API keys and where a key comes from, for people and for programs. Is never given a key."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from modelctl.core.credentials import Credential, CredentialState
from modelctl.render.columns import Cell, Column, aligned, total_width
from modelctl.render.json_values import plain
from modelctl.render.terminal import Look, labelled
from modelctl.render.values import one_line, shown

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
