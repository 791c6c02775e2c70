"""What `doctor` and `verify` check, by what others have read: each check with its findings, and what to do."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum

from modelctl.core.credentials import Credential, CredentialState, store_command
from modelctl.core.facts import PRICE_FIELDS, FactValue, ModelKey, Source, encode
from modelctl.core.models.lifecycle import Chain, ChainEnd, chain_of
from modelctl.core.models.retirements import Retirement, RetirementKind, Window, find_retirements
from modelctl.core.prices.ledger import has_complete_price, projection
from modelctl.core.provider import Provider
from modelctl.core.runs import LEASE_STALE, LeaseState, ProviderRuns
from modelctl.core.stored import ModelsByKey, StoredModel, has_ended
from modelctl.core.text import age_text, counted
from modelctl.core.validation import fact_problems
from modelctl.errors import ModelctlError

CATALOG_STALE_DAYS = 90
CLOCK_TOLERANCE = timedelta(seconds=60)
API_REMEMBERED = timedelta(days=30)
"""How long after the last listing a missing key is taken for a loss, and not for a decision."""
ENDS_SOON_DAYS = 30

_SOURCES = frozenset({Source.API.value, Source.OVERLAY.value, Source.CATALOG.value})


class CheckName(StrEnum):
    """What is looked at, in the order in which it is told."""

    DATABASE = "database"
    PERMISSIONS = "permissions"
    CATALOGS = "catalogs"
    KEYS = "keys"
    STORED_KEYS = "stored_keys"
    RUNS = "runs"
    LEASES = "leases"
    VALUES = "values"
    PRICES = "prices"
    LEDGER = "ledger"
    LIFECYCLE = "lifecycle"
    SUCCESSORS = "successors"
    UNKNOWN_ROWS = "unknown_rows"
    CLOCK = "clock"
    COUNTS = "counts"
    RECOMMENDED = "recommended"
    LIVE = "live"


OF_VERIFY = (
    CheckName.COUNTS,
    CheckName.VALUES,
    CheckName.PRICES,
    CheckName.LEDGER,
    CheckName.RECOMMENDED,
    CheckName.LIVE,
)
"""What is looked at after a sync: whether the table can be used as it is."""
OF_DOCTOR = tuple(name for name in CheckName if name not in {CheckName.COUNTS, CheckName.RECOMMENDED, CheckName.LIVE})


class CheckStatus(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARNINGS = "warnings"
    FINDINGS = "findings"
    NOT_RUN = "not_run"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckFinding:
    """One thing that is wrong, and what to do."""

    subject: str
    problem: str
    remedy: str
    is_warning: bool = False
    """Whether it is only worth knowing: nothing has to be done today."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """The outcome of one check."""

    name: CheckName
    findings: tuple[CheckFinding, ...] = ()
    not_run: str = ""
    """Why it could not be looked at; such a check is not ok."""
    note: str = ""
    """What was looked at, or what a person may want to know."""

    @property
    def status(self) -> CheckStatus:
        """Findings first; a check that was not run is never ok."""
        if not all(each.is_warning for each in self.findings):
            return CheckStatus.FINDINGS
        if self.not_run:
            return CheckStatus.NOT_RUN
        return CheckStatus.WARNINGS if self.findings else CheckStatus.OK


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkup:
    """All checks."""

    checked_at: datetime
    database: str
    """As it may be shown."""
    checks: tuple[Check, ...]
    is_strict: bool = False
    """Whether a warning counts as a finding."""

    @property
    def is_ok(self) -> bool:
        """Whether everything could be looked at, and nothing was found but warnings, if those do not count."""
        good = {CheckStatus.OK} if self.is_strict else {CheckStatus.OK, CheckStatus.WARNINGS}
        return all(check.status in good for check in self.checks)


def run_check(name: CheckName, look: Callable[[], Check]) -> Check:
    """The check, or its error as a finding: one look that fails keeps no other from being taken."""
    try:
        return replace(look(), name=name)
    except ModelctlError as error:
        return Check(name=name, findings=(finding_of(error, name),))


def finding_of(error: ModelctlError, subject: str) -> CheckFinding:
    """An error as a finding."""
    problem = error.message.removeprefix(f"{subject}: ")
    return CheckFinding(subject=subject, problem=problem, remedy=error.hint or "correct this, then run doctor again")


_OF_ALL = frozenset({CheckName.DATABASE, CheckName.PERMISSIONS, CheckName.LEASES, CheckName.CLOCK})


def of_providers(check: Check, providers: Collection[str]) -> Check:
    """The check with the findings on these providers and their models alone; what is no provider's stays whole."""
    if check.name in _OF_ALL:
        return check
    return replace(
        check, findings=tuple(each for each in check.findings if each.subject.partition("/")[0] in providers)
    )


def check_catalogs(newest: Mapping[str, date | None], today: date) -> Check:
    """Whether somebody looked at the vendors' pages lately. `newest`: provider -> the last day on which one did."""
    findings = [
        CheckFinding(
            subject=name,
            problem=f"its catalog was last verified on {day}, {(today - day).days} days ago"
            if day is not None
            else "its catalog was never verified",
            remedy="upgrade modelctl, or verify its models in your overlay (see `modelctl catalog lint`)",
        )
        for name, day in sorted(newest.items())
        if day is None or (today - day).days > CATALOG_STALE_DAYS
    ]
    return Check(name=CheckName.CATALOGS, findings=tuple(findings), note=counted(len(newest), "provider"))


def check_keys(
    providers: Iterable[Provider], present: Callable[[Provider], bool], runs: Mapping[str, ProviderRuns], now: datetime
) -> Check:
    """Whether a key has gone that there was. A provider that never had one is synced from its catalog, and noted.

    `present` may raise ModelctlError for a key that cannot be one.
    """
    findings, without = [], []
    for provider in providers:
        if not (provider.env_vars and provider.kind):
            continue
        try:
            if present(provider):
                continue
        except ModelctlError as error:
            findings.append(finding_of(error, provider.name))
            continue
        listed_at = runs[provider.name].listed_at if provider.name in runs else None
        if listed_at is None or now - listed_at > API_REMEMBERED:
            without.append(provider.name)
            continue
        findings.append(
            CheckFinding(
                subject=provider.name,
                problem=f"its key is gone: its API was asked on {listed_at:%Y-%m-%d}, and no variable holds a key now",
                remedy=f"set {' or '.join(provider.env_vars)}",
            )
        )
    note = f"no key, so from their catalogs only: {', '.join(without)}" if without else ""
    return Check(name=CheckName.KEYS, findings=tuple(findings), note=note)


def check_credentials(stored: Iterable[Credential], state_of: Callable[[Credential], CredentialState]) -> Check:
    """Whether each stored key can be opened. `state_of` raises ModelctlError where there is no master key to try."""
    states = [(each, state_of(each)) for each in stored]
    problems = {
        CredentialState.OTHER_KEY: "it is stored under another master key than the one in force",
        CredentialState.DAMAGED: "it was altered, or copied from another provider or project",
    }
    findings = [
        CheckFinding(
            subject=str(each),
            problem=problems[state],
            remedy=f"use that master key, or store the key again with `{store_command(*each.owner)}`",
        )
        for each, state in states
        if state in problems
    ]
    return Check(name=CheckName.STORED_KEYS, findings=tuple(findings), note=counted(len(states), "stored key"))


def check_runs(
    providers: Iterable[Provider], runs: Mapping[str, ProviderRuns], *, max_age: timedelta, now: datetime
) -> Check:
    """Whether each provider was wholly synced lately, and whether its last run went well."""
    found = [(each.name, _run_problem(runs.get(each.name), max_age, now)) for each in providers]
    findings = [
        CheckFinding(
            subject=name,
            problem=problem,
            remedy=f"run `modelctl sync {name}`, and have it run regularly",
        )
        for name, problem in found
        if problem
    ]
    return Check(name=CheckName.RUNS, findings=tuple(findings), note=counted(len(found), "provider"))


def _run_problem(runs: ProviderRuns | None, max_age: timedelta, now: datetime) -> str:
    if runs is None:
        return "it was never synced"
    if runs.whole_at is None or runs.last_at > runs.whole_at:
        since = (
            f"the last complete one was {age_text(now - runs.whole_at)} ago" if runs.whole_at else "none was complete"
        )
        reason = f": {runs.error}" if runs.error else ""
        return f"its last run, {age_text(now - runs.last_at)} ago, was {runs.outcome}{reason}; {since}"
    if now - runs.whole_at > max_age:
        return f"its last complete run was {age_text(now - runs.whole_at)} ago, more than {age_text(max_age)}"
    return ""


def check_leases(leases: Iterable[LeaseState], now: datetime) -> Check:
    """Whether a run was killed while it wrote."""
    findings = [
        CheckFinding(
            subject=each.name,
            problem=f"run {each.run} of {each.actor} holds the lock, but is silent for {age_text(now - each.beat_at)}",
            remedy="check whether that run still works; if it was killed, sync again",
        )
        for each in leases
        if now - each.beat_at > LEASE_STALE
    ]
    return Check(name=CheckName.LEASES, findings=tuple(findings))


def check_clock(
    now: datetime, *, database: datetime | None, verified_on: date | None, runs: Mapping[str, ProviderRuns]
) -> Check:
    """Whether this machine's clock agrees with the database's, the catalogs and the runs that were.

    `database`: its clock; None where it has none of its own. `verified_on`: the last day that any catalog names.
    """
    problems = []
    if database is not None and abs(now - database) > CLOCK_TOLERANCE:
        ahead = "ahead of" if now > database else "behind"
        problems.append(f"it is {abs(now - database).total_seconds():,.0f} s {ahead} the database's")
    if verified_on is not None and verified_on > now.date() + timedelta(days=1):
        problems.append(f"it says {now:%Y-%m-%d}, and a catalog was verified on {verified_on}")
    last_at = max((each.last_at for each in runs.values()), default=None)
    if last_at is not None and last_at - now > CLOCK_TOLERANCE:
        problems.append(f"it says {now:%Y-%m-%d %H:%M}Z, and the last run began at {last_at:%Y-%m-%d %H:%M}Z")
    remedy = "set the clocks of this machine and of the database by NTP: dated prices depend on them"
    findings = [CheckFinding(subject="this machine's clock", problem=each, remedy=remedy) for each in problems]
    note = "" if database is not None else "the database has no clock of its own"
    return Check(name=CheckName.CLOCK, findings=tuple(findings), note=note)


def check_prices(models: ModelsByKey, now: datetime) -> Check:
    """Enabled models that answer and cannot be billed; with their ledgers."""
    alive = [each for each in models.values() if each.is_enabled and not has_ended(each, now.date())]
    findings = [
        CheckFinding(
            subject=str(each.key),
            problem="it is enabled, and has no complete price today",
            remedy="state its price (`modelctl price set`, or your overlay), or disable it",
        )
        for each in alive
        if not _is_priced(each, now)
    ]
    return Check(name=CheckName.PRICES, findings=tuple(findings), note=f"{len(alive):,} enabled and live")


def check_counts(models: Mapping[str, ModelsByKey], expected: int, today: date) -> Check:
    """Whether each provider has as many models that answer as are expected. `models`: by provider."""
    alive = {name: sum(not has_ended(each, today) for each in found.values()) for name, found in models.items()}
    findings = [
        CheckFinding(
            subject=name,
            problem=f"it has {counted(count, 'model')} that answer, and at least {expected:,} are expected",
            remedy=f"run `modelctl sync {name}`, and look at what it leaves out",
        )
        for name, count in sorted(alive.items())
        if count < expected
    ]
    note = f"{counted(sum(alive.values()), 'model')} of {counted(len(alive), 'provider')}"
    return Check(name=CheckName.COUNTS, findings=tuple(findings), note=note)


def check_recommended(models: Mapping[str, ModelsByKey], today: date) -> Check:
    """Recommended models that cannot be used; and, as a warning, providers that have none. `models`: by provider."""
    findings: list[CheckFinding] = []
    found = 0
    for name, of_provider in sorted(models.items()):
        recommended = [each for each in of_provider.values() if each.facts.recommended]
        found += len(recommended)
        findings += [
            CheckFinding(
                subject=str(each.key),
                problem=f"it is recommended, but {'retired' if has_ended(each, today) else 'disabled'}",
                remedy=f"`modelctl set {each.key} recommended=false`, or `modelctl enable {each.key}`",
                is_warning=not has_ended(each, today),
            )
            for each in recommended
            if has_ended(each, today) or not each.is_enabled
        ]
        if of_provider and not recommended:
            remedy = f"`modelctl set {name}/MODEL recommended=true` recommends one"
            problem = "none of its models is recommended"
            findings.append(CheckFinding(subject=name, problem=problem, remedy=remedy, is_warning=True))
    return Check(name=CheckName.RECOMMENDED, findings=tuple(findings), note=counted(found, "model"))


def sample_of(models: ModelsByKey, size: int, today: date) -> list[ModelKey]:
    """The models of a provider to look for in its listing: recommended ones that can be used, then others."""
    usable = [each for each in models.values() if each.is_enabled and not has_ended(each, today)]
    return [each.key for each in sorted(usable, key=lambda each: (not each.facts.recommended, each.key))][:size]


def check_sample(sample: Sequence[ModelKey], listed: Collection[ModelKey], *, is_whole: bool) -> list[CheckFinding]:
    """Models of the sample that the provider does not list; where a listing is never whole, that is a warning."""
    return [
        CheckFinding(
            subject=str(key),
            problem="the provider does not list it",
            remedy=f"run `modelctl sync {key.provider}`, then `modelctl show {key}`",
            is_warning=not is_whole,
        )
        for key in sample
        if key not in listed
    ]


def check_values(models: ModelsByKey) -> Check:
    """Values that no model can have: somebody wrote them past modelctl, where the database refuses nothing."""
    findings = [
        CheckFinding(
            subject=str(each.key),
            problem=problem,
            remedy="correct it with `modelctl set`, or set it to NULL for unknown",
        )
        for each in models.values()
        for problem in fact_problems(each.facts)
    ]
    return Check(name=CheckName.VALUES, findings=tuple(findings), note=f"{len(models):,} looked at")


def check_ledger(models: ModelsByKey, now: datetime) -> Check:
    """Price columns that say something else than the ledger does for today; with their ledgers.

    A person who writes into a column alone is warned: bills are made of the ledger.
    """
    findings = [
        CheckFinding(
            subject=str(each.key),
            problem=f"its {name} is {_amount_text(getattr(each.facts, name))}, and the ledger says {_amount_text(due)}",
            remedy="run `modelctl sync`" if each.is_ours(name) else "set it with `modelctl price set`, which bills use",
            is_warning=not each.is_ours(name),
        )
        for each in models.values()
        if each.prices
        for name, due in _prices_due(each, now)
        if getattr(each.facts, name) != due
    ]
    return Check(name=CheckName.LEDGER, findings=tuple(findings), note="price columns against the ledger")


def _prices_due(model: StoredModel, now: datetime) -> Iterator[tuple[str, FactValue]]:
    shown = projection(model.prices, at=now)
    return ((name, shown.get(name)) for name in PRICE_FIELDS)


def _amount_text(amount: FactValue) -> str:
    return "unknown" if amount is None else str(encode(amount))


def check_lifecycle(models: ModelsByKey, chosen: Collection[ModelKey], today: date) -> Check:
    """Enabled models that have ended, or end soon. Of those that nobody has `chosen` it is a warning."""
    window = Window(within_days=ENDS_SOON_DAYS, fail_within_days=ENDS_SOON_DAYS, only_enabled=True)
    rows = [each for each in find_retirements(models.values(), window, today=today).rows if each.finding is not None]
    findings = [
        CheckFinding(
            subject=str(each.key),
            problem=_retirement_problem(each),
            remedy=_retirement_remedy(each),
            is_warning=each.key not in chosen,
        )
        for each in rows
    ]
    return Check(name=CheckName.LIFECYCLE, findings=tuple(findings), note=f"retires within {ENDS_SOON_DAYS} days")


def check_successors(models: ModelsByKey, today: date) -> Check:
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
                CheckFinding(
                    subject=str(each.key),
                    problem=f"its replacements lead nowhere: {_chain_text(each.key, chain)}",
                    remedy="name a live replacement, for this model or for the last one in that list",
                )
            )
    return Check(name=CheckName.SUCCESSORS, findings=tuple(findings), note=f"{len(stated):,} in use with a replacement")


def check_unknown_rows(models: ModelsByKey, accounted_for: Collection[ModelKey]) -> Check:
    """Rows that no listing ever showed and no source ever wrote: somebody's invention, perhaps.

    `accounted_for`: models that a catalog has, or that a person has added through modelctl.
    """
    findings = [
        CheckFinding(
            subject=str(each.key),
            problem="no catalog, listing or run knows it: a person added it"
            + (", and it is enabled" * each.is_enabled),
            remedy="if it is real, state it in your overlay; if it is a placeholder, `modelctl remove` it",
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


def _retirement_problem(retirement: Retirement) -> str:
    if retirement.kind is RetirementKind.ENDED:
        return "it is enabled, and retired" + (f" on {retirement.day}" if retirement.day is not None else "")
    left = counted(retirement.days_left or 0, "day")
    return f"it is enabled, and retires on {retirement.day}, in {left}"


def _retirement_remedy(retirement: Retirement) -> str:
    if retirement.successor is not None:
        return f"move to {retirement.successor}, then disable it"
    return "choose another model, then disable it"


def _chain_text(key: ModelKey, chain: Chain) -> str:
    path = " → ".join(each.beside(key.provider) for each in (key, *chain.path))
    match chain.end:
        case ChainEnd.CYCLE:
            return f"{path} goes in a circle"
        case ChainEnd.MISSING:
            return f"{path}, which the database does not have"
        case _:
            return f"{path}, which retires and names no other"
