"""A MariaDB Galera cluster of three nodes on this machine: own data directories, own ports, loopback only.

It needs Debian's packages mariadb-server and galera-4. Only processes that were started here are ever stopped.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import pymysql

from tools.programs import missing, program

PORTS = range(21_000, 30_000)
HOST = "127.0.0.1"
SIZE = 3
PROVIDER_LIBRARY = Path("/usr/lib/galera/libgalera_smm.so")
PROGRAMS = ("mariadbd", "mariadb-install-db", "rsync")
USER = "mysql"
"""Who the servers run as when root starts them."""
PATIENCE_S = 60.0
_RECOVERED = re.compile(r"Recovered position:?\s*(\S+:-?\d+)")


class ClusterError(RuntimeError):
    """The cluster cannot be started, or does not come back."""


def why_impossible() -> str:
    """What is missing on this machine, and how to install it; empty when a cluster can be started."""
    names = missing(PROGRAMS)
    if not PROVIDER_LIBRARY.exists():
        names.append(str(PROVIDER_LIBRARY))
    return f"missing: {', '.join(names)} (apt-get install mariadb-server galera-4 rsync)" if names else ""


@dataclass(slots=True)
class Node:
    """One server of the cluster."""

    number: int
    directory: Path
    port: int
    group_port: int
    process: subprocess.Popen[bytes] | None = None
    started: list[int] = field(default_factory=list)
    """The ids of all processes that were started here."""

    @property
    def server_url(self) -> str:
        """Without a database."""
        return f"mysql+pymysql://root@{HOST}:{self.port}/"

    def url(self, database: str) -> str:
        """Of one database, as modelctl is given it."""
        return self.server_url + database

    def sql(
        self, statement: str, *, database: str | None = None, timeout_s: float = 30, is_up_to_date: bool = False
    ) -> list[tuple[Any, ...]]:
        """The rows of one statement, committed, in a connection of its own.

        `is_up_to_date`: the node first catches up with what the others have committed.
        """
        connection = pymysql.connect(
            host=HOST,
            port=self.port,
            user="root",
            database=database,
            autocommit=True,
            init_command="SET SESSION wsrep_sync_wait=15" if is_up_to_date else None,
            connect_timeout=5,
            read_timeout=timeout_s,
            write_timeout=timeout_s,
        )
        with connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall())

    def status(self, name: str) -> str:
        """One of the server's status values, like `wsrep_cluster_size`."""
        rows = self.sql(f"SHOW GLOBAL STATUS LIKE '{name}'", timeout_s=5)
        return str(rows[0][1]) if rows else ""

    def is_synced_with(self, size: int) -> bool:
        """Whether it takes statements as a part of a cluster of so many nodes."""
        with suppress(pymysql.Error, OSError):
            values = [self.status(f"wsrep_{name}") for name in ("ready", "cluster_size", "local_state_comment")]
            return values == ["ON", str(size), "Synced"]
        return False

    @property
    def log(self) -> str:
        """The end of the server's error log."""
        path = self.directory / "error.log"
        return path.read_text(errors="replace")[-3000:] if path.exists() else ""

    def kill(self) -> None:
        """As a power cut for this process: nothing is written or said any more."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)  # with what copies data for it
        self.process.wait()
        self.process = None

    def pause(self) -> None:
        """It neither works nor answers, and is not gone either."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """After `pause`."""
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)


class Cluster:
    """Three nodes. `started` makes one."""

    def __init__(self, directory: Path) -> None:
        ports = _free_ports(2 * SIZE)
        self.directory = directory
        self.nodes = [
            Node(number, directory / f"node{number}", ports[2 * number], ports[2 * number + 1])
            for number in range(SIZE)
        ]

    def create(self) -> None:
        """Make the first node's data, start it, and let the others copy it from there."""
        for node in self.nodes:
            (node.directory / "data").mkdir(parents=True)
        data = self.nodes[0].directory / "data"
        user = [f"--user={USER}"] if os.geteuid() == 0 else []
        install = [program("mariadb-install-db"), "--no-defaults", *user, f"--datadir={data}", "--skip-test-db"]
        done = subprocess.run(
            [*install, "--auth-root-authentication-method=normal", "--innodb-log-file-size=16M"],
            capture_output=True,
            check=False,
        )
        if done.returncode != 0:
            raise ClusterError(f"mariadb-install-db failed: {done.stderr.decode(errors='replace')[-1000:]}")
        for node in self.nodes:
            _give_away(node.directory)
        self._start(self.nodes[0], is_first=True)
        self.wait_until(lambda: self.nodes[0].status("wsrep_ready") == "ON", "the first node starts")
        for size, node in enumerate(self.nodes[1:], start=2):
            self._start(node)
            self.wait_until(partial(node.is_synced_with, size), f"node {node.number} joins")
        self.wait_until_whole()

    def restart(self, node: Node) -> None:
        """Start a node that was killed; it joins the others. Does not wait for it."""
        self._start(node, position=self._recovered(node))

    def heal(self) -> None:
        """Start what was killed, undo what was set, and wait until all nodes are one cluster."""
        alive = [node for node in self.nodes if node.process is not None]
        if not alive:
            raise ClusterError("all nodes were killed: there is no cluster to join")
        for node in alive:
            node.resume()
            for option in ("wsrep_provider_options = 'gmcast.isolate=0'", "wsrep_reject_queries = NONE"):
                node.sql(f"SET GLOBAL {option}")
        if 2 * len(alive) <= SIZE and alive[0].status("wsrep_cluster_status") != "Primary":
            alive[0].sql("SET GLOBAL wsrep_provider_options = 'pc.bootstrap=YES'")
        for node in self.nodes:
            if node.process is None:
                self.restart(node)
        self.wait_until_whole()

    def wait_until_whole(self) -> None:
        """Until every node takes statements as a part of the whole cluster."""
        self.wait_until(lambda: all(node.is_synced_with(SIZE) for node in self.nodes), "all nodes are synced")

    def wait_until(self, holds: Callable[[], bool], what: str, patience_s: float = PATIENCE_S) -> None:
        """ClusterError where it does not come true."""
        ends_s = time.monotonic() + patience_s
        while True:
            with suppress(pymysql.Error, OSError):
                if holds():
                    return
            dead = [node for node in self.nodes if node.process is not None and node.process.poll() is not None]
            if dead or time.monotonic() > ends_s:
                logs = "\n".join(f"node {node.number}: {node.log}" for node in dead or self.nodes)
                raise ClusterError(f"{what}: it never came\n{logs}")
            time.sleep(0.1)

    def stop(self) -> None:
        """End every process that was started here."""
        for node in self.nodes:
            if node.process is not None:
                node.kill()

    def _start(self, node: Node, *, is_first: bool = False, position: str | None = None) -> None:
        everyone = ",".join(f"{HOST}:{each.group_port}" for each in self.nodes)
        command = [*self._command(node), f"--wsrep_cluster_address=gcomm://{'' if is_first else everyone}"]
        if position is not None:
            command.append(f"--wsrep_start_position={position}")
        with (node.directory / "error.log").open("ab") as log:
            # A session of its own: Ctrl-C is for the run, which then ends it.
            node.process = subprocess.Popen(command, stdout=log, stderr=log, cwd=node.directory, start_new_session=True)
        node.started.append(node.process.pid)

    def _recovered(self, node: Node) -> str | None:
        """Up to where a killed node has everything, so that it is sent the rest only and not all."""
        recovering = [*self._command(node), "--wsrep_cluster_address=gcomm://", "--wsrep_recover"]
        done = subprocess.run(recovering, capture_output=True, check=False, timeout=PATIENCE_S)
        found = _RECOVERED.findall((done.stdout + done.stderr).decode(errors="replace"))
        return found[-1] if found else None

    def _command(self, node: Node) -> list[str]:
        inner = [f"gmcast.listen_addr=tcp://{HOST}:{node.group_port}", "gcache.size=64M", "gcache.recover=yes"]
        options = {
            "datadir": node.directory / "data",
            "socket": node.directory / "sock",
            "pid-file": node.directory / "pid",
            "port": node.port,
            "bind-address": HOST,
            "server-id": node.number + 1,
            "binlog_format": "ROW",
            "innodb_autoinc_lock_mode": 2,
            "innodb_flush_log_at_trx_commit": 2,
            "innodb_log_file_size": "16M",
            "innodb_buffer_pool_size": "64M",
            "wsrep_on": "ON",
            "wsrep_provider": PROVIDER_LIBRARY,
            "wsrep_provider_options": ";".join(inner),
            "wsrep_node_address": f"{HOST}:{node.group_port}",
            "wsrep_node_name": f"node{node.number}",
            "wsrep_sst_method": "rsync",
            "wsrep_sst_receive_address": f"{HOST}:{node.group_port + 2}",
        }
        user = [f"--user={USER}"] if os.geteuid() == 0 else []
        given = [f"--{name}={value}" for name, value in options.items()]
        return [program("mariadbd"), "--no-defaults", *user, "--skip-name-resolve", *given]


@contextmanager
def started() -> Iterator[Cluster]:
    """A running cluster in a temporary directory; afterwards nothing of it is left."""
    if reason := why_impossible():
        raise ClusterError(reason)
    with tempfile.TemporaryDirectory(prefix="modelctl-cluster-") as directory:
        Path(directory).chmod(0o755)
        cluster = Cluster(Path(directory))
        try:
            cluster.create()
            yield cluster
        finally:
            cluster.stop()


def _give_away(directory: Path) -> None:
    if os.geteuid() == 0:
        for path in (directory, *directory.rglob("*")):
            shutil.chown(path, USER, USER)


def _free_ports(count: int) -> list[int]:
    """Free ports, each with two free ones after it: a node's group port is followed by those of its transfers.

    None of those that the system gives to whoever connects: a node that was killed would find its own taken.
    """
    starts = (start for start in range(PORTS.start, PORTS.stop, 3) if all(map(_is_free, range(start, start + 3))))
    return list(islice(starts, count))


def _is_free(port: int) -> bool:
    with socket.socket() as tried:
        try:
            tried.bind((HOST, port))
        except (OSError, OverflowError):
            return False
    return True
