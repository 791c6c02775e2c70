"""The command line: global options, and the one place where errors become exit codes.

Command modules import Typer, the standard library and the core at the top, and everything slow in their bodies; which
of them are imported at all, `commands` says. No annotation here is text: Typer evaluates those of `root` six times.
"""

import gc
import os
import re
import signal
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from copy import copy
from datetime import UTC, datetime
from functools import cache
from types import FrameType
from typing import Annotated, Any

from modelctl import __version__
from modelctl.errors import ExitCode, ModelctlError, UsageError

COLLECTOR_THRESHOLDS = (300_000, 10, 10)
"""For `gc`: modules, rows and facts hold no cycles worth looking for, which would take a tenth of a list's time."""
gc.set_threshold(*COLLECTOR_THRESHOLDS)  # here, as importing Typer is half of what a short command costs

try:
    import typer
    from typer.core import TyperCommand, TyperGroup
    from typer.exceptions import TyperException

    from modelctl.cli.commands import COMMANDS, PANELS
    from modelctl.cli.context import SETTING_OF_OPTION, Context, context_of
except KeyboardInterrupt:  # most of the first tenth of a second is spent here, before `main` can catch it
    sys.stderr.write("interrupted\n")
    sys.exit(ExitCode.INTERRUPTED)

_NO_SUCH_OPTION = "No such option"
_INVALID_VALUE = r"(?s)Invalid value for '([^']*)': (?:Value error, )?(.*)"


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
    if found := re.fullmatch(_INVALID_VALUE, sentence):
        return f"{found[1]}: {_phrase(found[2])}"
    return (sentence[:1].lower() + sentence[1:]).rstrip(".")


def _near_option(name: str, ctx: Any) -> str:
    """What was probably meant: an argument, or an option of the command or a global one; empty when none is near."""
    from modelctl.core.text import suggestion

    parameters = [*ctx.command.params, *ctx.find_root().command.params]
    words = [option for each in parameters for option in (*each.opts, *each.secondary_opts)]
    arguments = {(each.metavar or "").lower() for each in ctx.command.params if each.param_type_name == "argument"}
    if name.removeprefix("--") in {*words, *arguments}:
        return f"write `{ctx.command_path} {' '.join(ctx.command.collect_usage_pieces(ctx)[1:])}`"
    return suggestion(name, words, most=1)


def _help(ctx: Any) -> str:
    return f"see `{ctx.command_path} --help`" if ctx is not None else ""


_HELP = ("-h", "--help")

_FLAGS = {"--verbose", "-v", "--debug", "--quiet", "-q"}
_OPTIONS = {"--actor", *(f"--{name.replace('_', '-')}" for name in SETTING_OF_OPTION)}


def _print_version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"modelctl {__version__}\n")
        raise typer.Exit


Database = Annotated[str | None, typer.Option(metavar="URL", help="The database, as sqlite:///models.db.")]
Catalog = Annotated[str | None, typer.Option(metavar="DIR", help="Your overlay: a directory of your own catalogs.")]
Config = Annotated[str | None, typer.Option(metavar="FILE", help="Settings file to use instead of modelctl.toml.")]
Actor = Annotated[
    str | None, typer.Option(metavar="NAME", help="Who is named as the author of changes, instead of this user.")
]
ClockSkew = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="Write even if the clock differs so much from the database's, as 1h."),
]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Log what is done and how long it takes.")]
Debug = Annotated[bool, typer.Option("--debug", help="Log everything; show tracebacks of errors.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print only the answer, warnings and errors.")]
Version = Annotated[bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")]


def root(
    ctx: typer.Context,
    database: Database = None,
    catalog: Catalog = None,
    config: Config = None,
    actor: Actor = None,
    clock_skew: ClockSkew = None,
    verbose: Verbose = False,
    debug: Debug = False,
    quiet: Quiet = False,
    version: Version = False,
) -> None:
    """Keep your database's table of language models true: ids, limits, prices, deprecations."""
    context = context_of(ctx)
    options = {"database": database, "catalog": catalog, "config": config, "clock_skew": clock_skew}
    context.flags = {SETTING_OF_OPTION[name]: value for name, value in options.items()}
    context.debug, context.quiet, context.actor = debug, quiet, actor
    if quiet and verbose:
        raise UsageError("--quiet and --verbose contradict each other", "leave one of them out")
    if debug or verbose:
        _log_to(context, ctx)


def main(argv: Sequence[str] | None = None, *, now: datetime | None = None) -> int:
    """Run one command line and return its exit code; nothing but a fault of the interpreter escapes."""
    context = Context(now=now or datetime.now(UTC))
    try:
        with _terminated_like_interrupted():
            code = _invoke(_global_options_first(sys.argv[1:] if argv is None else argv), context)
            context.stdout.flush()
            return code
    except ModelctlError as error:
        _report(context, error)
        return error.exit_code
    except KeyboardInterrupt:
        context.warn(f"interrupted: {context.when_interrupted}" if context.when_interrupted else "interrupted")
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        return ExitCode.FAILED  # the reader of our output has gone, and nobody is left to tell
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        _report(context, ModelctlError(f"{place}{error.strerror or error}"))
        return ExitCode.FAILED
    except Exception as error:
        bug = ModelctlError(f"modelctl has a bug: {type(error).__name__}: {error}", "run again with --debug")
        bug.exit_code = ExitCode.BUG
        _report(context, bug)
        return ExitCode.BUG


def run() -> None:
    """The entry point of the `modelctl` command. SIGTERM and Ctrl-C are heard to its end, not only within `main`."""
    try:
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        sys.unraisablehook = _interrupted_after_a_finalizer
        for stream in (sys.stdout, sys.stderr):
            with suppress(AttributeError):
                stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # not every stream is a file
        code = main()
        try:
            sys.stdout.flush()
        except OSError:  # a broken pipe: keep the interpreter from flushing again at its end
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        for number in (signal.SIGTERM, signal.SIGINT):  # all is done, and `code` says so while the interpreter ends
            signal.signal(number, signal.SIG_IGN)
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        code = ExitCode.INTERRUPTED
    gc.freeze()  # at its end the interpreter looks for cycles in all that was made, a fifth of the time of a small sync
    sys.exit(code)


_TYPED_WORDS = "modelctl.typed_words"
_COMMAND_LINES = ("COMP_WORDS", "_TYPER_COMPLETE_ARGS")
"""The variables in which shells hand over what a person has typed: bash, and the others."""


def _words_typed(environ: Mapping[str, str]) -> list[str]:
    """The words of the command line that a shell asks to complete, and perhaps more; none where it asks nothing."""
    if "_MODELCTL_COMPLETE" not in environ:
        return []
    return re.findall(r"[\w-]+", " ".join(environ.get(name, "") for name in _COMMAND_LINES))


class CompletingGroup(TyperGroup):
    """A tree of commands that completes every word in its own way."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """The arguments, parsed; for a completion only kept, since nothing runs."""
        if not ctx.resilient_parsing:
            return super().parse_args(ctx, args)
        ctx.meta[_TYPED_WORDS] = args
        return []

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """The commands under their headings."""
        width = max(map(len, self.commands))
        for title, names in PANELS.items():
            limit = formatter.width - width - 6
            with formatter.section(title):
                formatter.write_dl(
                    [(name.ljust(width), self.commands[name].get_short_help_str(limit)) for name in names]
                )

    def shell_complete(self, ctx: Any, incomplete: str) -> list[Any]:
        """The candidates for the word that a person is writing, and never a word of an error.

        Typer prints them in the way of each shell, and adds the names of files where there are none.
        """
        from modelctl.cli.completion import candidates

        return list(candidates(self, ctx.meta.get(_TYPED_WORDS, []), ctx, incomplete))


def _invoke(arguments: list[str], context: Context) -> int:
    if (found := _helped(arguments)) is not None:
        if _is_for_eyes(context):
            _print_panels(context, *found)
        else:
            context.answer(_help_text(*found))
        return ExitCode.OK

    tree = _tree_for([*arguments, *_words_typed(context.environ)])
    _refuse_contradictions(tree, arguments)
    return run_command(tree, arguments, context)


def _refuse_contradictions(tree: Any, arguments: list[str]) -> None:
    """UsageError for both sides of a switch, and for an option with two values: Typer takes the last one silently."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    command = tree
    for word in arguments[:end]:
        command = getattr(command, "commands", {}).get(word, command)
    given: dict[str, list[str]] = {}
    for word, following in zip(arguments[:end], [*arguments[1:end], ""], strict=False):
        name, equals, value = word.partition("=")
        given.setdefault(name, []).append(value if equals else following)
    for each in command.params:
        said, denied = ([name for name in names if name in given] for names in (each.opts, each.secondary_opts))
        if said and denied:
            raise UsageError(f"{said[0]} and {denied[0]} contradict each other", "leave one of them out")
        values = dict.fromkeys(value for name in said for value in given[name])
        is_single = each.param_type_name == "option" and not each.is_flag and not each.multiple
        if is_single and len(values) > 1:
            raise UsageError(f"{said[0]} is given twice, as {' and as '.join(values)}", "leave one of them out")


def _tree_for(words: Iterable[str]) -> Any:
    """The tree of commands, in which those are loaded that the command line names."""
    return command_tree(frozenset(COMMANDS).intersection(words))


@cache
def command_tree(loaded: frozenset[str]) -> Any:
    """The tree of commands, once for each process: those to be loaded as they are, of the others just the summary."""
    app = typer.Typer(
        name="modelctl",
        cls=CompletingGroup,
        rich_markup_mode=None,
        no_args_is_help=True,
        add_completion=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": list(_HELP)},
        epilog="The options above, except those for completion, may also follow the command.",
    )
    app.callback()(root)
    for name in loaded:
        COMMANDS[name].add_to(app, name)
    tree: Any = typer.main.get_command(app)
    panels = {name: title for title, names in PANELS.items() for name in names}
    summaries = {
        name: TyperCommand(name, help=listed.summary, rich_help_panel=panels.get(name))
        for name, listed in COMMANDS.items()
    }
    tree.commands = {name: tree.commands.get(name, summary) for name, summary in summaries.items()}
    return tree


def _helped(arguments: list[str]) -> tuple[Any, Any] | None:
    """The command named before a final `--help`, without parsing: Typer loads pydantic to parse anything."""
    if not arguments or arguments[-1] not in _HELP:
        return None
    names = [*arguments[:-1]]
    while names and (names[0] in _FLAGS or names[0].partition("=")[0] in _OPTIONS):
        del names[: 2 if names[0] in _OPTIONS else 1]  # with its value
    command = _tree_for(names)
    ctx = typer.Context(command, info_name="modelctl", **command.context_settings)
    for name in names:
        command = getattr(command, "commands", {}).get(name)
        if command is None:
            return None  # an option, an argument or a mistake: Typer knows
        ctx = typer.Context(command, info_name=name, parent=ctx)
    return command, ctx


def _help_text(command: Any, ctx: Any) -> str:
    """Plain help, options by subject."""
    if hasattr(command, "commands"):
        text: str = command.get_help(ctx)
        return text
    formatter = ctx.make_formatter()
    command.format_usage(ctx, formatter)
    command.format_help_text(ctx, formatter)
    sections: dict[str, list[tuple[str, str]]] = {"Arguments": [], "Options": []}
    for each in command.get_params(ctx):
        title = getattr(each, "rich_help_panel", None) or f"{each.param_type_name.title()}s"
        if record := each.get_help_record(ctx):
            sections.setdefault(title, []).append(record)
    for title, records in sections.items():
        if records:
            with formatter.section(title):
                formatter.write_dl(records)
    command.format_epilog(ctx, formatter)
    plain: str = formatter.getvalue().rstrip("\n")
    return plain


def _is_for_eyes(context: Context) -> bool:
    """Whether help is drawn: on a terminal that can, where nobody asked for plain text."""
    plain = context.environ.get("NO_COLOR") or context.environ.get("CI") or context.environ.get("TERM") == "dumb"
    return context.stdout.isatty() and not plain


def _print_panels(context: Context, command: Any, ctx: Any) -> None:
    """Help in Rich's panels; below them the examples, whose lines stay as they are."""
    from rich.markup import escape
    from typer import rich_utils

    command = copy(command)
    command.params = [copy(each) for each in command.params]
    epilog, command.epilog = command.epilog, None
    for each in (command, *command.params):
        each.help = escape(getattr(each, "help", None) or "")  # a text is no markup
    rich_utils.rich_format_help(obj=command, ctx=ctx, markup_mode="rich")
    command.epilog = epilog
    formatter = ctx.make_formatter()
    command.format_epilog(ctx, formatter)
    context.answer(formatter.getvalue().strip("\n"))


def _global_options_first(arguments: Sequence[str]) -> list[str]:
    """The arguments with the global options moved to where Typer wants them, up to a `--`."""
    front: list[str] = []
    rest: list[str] = []
    remaining = iter(arguments)
    for argument in remaining:
        name, equals, _ = argument.partition("=")
        if argument == "--":
            rest += [argument, *remaining]
        elif argument in _FLAGS or (name in _OPTIONS and equals):
            front.append(argument)
        elif argument in _OPTIONS:
            if (value := next(remaining, None)) is None:
                raise UsageError(f"{argument} needs a value")
            front += [argument, value]
        else:
            rest.append(argument)
    return front + rest


@contextmanager
def _terminated_like_interrupted() -> Iterator[None]:
    """SIGTERM raises KeyboardInterrupt, so that transactions roll back on a container's stop as on Ctrl-C."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _interrupted_after_a_finalizer(lost: Any) -> None:
    """For `sys.unraisablehook`: a Ctrl-C that a finalizer ended with, as a connection pool's, is heard right after it.

    Python drops what a weak reference's callback or a `__del__` raises. To raise it in here would drop it once more.
    """
    if issubclass(lost.exc_type, KeyboardInterrupt) and threading.current_thread() is threading.main_thread():
        sys.setprofile(_interrupt_elsewhere)
    else:
        sys.__unraisablehook__(lost)


def _interrupt_elsewhere(frame: FrameType, _event: str, _argument: object) -> None:
    """For `sys.setprofile`: at the next call or return that is not the hook's own, once."""
    if frame.f_code is not _interrupted_after_a_finalizer.__code__:
        sys.setprofile(None)
        raise KeyboardInterrupt


def _log_to(context: Context, ctx: typer.Context) -> None:
    """What modelctl's own modules log goes to stderr until the command ends. Libraries' logs may hold secrets."""
    import logging

    class ToStderr(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            context.warn(context.without_secrets(self.format(record)))

    handler = ToStderr()
    handler.setFormatter(logging.Formatter("%(relativeCreated)6.0f ms %(name)s: %(message)s"))
    logger = logging.getLogger("modelctl")
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG if context.debug else logging.INFO)
    ctx.call_on_close(lambda: logger.removeHandler(handler))


def _report(context: Context, error: ModelctlError) -> None:
    """An error in one line, with `--format json` a document; with `--debug` the traceback of what is being handled."""
    if context.as_json:
        from modelctl.output.console import json_line, look_of
        from modelctl.output.document import error_json

        lines = [json_line({"error": error_json(error)}, look_of(context.stderr, context.environ))]
    else:
        lines = [_one_line(f"{'' if error.exit_code is ExitCode.BUG else 'error: '}{error}")]
    if context.debug:
        import traceback

        lines.append(traceback.format_exc())
    context.warn(context.without_secrets("\n".join(lines)))


def _one_line(text: str) -> str:
    """The text in one line, and harmless to a terminal: what an API or a file said may be part of it."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in " ".join(text.split()))
