"""What a sync did, or would do: its document, as JSON, Markdown and a webhook's notice; and a plan as SQL."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Annotated, Any

from typing_extensions import TypedDict

from modelctl.core.facts import PRICE_FIELDS, ModelKey, ModelRecord, Skipped
from modelctl.core.planning.plan import Action, Change, Plan
from modelctl.core.planning.report import PlanFile, PlannedProvider, ProviderReport, SyncReport
from modelctl.core.prices.price import PriceKey, current
from modelctl.core.runs import Outcome
from modelctl.core.text import counted
from modelctl.errors import ExitCode, ModelctlError
from modelctl.output.console import Look, labelled
from modelctl.output.document import (
    AsJson,
    Document,
    Documents,
    ErrorJson,
    JsonFact,
    PriceJson,
    SkippedJson,
    VersionedDocument,
    error_json,
    price_json,
)
from modelctl.output.format import (
    code,
    escaped,
    markdown_table,
    old_to_new,
    one_line,
    plain,
    price_text,
    shown,
    some,
    what_changes,
)
from modelctl.output.sync_text import (
    OUTCOME_WORDS,
    PAST,
    brief_table,
    closing,
    counts,
    counts_text,
    created_ids,
    failure,
    held_groups,
    how_to_accept,
    key_doubt,
    report_notes,
    sources_text,
    sync_table,
    totals,
    verdict,
)


class ChangedFieldJson(TypedDict):
    """A field, before and after, and who states the new value."""

    before: JsonFact
    after: JsonFact
    source: str


class ChangeJson(TypedDict):
    """All that happens to one row."""

    action: Action
    model_id: str
    is_enabled: bool | None
    fields: dict[str, ChangedFieldJson]
    prices: list[PriceJson]
    """What is appended to the ledger."""


class HeldJson(ChangeJson):
    """A change that a guard stopped, and why."""

    guard: str
    reason: str
    accept: str
    """What `--accept` takes."""


class DeclinedJson(TypedDict):
    """A change that a person declined."""

    guard: str
    reason: str
    model_id: str


class ProtectedJson(TypedDict):
    """An override: the value that is kept, and what the sources would have written."""

    model_id: str
    field: str
    kept: JsonFact
    offered: JsonFact
    source: str


class SyncedProviderJson(TypedDict):
    """The outcome for one provider."""

    provider: str
    outcome: Outcome
    written: bool
    sources: list[str]
    fetched: int | None
    """Models that its API listed; null when it was not asked, or the listing failed."""
    counts: dict[str, int]
    notices: list[str]
    error: ErrorJson | None
    changes: list[ChangeJson]
    held: list[HeldJson]
    key_doubt: str | None
    """Why its key is not sent to the address that its row or the catalogs have now; `review accept` allows it."""
    declined: list[DeclinedJson]
    protected: list[ProtectedJson]
    needs_review: list[str]
    not_created: list[str]
    removed_by_hand: list[str]
    not_ours: list[str]
    absent: dict[str, int]
    """From how many complete listings in a row."""
    filtered: list[SkippedJson]
    skipped: list[SkippedJson]


def _provider(report: ProviderReport) -> SyncedProviderJson:
    plan = report.plan
    return {
        "provider": report.provider,
        "outcome": report.outcome,
        "written": report.is_written,
        "sources": list(report.sources),
        "fetched": report.fetched,
        "counts": _with_identifiers(counts(report)),
        "notices": [*report.notices, *plan.notices],
        "error": None if report.error is None else error_json(report.error),
        "changes": [_change(each) for each in plan.changes],
        "held": [
            {"guard": each.guard.value, "reason": each.reason, "accept": str(each.change.key), **_change(each.change)}
            for each in plan.held
        ],
        "key_doubt": plan.key_doubt,
        "declined": [
            {"guard": each.guard.value, "reason": each.reason, "model_id": each.change.key.model_id}
            for each in plan.declined
        ],
        "protected": [
            {
                "model_id": each.key.model_id,
                "field": each.name,
                "kept": plain(each.kept),
                "offered": plain(each.offered),
                "source": each.source,
            }
            for each in plan.protected
        ],
        "needs_review": [key.model_id for key in plan.needs_review],
        "not_created": [key.model_id for key in plan.not_created],
        "removed_by_hand": [key.model_id for key in plan.removed_by_hand],
        "not_ours": [key.model_id for key in plan.unowned],
        "absent": {key.model_id: count for key, count in plan.absences.items() if count},
        "filtered": _skipped(plan.filtered),
        "skipped": _skipped(plan.skipped),
    }


def _change(change: Change) -> ChangeJson:
    return {
        "action": change.action,
        "model_id": change.key.model_id,
        "is_enabled": change.is_enabled if change.existing is None else change.existing.is_enabled,
        "fields": {
            each.name: {"before": plain(each.old), "after": plain(each.new), "source": each.source}
            for each in change.fields
        },
        "prices": [price_json(each) for each in change.prices],
    }


def _skipped(items: Iterable[Skipped]) -> list[SkippedJson]:
    return [{"id": each.item_id, "reason": each.reason} for each in items]


def _with_identifiers(counted: dict[str, int]) -> dict[str, int]:
    return {name.replace(" ", "_"): count for name, count in counted.items()}


class SyncDocument(VersionedDocument):
    """What a run did, or would do."""

    run: str
    database: str
    started_at: datetime
    dry_run: bool
    exit_code: ExitCode
    totals: dict[str, int]
    providers: tuple[Annotated[ProviderReport, AsJson(_provider)], ...]

    @classmethod
    def of(cls, report: SyncReport, exit_code: ExitCode) -> SyncDocument:
        """Of the report and what it makes the command exit with.

        Unchecked, as all of it is the core's: what checks takes as long to make as a small sync's planning.
        """
        return cls.model_construct(
            run=report.run,
            database=report.database,
            started_at=report.started_at,
            dry_run=report.dry_run,
            exit_code=exit_code,
            totals=_with_identifiers(totals(report.providers)),
            providers=report.providers,
        )

    def to_table(self, look: Look) -> str:
        """What changed and what waits; see `failures` for what failed."""
        return brief_table(self, look)

    def to_details(self, look: Look) -> str:
        """Everything, provider by provider."""
        return sync_table(self, self.exit_code, look)

    def to_outputs(self) -> str:
        """As outputs of a step of GitHub Actions: whether rows changed, and how many were created, wait or failed."""
        changed = any(self.totals[name] for name in PAST.values())
        failed = sum(each.error is not None for each in self.providers)
        held = self.totals["held"]
        lines = {"changed": str(changed).lower(), "created": self.totals["created"], "held": held, "failed": failed}
        return "\n".join(f"{name}={value}" for name, value in lines.items())

    def to_markdown(self, look: Look) -> str:
        """A table with totals, then a section for each provider that has something to tell."""
        parts = [f"### modelctl sync: {escaped(closing(self, self.exit_code))}", *_summary(self.providers)]
        for each in self.providers:
            details = list(_details(each, self.started_at))
            if details:
                parts += [f"#### {escaped(each.provider)}", *details]
        return look.text("\n\n".join(parts).splitlines())

    def notice(self) -> str:
        """The summary for a webhook, failures first."""
        failed = [each for each in self.providers if each.error is not None]
        held = [each for each in self.providers if each.plan.is_held]
        lines = [_notice_headline([each.provider for each in failed], [each.provider for each in held])]
        lines += [
            f"{each.provider}: {'failed' if each.outcome is Outcome.FAILED else 'its API failed'}: {failure(each)}"
            for each in failed
        ]
        for each in held:
            for (guard, reason), changes in held_groups(each).items():
                names = some((one.change.key.model_id for one in changes), MAX_NOTICE_NAMES)
                lines.append(f"{each.provider}: held by {guard}: {reason}: {names} ({how_to_accept(guard, changes)})")
            if each.plan.listing_doubt:
                lines.append(f"{each.provider}: {one_line(each.plan.listing_doubt)}")
            if each.plan.key_doubt:
                lines.append(f"{each.provider}: {key_doubt(each)}")
        lines += [closing(self, self.exit_code), counts_text(totals(self.providers)) if self.providers else ""]
        lines.append(f"run {self.run}, {self.database}")
        return "\n".join(filter(None, lines))


class ExplanationDocument(Document):
    """One thing that a sync knows of a model."""

    model: str
    subject: str
    """A fact or a price; `model` for what becomes of the row, `catalog` or `API` for who has it."""
    line: str
    next: str | None = None
    """The command with which a person would go on, or change it."""


class ExplanationsDocument(Documents[ExplanationDocument]):
    """Why a model is in the table as it is, or why it is not: each fact once."""

    @classmethod
    def of(cls, report: SyncReport, name: str) -> ExplanationsDocument:
        """Of a model by `provider/model_id`, or by an id of any provider; empty where nobody mentions it."""
        return cls(
            tuple(
                ExplanationDocument(model=str(key), subject=subject, line=one_line(line), next=following or None)
                for each in report.providers
                for key in [ModelKey(each.provider, name.removeprefix(f"{each.provider}/"))]
                for subject, line, following in _explained(each, key, report.started_at)
            )
        )

    def to_table(self, look: Look) -> str:
        """For each model a title, a line for each thing that is known of it, then what to run next."""
        lines: list[str] = []
        for model, group in groupby(self.root, attrgetter("model")):
            told = list(group)
            fates = [each for each in told if each.subject == "model"]
            others = [each for each in told if each.subject != "model"]
            width = max((len(each.subject) for each in others), default=0)
            lines += ["", *labelled(model, "; ".join(each.line for each in fates), look, style="bold")]
            for each in others:
                style = "yellow" if each.next else ""
                lines += labelled(each.subject.ljust(width), each.line, look, style=style, indent=2)
            for following in dict.fromkeys(each.next for each in told if each.next):
                lines += labelled("next", f"`{following}`", look, style="dim", indent=2)
        return look.text(lines[1:])


def _explained(report: ProviderReport, key: ModelKey, now: datetime) -> Iterator[tuple[str, str, str]]:
    """What is known of one model: the subject, the text, and what to run next."""
    record = report.records.get(key)
    facts = {} if record is None else dict(_stated(record, now))
    facts.update(_moving(report.plan, key, now))  # instead of what is stated: each fact is told once
    fates = list(_fates(report, key))
    if not fates and not facts:
        return
    if not fates:
        fates = [("nothing to change", f"modelctl show {key}")]
    yield from (("model", line, following) for line, following in fates)
    if record is not None and record.verified_on is not None:
        yield "catalog", f"states it, verified on {record.verified_on}", ""
    if record is not None and record.listed_at is not None:
        yield "API", "lists it", ""
    elif report.not_asked:
        yield "API", f"not asked: {report.not_asked}", ""
    for name, (line, following) in facts.items():
        yield name, line, following


def _fates(report: ProviderReport, key: ModelKey) -> Iterator[tuple[str, str]]:
    """What becomes of the row, and what a person could do about it."""
    plan = report.plan
    yield from ((f"filtered: {each.reason}", "modelctl config show") for each in plan.filtered if _is_item(each, key))
    yield from ((f"skipped from the listing: {each.reason}", "") for each in plan.skipped if _is_item(each, key))
    for keys, line, following in (
        (plan.removed_by_hand, "its row was removed, and no sync creates it again", f"modelctl sync --recreate {key}"),
        (plan.not_created, "only the API lists it, and the setting create_new is `catalog`", f"modelctl add {key}"),
        (plan.unowned, "its row was there before modelctl and is left alone", f"modelctl override adopt {key}"),
        (plan.needs_review, "disabled until a complete price is known", f"modelctl price set {key}"),
    ):
        if key in keys:
            yield line, following
    for change in plan.changes:
        if change.key == key:
            yield f"would be {PAST[change.action]}", f"modelctl sync {key.provider}"
    for held in plan.held:
        if held.change.key == key:
            yield f"held by {held.guard}: {held.reason}", f"modelctl sync {key.provider} --accept {key}"
    if absent := plan.absences.get(key):
        yield f"missing from {counted(absent, 'complete listing')} in a row", f"modelctl show {key}"
    if report.error is not None and report.outcome is Outcome.FAILED:
        yield f"the provider failed: {failure(report)}", f"modelctl provider test {key.provider}"
    elif report.error is not None and key in report.records:
        yield f"its API failed: {failure(report)}", f"modelctl provider test {key.provider}"


def _is_item(skipped: Skipped, key: ModelKey) -> bool:
    return skipped.item_id == key.model_id


def _stated(record: ModelRecord, now: datetime) -> Iterator[tuple[str, tuple[str, str]]]:
    """Each fact and price that the sources state, and who does."""
    for name, value in record.facts.known():
        yield name, (f"{shown(value)} ({record.provenance.get(name, 'no source')})", "")
    prices = current(record.prices, now)
    for name, kind in PRICE_FIELDS.items():
        if (point := prices.pop(PriceKey(kind), None)) is not None:
            yield name, (f"{price_text(point)} (price ledger)", "")
    if prices:
        yield "other prices", (f"{len(prices)} of other service tiers, contexts or units", "")


def _moving(plan: Plan, key: ModelKey, now: datetime) -> Iterator[tuple[str, tuple[str, str]]]:
    """Each fact and price of a row that would change, is held, or is a person's."""
    for change in (each for each in plan.changes if each.key == key and each.existing is not None):
        for name, text in what_changes(change, now=now):
            yield name, (text, "")
    for held in (each for each in plan.held if each.change.key == key):
        for name, text in what_changes(held.change, now=now):
            yield name, (f"{text}, held", "")
    for kept in (each for each in plan.protected if each.key == key):
        text = f"{shown(kept.kept)}, an override; {kept.source} says {shown(kept.offered)}"
        yield kept.name, (text, f"modelctl sync --take {key}:{kept.name}")


MAX_NAMES = 20
MAX_ROWS = 100
"""Rows of one table: GitHub refuses a summary of more than a mebibyte, and nobody reads more."""


def _summary(reports: Sequence[ProviderReport]) -> Iterator[str]:
    if not reports:
        return
    together = totals(reports)
    names = [name for name, count in together.items() if count or name in ("created", "updated", "unchanged")]
    rows = [
        [each.provider, OUTCOME_WORDS[each.outcome], sources_text(each), *(f"{counts(each)[name]:,}" for name in names)]
        for each in reports
    ]
    rows.append(["**total**", "", "", *(f"**{together[name]:,}**" for name in names)])
    yield markdown_table(["provider", "outcome", "sources", *names], rows, right=range(3, 3 + len(names)))


def _details(report: ProviderReport, now: datetime) -> Iterator[str]:
    if sentence := verdict(report):
        yield f"**{escaped(sentence)}**"
    if report.error is not None and report.error.hint:
        yield escaped(report.error.hint)
    if said := report_notes(report):
        yield "\n".join(f"- {escaped(each)}" for each in said)
    yield from _changes(report, now)
    yield from _left_alone(report)


def _changes(report: ProviderReport, now: datetime) -> Iterator[str]:
    changes = report.plan.changes
    would = "" if report.is_written else "would be "
    if created := created_ids(report):
        yield f"{would}created: {escaped(some(created, MAX_NAMES))}"
    others = [change for change in changes if change.action is not Action.CREATE]
    if others:
        rows = [
            [
                would + PAST[each.action],
                code(each.key.model_id),
                "<br>".join(escaped(f"{name}: {text}") for name, text in what_changes(each, now=now)),
            ]
            for each in others[:MAX_ROWS]
        ]
        yield markdown_table(["change", "model", "what"], rows)
    yield from _rest(len(others))


def _left_alone(report: ProviderReport) -> Iterator[str]:
    plan = report.plan
    if plan.key_doubt:
        yield escaped(key_doubt(report))
    if groups := held_groups(report):
        rows = [
            [
                escaped(some((each.change.key.model_id for each in held), MAX_NAMES)),
                guard,
                escaped(reason),
                code(how_to_accept(guard, held)),
            ]
            for (guard, reason), held in groups.items()
        ]
        yield markdown_table(["held", "guard", "why", "to accept"], rows)
    if plan.protected:
        rows = [
            [code(each.key.model_id), each.name, escaped(old_to_new(each.kept, each.offered)), each.source]
            for each in plan.protected[:MAX_ROWS]
        ]
        yield markdown_table(["protected", "field", "kept → offered", "offered by"], rows)
        yield from _rest(len(plan.protected))
    lists = {
        "needs review": plan.needs_review,
        "not created": plan.not_created,
        "removed by hand": plan.removed_by_hand,
        "not ours": plan.unowned,
        "absent": [key for key, count in plan.absences.items() if count],
    }
    lines = [
        f"- {label}: {escaped(some((key.model_id for key in keys), MAX_NAMES))}"
        for label, keys in lists.items()
        if keys
    ]
    for label, items in (("filtered", plan.filtered), ("skipped", plan.skipped)):
        counts = Counter(each.reason for each in items)
        lines += [f"- {label} {count:,}: {escaped(reason)}" for reason, count in counts.most_common(MAX_NAMES)]
    if lines:
        yield "\n".join(lines)


def _rest(count: int) -> Iterator[str]:
    if count > MAX_ROWS:
        yield f"and {count - MAX_ROWS:,} more"


MAX_NOTICE_NAMES = 5


def error_text(what: str) -> str:
    """The summary of a sync that ended before any provider could be told of."""
    return f"modelctl sync FAILED: {one_line(what)}"


def error_document(error: ModelctlError) -> dict[str, Any]:
    """The same for programs; a report that could be made has no `error` at its top."""
    return {"version": 1, "exit_code": error.exit_code.value, "error": error_json(error)}


def _notice_headline(failed: list[str], held: list[str]) -> str:
    if failed:
        return f"modelctl sync FAILED for {', '.join(failed)}"
    if held:
        return f"modelctl sync: guards hold changes of {', '.join(held)}"
    return "modelctl sync: done"


_CHARSET = {"mysql": "SET NAMES utf8mb4", "mariadb": "SET NAMES utf8mb4"}


def plan_sql(file: PlanFile, scripts: Mapping[str, Sequence[str]], dialect: str) -> str:
    """The whole script; it ends with a newline."""
    return "\n".join(_lines(file, scripts, dialect)) + "\n"


def _lines(file: PlanFile, scripts: Mapping[str, Sequence[str]], dialect: str) -> Iterator[str]:
    yield f"-- modelctl {one_line(file.modelctl)}: a plan of {file.created_at.isoformat()} for {dialect}"
    yield f"-- for this database and no other: {one_line(file.database)}"
    yield "-- Does what `modelctl apply` would do, but does not check that the rows are still as they were then:"
    yield "-- run it once, before anything else writes these tables."
    if dialect in _CHARSET:
        yield f"{_CHARSET[dialect]};"
    for each in file.providers:
        yield ""
        yield f"-- {_headline(each)}"
        yield from (f"{statement};" for statement in scripts[each.report.provider])


def _headline(each: PlannedProvider) -> str:
    report = each.report
    return one_line(f"{report.provider}: {OUTCOME_WORDS[report.outcome]}, {counts_text(counts(report))}")
