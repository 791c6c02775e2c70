"""Looking at everything at once: reads what there is, and lets the core judge it. Writes nothing that stays."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from modelctl.catalog.load import Catalog, catalogs_in_force
from modelctl.core.credentials import Credentials
from modelctl.core.doctor import (
    OF_DOCTOR,
    OF_VERIFY,
    Check,
    CheckFinding,
    CheckName,
    Checkup,
    check_catalogs,
    check_clock,
    check_counts,
    check_credentials,
    check_keys,
    check_leases,
    check_ledger,
    check_lifecycle,
    check_prices,
    check_recommended,
    check_runs,
    check_sample,
    check_successors,
    check_unknown_rows,
    check_values,
    finding_of,
    of_providers,
    run_check,
    sample_of,
)
from modelctl.core.facts import ModelKey
from modelctl.core.provider import Provider
from modelctl.core.runs import LeaseState, ProviderRuns
from modelctl.core.stored import ModelsByKey, StoredModel
from modelctl.core.text import counted, require_known
from modelctl.db import history, read
from modelctl.db import migrate as schema
from modelctl.db import probe as probe
from modelctl.db.engine import Database
from modelctl.db.providers import credentials
from modelctl.errors import ModelctlError, SourceError, StoreError
from modelctl.services.access import Chosen, choose, jobs_of
from modelctl.services.gather import ask
from modelctl.services.keys import Keys, keys_of, master_key_once
from modelctl.settings import Runtime, Settings

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from modelctl.tables.base import Tables


UNREADABLE = "the database cannot be read"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Contents:
    """What the database holds, as far as it is looked at."""

    providers: Sequence[Provider]
    models: ModelsByKey
    added: Collection[ModelKey]
    """Models that people have added with `modelctl add`."""
    chosen: Collection[ModelKey]
    """Models that people have added, switched on or edited."""
    runs: Mapping[str, ProviderRuns]
    leases: Sequence[LeaseState]
    credentials: Credentials
    clock: datetime | None


def check_up(
    runtime: Runtime,
    database: Database,
    providers: Collection[str] = (),
    *,
    max_age: timedelta,
    is_strict: bool = False,
) -> Checkup:
    """All checks, of these providers or of all. `max_age`: how long ago a provider's last whole run may be.

    `is_strict`: warnings are findings, too. Whatever cannot be looked at is said, and a failure of one is no failure of
    the others. UsageError for a provider that there is not.
    """
    state, contents = _read(database)
    if contents is not None:
        for name in providers:
            require_known(name, [each.name for each in contents.providers], "provider")
    catalogs, catalogs_check = _catalogs(runtime, contents)
    checks = [state, catalogs_check]
    if contents is None:
        ran = {check.name for check in checks}
        checks += [Check(name=name, not_run=UNREADABLE) for name in OF_DOCTOR if name not in ran]
    else:
        looks = _looks(runtime, database, contents, catalogs, max_age=max_age)
        checks += [run_check(name, look) for name, look in looks.items()]
        if not catalogs:
            checks.append(Check(name=CheckName.UNKNOWN_ROWS, not_run="the catalogs cannot be read"))
    if providers:
        checks = [of_providers(check, providers) for check in checks]
    order = list(CheckName)
    return Checkup(
        checked_at=runtime.now,
        database=database.label,
        checks=tuple(sorted(checks, key=lambda check: order.index(check.name))),
        is_strict=is_strict,
    )


def verify(runtime: Runtime, database: Database, wanted: Collection[str], *, expected: int, sample: int) -> Checkup:
    """Whether the table can be used as it is: counts, prices, recommended models, and a live look at some of them.

    `wanted`: providers; none means all that are switched on and have a row. `expected`: how many models each has at
    least. `sample`: of how many models of each provider with a key its API is asked whether it has them; 0: of none.
    StoreError where there are no tables, UsageError for an unknown provider.
    """
    if not schema.is_readable(database):
        raise StoreError(f"{database.label} has no models yet", "run `modelctl sync` to fill it")
    chosen = choose(runtime, database, wanted)
    stored = database.read(lambda connection: _stored_of(connection, database.tables, chosen, is_named=bool(wanted)))
    now, today = runtime.now, runtime.now.date()
    models = {key: each for of_provider in stored.values() for key, each in of_provider.items()}
    looks: dict[CheckName, Callable[[], Check]] = {
        CheckName.COUNTS: lambda: check_counts(stored, expected, today),
        CheckName.VALUES: lambda: check_values(models),
        CheckName.PRICES: lambda: check_prices(models, now),
        CheckName.LEDGER: lambda: check_ledger(models, now),
        CheckName.RECOMMENDED: lambda: check_recommended(stored, today),
        CheckName.LIVE: lambda: _live(runtime, database, chosen, stored, sample),
    }
    checks = tuple(run_check(name, looks[name]) for name in OF_VERIFY)
    return Checkup(checked_at=now, database=database.label, checks=checks)


def _stored_of(
    connection: Connection, tables: Tables, chosen: Chosen, *, is_named: bool
) -> dict[str, Mapping[ModelKey, StoredModel]]:
    """The models of the chosen providers; where nobody is named, of those that have a row."""
    rows = read.providers(connection, tables)
    names = [name for name in chosen.known if is_named or name in rows]
    return {name: read.models_of(connection, tables, name).models for name in names}


def _live(
    runtime: Runtime,
    database: Database,
    chosen: Chosen,
    stored: Mapping[str, Mapping[ModelKey, StoredModel]],
    size: int,
) -> Check:
    """One listing of each provider with a key: it costs nothing, and says whether the sample is there for that key."""
    if not size:
        return Check(name=CheckName.LIVE, note="left out")
    known = {name: each for name, each in chosen.known.items() if name in stored}
    jobs = jobs_of(runtime, replace(chosen, known=known), keys_of(runtime, database))
    findings = [finding_of(job.error, job.provider.name) for job in jobs if job.error is not None]
    asked = len(findings)
    for listed in ask(jobs, deadline_s=runtime.settings.deadline_s):
        name = listed.job.provider.name
        asked += 1
        if listed.listing is None:
            findings.append(finding_of(listed.error or SourceError(f"{name}: no answer"), name))
            continue
        wanted = sample_of(stored[name], size, runtime.now.date())
        is_whole = name in listed.listing.complete_for
        findings += check_sample(wanted, listed.listing.records.keys(), is_whole=is_whole)
    note = f"{asked} of {counted(len(stored), 'provider')} asked" if asked else "no provider with a key: none was asked"
    return Check(name=CheckName.LIVE, findings=tuple(findings), note=note)


def _read(database: Database) -> tuple[Check, _Contents | None]:
    """Whether the database can be reached and read, and if so, what is in it."""
    name = CheckName.DATABASE
    try:
        if not schema.is_readable(database):
            problem = CheckFinding(
                subject=database.label,
                problem="it has no modelctl tables yet",
                remedy="run `modelctl sync --migrate`",
            )
            return Check(name=name, findings=(problem,)), None
        if missing := schema.missing(database):
            return Check(name=name, findings=tuple(_missing(each) for each in missing)), None
        contents = database.read(lambda connection: _contents(connection, database.tables))
    except ModelctlError as error:
        return Check(name=name, findings=(finding_of(error, database.label),)), None
    return Check(name=name, note=f"reachable, tables at version {schema.HEAD}"), contents


def _missing(name: str) -> CheckFinding:
    return CheckFinding(
        subject=name,
        problem="it is missing: somebody dropped it",
        remedy="restore it from a backup; modelctl cannot create what it held",
    )


def _contents(connection: Connection, tables: Tables) -> _Contents:
    clock = probe.clock(connection)  # first, for the rest takes a while
    providers = read.providers(connection, tables)
    models: dict[ModelKey, StoredModel] = {}
    for each in sorted(providers):
        models |= read.models_of(connection, tables, each).models
    added = history.added_by_hand(connection, tables)
    return _Contents(
        providers=[provider for _, provider in sorted(providers.items())],
        models=dict(sorted(models.items())),
        added=added,
        chosen=added | history.enabled_by_hand(connection, tables) | _pinned(models),
        runs=probe.provider_runs(connection, tables),
        leases=probe.leases(connection, tables),
        credentials=credentials(connection, tables),
        clock=clock,
    )


def _pinned(models: ModelsByKey) -> set[ModelKey]:
    """Models of which people have pinned a field."""
    return {key for key, each in models.items() if each.state is not None and each.state.pins}


def _catalogs(runtime: Runtime, contents: _Contents | None) -> tuple[tuple[Catalog, ...], Check]:
    """The catalogs, none where they cannot be read, and whether they are valid and fresh."""
    try:
        catalogs = catalogs_in_force(runtime.settings.catalog_directory)
    except ModelctlError as error:
        return (), Check(name=CheckName.CATALOGS, findings=(finding_of(error, "catalogs"),))
    newest: dict[str, date | None] = {}
    for catalog in catalogs:
        for key, record in catalog.snapshot.records.items():
            newest[key.provider] = max(filter(None, (newest.get(key.provider), record.verified_on)), default=None)
    if contents is not None:
        used = {each.name for each in _enabled(contents, runtime.settings)}
        newest = {name: day for name, day in newest.items() if name in used}
    return catalogs, check_catalogs(newest, runtime.now.date())


def _enabled(contents: _Contents, settings: Settings) -> list[Provider]:
    return [each for each in contents.providers if each.is_enabled and settings.provider(each.name).enabled]


def _looks(
    runtime: Runtime, database: Database, contents: _Contents, catalogs: Sequence[Catalog], *, max_age: timedelta
) -> dict[CheckName, Callable[[], Check]]:
    now, models, runs, enabled = runtime.now, contents.models, contents.runs, _enabled(contents, runtime.settings)
    stored = contents.credentials
    keys = Keys(
        environ=runtime.environ, env_files=runtime.env_files, stored=stored, master_key=master_key_once(runtime)
    )
    records = {key: each for catalog in catalogs for key, each in catalog.snapshot.records.items()}
    verified_on = max((each.verified_on for each in records.values() if each.verified_on), default=None)
    looks: dict[CheckName, Callable[[], Check]] = {
        CheckName.PERMISSIONS: lambda: _permissions(database, now),
        CheckName.KEYS: lambda: check_keys(enabled, keys.is_there, runs, now),
        CheckName.STORED_KEYS: lambda: check_credentials(
            stored.values(), lambda each: keys.master_key().state_of(each)
        ),
        CheckName.RUNS: lambda: check_runs(enabled, runs, max_age=max_age, now=now),
        CheckName.LEASES: lambda: check_leases(contents.leases, now),
        CheckName.VALUES: lambda: check_values(models),
        CheckName.PRICES: lambda: check_prices(models, now),
        CheckName.LEDGER: lambda: check_ledger(models, now),
        CheckName.LIFECYCLE: lambda: check_lifecycle(models, contents.chosen, now.date()),
        CheckName.SUCCESSORS: lambda: check_successors(models, now.date()),
        CheckName.CLOCK: lambda: check_clock(now, database=contents.clock, verified_on=verified_on, runs=runs),
    }
    if catalogs:
        looks[CheckName.UNKNOWN_ROWS] = lambda: check_unknown_rows(models, {*records, *contents.added})
    return looks


def _permissions(database: Database, now: datetime) -> Check:
    """Whether a sync may write what it has to: tried, and rolled back."""
    findings = [
        CheckFinding(
            subject=each.table,
            problem=f"{each.right} is refused: {each.reason}",
            remedy=f"grant {each.right} on {each.table} to the user of the database URL",
        )
        for each in probe.refusals(database, now.replace(microsecond=0))
    ]
    return Check(name=CheckName.PERMISSIONS, findings=tuple(findings), note="tried, and rolled back")
