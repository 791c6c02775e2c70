"""What a person's edit makes of a provider's row. Pure: values in, changes out; nothing is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from modelctl.core.model import FactValue, Source
from modelctl.core.names import require_known
from modelctl.core.plan import FieldChange
from modelctl.core.provider import Provider
from modelctl.core.provider_check import (
    check_base_url,
    check_display_name,
    check_header,
    check_header_name,
    check_prefix,
    check_variable,
)
from modelctl.core.provider_settings import editable_of, with_settings
from modelctl.errors import UsageError

DEFAULT_AUTH_HEADER = "Authorization"


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
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


def edit(provider: Provider, given: Given, rules: KindRules) -> tuple[FieldChange, ...]:
    """The settings that move. UsageError, naming the option, for a value that cannot be or does not go together."""
    if given.kind is not None:
        require_known(given.kind, rules.known, "kind of provider (--kind)")
    wanted = _wanted(provider, given)
    present = editable_of(provider)
    changes = tuple(
        FieldChange(name=name, old=present[name], new=value, source=Source.PERSON)
        for name, value in wanted.items()
        if value != present[name]
    )
    after = with_settings(provider, changes)
    _require_address(after, given, rules)
    _require_one_place_for_the_key(after, given, rules)
    return changes


def added(name: str, given: Given, rules: KindRules) -> Provider:
    """A provider that nobody knew. UsageError for options that make none."""
    bare = Provider(name=name, display_name=name, kind="")
    if given.is_enabled is not None:
        bare = replace(bare, is_enabled=given.is_enabled)
    return with_settings(bare, edit(bare, given, rules))


def _wanted(provider: Provider, given: Given) -> Mapping[str, FactValue]:
    wanted: dict[str, FactValue] = {}
    if given.kind is not None:
        wanted["kind"] = given.kind
    if given.display_name is not None:
        wanted["display_name"] = check_display_name(given.display_name)
    if given.base_url is not None:
        wanted["api_base_url"] = check_base_url(given.base_url) if given.base_url else None
    if given.env is not None:
        wanted["env_vars"] = tuple(dict.fromkeys(check_variable(each) for each in given.env if each))
    if given.auth_header is not None:
        wanted["auth_header_name"] = check_header_name(given.auth_header) if given.auth_header else None
    if given.auth_prefix is not None:
        wanted["auth_header_prefix"] = check_prefix(given.auth_prefix)
    if given.headers is not None:
        wanted["headers"] = _headers(provider, given.headers)
    if given.is_enabled is not None:
        wanted["is_enabled"] = given.is_enabled
    return wanted


def _headers(provider: Provider, texts: tuple[str, ...]) -> tuple[str, ...]:
    """The headers that there are with these laid over them by name, whatever its case."""
    headers = {name.lower(): (name, value) for name, value in provider.headers.items()}
    for text in texts:
        name, value = check_header(text)
        if value:
            headers[name.lower()] = (name, value)
        elif headers.pop(name.lower(), None) is None:
            raise UsageError(f"--header {name}: there is no such header to take away", "write NAME=VALUE to add one")
    return tuple(f"{name}={value}" for name, value in sorted(headers.values()))


def _require_address(after: Provider, given: Given, rules: KindRules) -> None:
    """A row that is wrong already can still be switched off."""
    is_touched = given.kind is not None or given.base_url is not None
    if is_touched and after.kind in rules.need_address and not after.api_base_url:
        problem = f"a provider of kind {after.kind} needs one"
        raise UsageError(f"--base-url: {problem}", "write it like http://localhost:8080/v1")


def _require_one_place_for_the_key(after: Provider, given: Given, rules: KindRules) -> None:
    option = "--auth-header" if given.auth_header else "--auth-prefix" if given.auth_prefix is not None else ""
    if option and after.kind in rules.place_key:
        raise UsageError(f"{option}: the kind {after.kind} places the key by itself", "leave it out")
    place = after.auth_header_name or DEFAULT_AUTH_HEADER
    is_touched = any(each is not None for each in (given.headers, given.env, given.auth_header))
    if is_touched and after.env_vars and place.lower() in {name.lower() for name in after.headers}:
        raise UsageError(f"--header {place}: the key goes into that header", "leave out --header, or --env")
