"""`python -m modelctl`."""

from __future__ import annotations

from modelctl.cli.main import run

if __name__ == "__main__":
    run()
