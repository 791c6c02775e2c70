"""One option for each thing that is metered, for every command that bills. `core.usage` says what there is."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any

import typer

from modelctl.core.usage import METERS, Usage, quantity
from modelctl.errors import InvalidFact, UsageError

_PARAMETER = "usage"


def metered(command: Callable[..., None]) -> Callable[..., None]:
    """The command with an option per meter instead of its parameter `usage`, which gets what they say."""
    plain = inspect.signature(command, eval_str=True)
    others = [each for each in plain.parameters.values() if each.name != _PARAMETER]
    options = [
        inspect.Parameter(
            meter.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=None,
            annotation=Annotated[str | None, typer.Option(option(meter.name), metavar="N", help=meter.help)],
        )
        for meter in METERS.values()
    ]

    @wraps(command)
    def with_options(*args: Any, **kwargs: Any) -> None:
        said = {name: text for name in METERS if (text := kwargs.pop(name)) is not None}
        command(*args, **kwargs, **{_PARAMETER: _usage(said)})

    parameters = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in others] + options
    with_options.__signature__ = plain.replace(parameters=parameters)  # type: ignore[attr-defined]  # read by Typer
    with_options.__annotations__ = {each.name: each.annotation for each in parameters}
    return with_options


def option(meter: str) -> str:
    """The option of a meter."""
    return f"--{meter.replace('_', '-')}"


def _usage(said: dict[str, str]) -> Usage:
    try:
        return Usage({name: quantity(name, text) for name, text in said.items()})
    except InvalidFact as error:
        name, _, problem = error.message.partition(": ")
        raise UsageError(f"{option(name)}: {problem}", error.hint) from None
