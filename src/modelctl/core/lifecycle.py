"""When a model is deprecated or gone: dates decide, unless the provider's own listing says otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from types import MappingProxyType

from modelctl.core.model import FactValue, ModelFacts, Source, Status, provenance_of

DATES = ("deprecated_on", "retires_on")
"""Facts that decide about the status."""

BY_DATES = "rule:dates"
BY_LISTING = "api:listed"
BY_DEFAULT = "rule:status"

ENDED = (Status.DEPRECATED, Status.RETIRED)

_NOBODYS: Mapping[str, FactValue] = MappingProxyType({})


def with_status(
    facts: ModelFacts,
    provenance: Mapping[str, str],
    *,
    today: date,
    seen_on: date | None,
    dates: Mapping[str, FactValue] = _NOBODYS,
) -> tuple[ModelFacts, Mapping[str, str]]:
    """The facts with the status that holds on `today`, and the provenance that says which rule set it.

    `seen_on`: the last day on which the provider's API showed the model, if it ever did. A listing is the retirement
    signal (Anthropic documents that a past date on a listed model means "overdue"), so a model that was seen after its
    last day is at most deprecated. One that was last seen before it is gone: nobody has looked since.
    `dates`: those that a person set, which count before the sources'. Against an end that a person announced, an API
    that shows the model as live does not count: it knows of the vendor's ends only.
    """
    dated = facts.replaced(dates) if dates else facts
    ends = dated.retires_on
    is_past = ends is not None and ends < today
    outlived = seen_on is not None and (ends is None or seen_on > ends)
    stated_by_api = facts.status is not None and provenance["status"].partition(":")[0] == Source.API
    by_a_person = any(dates.values()) and facts.status not in ENDED
    if stated_by_api and not by_a_person and (outlived or not is_past):
        return facts, provenance
    status, rule = _by_dates(dated, today=today, outlived=outlived, is_past=is_past)
    if rule is None:
        return facts, provenance
    return facts.replaced({"status": status}), provenance_of(*{**provenance, "status": rule}.items())


def _by_dates(facts: ModelFacts, *, today: date, outlived: bool, is_past: bool) -> tuple[str, str | None]:
    """The status, and the rule that set it; None where the source's own word stands."""
    stated = facts.status
    if is_past or stated == Status.RETIRED:
        if outlived:
            return Status.DEPRECATED, BY_LISTING
        return Status.RETIRED, None if stated == Status.RETIRED else BY_DATES
    announced = facts.retires_on is not None or (facts.deprecated_on is not None and facts.deprecated_on <= today)
    if announced and stated != Status.DEPRECATED:
        return Status.DEPRECATED, BY_DATES
    return (stated, None) if stated is not None else (Status.ACTIVE, BY_DEFAULT)
