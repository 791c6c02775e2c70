"""Run by an interpreter that has genai-prices: argv names the export; prints [provider, model, cost] for each model.

Costs are of 1,000 tokens of input and 100 of output, as text.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from genai_prices import Usage, calc_price, types  # type: ignore[import-not-found,unused-ignore]
from genai_prices.data_snapshot import (  # type: ignore[import-not-found,unused-ignore]
    DataSnapshot,
    set_custom_snapshot,
)

stated = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
set_custom_snapshot(DataSnapshot(providers=types._providers_from_raw(stated), from_auto_update=False))
found = []
for provider in stated:
    for model in provider["models"]:
        if {"input_mtok", "output_mtok"} <= model["prices"].keys():
            usage = Usage(input_tokens=1000, output_tokens=100)
            price = calc_price(usage, model_ref=model["id"], provider_id=provider["id"])
            found.append((provider["id"], model["id"], str(price.total_price)))
print(json.dumps(found))
