"""The table of models for programs: the same services as the commands, with values in place of text."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from types import TracebackType

from modelctl.config import resolve_settings, variables_of_env_files
from modelctl.core.edits.additions import addition
from modelctl.core.edits.models import facts_from_json
from modelctl.core.facts import FactValue, encode
from modelctl.core.models.query import Filter
from modelctl.core.models.resolve import Resolution, by_provider
from modelctl.core.planning.guards import Acceptance
from modelctl.core.planning.policy import SourceChoice
from modelctl.core.planning.report import SyncReport
from modelctl.core.prices.billing import Billed
from modelctl.core.prices.price import STANDARD, PriceKey, PricePoint
from modelctl.core.prices.usage import usage_of
from modelctl.core.stored import StoredModel
from modelctl.core.text import to_seconds
from modelctl.db import migrate as schema
from modelctl.db.engine import Database
from modelctl.errors import StoreError, UsageError
from modelctl.services import models, prices
from modelctl.services.access import keys_of
from modelctl.services.additions import AddOptions, add
from modelctl.services.sync import SyncOptions
from modelctl.services.sync import sync as run_sync
from modelctl.settings import Runtime

EVERYTHING = Filter()


class ModelStore:
    """The table of models in one database; safe to share between threads, and to be used as a context manager.

    Models are given by any name that `modelctl resolve` understands. Every method raises a `modelctl.errors`
    exception, whose text is one line and holds no secret: UsageError for what the caller got wrong, StoreError for the
    database.
    """

    def __init__(
        self,
        database_url: str | None = None,
        *,
        actor: str | None = None,
        environ: Mapping[str, str] | None = None,
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
            self.settings.database_url, prefix=self.settings.table_prefix, schema=self.settings.schema
        )
        self._is_readable = False

    def __enter__(self) -> ModelStore:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give up all connections; the next call opens new ones."""
        self._database.close()

    def list_models(self, where: Filter = EVERYTHING, *, order: Sequence[str] = ()) -> list[StoredModel]:
        """The models that pass the filter, by key or by columns (`-COLUMN`: the other way round); without ledgers."""
        return list(models.list_models(self._readable(), where, today=self._clock().date(), order=order).shown)

    def get_model(self, name: str) -> StoredModel:
        """One model with its ledger and what modelctl remembers of it."""
        return models.get_model(self._readable(), name)

    def resolve(self, name: str) -> Resolution:
        """Which model a name means, and by which rule."""
        return models.resolve_model(self._readable(), name)

    def usable_models(self, project: str = "") -> dict[str, tuple[StoredModel, ...]]:
        """By provider, the models that a project may call now: enabled, live, and there is a key.

        `project`: whose keys count before the platform's.
        """
        database, runtime = self._readable(), self._runtime()
        keys = keys_of(runtime, database, project)
        return by_provider(models.list_models(database, EVERYTHING, today=runtime.now.date(), keys=keys).shown)

    def price_at(self, name: str, at: datetime | None = None) -> dict[PriceKey, PricePoint]:
        """The prices in force for a model, or for the one that answers in its place, at an instant (now)."""
        return prices.prices_at(self._readable(), name, at or self._clock()).in_force

    def cost(
        self,
        name: str,
        /,
        *,
        at: datetime | None = None,
        service_tier: str = STANDARD,
        **quantities: int | str | Decimal,
    ) -> Billed:
        """What one request cost: `cost("gpt-4o", input=1200, output=300)`, meters as in `cost --help`.

        What has no price on record is listed in the bill, whose totals are then lower bounds (`bill.is_complete`).
        """
        used = usage_of(**quantities)
        moment = at or to_seconds(self._clock())
        [billed], _ = prices.bill_request(self._readable(), [name], used, moment, service_tier)
        return billed

    def add_model(
        self, name: str, /, *, is_enabled: bool | None = None, exact: bool = False, **facts: FactValue
    ) -> StoredModel:
        """Add a model by hand, as `modelctl add`: `add_model("openai/ft:gpt-4o:acme", context_window=128000)`.

        `is_enabled`: None is on, if its price is known. `exact`: the id is meant as it is spelled.
        UsageError for a row that is there, an unknown provider, a misspelt id, and for facts that cannot be.
        """
        row = addition(
            name, facts_from_json({fact: encode(value) for fact, value in facts.items()}), is_enabled=is_enabled
        )
        runtime = self._runtime()
        add(runtime, self._database, [row], runtime.author("add"), AddOptions(exact=exact))
        return self.get_model(str(row.key))

    def sync(
        self,
        *providers: str,
        source: str = "auto",
        project: str = "",
        accept: Sequence[str] = (),
        all_or_nothing: bool = False,
        dry_run: bool = False,
        migrate: bool = False,
    ) -> SyncReport:
        """Bring the providers named, or all, up to date, as `modelctl sync` does with options of these names.

        LockHeld where another run has been writing for longer than the setting `lock_wait_s`.
        """
        options = SyncOptions(
            providers=providers,
            source=SourceChoice(source),
            project=project,
            acceptance=Acceptance(names=frozenset(accept)),
            all_or_nothing=all_or_nothing,
            dry_run=dry_run,
            migrate=migrate,
        )
        runtime = self._runtime()
        return run_sync(runtime, self._database, options, runtime.author("sync"))

    def _runtime(self) -> Runtime:
        return Runtime(
            settings=self.settings,
            environ=self._environ,
            env_files=self._env_files,
            now=self._clock(),
            actor=self._actor,
        )

    def _readable(self) -> Database:
        """The database, which must have modelctl's tables."""
        if not self._is_readable:
            if not schema.is_readable(self._database):
                raise StoreError(f"{self._database.label} has no models yet", "sync to fill it")
            self._is_readable = True
        return self._database
