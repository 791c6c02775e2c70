"""No model ends without a reason: two whole listings without it, or a day that somebody stated."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date

from tools.torture.checks import BELIEVED, Broken, Snapshot
from tools.torture.truth import PROVIDERS, Key


@dataclass(slots=True)
class Absences:
    """Whole listings in a row without a model, counted by the test from what its own server listed."""

    counted: defaultdict[Key, int] = field(default_factory=lambda: defaultdict(int))
    last_believed: dict[str, int] = field(default_factory=dict)

    def note(self, before: Snapshot, after: Snapshot, listed: set[Key], *, forced: bool) -> None:
        """Count what the new runs were told, as far as they believed it."""
        for provider, runs in after.new_runs(before).items():
            for run in runs:
                if run["outcome"] in BELIEVED and run["fetched"] is not None:
                    self._count(provider, run["fetched"], after, listed, forced=forced)

    def _count(self, provider: str, fetched: int, after: Snapshot, listed: set[Key], *, forced: bool) -> None:
        last = self.last_believed.get(provider, 0)
        if fetched * 2 < last and not forced:
            return
        self.last_believed[provider] = fetched
        for key in after.models:
            if key[0] == provider:
                self.counted[key] = 0 if key in listed else self.counted[key] + 1


def check_ends(
    before: Snapshot, after: Snapshot, absences: Absences, dated: set[Key], today: date, undone: set[Key]
) -> None:
    """Every status that has just turned to deprecated or retired has its reason; in `undone` rows it was a person."""
    for key, row in after.models.items():
        if key in undone:
            continue
        old = before.models.get(key)
        status = row["status"]
        if key[0] not in PROVIDERS or status not in ("deprecated", "retired") or (old and old["status"] == status):
            continue
        ends = row["retires_on"] and date.fromisoformat(str(row["retires_on"])[:10])
        announced = row["deprecated_on"] and date.fromisoformat(str(row["deprecated_on"])[:10]) <= today
        if status == "retired" and not (key in dated and ends and ends < today):
            raise Broken(f"{key} was retired on {today}, and its last day is {ends}")
        if status == "deprecated" and not (key in dated and (ends or announced)) and absences.counted[key] < 2:
            raise Broken(f"{key} was deprecated after {absences.counted[key]} whole listings without it, and no date")
