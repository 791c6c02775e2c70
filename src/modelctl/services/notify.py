"""Posting a run's summary to a webhook. The URL is a secret of its own: people are shown its scheme and host only."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from modelctl.errors import ModelctlError, UsageError

if TYPE_CHECKING:
    import httpx


TIMEOUT_S = 10.0
TRIES = 2
WAIT_S = 0.5
MAX_TEXT_CHARS = 3_000
"""Slack shows no more of a message without folding it."""

_SLACK_HOST = "hooks.slack.com"
_SLACK_PATH = "/services/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """Where a summary goes."""

    url: str = field(repr=False)
    label: str
    """Scheme and host: what may be shown."""
    is_slack: bool
    """Whether only `text` is sent: Slack promises nothing of a payload with other keys."""


class _ServerError(Exception):
    """An answer of 5xx: another try may help."""


def webhook(url: str) -> Webhook:
    """The webhook at a URL. UsageError, which does not repeat the URL, where it cannot be one."""
    try:
        parts = urlsplit(url.strip())
        port = f":{parts.port}" if parts.port is not None else ""
        host = parts.hostname or ""
    except ValueError:
        host, port = "", ""
    if not host or parts.scheme not in ("http", "https") or not (url.isascii() and url.strip().isprintable()):
        raise UsageError("--notify: this is not a URL of a webhook", "write it like https://hooks.example.com/abc")
    shown_host = f"[{host}]" if ":" in host else host
    return Webhook(
        url=url.strip(),
        label=f"{parts.scheme}://{shown_host}{port}",
        is_slack=host == _SLACK_HOST or parts.path.startswith(_SLACK_PATH),
    )


def payload(hook: Webhook, text: str, document: Mapping[str, Any]) -> dict[str, Any]:
    """What is posted: `text`, and but for Slack the document beside it."""
    shortened = text if len(text) <= MAX_TEXT_CHARS else text[: MAX_TEXT_CHARS - 1] + "…"
    if hook.is_slack:
        return {"text": shortened.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")}
    return {"text": shortened, **document}


def notify(
    hook: Webhook, text: str, document: Mapping[str, Any], *, hide: Callable[[str], str], timeout_s: float | None
) -> None:
    """Post a summary and its document; `hide` takes the secrets out of every text. ModelctlError when it is not taken.

    `timeout_s` None: nobody knows the setting.
    """
    send(hook, _hidden(payload(hook, text, document), hide), timeout_s=min(TIMEOUT_S, timeout_s or TIMEOUT_S))


def _hidden(value: Any, hide: Callable[[str], str]) -> Any:
    match value:
        case str():
            return hide(value)
        case dict():
            return {name: _hidden(each, hide) for name, each in value.items()}
        case list():
            return [_hidden(each, hide) for each in value]
        case _:
            return value


def send(hook: Webhook, body: Mapping[str, Any], *, timeout_s: float = TIMEOUT_S) -> None:
    """Post the body; once more after a refused connection or an answer of 5xx. ModelctlError when it is not taken.

    A timeout is not tried again: the message may have arrived. No redirect is followed, and no answer read.
    """
    import httpx
    from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_fixed

    tries = Retrying(
        retry=retry_if_exception_type((httpx.ConnectError, _ServerError)),
        stop=stop_after_attempt(TRIES),
        wait=wait_fixed(WAIT_S),
        reraise=True,
    )
    content = json.dumps(body, ensure_ascii=True).encode()
    try:
        with httpx.Client(timeout=timeout_s, follow_redirects=False) as client:
            tries(_post, client, hook, content)
    except _ServerError as error:
        raise _not_taken(hook, str(error)) from None
    except httpx.TimeoutException:
        raise _not_taken(hook, f"no answer within {timeout_s:g} s") from None
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
        raise _not_taken(hook, f"it cannot be reached ({type(error).__name__})") from None


def _post(client: httpx.Client, hook: Webhook, content: bytes) -> None:
    with client.stream("POST", hook.url, content=content, headers={"content-type": "application/json"}) as answer:
        if answer.is_server_error:
            raise _ServerError(f"it answered {answer.status_code}")
        if answer.is_redirect:
            raise _not_taken(hook, f"it answered {answer.status_code}, and no redirect is followed")
        if not answer.is_success:
            raise _not_taken(hook, f"it answered {answer.status_code}")


def _not_taken(hook: Webhook, reason: str) -> ModelctlError:
    return ModelctlError(f"{hook.label} was not notified: {reason}", "check the URL of --notify")
