"""Faults of the web, for every kind of listing at once: what is sent, where it leads, and who signs it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from math import inf
from pathlib import Path

from modelctl.discovery.registry import REGISTRY
from tests.loopback import (
    Behaviour,
    ProviderServer,
    anthropic_item,
    cohere_item,
    drip,
    endless,
    google_item,
    gzip_bomb,
    huge,
    openai_item,
    redirect,
)
from tests.loopback.tls import FLAWS, Authority
from tools.signals import ending_children
from tools.torture import canaries
from tools.torture.checks import Broken
from tools.torture.command import Ended, Running
from tools.torture.playing import play_each
from tools.torture.site import START
from tools.torture.stage import check_clear

LOCAL = "local"
KINDS = {LOCAL if kind == "openai-compatible" else kind: kind for kind in sorted(REGISTRY)}
KEYS = {name: f"sk-canary-{name}-8Zk3Qw57Tb" for name in KINDS}
REDIRECTS = (301, 302, 303, 307, 308)
PAGED = {"anthropic": anthropic_item, "google": google_item, "cohere": cohere_item}
MOST_PAGES = 1000
TOO_LONG = "no listing of models is so long"


@dataclass(slots=True)
class Web:
    """Every kind of provider at one server, and a SQLite file."""

    directory: Path
    server: ProviderServer
    tally: Counter[str]
    extra: dict[str, str] = field(default_factory=dict)
    number: int = 0

    def publish(self) -> None:
        """One catalog for each provider, with one model."""
        for name, kind in KINDS.items():
            text = (
                f'[provider]\ndisplay_name = "{name}"\nkind = "{kind}"\nenv_vars = ["{name.upper()}_CANARY_API_KEY"]\n'
                f'api_base_url = "{self.server.base_url(name)}"\n[[model]]\nid = "known-{name}"\ntype = "chat"\n'
            )
            (self.directory / "catalogs" / f"{name}.toml").write_text(text, encoding="utf-8")

    def sync(self, *argv: str, names: tuple[str, ...] = tuple(KINDS), **env: str) -> Ended:
        """A sync of these providers, with their keys."""
        self.number += 1
        asked = [part for name in names for part in ("--provider", name)]
        environment = {
            "DATABASE_URL": f"sqlite:///{self.directory}/web.db",
            "MODELCTL_CATALOG_DIRECTORY": str(self.directory / "catalogs"),
            "MODELCTL_DEADLINE_S": "100",
            "HOME": str(self.directory),
            "COLUMNS": "200",
            "NO_COLOR": "1",
            **{f"{name.upper()}_CANARY_API_KEY": key for name, key in KEYS.items()},
            **self.extra,
            **env,
        }
        now = START + timedelta(seconds=self.number)
        ended = Running(self.directory, ("sync", *asked, *argv), environment, now).ended()
        canaries.check_text(ended.output.encode(), "the output", KEYS.values())
        canaries.check_files(self.directory, secrets=KEYS.values())
        return ended

    def fails(self, says: str, **env: str) -> None:
        """A sync in which every API fails and says this; the same without the fault succeeds."""
        ended = self.sync("--json", names=tuple(KINDS), **env)
        check_clear(ended, {1, 5})
        told = {each["provider"]: each for each in json.loads(_document(ended.output))["providers"]}
        for name in KINDS:
            if told[name]["outcome"] not in ("failed", "partial") or says not in json.dumps(told[name]["error"]):
                raise Broken(f"{name} does not fail with {says!r}: {told[name]['error']}")
        self.tally["providers failed"] += len(KINDS)

    def is_in_sync(self) -> None:
        """Nothing has moved, and no lock is left: a sync has nothing to do."""
        ended = self.sync("--force", MODELCTL_LOCK_WAIT_S="0")
        check_clear(ended, {0})
        again = self.sync("--dry-run", "--exit-code")
        check_clear(again, {0})


def _document(output: str) -> str:
    """The JSON of a report, without the talk around it."""
    return output[output.index("{") : output.rindex("}") + 1]


@contextmanager
def web(directory: Path, tally: Counter[str], server: ProviderServer) -> Iterator[Web]:
    """A server that lists what was saved of each kind, and a database in sync with it."""
    (directory / "catalogs").mkdir(exist_ok=True)
    (directory / "shipped").mkdir(exist_ok=True)
    (directory / "shipped" / "nobody.toml").write_text('[provider]\ndisplay_name = "Nobody"\n', encoding="utf-8")
    server.models[LOCAL] = [openai_item("local-1"), openai_item("local-2")]
    server.keys.update(KEYS)
    web = Web(directory, server, tally)
    web.publish()
    yield web


def misbehaving(place: Web, behaviour: Behaviour, says: str, **env: str) -> None:
    """All providers send the same; afterwards they are sound."""
    for name in KINDS:
        place.server.fail(name, behaviour)
    place.fails(says, **env)
    for name in KINDS:
        place.server.heal(name)
    place.is_in_sync()


def redirected(place: Web) -> None:
    """To another host, with every status there is: nobody goes there, and no key does."""
    with ProviderServer() as elsewhere:
        elsewhere.keys.update(dict.fromkeys(KINDS))
        elsewhere.models[LOCAL] = [openai_item("of-another")]
        for status in REDIRECTS:
            for name in KINDS:
                to = elsewhere.base_url(name).replace("127.0.0.1", "localhost") + "/models"
                place.server.fail(name, redirect(to, status=status))
            place.fails("redirect, which is not followed")
        for name in KINDS:
            place.server.heal(name)
            if seen := elsewhere.asked(name):
                raise Broken(f"{name} followed a redirect, with the headers {sorted(seen[0].headers)}")
        place.is_in_sync()


def badly_signed(place: Web) -> None:
    """Certificates that are signed by nobody, have expired, or are of another host; and a sound one."""
    authority = Authority(place.directory)
    for flaw in (*FLAWS[1:], FLAWS[0]):
        with ProviderServer(tls=authority.context(flaw)) as server:
            server.models[LOCAL] = place.server.models[LOCAL]
            server.keys.update(KEYS)
            over_tls = Web(
                place.directory, server, place.tally, {"SSL_CERT_FILE": str(authority.file)}, place.number + 1000
            )
            over_tls.publish()
            if not flaw:
                over_tls.is_in_sync()
                continue
            over_tls.fails("CERTIFICATE_VERIFY_FAILED")
            if any(server.asked(name) for name in KINDS):
                raise Broken(f"a server whose certificate is {flaw} was told something")
            place.number = over_tls.number
    place.publish()


def a_thousand_pages(place: Web) -> None:
    """As many pages as are followed, and one more: the first listing is taken, the second one refused."""
    server = place.server
    kept = {name: server.models[name] for name in PAGED}
    for name, item in PAGED.items():
        server.page_size[name] = 1
        server.models[name] = [item(f"page-{number:04}") for number in range(MOST_PAGES + (name == "anthropic"))]
    ended = place.sync("--json", "--force", names=tuple(PAGED), MODELCTL_DEADLINE_S="600")
    told = {each["provider"]: each for each in json.loads(_document(ended.output))["providers"]}
    if "more than 1000 pages" not in json.dumps(told["anthropic"]["error"]):
        raise Broken(f"1,001 pages were not refused: {told['anthropic']}")
    for name in ("google", "cohere"):
        if told[name]["outcome"] != "applied" or len(server.asked(name)) < MOST_PAGES:
            raise Broken(f"1,000 pages were not taken: {name}: {told[name]['error']}")
    check_clear(ended, {5})
    for name in PAGED:
        server.models[name], server.page_size[name] = kept[name], 1000


def _sends(behaviour: Behaviour, says: str, **env: str) -> Callable[[Web], None]:
    return lambda place: misbehaving(place, behaviour, says, **env)


FAULTS: Mapping[str, Callable[[Web], None]] = {
    "slow drip": _sends(drip(0.2), "no whole listing within 5 s", MODELCTL_DEADLINE_S="5"),
    "endless answer": _sends(endless(), TOO_LONG),
    "listing of 200 MB": _sends(huge(200 * 2**20), TOO_LONG),
    "gzip bomb of 1 GB": _sends(gzip_bomb(2**30), TOO_LONG),
    "redirects": redirected,
    "certificates": badly_signed,
    "1,000 pages": a_thousand_pages,
}


def play_web(
    directory: Path,
    tally: Counter[str],
    *,
    names: Sequence[str],
    ends_s: float = inf,
    tell: Callable[[str], object] = print,
) -> int:
    """These faults of the web, one after another, while it is not too late; how many began."""
    with ProviderServer() as server, web(directory, tally, server) as place, ending_children():
        check_clear(place.sync("--migrate", "--force"), {0})
        plays = {name: partial(FAULTS[name], place) for name in names}
        return play_each(plays, "web", tally, ends_s=ends_s, tell=tell)
