"""Where this user's listings are kept, for every command that asks the providers."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from modelctl.discovery.cache import ListingCache

MaxAge = Annotated[
    str | None,
    typer.Option("--max-age", metavar="AGE", help="Use a provider's last whole listing again if no older, as 30m, 1h."),
]


def listing_cache(max_age: timedelta | None) -> ListingCache | None:
    """The user's cache of listings; None for a user who has no home."""
    from platformdirs import user_cache_path

    from modelctl.config.values import user_directory
    from modelctl.discovery.cache import ListingCache

    directory = user_directory(user_cache_path)
    return ListingCache(directory=directory / "listings", max_age=max_age) if directory is not None else None
