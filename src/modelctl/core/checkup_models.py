"""What is wrong with rows of the model table: unpriced, ended, invented, or replaced by nothing. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, datetime

from modelctl.core.checkup import Check, CheckName, Finding
from modelctl.core.endings import Ending, EndKind, Window, find_endings
from modelctl.core.ledger import has_complete_price
from modelctl.core.model import PRICE_FIELDS, ModelKey, Source
from modelctl.core.stored import StoredModel, has_ended
from modelctl.core.succession import Chain, ChainEnd, chain_of

ENDS_SOON_DAYS = 30

_SOURCES = frozenset({Source.API.value, Source.OVERLAY.value, Source.CATALOG.value})


def check_prices(models: Mapping[ModelKey, StoredModel], now: datetime) -> Check:
    """Enabled models that answer and cannot be billed; with their ledgers."""
    alive = [each for each in models.values() if each.is_enabled and not has_ended(each, now.date())]
    findings = [
        Finding(
            subject=str(each.key),
            problem="it is enabled, and has no complete price today",
            remedy="state its price (`modelctl price set`, or a catalog of your own), or disable it",
        )
        for each in alive
        if not _is_priced(each, now)
    ]
    return Check(name=CheckName.PRICES, findings=tuple(findings), note=f"{len(alive):,} enabled and alive")


def check_lifecycle(models: Mapping[ModelKey, StoredModel], today: date) -> Check:
    """Enabled models that have ended, or end soon."""
    window = Window(within_days=ENDS_SOON_DAYS, fail_within_days=ENDS_SOON_DAYS, only_enabled=True)
    rows = [each for each in find_endings(models.values(), window, today=today).rows if each.finding is not None]
    findings = [
        Finding(subject=str(each.key), problem=_ending_problem(each), remedy=_ending_remedy(each)) for each in rows
    ]
    return Check(name=CheckName.LIFECYCLE, findings=tuple(findings), note=f"ends within {ENDS_SOON_DAYS} days")


def check_successors(models: Mapping[ModelKey, StoredModel], today: date) -> Check:
    """Models in use whose replacements lead to none that answers. Of those that ended and are off, nobody asks."""
    findings = []
    stated = [
        each
        for each in models.values()
        if each.facts.replacement is not None and (each.is_enabled or not has_ended(each, today))
    ]
    for each in stated:
        chain = chain_of(each, models, after=each.facts.retires_on or today, today=today)
        if chain.end is not ChainEnd.LIVE:
            findings.append(
                Finding(
                    subject=str(each.key),
                    problem=f"its replacements lead nowhere: {_chain_text(each.key, chain)}",
                    remedy="name a replacement that answers, for this model or for the last one of the chain",
                )
            )
    return Check(name=CheckName.SUCCESSORS, findings=tuple(findings), note=f"{len(stated):,} in use with a replacement")


def check_unknown_rows(models: Mapping[ModelKey, StoredModel], accounted_for: Collection[ModelKey]) -> Check:
    """Rows that no listing ever showed and no source ever wrote: somebody's invention, perhaps.

    `accounted_for`: models that a catalog has, or that a person has added through modelctl.
    """
    findings = [
        Finding(
            subject=str(each.key),
            problem="no catalog, listing or run knows it: a person made it" + (", and it is enabled" * each.is_enabled),
            remedy="if it is real, state it in a catalog of your own; if it is a placeholder, `modelctl remove` it",
        )
        for each in models.values()
        if each.key not in accounted_for and each.last_seen_at is None and not _was_written_by_a_source(each)
    ]
    return Check(name=CheckName.UNKNOWN_ROWS, findings=tuple(findings), note=f"{len(models):,} looked at")


def _is_priced(model: StoredModel, now: datetime) -> bool:
    """By the ledger, or by what somebody wrote into the row itself."""
    facts = model.facts
    if has_complete_price(model.prices, facts.type, at=now):
        return True
    if facts.type in ("chat", None):
        return facts.input_price_per_mtok is not None and facts.output_price_per_mtok is not None
    return any(getattr(facts, name) is not None for name in PRICE_FIELDS)


def _was_written_by_a_source(model: StoredModel) -> bool:
    written = model.state.written.values() if model.state is not None else ()
    return any(each.source.partition(":")[0] in _SOURCES for each in written)


def _ending_problem(ending: Ending) -> str:
    if ending.kind is EndKind.ENDED:
        return "it is enabled, and has ended" + (f" on {ending.day}" if ending.day is not None else "")
    return f"it is enabled, and ends on {ending.day}, in {ending.days_left} days"


def _ending_remedy(ending: Ending) -> str:
    if ending.successor is not None:
        return f"move to {ending.successor}, then disable it"
    return "choose another model, then disable it"


def _chain_text(key: ModelKey, chain: Chain) -> str:
    path = " → ".join((key.model_id, *chain.path))
    match chain.end:
        case ChainEnd.CYCLE:
            return f"{path} goes in a circle"
        case ChainEnd.MISSING:
            return f"{path}, which the database does not have"
        case _:
            return f"{path}, which ends and names no other"
