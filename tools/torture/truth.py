"""What the outside says in a history: the user's catalogs, and what the two providers list. The test's own truth."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.loopback import ProviderServer, anthropic_item, openai_item
from tools.torture import canaries

PLAIN, PAGED = "acme", "zeta"
"""An openai-compatible provider of one page, and one that lists as Anthropic does, page by page."""
PROVIDERS = (PLAIN, PAGED)
KINDS = {PLAIN: "openai-compatible", PAGED: "anthropic"}

Key = tuple[str, str]
"""Provider and id."""


@dataclass(slots=True)
class Entry:
    """One model of a catalog."""

    context_window: int
    prices: list[tuple[date | None, Decimal, Decimal]]
    """Day (None: since launch), input, output; in order of the days."""
    deprecated_on: date | None = None
    retires_on: date | None = None

    def price_on(self, day: date) -> tuple[Decimal, Decimal]:
        """What it costs on a day."""
        return [(given, taken) for start, given, taken in self.prices if start is None or start <= day][-1]


@dataclass(slots=True)
class Truth:
    """The sources as they are now."""

    server: ProviderServer
    directory: Path
    catalog: dict[Key, Entry] = field(default_factory=dict)
    listed: dict[Key, int] = field(default_factory=dict)
    """What the providers list, with the context window that the paged one states."""
    dated: set[Key] = field(default_factory=set)
    """Models whose end some catalog has ever dated."""
    stored: set[str] = field(default_factory=set)
    """Providers whose key is in the database."""

    def env(self, url: str) -> dict[str, str]:
        """The environment of a sync."""
        keys = {
            f"{name.upper()}_API_KEY": self.server.keys[name] or "" for name in PROVIDERS if name not in self.stored
        }
        return {
            "DATABASE_URL": url,
            "MODELCTL_CATALOG_DIRECTORY": str(self.directory),
            "HOME": str(self.directory),
            "MODELCTL_SECRET_KEY": canaries.MASTER_KEY,
            "MODELCTL_CLOCK_SKEW_S": "36500d",  # its clock is not the server's
            "NO_COLOR": "1",
            "COLUMNS": "200",
            **keys,
        }

    def publish(self) -> None:
        """Write the catalogs, and let the server list what is listed."""
        self.dated |= {key for key, entry in self.catalog.items() if entry.retires_on or entry.deprecated_on}
        for provider in PROVIDERS:
            entries = [(key[1], entry) for key, entry in self.catalog.items() if key[0] == provider]
            text = self._head(provider) + "".join(_model(name, entry) for name, entry in sorted(entries))
            (self.directory / f"{provider}.toml").write_text(text, encoding="utf-8")
            ids = sorted(key for key in self.listed if key[0] == provider)
            make = openai_item if provider == PLAIN else self._paged_item
            self.server.models[provider] = [make(model_id) for _, model_id in ids]

    def _paged_item(self, model_id: str) -> dict[str, Any]:
        return anthropic_item(model_id, max_input_tokens=self.listed[PAGED, model_id])

    def _head(self, provider: str) -> str:
        return (
            f'[provider]\ndisplay_name = "{provider}"\nkind = "{KINDS[provider]}"\n'
            f'api_base_url = "{self.server.base_url(provider)}"\nenv_vars = ["{provider.upper()}_API_KEY"]\n'
        )


def _model(name: str, entry: Entry) -> str:
    lines = ["", "[[model]]", f"id = {json.dumps(name)}", 'type = "chat"', f"context_window = {entry.context_window}"]
    for key in ("deprecated_on", "retires_on"):
        if (day := getattr(entry, key)) is not None:
            lines.append(f"{key} = {day}")
    prices = [
        f"  {{ {f'from = {start}, ' if start else ''}input = {given}, output = {taken} }},"
        for start, given, taken in entry.prices
    ]
    return "\n".join([*lines, "prices = [", *prices, "]", ""])


@contextmanager
def truth_in(directory: Path) -> Iterator[Truth]:
    """A server with the two providers, and an empty directory of catalogs."""
    with ProviderServer() as server:
        server.kinds.update(KINDS)
        server.page_size[PAGED] = 6
        server.keys.update(canaries.KEYS)
        catalogs = directory / "catalogs"
        catalogs.mkdir()
        (directory / "shipped").mkdir()
        (directory / "shipped" / "nobody.toml").write_text('[provider]\ndisplay_name = "Nobody"\n', encoding="utf-8")
        yield Truth(server, catalogs)


def in_utc(value: Any) -> datetime:
    """An instant as a database without time zones gives it."""
    return datetime.fromisoformat(str(value)).replace(tzinfo=None)
