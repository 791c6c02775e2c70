"""Run the server by hand: `python -m tests.loopback --port 9999 [--fail openai=500]`."""

from __future__ import annotations

import argparse
import contextlib
import threading

from tests.loopback import ProviderServer, status


def main() -> None:
    """Serve until Ctrl-C; prints the variables that point the SDKs here."""
    parser = argparse.ArgumentParser(prog="python -m tests.loopback", description=__doc__)
    parser.add_argument("--port", type=int, default=9999)
    parser.add_argument("--fail", action="append", default=[], metavar="PROVIDER=STATUS")
    options = parser.parse_args()
    with ProviderServer(options.port) as server:
        for each in options.fail:
            provider, _, code = each.partition("=")
            server.fail(provider, status(int(code)))
        with contextlib.suppress(KeyboardInterrupt):
            print("\n".join(f"export {name}={value}" for name, value in server.env().items()), flush=True)
            threading.Event().wait()


if __name__ == "__main__":
    main()
