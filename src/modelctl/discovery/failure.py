"""What an SDK raised, told in one line: what happened, what to do, and whether another try could help.

Knows no SDK: an error is recognised by its class's name and by the answer that it carries, so nothing is imported
for it and a module of a third party is understood as well. No body and no header is ever shown, for providers echo
parts of the key ("Incorrect API key provided: sk-…").
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from modelctl.core.health import Health
from modelctl.core.validate import shorten
from modelctl.discovery.pages import bare_url
from modelctl.discovery.source import Access, UnusableListing
from modelctl.errors import ModelctlError, SourceError

TRANSIENT_STATUSES = frozenset({408, 429, 500, 502, 503, 504, 529})
"""529 is Anthropic's "overloaded"."""

TIME_OUT_NAMES = frozenset({"TimeoutException", "APITimeoutError", "TimeoutError"})
CONNECTION_NAMES = frozenset({"TransportError", "APIConnectionError", "OSError"})
HOPELESS_NAMES = frozenset({"UnsupportedProtocol", "LocalProtocolError", "InvalidURL"})
"""Transport errors that are about the address or the headers: the next try would end the same."""

BAD_CERTIFICATE = "CERTIFICATE_VERIFY_FAILED"
"""OpenSSL's word for one that nobody trusted has signed."""

CHECK_ADDRESS = "check the base URL"
TRUST_IT = f"{CHECK_ADDRESS}; where a proxy signs for the provider, name its certificate in SSL_CERT_FILE"
SECRET_CHARS = 8
"""What is shorter keeps nobody out."""

TRY_LATER = "nothing was changed; try again later"
IF_IT_STAYS = "nothing was changed (if it stays so, check the base URL)"


@dataclass(frozen=True, slots=True)
class Failure:
    """One failed try of a listing."""

    message: str
    hint: str = TRY_LATER
    is_transient: bool = False
    health: Health = Health.FAILED
    """What it says of the provider."""
    status: int | None = None
    """Of the answer; None where none came."""
    retry_after_s: float | None = None
    """How long the provider asks to wait; None when it does not say."""

    def to_error(self, access: Access) -> SourceError:
        """The error to show, without the key wherever it may have got in."""
        return SourceError(f"{access.provider}: {redact(self.message, access)}", redact(self.hint, access))


def redact(text: str, access: Access) -> str:
    """The text without key and headers. A word like `EMPTY` or `none`, for a server that checks no keys, stays."""
    for secret in access.secrets:
        text = text.replace(secret, "[key]") if len(secret) >= SECRET_CHARS else text
    return text


def failure_of(error: Exception, access: Access) -> Failure:
    """What the error means."""
    if isinstance(error, ModelctlError):
        return Failure(error.message.removeprefix(f"{access.provider}: "), error.hint)
    if (unusable := next((each for each in _chain(error) if isinstance(each, UnusableListing)), None)) is not None:
        return Failure(str(unusable), IF_IT_STAYS)  # an SDK may have taken it for a failed connection
    status = _status(error)
    if status is not None:
        return replace(_of_status(status, error, access), status=status)
    names = {parent.__name__ for each in _chain(error) for parent in type(each).__mro__}
    address = _address(error) or (bare_url(access.base_url) if access.base_url else "its API")
    if names & HOPELESS_NAMES:
        return Failure(
            f"{address} cannot be asked ({type(_root(error)).__name__})", CHECK_ADDRESS, health=Health.UNREACHABLE
        )
    if names & TIME_OUT_NAMES:
        return Failure(
            f"{address} did not answer within {access.timeout_s:g} s", is_transient=True, health=Health.TIMEOUT
        )
    if names & CONNECTION_NAMES:
        reason = shorten(" ".join(str(_root(error)).split()), 120) or type(_root(error)).__name__
        return Failure(
            f"no connection to {address} ({reason})",
            TRUST_IT if BAD_CERTIFICATE in reason else f"{CHECK_ADDRESS} and the network",
            is_transient=True,
            health=Health.UNREACHABLE,
        )
    return Failure(f"the answer of {address} cannot be read ({type(error).__name__})", IF_IT_STAYS)


def _of_status(status: int, error: Exception, access: Access) -> Failure:
    address = _address(error)
    what = f"HTTP {status}" + (f" from {address}" if address else "")
    key = f"the key in {access.key_name}" if access.key_name else "the API key"
    # Gemini answers a wrong key with 400 and the reason API_KEY_INVALID (2026-11).
    if status == 401 or (status == 400 and "API_KEY_INVALID" in str(error)):
        if not access.api_key:
            return Failure(
                f"{what}: it wants an API key", f"set {access.key_name or 'one'}", health=Health.UNAUTHORIZED
            )
        return Failure(f"{what}: {key} is not accepted", "check the key", health=Health.UNAUTHORIZED)
    if status == 400:  # LiteLLM's answer to a key that it does not know, where it has no database (1.106, 2026-11)
        return Failure(f"{what}: the request is refused", f"{CHECK_ADDRESS} and the key")
    if status == 403:
        return Failure(
            f"{what}: {key} may not list models",
            "check the key's permissions, and the region it is used in",
            health=Health.FORBIDDEN,
        )
    if status == 404:
        return Failure(f"{what}: no listing there", CHECK_ADDRESS, health=Health.NO_LISTING)
    if 300 <= status < 400:
        return Failure(f"{what}: it answers with a redirect, which is not followed", CHECK_ADDRESS)
    if status == 429:
        return Failure(
            f"{what}: too many requests",
            is_transient=True,
            health=Health.RATE_LIMITED,
            retry_after_s=_retry_after(error),
        )
    return Failure(what, is_transient=status in TRANSIENT_STATUSES, retry_after_s=_retry_after(error))


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and its causes, outermost first."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__


def _root(error: BaseException) -> BaseException:
    return list(_chain(error))[-1]


def _status(error: Exception) -> int | None:
    """The HTTP status: `.response.status_code` (all four), `.code` (google), `.status` (replicate)."""
    candidates = (
        getattr(getattr(error, "response", None), "status_code", None),
        *(getattr(error, name, None) for name in ("status_code", "code", "status")),
    )
    return next((each for each in candidates if isinstance(each, int) and not isinstance(each, bool)), None)


def _address(error: Exception) -> str:
    """Where the request went; empty when the error does not tell."""
    for each in _chain(error):
        for holder in (getattr(each, "response", None), each):
            try:
                return bare_url(holder.request.url)  # type: ignore[union-attr] # duck-typed: absent on most errors
            except (AttributeError, RuntimeError, ValueError):
                continue  # httpx raises RuntimeError where no request was made
    return ""


def _retry_after(error: Exception) -> float | None:
    """Seconds of Retry-After, a number or a date; None when there is none to understand."""
    headers = getattr(getattr(error, "response", None), "headers", None)
    value = str(headers.get("retry-after", "")).strip() if headers is not None else ""
    if re.fullmatch(r"\d{1,9}(\.\d+)?", value):
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
