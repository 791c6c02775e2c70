"""docs/schemas/: what each report's JSON is made of. `make schemas` writes it, and a test compares."""

from __future__ import annotations

import json
from pathlib import Path

from modelctl.output.document import REPORTS, json_schema

SCHEMAS = Path(__file__).resolve().parent.parent / "docs" / "schemas"


def pages() -> dict[str, str]:
    """The text of each file by its name; reports that are the same document share one."""
    found: dict[tuple[str, ...], str] = {}
    for name, places in REPORTS.items():
        found.setdefault(places, name)
    pages = {
        f"{name.replace(' ', '-')}.json": json.dumps(json_schema(name), indent=1, ensure_ascii=False) + "\n"
        for name in found.values()
    }
    rows = [
        f"| `{name}` | [{found[places].replace(' ', '-')}.json]({found[places].replace(' ', '-')}.json) |"
        for name, places in REPORTS.items()
    ]
    return {**pages, "README.md": "\n".join([_HEAD, *rows]) + "\n"}


_HEAD = """\
# The JSON of every report

What `--format json` (or `--json`) prints is described by a JSON Schema, which `modelctl schema REPORT` prints, too.
Written by `make schemas`; a test compares it with the code. Keys are only added; where one changes its meaning the
document's `version` counts up. Amounts are exact numbers, instants are UTC, days ISO text, null is unknown.

With `--format json` a command that fails prints the document `error` on stderr; its exit code is the same as ever.

| report | schema |
| --- | --- |"""

if __name__ == "__main__":
    SCHEMAS.mkdir(exist_ok=True)
    for name, text in pages().items():
        (SCHEMAS / name).write_text(text, encoding="utf-8")
