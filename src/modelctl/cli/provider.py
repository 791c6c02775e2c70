"""`modelctl provider`: who sells models, how they are reached, and whether they answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from modelctl.cli.context import Context, context_of, database_if_any, database_of
from modelctl.cli.format import Format, FormatOption, JsonOption, RowsFormat, RowsFormatOption
from modelctl.cli.options import MaxAge, Project, ProviderOption, providers_filter, refuse_together, say_left_out
from modelctl.core.edits.providers import ProviderOptions, is_unencrypted, shown_setting
from modelctl.core.provider import Health
from modelctl.core.text import counted, duration, seconds
from modelctl.errors import ExitCode, Refused, UsageError

if TYPE_CHECKING:
    from modelctl.core.provider import Provider
    from modelctl.output.providers import Discovered
    from modelctl.services.gather import ListedProvider
    from modelctl.services.providers import ProviderEdit, ProviderTest


app = typer.Typer(rich_markup_mode=None, no_args_is_help=True, help="Show providers, test them, add your own.")

MAX_SHOWN = 10
"""Dependent models that are named; the rest is counted."""

Name = Annotated[str, typer.Argument(metavar="PROVIDER", help="Its name, as in PROVIDER/model_id.")]
Names = Annotated[list[str], typer.Argument(metavar="PROVIDER", help="Which ones.")]
NewName = Annotated[str, typer.Argument(metavar="NAME", help="A slug, as in NAME/model_id.")]
BaseUrl = Annotated[
    str | None, typer.Option("--base-url", metavar="URL", help="Where the API is, as http://localhost:8080/v1.")
]
Env = Annotated[
    list[str] | None,
    typer.Option("--env", metavar="VARIABLE", help="Variable that holds the key. Repeatable: the first one set wins."),
]
DisplayName = Annotated[str | None, typer.Option("--display-name", metavar="TEXT", help="The name for people.")]
AuthHeader = Annotated[
    str | None, typer.Option("--auth-header", metavar="NAME", help="Header of the key; else Authorization.")
]
AuthPrefix = Annotated[
    str | None, typer.Option("--auth-prefix", metavar="WORD", help='Word before the key; else Bearer. "" for none.')
]
Headers = Annotated[
    list[str] | None,
    typer.Option("--header", metavar="NAME=VALUE", help="Another header; a secret as NAME=env:VARIABLE. Repeatable."),
]


@app.command(
    "list",
    epilog="""\b
Examples:
  modelctl provider list
  modelctl provider list --format json | jq -r '.[] | select(.key == "missing") | .name'

`key` names the variable that holds the key, never the key. `health` is the last result of `modelctl provider test`.
""",
)
def list_command(ctx: typer.Context, format: RowsFormatOption = RowsFormat.TABLE, json: JsonOption = False) -> None:
    """List the providers: enabled, key, models, health.

    They are those of the database and of the catalogs.
    """
    from modelctl.output.providers import ProvidersDocument
    from modelctl.services.providers import provider_views

    context = context_of(ctx)
    with database_if_any(context) as database:
        views = provider_views(context.runtime, database)
    context.show(ProvidersDocument(tuple(views.values())), format)


@app.command(
    "show",
    epilog="""\b
Examples:
  modelctl provider show openai
  modelctl provider show local-llm --format json
""",
)
def show_command(ctx: typer.Context, name: Name, format: FormatOption = Format.TABLE, json: JsonOption = False) -> None:
    """Show one provider, and who stated each setting."""
    from modelctl.output.providers import ProviderDocument
    from modelctl.services.providers import provider_views

    context = context_of(ctx)
    with database_if_any(context) as database:
        view = provider_views(context.runtime, database, [name])[name]
    context.show(ProviderDocument(view), format)


@app.command(
    "add",
    epilog="""\b
Examples:
  modelctl provider add local-llm --base-url http://localhost:8080/v1
  modelctl provider add gateway --base-url https://llm.example.com/v1 --env GATEWAY_KEY --auth-header X-Api-Key
  modelctl provider set gateway --auth-prefix "" --header X-Team=research --header X-Tenant-Key=env:TENANT_KEY
  modelctl provider add openai-eu --kind openai --base-url https://eu.api.openai.com/v1 --env OPENAI_EU_KEY
  modelctl sync --provider local-llm

The database keeps names of variables, never keys. Without --env the server is asked without a key.
""",
)
def add_command(
    ctx: typer.Context,
    name: NewName,
    kind: Annotated[
        str, typer.Option("--kind", metavar="KIND", help="How it lists models: a discovery module.")
    ] = "openai-compatible",
    base_url: BaseUrl = None,
    env: Env = None,
    display_name: DisplayName = None,
    auth_header: AuthHeader = None,
    auth_prefix: AuthPrefix = None,
    header: Headers = None,
) -> None:
    """Add a provider of your own.

    Its models come from its API; no catalog has to know it.
    """
    from modelctl.services.providers import add_provider

    context = context_of(ctx)
    options = ProviderOptions(
        kind=kind,
        base_url=base_url,
        env=tuple(env) if env else None,
        display_name=display_name,
        auth_header=auth_header,
        auth_prefix=auth_prefix,
        headers=tuple(header) if header else None,
    )
    with database_of(context) as database:
        edited = add_provider(context.runtime, database, name, options, context.author("provider add"))
    context.answer(f"{name}: added")
    _warn_of_open_road(context, edited.provider)
    if edited.remembered:
        again = f"`modelctl sync --provider {name} --recreate all` creates"
        context.say(f"{again} the {edited.remembered:,} models that were removed with an earlier {name}")
    else:
        context.say(f"try it with `modelctl provider test {name}`, then run `modelctl sync --provider {name}`")


@app.command(
    "set",
    epilog="""\b
Examples:
  modelctl provider set local-llm --base-url http://localhost:9090/v1
  modelctl provider set local-llm --header X-Team=research     # the other headers stay
  modelctl provider set local-llm --header X-Team= --env ""    # removes a header and the variables

What you set stays: no sync changes it back, whatever the catalogs state.
""",
)
def set_command(
    ctx: typer.Context,
    name: Name,
    kind: Annotated[
        str | None, typer.Option("--kind", metavar="KIND", help="How it lists models: a discovery module.")
    ] = None,
    base_url: BaseUrl = None,
    env: Env = None,
    display_name: DisplayName = None,
    auth_header: AuthHeader = None,
    auth_prefix: AuthPrefix = None,
    header: Headers = None,
) -> None:
    """Change settings of a provider.

    Only what is given changes. An empty value removes a setting.
    """
    context = context_of(ctx)
    options = ProviderOptions(
        kind=kind,
        base_url=base_url,
        env=tuple(env) if env else None,
        display_name=display_name,
        auth_header=auth_header,
        auth_prefix=auth_prefix,
        headers=tuple(header) if header else None,
    )
    if options == ProviderOptions():
        raise UsageError("there is nothing to set", f"see `modelctl provider set --help`, as --base-url for {name}")
    for edited in _change(context, [name], options, "provider set"):
        if not edited.changes:
            context.say(f"{name}: so already, nothing changed")
        _warn_of_open_road(context, edited.provider)


@app.command(
    "enable",
    epilog="""\b
Examples:
  modelctl provider enable fireworks
  modelctl provider enable fireworks together
""",
)
def enable_command(ctx: typer.Context, names: Names) -> None:
    """Enable providers: a sync of all has them again."""
    _switch(context_of(ctx), names, is_enabled=True)


@app.command(
    "disable",
    epilog="""\b
Examples:
  modelctl provider disable fireworks
  modelctl sync --provider fireworks    # naming it still syncs it

Its models stay as they are. An application that must not offer them can check ai_providers.is_enabled.
""",
)
def disable_command(ctx: typer.Context, names: Names) -> None:
    """Disable providers: a sync of all leaves them out."""
    _switch(context_of(ctx), names, is_enabled=False)


@app.command(
    "remove",
    epilog="""\b
Examples:
  modelctl provider remove local-llm             # refuses if it has models, and names them
  modelctl provider remove local-llm --cascade
  modelctl runs undo last                        # restores the row and its models, but no stored key

The ledger, the runs and the audit trail stay. Exits 4 where the provider has models and --cascade is not given.
""",
)
def remove_command(
    ctx: typer.Context,
    name: Name,
    cascade: Annotated[bool, typer.Option("--cascade", help="Remove its models and stored keys with it.")] = False,
) -> None:
    """Remove a provider of your own."""
    from modelctl.services.providers import dependents, remove_provider

    context = context_of(ctx)
    with database_of(context) as database:
        found = dependents(context.runtime, database, name)
        for key in found.models[:MAX_SHOWN]:
            context.answer(str(key))
        if (rest := len(found.models) - MAX_SHOWN) > 0:
            context.answer(f"and {rest:,} more; `modelctl list --all --provider {name}` has all")
        if found.keys:
            context.say(f"{counted(found.keys, 'stored key')} would be removed, too")
        if found.models and not cascade:
            raise Refused(
                f"{len(found.models):,} models of {name} would be removed, too", "add --cascade to remove them"
            )
        gone = remove_provider(database, name, context.author("provider remove"), cascade=cascade)
    context.answer(f"{name}: removed" + (f", with {len(gone.models):,} models" if gone.models else ""))


@app.command(
    "test",
    epilog="""\b
Examples:
  modelctl provider test
  modelctl provider test openai local-llm
  modelctl provider test --all --timeout 2s
  modelctl provider test --all --format json

A key is proven where a made-up one is refused. "Key not proven" means that the server lists its models for any key.
Nothing is billed. The result is kept in health_status, health_checked_at and health_latency_ms.
Exits 3 when any provider is not ok. With --all, providers without a key do not count, unless none has one.
""",
)
def test_command(
    ctx: typer.Context,
    names: Annotated[
        list[str] | None, typer.Argument(metavar="PROVIDER", help="By default all that have a key, or need none.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All that are enabled, without a key too.")] = False,
    timeout: Annotated[
        str, typer.Option("--timeout", metavar="AGE", help="For each request, as 5s, 1m or 5 (seconds).")
    ] = "5s",
    format: FormatOption = Format.TABLE,
    json: JsonOption = False,
) -> None:
    """Test providers and their keys.

    Each is asked for its models. Shown are whether it answers and accepts the key, how fast, and how many models.
    """
    from modelctl.output.providers import ProviderTestsDocument
    from modelctl.services.gather import Observer
    from modelctl.services.providers import try_providers

    context = context_of(ctx)
    if names:
        refuse_together("--all", {"names of providers": every or None})
    timeout_s = seconds(timeout, "--timeout")
    observer = Observer(begin=lambda _providers, left_out: say_left_out(context, left_out))
    with database_if_any(context) as database:
        found, stored = try_providers(
            context.runtime,
            database,
            names or (),
            timeout_s=timeout_s,
            configured_only=not every,
            observer=observer,
        )
    if not found:
        raise UsageError("no provider has a key", "set one, as OPENAI_API_KEY, or name providers")
    if missing := [each.provider for each in found if each.provider not in stored]:
        context.say(f"not kept, because they have no rows yet: {', '.join(missing)}")
    results = tuple((each.provider, each.probed, each.provider in stored) for each in found)
    context.show(ProviderTestsDocument(checked_at=context.now, providers=results), format)
    if _has_findings(found, every=every):
        raise typer.Exit(ExitCode.PENDING)


@app.command(
    "models",
    epilog="""\b
Examples:
  modelctl provider models
  modelctl provider models openai anthropic --max-age 1h
  modelctl provider models xai --json
  modelctl provider models openai --project shop

Exit codes: 0 done, 1 no provider answered, 5 some providers failed; the others are shown.
""",
)
def models_command(
    ctx: typer.Context,
    providers: Annotated[
        list[str] | None, typer.Argument(metavar="PROVIDER", help="By default all whose key is set.")
    ] = None,
    provider: ProviderOption = None,
    project: Project = None,
    max_age: MaxAge = None,
    format: RowsFormatOption = RowsFormat.TABLE,
    json: JsonOption = False,
) -> None:
    """Show what the providers' APIs list; nothing is written.

    Only what the APIs say is shown, as fields of a model, with what was skipped and why. Catalogs, settings and the
    database change nothing here. Few APIs state prices.
    """
    from modelctl.core.credentials import project_of
    from modelctl.output.providers import DiscoveryDocument
    from modelctl.services.gather import Observer, discover

    context = context_of(ctx)
    age = duration(max_age, "--max-age") if max_age is not None else None
    observer = Observer(begin=lambda _providers, left_out: say_left_out(context, left_out))
    with database_if_any(context) as database:
        listed = discover(
            context.runtime,
            database,
            providers_filter(providers, provider),
            project=project_of(project),
            max_age=age,
            observer=observer,
        )
    found = [_discovered(each) for each in listed]
    context.show(DiscoveryDocument(providers=tuple(found)), format)
    for each in found:
        if each.error is not None:
            context.warn(f"error: {each.error}")
        elif each.notice is not None and format in (RowsFormat.JSONL, RowsFormat.CSV):
            context.say(f"{each.provider}: {each.notice}")
    failed = sum(each.error is not None for each in found)
    if failed:
        raise typer.Exit(ExitCode.FAILED if failed == len(found) else ExitCode.PARTIAL)


def _switch(context: Context, names: Sequence[str], *, is_enabled: bool) -> None:
    word = "enabled" if is_enabled else "disabled"
    command = "provider enable" if is_enabled else "provider disable"
    for edited in _change(context, names, ProviderOptions(is_enabled=is_enabled), command):
        if not edited.changes:
            context.say(f"{edited.provider.name}: {word} already, nothing changed")
    off = [name for name in names if not context.settings.provider(name).enabled]
    if is_enabled and off:
        context.warn(f"note: the settings still disable {', '.join(off)} (see `modelctl config show`)")


def _change(context: Context, names: Sequence[str], options: ProviderOptions, command: str) -> tuple[ProviderEdit, ...]:
    from modelctl.output.format import old_to_new
    from modelctl.services.providers import change_providers

    with database_of(context) as database:
        done = change_providers(context.runtime, database, names, options, context.author(command))
    for edited in done:
        for each in edited.changes:
            text = old_to_new(shown_setting(each.name, each.old), shown_setting(each.name, each.new))
            context.answer(f"{edited.provider.name}: {each.name}  {text}")
    return done


def _warn_of_open_road(context: Context, provider: Provider) -> None:
    has_secret = provider.env_vars or any(value.startswith("env:") for value in provider.headers.values())
    if has_secret and provider.api_base_url and is_unencrypted(provider.api_base_url):
        context.warn(f"note: {provider.name} is asked over http, so its key can be read on its way")


def _has_findings(found: Sequence[ProviderTest], *, every: bool) -> bool:
    """With `--all`, whoever has no key is not used, which is no finding; that nobody has one is."""
    quiet = {Health.OK, Health.NO_KEY, Health.NO_LISTING} if every else {Health.OK}
    is_all_quiet = all(each.probed.health in quiet for each in found)
    return not (is_all_quiet and any(each.probed.health is Health.OK for each in found))


def _discovered(listed: ListedProvider) -> Discovered:
    from modelctl.output.providers import Discovered

    return Discovered(
        provider=listed.job.provider.name,
        listing=listed.listing,
        listed_at=listed.listed_at,
        is_reused=listed.is_reused,
        notice=listed.notice,
        error=listed.error,
    )
