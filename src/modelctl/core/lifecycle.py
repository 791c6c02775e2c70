"""When a model is deprecated or gone: dates decide, unless the provider's own listing says otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date

from modelctl.core.model import ModelFacts, Status

BY_DATES = "rule:dates"
BY_LISTING = "rule:listed"
BY_DEFAULT = "rule:status"


def with_status(
    facts: ModelFacts, provenance: Mapping[str, str], *, today: date, listed: bool
) -> tuple[ModelFacts, Mapping[str, str]]:
    """The facts with the status that holds on `today`, and the provenance that says which rule set it.

    `listed`: the provider's API has just shown the model. A listing is the retirement signal (Anthropic documents that
    a past date on a listed model means "overdue"), so a model that still answers is at most deprecated.
    """
    status, rule = _status_on(facts, today=today, listed=listed, stated_by=provenance.get("status", ""))
    if rule is None:
        return facts, provenance
    return replace(facts, status=status), {**provenance, "status": rule}


def _status_on(facts: ModelFacts, *, today: date, listed: bool, stated_by: str) -> tuple[str, str | None]:
    stated = facts.status
    if stated is not None and stated_by == "api":
        return stated, None
    ended = stated == Status.RETIRED or (facts.retires_on is not None and facts.retires_on < today)
    if ended and listed:
        return Status.DEPRECATED, BY_LISTING
    if ended:
        return Status.RETIRED, None if stated == Status.RETIRED else BY_DATES
    announced = facts.retires_on is not None or (facts.deprecated_on is not None and facts.deprecated_on <= today)
    if announced and stated != Status.DEPRECATED:
        return Status.DEPRECATED, BY_DATES
    if stated is not None:
        return stated, None
    return Status.ACTIVE, BY_DEFAULT
