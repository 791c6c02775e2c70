"""GET requests for the servers that have no SDK of theirs here, through the openai SDK's client and nothing of its own.

The key goes into the header that the provider wants, beside the headers that a person set for it; no other header, no
redirect and no retry leaves this process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from modelctl.discovery.bounds import Bounds
from modelctl.discovery.pages import json_of
from modelctl.discovery.source import Access
from modelctl.discovery.tls import trust

HEADER, PREFIX = "Authorization", "Bearer"
SENT_HEADERS = frozenset({"host", "accept", "accept-encoding", "connection", "user-agent"})


class Fetched(NamedTuple):
    """An answer: its JSON, and the address that gave it."""

    body: Any
    url: str


@contextmanager
def json_api(access: Access, base_url: str) -> Iterator[Callable[[str], Fetched]]:
    """A function that gets a path below `base_url`, or a whole address. UnusableListing for what is no JSON."""
    import httpx  # noqa: F401 - openai (3.52) looks into that module while replicate's thread is still loading it
    import httpx2
    from openai import DefaultHttpxClient, OpenAI

    headers = {**access.headers, **_key_header(access)}

    def send_only_ours(request: httpx2.Request) -> None:
        # The SDK adds OPENAI_ORG_ID, OPENAI_CUSTOM_HEADERS and its own key header: none of this server's business.
        for name in request.headers.keys() - SENT_HEADERS - {name.lower() for name in headers}:
            del request.headers[name]

    bounds = Bounds(httpx2.ByteStream)
    with OpenAI(
        api_key="none",  # wanted by the SDK; the key goes into the provider's own header
        admin_api_key="",
        base_url=base_url,
        timeout=access.timeout_s,
        max_retries=0,
        # No redirects: the SDK would carry the key along.
        http_client=DefaultHttpxClient(
            follow_redirects=False,
            verify=trust(httpx2.create_ssl_context),
            event_hooks={"request": [send_only_ours, bounds.prepare], "response": [bounds.read]},
        ),
    ) as client:

        def get(path: str) -> Fetched:
            access.pace()
            answer = client.get(path, cast_to=httpx2.Response, options={"headers": headers})
            return Fetched(json_of(answer), str(answer.url))

        yield get


def _key_header(access: Access) -> dict[str, str]:
    """The key in the header that the provider wants; nothing for a server without keys."""
    if not access.api_key:
        return {}
    name = access.auth_header_name or HEADER
    prefix = PREFIX if access.auth_header_prefix is None else access.auth_header_prefix
    return {HEADER if name.lower() == HEADER.lower() else name: f"{prefix} {access.api_key}".strip()}
