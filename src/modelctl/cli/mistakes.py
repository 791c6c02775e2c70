"""Running a command line through Typer, whose complaints become one line in the words of our own errors."""

from __future__ import annotations

import re
from typing import Any

import typer
from typer.exceptions import TyperException

from modelctl.cli.context import Context
from modelctl.errors import ExitCode, UsageError

_NO_SUCH_OPTION = "No such option"
_INVALID_VALUE = re.compile(r"Invalid value for '([^']*)': (?:Value error, )?(.*)", re.DOTALL)


def run_command(tree: Any, arguments: list[str], context: Context) -> int:
    """The command's exit code. UsageError for a command line that is wrong, KeyboardInterrupt for Ctrl-C."""
    try:
        code = tree(arguments, prog_name="modelctl", obj=context, standalone_mode=False, color=False)
    except SystemExit as end:
        code = end.code
    except typer.Abort as end:
        if isinstance(end.__context__, KeyboardInterrupt):  # Ctrl-C at a question
            raise KeyboardInterrupt from None
        context.warn("aborted")
        return ExitCode.FAILED
    except TyperException as mistake:
        if _is_help(mistake):
            context.warn(mistake.format_message())
            return ExitCode.USAGE
        raise _usage_error(mistake) from mistake
    if code == ExitCode.INTERRUPTED:  # Typer's answer to Ctrl-C
        raise KeyboardInterrupt
    return code if isinstance(code, int) else ExitCode.OK


def _is_help(mistake: TyperException) -> bool:
    """Whether it is a group without a command, which is answered with its help."""
    return "\n" in mistake.message and mistake.message.startswith("Usage:")


def _usage_error(mistake: TyperException) -> UsageError:
    what, _, meant = mistake.format_message().partition(" Did you mean ")
    if meant:
        return UsageError(_phrase(what), f"did you mean {meant}")
    ctx: Any = getattr(mistake, "ctx", None)
    if (option := getattr(mistake, "option_name", None)) and what.startswith(_NO_SUCH_OPTION):
        return UsageError(f"{_phrase(_NO_SUCH_OPTION)} {option}", _near_option(option, ctx) or _help(ctx))
    return UsageError(_phrase(what), _help(ctx))


def _phrase(sentence: str) -> str:
    """A sentence of Typer's, or of pydantic's behind it, as our errors are written."""
    if found := _INVALID_VALUE.fullmatch(sentence):
        return f"{found[1]}: {_phrase(found[2])}"
    return (sentence[:1].lower() + sentence[1:]).rstrip(".")


def _near_option(name: str, ctx: Any) -> str:
    """What was probably meant: an argument, or an option of the command or a global one; empty when none is near."""
    from modelctl.catalog.finding import closest

    parameters = [*ctx.command.params, *ctx.find_root().command.params]
    words = [option for each in parameters for option in (*each.opts, *each.secondary_opts)]
    if name.removeprefix("--") in words:  # an argument of that name
        return f"write `{ctx.command_path} {' '.join(ctx.command.collect_usage_pieces(ctx)[1:])}`"
    return closest(name, words)


def _help(ctx: Any) -> str:
    return f"see `{ctx.command_path} --help`" if ctx is not None else ""
