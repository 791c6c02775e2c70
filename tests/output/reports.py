"""One sync report with everything in it, for all formats."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from modelctl.core.facts import ModelFacts, ModelKey, ModelRecord, Skipped
from modelctl.core.planning.plan import Action, Change, FieldChange, GuardName, Held, Plan, Protected
from modelctl.core.planning.report import ProviderReport, SyncReport
from modelctl.core.prices.price import PricePoint
from modelctl.core.runs import Outcome
from modelctl.core.stored import StoredModel
from modelctl.errors import SourceError

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
DECEMBER = datetime(2026, 12, 1, tzinfo=UTC)


def key(model_id: str, provider: str = "openai") -> ModelKey:
    return ModelKey(provider, model_id)


GPT_4O = StoredModel(
    key=key("gpt-4o"),
    facts=ModelFacts(input_price_per_mtok=Decimal("2.5")),
    is_enabled=True,
    prices=(
        PricePoint(kind="input", amount=Decimal("2.500000000")),
        PricePoint(kind="input", amount=Decimal("1.25"), service_tier="batch"),
    ),
)


def change(action: Action, model_id: str, *fields: tuple[str, object, object], **more: object) -> Change:
    changed = tuple(FieldChange(name=name, old=old, new=new, source="catalog") for name, old, new in fields)
    return Change(action=action, key=key(model_id), fields=changed, **more)


def everything() -> Plan:
    """A plan with something under every heading."""
    return Plan(
        provider="openai",
        existing=60,
        unchanged=57,
        changes=(
            change(Action.CREATE, "gpt-0", ("status", None, "retired")),
            *(change(Action.CREATE, f"gpt-new-{number}", ("status", None, "active")) for number in range(129)),
            change(
                Action.UPDATE,
                "gpt-4o",
                ("input_price_per_mtok", Decimal("2.500000000"), Decimal("2.000000000")),
                ("context_window", 128_000, 200_000),
                ("tags", None, ("smart", "fast")),
                ("vision", None, True),
                existing=GPT_4O,
                prices=(
                    PricePoint(kind="input", amount=Decimal(2), effective_from=NOW),
                    PricePoint(kind="input", amount=Decimal(1), service_tier="batch", effective_from=NOW),
                    PricePoint(kind="input", amount=Decimal(5), effective_from=DECEMBER),
                ),
            ),
            change(Action.DEPRECATE, "o1-mini", ("status", "active", "deprecated"), existing=GPT_4O),
        ),
        held=(
            *(
                Held(
                    change=change(Action.RETIRE, f"old-{number}", ("status", "active", "retired"), existing=GPT_4O),
                    guard=GuardName.MASS_RETIREMENT,
                    reason="12 of 30 rows would be deprecated or retired, more than 30 %",
                )
                for number in range(12)
            ),
            Held(
                change=change(Action.UPDATE, "gpt-5", ("input_price_per_mtok", Decimal(1), Decimal(9))),
                guard=GuardName.PRICE_RISE,
                reason="input_price_per_mtok 1 → 9 rises to more than 2 times",
            ),
        ),
        protected=(
            Protected(key=key("gpt-4"), name="display_name", kept="Our | GPT-4", offered="GPT-4", source="catalog"),
        ),
        absences={key("gpt-3"): 1, key("gpt-2"): 0},
        needs_review=(key("gpt-new-1"), key("gpt-new-2")),
        not_created=(key("gpt-secret"),),
        removed_by_hand=(key("davinci"),),
        unowned=(key("ours"),),
        filtered=(Skipped("gpt-audio", "excluded by the pattern '*-audio*'"),),
        skipped=tuple(Skipped(f"ft:{number}", "fine-tuned models belong to one account") for number in range(12)),
    )


def report_with(*providers: ProviderReport, dry_run: bool = False) -> SyncReport:
    return SyncReport(
        run="20261121T120000Z-abcdef",
        dry_run=dry_run,
        database="sqlite:///models.db",
        started_at=NOW,
        providers=providers,
    )


RECORDS = {key("gpt-4o"): ModelRecord(key=key("gpt-4o"), facts=ModelFacts())}
NO_KEY = "no key; set ANTHROPIC_API_KEY to ask its API as well"
IN_SYNC = ProviderReport(
    provider="anthropic",
    outcome=Outcome.IN_SYNC,
    sources=("catalog",),
    plan=Plan(provider="anthropic", unchanged=20, existing=20),
    notices=(NO_KEY,),
    not_asked=NO_KEY,
    records=RECORDS,
)
FAILED = ProviderReport(
    provider="replicate",
    outcome=Outcome.FAILED,
    plan=Plan(provider="replicate"),
    error=SourceError(
        "replicate: HTTP 401 Unauthorized from https://api.replicate.com/v1", "check REPLICATE_API_TOKEN"
    ),
)


def openai(outcome: Outcome, plan: Plan | None = None) -> ProviderReport:
    return ProviderReport(
        provider="openai",
        outcome=outcome,
        sources=("api", "catalog"),
        plan=everything() if plan is None else plan,
        fetched=57,
        records=RECORDS,
    )


def full(outcome: Outcome = Outcome.HELD) -> SyncReport:
    """Three providers: one in sync, one with everything, one that failed."""
    return report_with(IN_SYNC, openai(outcome), FAILED, dry_run=outcome is Outcome.PLANNED)
