"""All or nothing: many rows are made, or every one that cannot be is named."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from modelctl.errors import BadRows, ModelctlError

Item = TypeVar("Item")
Made = TypeVar("Made")


def all_or_none(items: Iterable[Item], make: Callable[[Item], Made]) -> list[Made]:
    """What `make` makes of each; BadRows with all that is wrong where it fails for any. Of one item, its own error."""
    made, errors = list[Made](), list[ModelctlError]()
    for item in items:
        try:
            made.append(make(item))
        except ModelctlError as error:
            errors.append(error)
    if errors and len(errors) + len(made) == 1:
        raise errors[0]
    if errors:
        raise BadRows([str(error) for error in errors], of=len(errors) + len(made))
    return made
