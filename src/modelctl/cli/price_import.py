"""`modelctl price import`: the prices of a file, all or none."""

from __future__ import annotations

from typing import Annotated

import typer

from modelctl.cli.context import context_of
from modelctl.cli.price_entering import AsJson, EntryFormat, Format, enter_and_tell
from modelctl.cli.record_files import read_file

EPILOG = """\b
Examples:
  modelctl price import contract.csv
  jq -c '.[]' prices.json | modelctl price import -

\b
CSV with a header, or JSONL, a price per line:
  model,kind,amount,unit,from,context_above,service_tier,currency,source
  openai/gpt-4o,input,2,,2026-12-01,,,,contract 17
model, kind, amount and source are needed; the rest is as in `modelctl price set`.

One bad line, and nothing is written. The same file twice changes nothing the second time.
"""


def import_prices(
    ctx: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE|-", help="CSV or JSONL; - for stdin.")],
    format: Format = EntryFormat.TABLE,
    json: AsJson = False,
) -> None:
    """Enter the prices of a file, all of them or none."""
    from modelctl.core.price_entry import entered
    from modelctl.core.price_input import read_price_rows

    context = context_of(ctx)
    found = read_file(context, file, "FILE", read_price_rows)
    if not found.rows and not found.bad:
        context.warn(f"warning: {file} holds no prices")
    as_json = json or format is EntryFormat.JSON
    enter_and_tell(context, "price import", found.rows, entered, as_json=as_json, bad=found.bad)
