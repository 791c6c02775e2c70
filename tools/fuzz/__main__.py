"""The long form: `python -m tools.fuzz --inputs 1000000 --seed 7`. Counts what was read and refused, and what broke."""

from __future__ import annotations

import argparse
import sys

from tools.fuzz.running import fuzz


def main() -> int:
    """Run the inputs, print the counts; 1 when anything came out that is neither a result nor a clear error."""
    parser = argparse.ArgumentParser(prog="python -m tools.fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=1_000_000, help="for all targets together")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="targets whose name holds this, as listing or catalogs")
    options = parser.parse_args()
    found = fuzz(options.inputs, options.seed, only=options.only, tell=sys.stdout.write)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
