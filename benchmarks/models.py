"""Models to measure with: every fact known, two to four prices each, the same ones in every run."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from modelctl.catalog.load import Catalog
from modelctl.core.facts import ModelFacts, ModelKey, ModelRecord, Source
from modelctl.core.planning.merge import Snapshot
from modelctl.core.prices.price import PricePoint
from modelctl.core.provider import Provider

PROVIDER = Provider(name="bench", display_name="Bench", kind="")
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
_FAMILIES = ("swift", "heron", "kestrel", "osprey", "merlin", "plover", "dunlin", "avocet")
_KINDS = ("input", "output", "cache_read", "cache_write")
_SHARE = {"input": Decimal(1), "output": Decimal(4), "cache_read": Decimal("0.1"), "cache_write": Decimal("1.25")}
_PAGE = "https://bench.example/pricing"


def catalog(count: int, *, edition: int = 0) -> Catalog:
    """So many models of one provider. Each further edition differs from the last one in 1 % of them."""
    records = {each.key: each for each in (_record(index, edition) for index in range(count))}
    return Catalog(providers={PROVIDER.name: PROVIDER}, snapshot=Snapshot(source=Source.CATALOG, records=records))


def model_id(index: int) -> str:
    """Id of the model with that number."""
    return f"{_FAMILIES[index % len(_FAMILIES)]}-{index // 8:06d}-instruct"


def _record(index: int, edition: int) -> ModelRecord:
    facts = _facts(index)
    moved = edition if index % 100 == 7 else 0
    if moved:
        facts = facts.replaced({"max_output_tokens": 8_192 + moved})
    return ModelRecord(
        key=ModelKey(PROVIDER.name, model_id(index)),
        facts=facts,
        prices=_prices(index, moved if index % 200 == 7 else 0),
        provenance={name: Source.CATALOG.value for name, _ in facts.known()},
        verified_on=date(2026, 11, 1),
    )


def _facts(index: int) -> ModelFacts:
    odd, third = bool(index % 2), not index % 3
    flags: dict[str, Any] = dict.fromkeys(("vision", "pdf_input", "web_search", "computer_use"), odd)
    flags |= dict.fromkeys(("audio_input", "audio_output", "citations", "code_execution"), third)
    flags |= dict.fromkeys(("tools", "structured_output", "streaming", "prompt_caching", "batch", "temperature"), True)
    return ModelFacts(
        display_name=f"{_FAMILIES[index % len(_FAMILIES)].title()} {index // 8} Instruct",
        family=_FAMILIES[index % len(_FAMILIES)],
        type="chat",
        status="active",
        input_modalities=("text", "image", "pdf") if odd else ("text",),
        output_modalities=("text",),
        reasoning=third,
        context_window=131_072 + 1024 * (index % 900),
        max_input_tokens=131_072,
        max_output_tokens=8_192,
        knowledge_cutoff="2026-01",
        released_on=date(2024, 1, 1) + timedelta(days=index % 900),
        retires_not_before=date(2027, 6, 30),
        aliases=(f"{model_id(index)}-latest",),
        recommended=not index % 50,
        tags=("fast", "multimodal") if odd else ("fast",),
        **flags,
    )


def _prices(index: int, moved: int) -> tuple[PricePoint, ...]:
    """Two to four kinds; every edition that moves them adds a line, as a catalog does."""
    base = Decimal(5 + index % 400) / 100
    kinds = _KINDS[: 2 + index % 3]
    since = datetime(2026, 1, 1, tzinfo=UTC)
    points = [PricePoint(kind=kind, amount=base * _SHARE[kind], effective_from=since, source=_PAGE) for kind in kinds]
    points += [
        PricePoint(
            kind="input",
            amount=base + Decimal(step) / 1000,
            effective_from=since + timedelta(days=step),
            source=_PAGE,
        )
        for step in range(1, moved + 1)
    ]
    return tuple(points)
