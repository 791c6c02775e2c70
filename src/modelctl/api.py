"""The table of models for programs: the same services as the commands, with values in place of text.

What a method reports is the document of the command's `--format json`; what it looks up is a value of the core.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from threading import Lock
from types import TracebackType

from pydantic import AwareDatetime, InstanceOf
from typing_extensions import Unpack

from modelctl.arguments import (
    EVERYTHING,
    Amount,
    Count,
    Days,
    Name,
    ProviderArguments,
    Seconds,
    SyncArguments,
    Where,
    each_for_programs,
    facts_given,
    filter_given,
    provider_options,
    sync_options,
    terms_given,
)
from modelctl.config import resolve_settings, variables_of_env_files
from modelctl.core.credentials import Credential, project_of
from modelctl.core.edits.additions import addition
from modelctl.core.edits.models import Deprecation
from modelctl.core.edits.providers import with_settings
from modelctl.core.facts import ModelKey, plain_number
from modelctl.core.models.query import Filter
from modelctl.core.models.resolve import Resolution, by_provider
from modelctl.core.models.retirements import Window
from modelctl.core.prices.billing import Billed
from modelctl.core.prices.manual import PriceRow, points_to_correct, points_to_set, price_terms
from modelctl.core.prices.price import STANDARD, PriceKey, PricePoint, PriceUnit, ServiceTier
from modelctl.core.prices.usage import usage_of
from modelctl.core.provider import Provider
from modelctl.core.stored import StoredModel
from modelctl.core.text import require_known, to_seconds
from modelctl.db import migrate as schema
from modelctl.db.engine import Database
from modelctl.errors import BadRows, StoreError, UsageError
from modelctl.output.edits import EditsDocument, PopulateDocument, UndoDocument
from modelctl.output.history import RunsDocument
from modelctl.output.lifecycle import LifecycleDocument
from modelctl.output.plan_file import PlanDocument
from modelctl.output.prices import PriceEntriesDocument
from modelctl.output.providers import ProvidersDocument, ProviderTestsDocument
from modelctl.output.setup import CredentialInUseDocument, CredentialsDocument, CredentialTestDocument
from modelctl.output.sync import SyncDocument
from modelctl.services import credentials, edits, history, models, plans, prices
from modelctl.services import providers as provider_rows
from modelctl.services.additions import AddOptions, PopulateOptions, add, populate
from modelctl.services.keys import keys_of, seal_of
from modelctl.services.sync import sync as run_sync
from modelctl.settings import Runtime


@each_for_programs
class ModelStore:
    """The table of models in one database; safe to share between threads, and to be used as a context manager.

    Models are given by any name that `modelctl resolve` understands. Every method raises a `modelctl.errors`
    exception, whose text is one line and holds no secret: UsageError for what the caller got wrong, StoreError for the
    database. Each edit is one transaction: all that is named, or nothing.
    """

    def __init__(
        self,
        database_url: Name | None = None,
        *,
        actor: Name | None = None,
        environ: InstanceOf[Mapping[str, str]] | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Opens nothing yet. What is not given comes from the settings, found as the command finds them.

        `actor`: who is written into the audit; left out, the user of this process. `environ`: variables in place of
        the process's own. UsageError for settings or a URL that cannot be used.
        """
        self._environ = dict(os.environ if environ is None else environ)
        self._actor = actor
        self._clock = clock
        self.settings = resolve_settings({"database_url": database_url}, self._environ, working_directory=Path.cwd())
        self._env_files = variables_of_env_files(Path.cwd()) if self.settings.env_files else {}
        if self.settings.database_url is None:
            raise UsageError("there is no home directory for the default database", "give ModelStore a database URL")
        self._database = Database(
            self.settings.database_url,
            prefix=self.settings.table_prefix,
            schema=self.settings.schema,
            clock_skew_s=self.settings.clock_skew_s,
        )
        self._is_readable = False
        self._ticks, self._last = Lock(), datetime.min.replace(tzinfo=UTC)

    def __enter__(self) -> ModelStore:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give up all connections; the next call opens new ones."""
        self._database.close()

    def list_models(self, where: Where = EVERYTHING, *, order: Sequence[Name] = ()) -> list[StoredModel]:
        """The models that pass the filter, by key or by columns (`-COLUMN`: the other way round); without ledgers.

        `where`: a `Filter`, or words as `list --where` of an edit takes: `"provider=openai type=embedding"`.
        """
        wanted, today = filter_given(where), self._now().date()
        models.require_providers(self._readable(), wanted.providers)
        return list(models.list_models(self._readable(), wanted, today=today, order=order).shown)

    def get_model(self, name: Name) -> StoredModel:
        """One model with its ledger and what modelctl remembers of it."""
        return models.get_model(self._readable(), name, self._now().date())

    def resolve(self, name: Name) -> Resolution:
        """Which model a name means, and by which rule."""
        return models.resolve_model(self._readable(), name, self._now().date())

    def usable_models(self, project: str = "") -> dict[str, tuple[StoredModel, ...]]:
        """By provider, the models that a project may call now: enabled, live, and there is a key.

        `project`: whose keys count before the platform's.
        """
        database, runtime = self._readable(), self._runtime()
        keys = keys_of(runtime, database, project)
        return by_provider(models.list_models(database, EVERYTHING, today=runtime.now.date(), keys=keys).shown)

    def lifecycle(
        self,
        *providers: Name,
        within_days: Days = 90,
        past_days: Days | None = None,
        fail_within_days: Days | None = None,
        only_enabled: bool = False,
    ) -> LifecycleDocument:
        """Which models end when, and what replaces them: of these providers, or of all."""
        window = Window(
            within_days=within_days,
            past_days=past_days,
            fail_within_days=fail_within_days,
            only_enabled=only_enabled,
            providers=tuple(sorted(set(providers))),
        )
        return LifecycleDocument.of(models.list_retirements(self._readable(), window, today=self._now().date()))

    def price_at(self, name: Name, at: AwareDatetime | None = None) -> dict[PriceKey, PricePoint]:
        """The prices in force for a model, or for the one that answers in its place, at an instant (now)."""
        return prices.prices_at(self._readable(), name, at or self._now()).in_force

    def cost(
        self,
        name: Name,
        /,
        *,
        at: AwareDatetime | None = None,
        service_tier: Name = STANDARD,
        **quantities: Amount,
    ) -> Billed:
        """What one request cost: `cost("gpt-4o", input=1200, output=300)`, meters as in `cost --help`.

        What has no price on record is listed in the bill, whose totals are then lower bounds (`bill.is_complete`).
        """
        require_known(service_tier, map(str, ServiceTier), "service_tier")
        used = usage_of(**quantities)
        moment = at or to_seconds(self._now())
        [billed], _ = prices.bill_request(self._readable(), [name], used, moment, service_tier)
        return billed

    def add_model(
        self, name: Name, /, *, is_enabled: bool | None = None, exact: bool = False, **facts: object
    ) -> StoredModel:
        """Add a model by hand, as `modelctl add`: `add_model("openai/ft:gpt-4o:acme", context_window=128000)`.

        `is_enabled`: None is on, if its price is known. `exact`: the id is meant as it is spelled.
        UsageError for a row that is there, an unknown provider, a misspelt id, and for facts that cannot be.
        """
        row = addition(name, facts_given(facts), is_enabled=is_enabled)
        runtime = self._runtime()
        add(runtime, self._database, [row], runtime.author("add"), AddOptions(exact=exact))
        return models.get_model(self._readable(), str(row.key), self._now().date())

    def set_facts(
        self, *names: Name, where: Where | None = None, dry_run: bool = False, **facts: object
    ) -> EditsDocument:
        """Set facts, and pin them: `set_facts("gpt-4o", context_window=128000, family=None)`; None is unknown."""
        values = facts_given(facts)
        if not values:
            raise UsageError("no fact is given", "name what is set, as context_window=128000")
        return self._edit("set", names, where, partial(edits.set_facts, values=values), dry_run=dry_run)

    def enable(self, *names: Name, where: Where | None = None, dry_run: bool = False) -> EditsDocument:
        """Switch models on for the application."""
        return self._edit("enable", names, where, partial(edits.set_enabled, is_enabled=True), dry_run=dry_run)

    def disable(self, *names: Name, where: Where | None = None, dry_run: bool = False) -> EditsDocument:
        """Switch models off for the application; syncs keep them up to date."""
        return self._edit("disable", names, where, partial(edits.set_enabled, is_enabled=False), dry_run=dry_run)

    def deprecate(
        self,
        *names: Name,
        replacement: Name | None = None,
        on: date | None = None,
        retires: date | None = None,
        dry_run: bool = False,
    ) -> EditsDocument:
        """State the end of models: what replaces them, when it was announced (today), the last day they answer."""
        end = Deprecation(replacement=replacement, on=on, retires=retires)
        return self._edit("deprecate", names, None, partial(edits.deprecate, end=end), dry_run=dry_run)

    def cancel_deprecation(self, *names: Name, dry_run: bool = False) -> EditsDocument:
        """Say that the models do not end after all."""
        return self._edit("deprecate", names, None, edits.undeprecate, dry_run=dry_run)

    def remove_models(self, *names: Name, cascade: bool = False, dry_run: bool = False) -> EditsDocument:
        """Remove rows, which no sync brings back; `cascade`: from the rows that name them, too."""
        return self._edit("remove", names, None, partial(edits.remove, cascade=cascade), dry_run=dry_run)

    def populate(
        self, *, sets: Sequence[Name] = (), providers: Sequence[Name] = (), dry_run: bool = False
    ) -> PopulateDocument:
        """Create the default models that are not there, and before them the tables if need be."""
        options = PopulateOptions(sets=tuple(sets), providers=tuple(providers), dry_run=dry_run)
        runtime = self._runtime()
        done = populate(runtime, self._database, options, runtime.author("populate"))
        return PopulateDocument.of([each for plan in done.plans for each in plan.results], done.ids, dry_run=dry_run)

    def set_price(
        self,
        name: Name,
        /,
        *,
        source: Name,
        starts: AwareDatetime | date | None = None,
        unit: Name = PriceUnit.MTOK.value,
        context_above: Amount = 0,
        service_tier: Name = STANDARD,
        currency: Name | None = None,
        **amounts: Amount,
    ) -> PriceEntriesDocument:
        """Enter a model's prices from an instant on (now): `set_price("gpt-4o", input="2", output=8, source="…")`.

        `amounts`: by kind, per `unit`. `source`: where they can be looked up. No sync changes them.
        """
        terms = terms_given(starts, unit, context_above, service_tier, currency, source)
        return self._price("price set", name, amounts, terms, points_to_set)

    def correct_price(
        self,
        name: Name,
        /,
        *,
        source: Name,
        starts: AwareDatetime | date | None = None,
        unit: Name = PriceUnit.MTOK.value,
        context_above: Amount = 0,
        service_tier: Name = STANDARD,
        currency: Name | None = None,
        **amounts: Amount,
    ) -> PriceEntriesDocument:
        """Correct a wrong entry of the ledger, of that start or in force now, and with it the bills of its time."""
        terms = terms_given(starts, unit, context_above, service_tier, currency, source)
        return self._price("price correct", name, amounts, terms, points_to_correct)

    def sync(
        self, *providers: Name, dry_run: bool = False, migrate: bool = False, **wanted: Unpack[SyncArguments]
    ) -> SyncDocument:
        """Bring the providers named, or all, up to date, as `modelctl sync` does with options of these names.

        LockHeld where another run has been writing for longer than the setting `lock_wait_s`.
        """
        options = replace(sync_options(providers, wanted), dry_run=dry_run, migrate=migrate)
        runtime = self._runtime()
        report = run_sync(runtime, self._database, options, runtime.author("sync"))
        return SyncDocument.of(report, report.exit_code(pending_counts=False))

    def plan(self, *providers: Name, **wanted: Unpack[SyncArguments]) -> PlanDocument:
        """What a sync would do, for `apply` now or later; nothing is written."""
        runtime, options = self._runtime(), sync_options(providers, wanted)
        _, file = plans.make_plan(runtime, self._database, options, runtime.author("plan"))
        return PlanDocument.of(file, partial(seal_of, runtime))

    def apply(
        self,
        plan: InstanceOf[PlanDocument],
        *,
        digest: str | None = None,
        any_database: bool = False,
        migrate: bool = False,
    ) -> SyncDocument:
        """Carry out a plan exactly. StalePlan, and nothing written, where a row that it rests on has moved since.

        UsageError for a plan of another database unless `any_database`, and for one that is not of this `digest`, or
        without one not sealed with the master key where there is one. Refused where a guard stops it by now.
        """
        runtime = self._runtime()
        author = runtime.author("apply")
        plan.require(digest, partial(seal_of, runtime), "the plan")
        report = plans.apply_plan(
            runtime, self._database, plan.file(), author, migrate=migrate, any_database=any_database
        )
        return SyncDocument.of(report, report.exit_code(pending_counts=False))

    def list_runs(self, *providers: Name, limit: Count = 20) -> RunsDocument:
        """The last runs, newest first: of these providers, or of all."""
        fitting, total = history.list_runs(self._readable(), providers)
        shown = fitting[:limit]
        empty_because = None if shown else "filtered" if total else "nothing"
        return RunsDocument.model_validate({"empty_because": empty_because, "runs": shown})

    def undo(self, run: Name, *, dry_run: bool = False) -> UndoDocument:
        """Take a run back where nothing has moved since. `run`: its id, the beginning of one, or `last`."""
        runtime = self._runtime()
        report = plans.undo_run(runtime, self._readable(), run, runtime.author("runs undo"), dry_run=dry_run)
        written = report.run if not dry_run and report.taken_back else None
        return UndoDocument.model_validate({"undone": report.undone, "run": written, "providers": report.providers})

    def list_providers(self, *names: Name) -> ProvidersDocument:
        """The providers of the database and of the catalogs: switch, key, models, health."""
        views = provider_rows.provider_views(self._runtime(), schema.if_readable(self._database), names)
        return ProvidersDocument(tuple(views.values()))

    def add_provider(self, name: Name, /, **settings: Unpack[ProviderArguments]) -> Provider:
        """Add a provider of your own, which is synced from its API: `add_provider("local", base_url="http://…/v1")`."""
        runtime = self._runtime()
        options = provider_options({"kind": "openai-compatible", **settings})
        author = runtime.author("provider add")
        return provider_rows.add_provider(runtime, self._database, name, options, author).provider

    def set_provider(self, *names: Name, **settings: Unpack[ProviderArguments]) -> tuple[Provider, ...]:
        """Change settings of providers; nothing but what is given changes, an empty text takes a setting away."""
        if not settings or not names:
            raise UsageError("there is nothing to set", "name providers, and what changes, as base_url")
        runtime = self._runtime()
        author = runtime.author("provider set")
        edited = provider_rows.change_providers(runtime, self._database, names, provider_options(settings), author)
        return tuple(with_settings(each.provider, each.changes) for each in edited)

    def remove_provider(self, name: Name, *, cascade: bool = False) -> tuple[ModelKey, ...]:
        """Remove a provider of your own; with `cascade` its models and stored keys, which are named."""
        runtime, database = self._runtime(), self._readable()
        provider_rows.dependents(runtime, database, name)
        author = runtime.author("provider remove")
        return provider_rows.remove_provider(database, name, author, cascade=cascade).models

    def test_providers(self, *names: Name, timeout_s: Seconds = 5.0) -> ProviderTestsDocument:
        """Try these providers, or all that are enabled: reachable, key accepted and proven, models seen."""
        runtime = self._runtime()
        present = schema.if_readable(self._database)
        found, stored = provider_rows.try_providers(runtime, present, names, timeout_s=timeout_s)
        tested = tuple((each.provider, each.probed, each.provider in stored) for each in found)
        return ProviderTestsDocument(checked_at=runtime.now, providers=tested)

    def set_key(self, provider: Name, key: Name, project: str = "") -> Credential:
        """Store an API key, encrypted, for the platform or for a project; what is told of it is no secret."""
        runtime, owner = self._runtime(), (provider, project_of(project or None))
        text = credentials.key_in_text(key, "the argument key", "give the key alone")
        author = runtime.author("key set")
        stored, _ = credentials.set_key(runtime, self._database, owner, lambda: text, author)
        return stored

    def list_keys(self) -> CredentialsDocument:
        """The stored keys by fingerprint; none is opened."""
        return CredentialsDocument.of(credentials.list_keys(self._runtime(), self._database).keys)

    def remove_key(self, provider: Name, project: str = "") -> Credential:
        """Remove a stored key; the provider knows nothing of it."""
        owner, author = (provider, project_of(project or None)), self._runtime().author("key remove")
        return credentials.remove_key(self._readable(), owner, author)

    def which_key(self, provider: Name, project: str = "") -> CredentialInUseDocument:
        """Which key the provider is asked with: the project's, else the platform's, else the environment's."""
        used = credentials.which_key(self._runtime(), self._database, provider, project_of(project or None))
        return CredentialInUseDocument.of(used.provider, used.project, used.found, used.fingerprint)

    def test_key(self, provider: Name, project: str = "") -> CredentialTestDocument:
        """Ask the provider for its models with that key; nothing is written."""
        used, listed = credentials.test_key(self._runtime(), self._database, provider, project_of(project or None))
        models_listed = len(listed.listing.records) if listed.listing is not None else None
        return CredentialTestDocument.of(
            used.provider,
            used.project,
            used.found,
            used.fingerprint,
            is_accepted=listed.error is None,
            models=models_listed,
            error=str(listed.error) if listed.error is not None else None,
        )

    def _edit(
        self,
        command: str,
        names: Sequence[str],
        where: Filter | str | None,
        edit: Callable[..., edits.EditResult],
        *,
        dry_run: bool,
    ) -> EditsDocument:
        if bool(names) == (where is not None):
            raise UsageError(f"{command} needs names of models, or where", 'as "openai/gpt-4o"')
        author = self._runtime().author(command)
        chosen = names if where is None else filter_given(where)
        edited = edit(self._readable(), chosen, author=author, dry_run=dry_run)
        written = author.run if edited.changes and not dry_run else None
        return EditsDocument.of(edited.changes, edited.unchanged, written, command=command)

    def _price(
        self, command: str, name: str, amounts: Mapping[str, Amount], terms: Mapping[str, str], edit: prices.PriceEdit
    ) -> PriceEntriesDocument:
        if not amounts:
            raise UsageError("no price is given", 'say what it costs, as input="2", output="8"')
        said = {kind: {**terms, "kind": kind, "amount": plain_number(amount)} for kind, amount in amounts.items()}
        rows = [PriceRow(0, name, price_terms(each, {"from": "starts", "amount": kind})) for kind, each in said.items()]
        runtime = self._runtime()
        author = runtime.author(command)
        report = prices.edit_prices(runtime, self._readable(), rows, edit, author)
        if len(report.bad) == 1:
            raise UsageError(report.bad[0].problem)
        if report.bad:
            raise BadRows([each.problem for each in report.bad], of=len(rows))
        return PriceEntriesDocument(
            run=author.run, entered=tuple(report.prices), unchanged=report.unchanged, beside=tuple(report.beside)
        )

    def _now(self) -> datetime:
        now = self._clock()
        if now.tzinfo is None:
            raise UsageError("clock: gives an instant without a time zone", "as datetime.now(UTC) has one")
        with self._ticks:  # runs are ordered by their instants, and a clock may be coarse, or stand still
            if timedelta() <= self._last - now < timedelta(seconds=1):
                now = self._last + timedelta(microseconds=1)
            self._last = now
        return now

    def _runtime(self) -> Runtime:
        return Runtime(
            settings=self.settings,
            environ=self._environ,
            env_files=self._env_files,
            now=self._now(),
            actor=self._actor,
        )

    def _readable(self) -> Database:
        """The database, which must have modelctl's tables."""
        if not self._is_readable:
            if not schema.is_readable(self._database):
                raise StoreError(f"{self._database.label} has no models yet", "sync to fill it")
            self._is_readable = True
        return self._database
