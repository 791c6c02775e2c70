"""`modelctl provider list` and `show`: who sells models, and how they are reached."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from modelctl.cli.context import Context, context_of
from modelctl.cli.database import database_if_any
from modelctl.core.names import require_known

if TYPE_CHECKING:
    from modelctl.core.provider_view import ProviderView

app = typer.Typer(rich_markup_mode=None, no_args_is_help=True, help="Look at providers, try them, add your own.")


class ProviderFormat(StrEnum):
    """How providers are printed."""

    TABLE = "table"
    JSON = "json"


Name = Annotated[str, typer.Argument(metavar="PROVIDER", help="Its name, as in PROVIDER/model_id.")]
Format = Annotated[ProviderFormat, typer.Option("--format", help="How to print it.")]
AsJson = Annotated[bool, typer.Option("--json", help="The same as --format json.")]


@app.command(
    "list",
    epilog="""\b
Examples:
  modelctl provider list
  modelctl provider list --format json | jq -r '.[] | select(.key == "missing") | .name'

`key` names the variable that holds the key, never the key. `health` is what `modelctl provider test` last found.
""",
)
def list_command(ctx: typer.Context, format: Format = ProviderFormat.TABLE, json: AsJson = False) -> None:
    """List the providers: switch, key, models, health.

    They are those of the database and of the catalogs.
    """
    from modelctl.render.providers import provider_table
    from modelctl.render.providers_json import providers_json
    from modelctl.render.terminal import look_of

    context = context_of(ctx)
    views = list(_views(context).values())
    look = look_of(context.stdout, context.environ)
    as_json = json or format is ProviderFormat.JSON
    context.answer((providers_json if as_json else provider_table)(views, look))


@app.command(
    "show",
    epilog="""\b
Examples:
  modelctl provider show openai
  modelctl provider show local-llm --format json
""",
)
def show_command(ctx: typer.Context, name: Name, format: Format = ProviderFormat.TABLE, json: AsJson = False) -> None:
    """Show one provider, and who stated each setting."""
    from modelctl.render.providers import provider_page
    from modelctl.render.providers_json import provider_json
    from modelctl.render.terminal import look_of

    context = context_of(ctx)
    views = _views(context)
    view = views[require_known(name, views, "provider")]
    look = look_of(context.stdout, context.environ)
    as_json = json or format is ProviderFormat.JSON
    context.answer((provider_json if as_json else provider_page)(view, look))


def _views(context: Context) -> dict[str, ProviderView]:
    from modelctl.catalog.load import in_force
    from modelctl.services.asking import switches
    from modelctl.services.keys import keys_of
    from modelctl.sync.provider_views import provider_views

    catalogs = list(in_force(context.settings.catalog_directory))
    with database_if_any(context) as database:
        return provider_views(database, catalogs, keys_of(context, database), switches(context))
