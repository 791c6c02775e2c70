"""The settings of a provider's row: which there are, who owns each, and what options of the command may change them to.

What a person wrote stays; a value is ours where modelctl wrote it last, or where it is the shipped one. What might be a
secret is refused without being repeated: settings are stored in clear and shown.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import SplitResult, urlsplit

from modelctl.core.credentials import masked
from modelctl.core.facts import FactValue, Source, encode
from modelctl.core.planning.plan import FieldChange
from modelctl.core.provider import FROM_VARIABLE, HEADER_PREFIX, Provider
from modelctl.core.stored import Written
from modelctl.core.text import require_known, shorten
from modelctl.errors import UsageError

SETTINGS = ("display_name", "kind", "api_base_url", "auth_header_name", "auth_header_prefix", "env_vars")
"""What both a catalog's `[provider]` and a row of the provider table hold, by the name of key and column."""
KEY_SETTINGS = ("kind", "api_base_url", "auth_header_name", "auth_header_prefix", "env_vars", "headers")
"""What says which key, or what other variable, is sent where to and how."""
AUDITED = (*SETTINGS, "headers")
"""What is remembered of each value in a row: who gave it."""
NOBODY, BY_PLAN = "", "plan"
"""The sources of a setting without which a row was made, and of one that `apply` wrote: a file that travels said so."""
EDITABLE = (*SETTINGS, "headers", "is_enabled")
"""What a person can change in a row: besides the settings, what no catalog states."""
PAGES = ("docs_url", "pricing_url", "models_url", "deprecations_url")
"""What only a catalog holds: where a person looks things up."""
BY_CATALOGS = ("sync", "apply", "populate")
"""Commands that write what catalogs state. Whatever else wrote a row was a person."""
DEFAULT_AUTH_HEADER = "Authorization"

URL_MAX_CHARS = 2048
TEXT_MAX_CHARS = 255
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

BARE = Provider(name="", display_name="", kind="")
"""A provider of which nothing is known."""
_SCHEMES = ("http", "https")
_AN_ADDRESS = "write it like http://localhost:8080/v1 or https://llm.example.com/v1"
_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]{0,127}")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}")
"""RFC 9110, section 5.6.2: a token."""
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
_SECRET_NAME = re.compile(r"auth|cookie|credential|key|pass|secret|session|signature|token", re.IGNORECASE)
_SECRET_VALUE = re.compile(
    r"(bearer|basic|token|digest) .*|(sk|pk|gsk|hf|r8|xai|pplx|ghp|glpat|key)[-_].{12,}|AIza.{12,}", re.IGNORECASE
)
"""How the keys of the vendors begin (2026-11), and what stands before a key in a header."""
_OF_HTTP = frozenset(
    {
        "accept",
        "accept-encoding",
        "connection",
        "content-length",
        "content-type",
        "expect",
        "host",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "user-agent",
    }
)
"""Headers by which the connection itself works."""


def settings_of(provider: Provider) -> dict[str, FactValue]:
    """Every setting by name."""
    return {name: _value(provider, name) for name in SETTINGS}


def editable_of(provider: Provider) -> dict[str, FactValue]:
    """Every setting that a person can change, by name. Headers read `NAME=VALUE`."""
    headers = tuple(f"{name}={value}" for name, value in provider.headers.items())
    return {**settings_of(provider), "headers": headers, "is_enabled": provider.is_enabled}


def with_settings(provider: Provider, changes: tuple[FieldChange, ...]) -> Provider:
    """The provider after the changes."""
    values: dict[str, Any] = {each.name: each.new for each in changes}
    if "headers" in values:
        others = {name: value for name, value in provider.settings.items() if not name.startswith(HEADER_PREFIX)}
        pairs = (each.partition("=") for each in values.pop("headers") or ())
        values["settings"] = others | {f"{HEADER_PREFIX}{name}": value for name, _, value in pairs}
    return replace(provider, **values)


def setting_from_audit(name: str, value: Any) -> FactValue:
    """The value of a setting that the audit trail keeps as JSON."""
    if name in ("env_vars", "headers"):
        return tuple(str(each) for each in value) if isinstance(value, list) else ()
    if name == "is_enabled":
        return bool(value)
    return value if isinstance(value, str) else None


def setting_changes(
    row: Provider, stated: Provider, shipped: Provider | None, written: Mapping[str, Written]
) -> tuple[FieldChange, ...]:
    """The settings that the row takes from the catalogs.

    `stated`: what they say together, an overlay before the shipped one. `written`: the last value that each setting
    was given through modelctl, and by whom; where nothing is remembered, a value that is the shipped one is ours.
    """
    changes = []
    for name in SETTINGS:
        old, new = _value(row, name), _value(stated, name)
        if old == new:
            continue
        last = written.get(name)
        if last is None or last.source == NOBODY:
            last = Written(_value(shipped, name), Source.CATALOG) if shipped is not None else None
        ours = not old if last is None else last.source != Source.PERSON and last.value == old
        if ours:
            is_shipped = shipped is not None and _value(shipped, name) == new
            source = Source.CATALOG if is_shipped else Source.OVERLAY
            changes.append(FieldChange(name=name, old=old, new=new, source=source.value))
    return tuple(changes)


def unvouched_settings(
    row: Provider, stated: Provider | None, written: Mapping[str, Written]
) -> tuple[FieldChange, ...]:
    """What the row says of where the key goes, and neither a command of a person's nor a catalog vouches for.

    Somebody changed it past modelctl, as by SQL; or a plan's file brought what no catalog states.
    """
    found = []
    present, theirs = editable_of(row), editable_of(stated or BARE)
    for name in KEY_SETTINGS:
        last, value = written.get(name), shown_setting(name, present[name])
        said = shown_setting(name, theirs[name])
        if last is not None and last.value != value:
            found.append(FieldChange(name=name, old=last.value, new=value, source=Source.PERSON))
        elif last is not None and last.source == BY_PLAN and stated is None:
            found.append(FieldChange(name=name, old=None, new=value, source=BY_PLAN))
        elif last is not None and last.source == BY_PLAN and said != value:
            found.append(FieldChange(name=name, old=value, new=said, source=BY_PLAN))
    return tuple(found)


def setting_owner(
    name: str, provider: Provider, stated: Provider | None, shipped: Provider | None, written: Mapping[str, Written]
) -> str:
    """Who stated the present value of a setting: a source, or `person`; empty where it has no value."""
    value = editable_of(provider)[name]
    if value == editable_of(BARE)[name]:
        return ""
    last = written.get(name)
    if last is not None and last.value == value:
        by_person = last.source == Source.PERSON
    else:
        by_person = stated is None or name not in SETTINGS or _value(stated, name) != value
    if by_person:
        return Source.PERSON.value
    is_shipped = shipped is not None and _value(shipped, name) == value
    return (Source.CATALOG if is_shipped else Source.OVERLAY).value


def shown_setting(name: str, value: FactValue) -> FactValue:
    """The value as it may be shown: an address without the password that a row may hold."""
    return masked(value) if name == "api_base_url" and isinstance(value, str) else value


def setting_change_text(change: FieldChange) -> str:
    """A change in one line, without a password that an address may hold."""
    return f"{change.name} of the provider: {_text(change.old)} → {_text(change.new)} (from {change.source})"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderOptions:
    """The options of `add` and `set` as they were written; None was not given. An empty text takes a value away."""

    kind: str | None = None
    display_name: str | None = None
    base_url: str | None = None
    env: tuple[str, ...] | None = None
    auth_header: str | None = None
    auth_prefix: str | None = None
    headers: tuple[str, ...] | None = None
    is_enabled: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KindRules:
    """What the kinds of discovery modules ask of a provider's row."""

    known: tuple[str, ...]
    need_address: frozenset[str] = field(default_factory=frozenset)
    place_key: frozenset[str] = field(default_factory=frozenset)
    """Their SDKs know which header the key belongs into."""


def option_changes(provider: Provider, options: ProviderOptions, rules: KindRules) -> tuple[FieldChange, ...]:
    """The settings that move. UsageError, naming the option, for a value that cannot be or does not go together."""
    if options.kind is not None:
        require_known(options.kind, rules.known, "kind of provider (--kind)")
    wanted = _wanted(provider, options)
    present = editable_of(provider)
    changes = tuple(
        FieldChange(name=name, old=present[name], new=value, source=Source.PERSON)
        for name, value in wanted.items()
        if value != present[name]
    )
    after = with_settings(provider, changes)
    _require_address(after, options, rules)
    _require_one_place_for_the_key(after, options, rules)
    return changes


def provider_from_options(name: str, options: ProviderOptions, rules: KindRules) -> Provider:
    """A provider that nobody knew. UsageError for options that make none."""
    bare = Provider(name=name, display_name=name, kind="")
    if options.is_enabled is not None:
        bare = replace(bare, is_enabled=options.is_enabled)
    return with_settings(bare, option_changes(bare, options, rules))


def is_unencrypted(url: str) -> bool:
    """Whether a key sent there could be read on its way: no TLS, and not this machine."""
    parts = urlsplit(url)
    return parts.scheme == "http" and parts.hostname not in LOOPBACK


def _value(provider: Provider, name: str) -> FactValue:
    value: FactValue = getattr(provider, name)
    return value


def _text(value: FactValue) -> str:
    encoded = encode(value)
    if encoded is None or encoded in ("", []):
        return "none"
    text = ", ".join(encoded) if isinstance(encoded, list) else str(encoded)
    return masked(text) if "://" in text else text


def _wanted(provider: Provider, options: ProviderOptions) -> Mapping[str, FactValue]:
    wanted: dict[str, FactValue] = {}
    if options.kind is not None:
        wanted["kind"] = options.kind
    if options.display_name is not None:
        wanted["display_name"] = _check_display_name(options.display_name)
    if options.base_url is not None:
        wanted["api_base_url"] = _check_base_url(options.base_url) if options.base_url else None
    if options.env is not None:
        wanted["env_vars"] = tuple(dict.fromkeys(_check_variable(each) for each in options.env if each))
    if options.auth_header is not None:
        wanted["auth_header_name"] = _check_header_name(options.auth_header) if options.auth_header else None
    if options.auth_prefix is not None:
        wanted["auth_header_prefix"] = _check_prefix(options.auth_prefix)
    if options.headers is not None:
        wanted["headers"] = _headers(provider, options.headers)
    if options.is_enabled is not None:
        wanted["is_enabled"] = options.is_enabled
    return wanted


def _headers(provider: Provider, texts: tuple[str, ...]) -> tuple[str, ...]:
    """The headers that there are with these laid over them by name, whatever its case."""
    headers = {name.lower(): (name, value) for name, value in provider.headers.items()}
    for text in texts:
        name, value = _check_header(text)
        if value:
            headers[name.lower()] = (name, value)
        elif headers.pop(name.lower(), None) is None:
            raise UsageError(f"--header {name}: there is no such header to remove", "write NAME=VALUE to add one")
    return tuple(f"{name}={value}" for name, value in sorted(headers.values()))


def _require_address(after: Provider, options: ProviderOptions, rules: KindRules) -> None:
    """A row that is wrong already can still be switched off."""
    is_touched = options.kind is not None or options.base_url is not None
    if is_touched and after.kind in rules.need_address and not after.api_base_url:
        problem = f"a provider of kind {after.kind} needs one"
        raise UsageError(f"--base-url: {problem}", "write it like http://localhost:8080/v1")


def _require_one_place_for_the_key(after: Provider, options: ProviderOptions, rules: KindRules) -> None:
    option = "--auth-header" if options.auth_header else "--auth-prefix" if options.auth_prefix is not None else ""
    if option and after.kind in rules.place_key:
        raise UsageError(f"{option}: the kind {after.kind} decides itself where the key goes", "leave it out")
    place = after.auth_header_name or DEFAULT_AUTH_HEADER
    is_touched = any(each is not None for each in (options.headers, options.env, options.auth_header))
    if is_touched and after.env_vars and place.lower() in {name.lower() for name in after.headers}:
        raise UsageError(f"--header {place}: the key goes into that header", "leave out --header, or --env")


def _check_base_url(text: str) -> str:
    """The address, if it is one that a listing can be asked at. UsageError says what is wrong with it."""
    if len(text) > URL_MAX_CHARS:
        raise UsageError(f"--base-url: has more than {URL_MAX_CHARS} characters", _AN_ADDRESS)
    if "@" in text:
        raise UsageError("--base-url: holds a user or a password", "name a variable with --env, or --header NAME=env:X")
    if not text.isascii() or not text.isprintable() or " " in text or "\\" in text:
        raise UsageError(f"--base-url: {shorten(repr(text))} holds a character that no address has", _AN_ADDRESS)
    parts = _split(text)
    if parts.scheme not in _SCHEMES or not parts.netloc:
        raise UsageError(f"--base-url: {shorten(repr(text))} is not an http or https address", _AN_ADDRESS)
    if not parts.hostname or not (_HOST.fullmatch(parts.hostname) or ":" in parts.hostname):
        raise UsageError(f"--base-url: {shorten(repr(text))} names no host", _AN_ADDRESS)
    if parts.query or parts.fragment or text[-1] in "?#":
        raise UsageError(f"--base-url: {shorten(repr(text))} has a query or a fragment ('?' or '#')", _AN_ADDRESS)
    if parts.path.rstrip("/").endswith(("/models", "/completions")):
        raise UsageError(
            f"--base-url: {shorten(repr(text))} names a single call of the API", "leave off what follows /v1"
        )
    return text.rstrip("/")


def _check_variable(text: str, option: str = "--env") -> str:
    """The name of an environment variable. In capitals only, so that no key is stored by mistake."""
    if not _VARIABLE.fullmatch(text):
        problem = "is not the name of an environment variable, in capitals, digits and '_'"
        raise UsageError(f"{option}: what is given {problem}", "write it like LOCAL_LLM_API_KEY; the key stays there")
    return text


def _check_header_name(name: str, option: str = "--auth-header") -> str:
    """The name of a header that can be sent with a request."""
    if not _HEADER.fullmatch(name):
        raise UsageError(f"{option}: {shorten(repr(name))} is not the name of a header", "write it like X-Api-Key")
    if name.lower() in _OF_HTTP:
        raise UsageError(
            f"{option}: {name} is HTTP's own header", "choose the header in which the server expects the key"
        )
    return name


def _check_prefix(text: str) -> str:
    """What stands before the key; empty means the bare key."""
    if len(text) > TEXT_MAX_CHARS or not text.isascii() or not text.isprintable() or text != text.strip():
        raise UsageError(
            f"--auth-prefix: {shorten(repr(text))} is not a word, as Bearer", "an empty one sends the bare key"
        )
    if _SECRET_VALUE.fullmatch(text):
        raise UsageError("--auth-prefix: looks like a key", "name a variable that holds the key with --env")
    return text


def _check_display_name(text: str) -> str:
    """A name for people."""
    if not text or len(text) > TEXT_MAX_CHARS or not text.isprintable() or text != text.strip():
        problem = f"is not a name of 1 to {TEXT_MAX_CHARS} characters"
        raise UsageError(f"--display-name: {shorten(repr(text))} {problem}", "write it like 'Local LLM'")
    return text


def _check_header(text: str) -> tuple[str, str]:
    """Name and value of `NAME=VALUE`, where VALUE may be `env:VARIABLE`; empty takes the header away."""
    name, equals, value = text.partition("=")
    if not equals:
        raise UsageError("--header: has no '='", "write X-Title=modelctl, or X-Org=env:ACME_ORG")
    _check_header_name(name, "--header")
    if value.startswith(FROM_VARIABLE):
        _check_variable(value.removeprefix(FROM_VARIABLE), f"--header {name}")
        return name, value
    if not value:
        return name, value
    if _SECRET_NAME.search(name) or _SECRET_VALUE.fullmatch(value):
        problem = "may be a secret, and settings are stored in clear"
        raise UsageError(f"--header {name}: {problem}", f"put it into a variable and write {name}=env:VARIABLE")
    if len(value) > TEXT_MAX_CHARS or not value.isascii() or not value.isprintable() or value != value.strip():
        problem = f"is not a line of 1 to {TEXT_MAX_CHARS} ASCII characters"
        raise UsageError(f"--header {name}: {shorten(repr(value))} {problem}", "write it like X-Title=modelctl")
    return name, value


def _split(text: str) -> SplitResult:
    try:
        parts = urlsplit(text)
        if parts.port == 0:
            raise ValueError("port 0")
    except ValueError:
        raise UsageError(f"--base-url: {shorten(repr(text))} has an impossible host or port", _AN_ADDRESS) from None
    return parts
