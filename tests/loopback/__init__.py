"""A real HTTP server on loopback that lists models as the providers do, and misbehaves on demand.

    with ProviderServer() as server:
        server.models["openai"] = [openai_item("gpt-6-example")]
        server.fail("anthropic", status(429, retry_after=2, times=1))
        run("sync", env=server.env())                # base URLs and keys of the four providers
        assert server.asked("openai")[0].headers["authorization"] == "Bearer openai-test-key"

A provider lists as its module says (`ENDPOINTS`: paths, keys and pages) at the path of its module's or its catalog's
base URL, in the shape of its saved answer in `tests/discovery/data`, whose items it has at the start; any other name is
an OpenAI-compatible server at `server.base_url(name)`. `shapes.SHOWN` is what two APIs do beyond that.

- `kinds[name]`: lists as the module of this kind says.
- `models[name]`: the items as the API sends them; assign to it, or change the list in place.
- `page_size[name]`: the most items of a page, whatever the client asks for.
- `missing`, `hidden`: (name, path) of a listing that answers 404, or leaves out some ids.
- `keys[name]`: the key that is accepted (`<name>-test-key`); None accepts anybody.
- `base_url(name)`: what an `ai_providers` row or the SDK's variable holds. `env(*names)`: variables for a process, by
  default of those that have an SDK.
- `fail(name, behaviour)`: from now on, until `heal(name)`. Behaviours: `slow` `status` `html` `truncated` `empty_list`
  `empty_body` `wrong_shape` `repeated_page` `dropped` `drip` `redirect` `endless` `huge` `gzip_bomb`
  `coded`; all but `repeated_page` take `times` (only so often) and `on_page` (only from that page on).
- `asked(name)`: the requests so far, with method, path, query, headers and time.

As a pytest fixture: `from tests.loopback.fixture import provider_server` in a conftest. By hand:
`python -m tests.loopback --port 9999`.
"""

from tests.loopback.behaviours import (
    Behaviour,
    coded,
    drip,
    dropped,
    empty_body,
    empty_list,
    endless,
    gzip_bomb,
    html,
    huge,
    redirect,
    repeated_page,
    slow,
    status,
    truncated,
    wrong_shape,
)
from tests.loopback.server import ProviderServer, Seen
from tests.loopback.shapes import anthropic_item, cohere_item, google_item, openai_item, replicate_item

__all__ = [
    "Behaviour",
    "ProviderServer",
    "Seen",
    "anthropic_item",
    "coded",
    "cohere_item",
    "drip",
    "dropped",
    "empty_body",
    "empty_list",
    "endless",
    "google_item",
    "gzip_bomb",
    "html",
    "huge",
    "openai_item",
    "redirect",
    "repeated_page",
    "replicate_item",
    "slow",
    "status",
    "truncated",
    "wrong_shape",
]
