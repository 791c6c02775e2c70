"""Providers are asked in threads, and each thread loads its SDK while the others load theirs."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.loopback import ProviderServer, openai_item

LOADING = """
import importlib.abc, sys, threading, time
from datetime import UTC, datetime
from modelctl.discovery.fetch import Request, collect_all
from modelctl.discovery.registry import REGISTRY
from modelctl.discovery.base import Access

half_way = threading.Event()

class Slow(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == "httpx._models":
            half_way.set()
            time.sleep(2)

access = Access(
    provider="acme", api_key=sys.argv[2], base_url=sys.argv[3], timeout_s=5, now=datetime.now(UTC)
)
import openai, tenacity
with openai.OpenAI(api_key="none") as client:
    client.models
assert "httpx" not in sys.modules
sys.meta_path.insert(0, Slow())
threading.Thread(target=lambda: __import__("httpx"), daemon=True).start()
assert half_way.wait(30)
[(_, snapshot)] = collect_all([Request(source=REGISTRY[sys.argv[1]], access=access, deadline_s=30)])
print(len(snapshot.records))
"""


@pytest.mark.parametrize(("kind", "provider"), [("openai", "openai"), ("openai-compatible", "local-llm")])
def test_an_sdk_is_not_misled_by_a_library_that_another_thread_is_loading(
    kind: str, provider: str, provider_server: ProviderServer
) -> None:
    """Replicate's SDK loads httpx, which openai's takes for the one in use as soon as there is a module of the name."""
    provider_server.models[provider] = [openai_item("gpt-6")]
    arguments = (kind, f"{provider}-test-key", provider_server.base_url(provider))
    done = subprocess.run([sys.executable, "-c", LOADING, *arguments], capture_output=True, timeout=60, check=False)
    assert (done.stdout, done.returncode) == (b"1\n", 0), done.stderr.decode()
