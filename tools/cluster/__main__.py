"""Start a cluster and keep it until Ctrl-C: `python -m tools.cluster` prints the URL of each node."""

from __future__ import annotations

import contextlib
import sys
import threading

from tools.cluster.galera import ClusterError, started
from tools.signals import stop_when_asked


def main() -> int:
    """1 when a cluster cannot be started here."""
    stop_when_asked()
    try:
        with contextlib.suppress(KeyboardInterrupt), started() as cluster:
            cluster.nodes[0].sql("CREATE DATABASE test")
            print("\n".join(node.url("test") for node in cluster.nodes), flush=True)
            threading.Event().wait()
    except ClusterError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
