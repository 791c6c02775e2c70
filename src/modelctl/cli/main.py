"""The command line: global options, the list of commands, and the one place where errors become exit codes.

Command modules import Typer, the standard library and the core at the top, and everything slow in their bodies.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import cache
from typing import Annotated, Any

from modelctl import __version__
from modelctl.errors import ExitCode, ModelctlError, UsageError

try:
    import typer

    from modelctl.cli import (
        adding,
        apply,
        catalog,
        catalog_files,
        claiming,
        config,
        credential,
        credential_master,
        credential_use,
        db,
        deprecating,
        discover,
        doctor,
        enabling,
        history,
        holding,
        lifecycle,
        listing,
        plan,
        populate,
        price,
        provider,
        provider_editing,
        provider_testing,
        removing,
        resolving,
        runs,
        setting,
        show,
        sync,
        undo,
    )
    from modelctl.cli.completion import CompletingGroup
    from modelctl.cli.context import SETTING_OF_OPTION, Context, context_of
    from modelctl.cli.mistakes import run_command
except KeyboardInterrupt:  # most of the first tenth of a second is spent here, before `main` can catch it
    sys.stderr.write("interrupted\n")
    sys.exit(ExitCode.INTERRUPTED)

_HELP = ("-h", "--help")

app = typer.Typer(
    name="modelctl",
    cls=CompletingGroup,
    rich_markup_mode=None,
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": list(_HELP)},
    epilog="The options above, but for completion, may also stand after the command.",
)

# Every command is registered here: a group with add_typer, a single command with app.command(NAME)(function).
app.command("sync", epilog=sync.EPILOG)(sync.sync_command)
app.command("discover", epilog=discover.EPILOG)(discover.discover_command)
app.command("plan", epilog=plan.EPILOG)(plan.plan_command)
app.command("apply", epilog=apply.EPILOG)(apply.apply_command)
app.command("list", epilog=listing.EPILOG)(listing.list_command)
app.command("show", epilog=show.EPILOG)(show.show_command)
app.command("lifecycle", epilog=lifecycle.EPILOG)(lifecycle.lifecycle_command)
app.command("held", epilog=holding.EPILOG)(holding.held_command)
app.command("accept", epilog=holding.EPILOG)(holding.accept_command)
app.command("decline", epilog=holding.EPILOG)(holding.decline_command)
app.command("populate", epilog=populate.EPILOG)(populate.populate_command)
app.command("add", epilog=adding.EPILOG)(adding.add_command)
app.command("set", epilog=setting.EPILOG)(setting.set_command)
app.command("remove", epilog=removing.EPILOG)(removing.remove_command)
app.command("enable", epilog=enabling.ENABLE_EPILOG)(enabling.enable_command)
app.command("disable", epilog=enabling.DISABLE_EPILOG)(enabling.disable_command)
app.command("deprecate", epilog=deprecating.DEPRECATE_EPILOG)(deprecating.deprecate_command)
app.command("undeprecate", epilog=deprecating.UNDEPRECATE_EPILOG)(deprecating.undeprecate_command)
app.command("pin", epilog=claiming.PIN_EPILOG)(claiming.pin_command)
app.command("unpin", epilog=claiming.UNPIN_EPILOG)(claiming.unpin_command)
app.command("adopt", epilog=claiming.ADOPT_EPILOG)(claiming.adopt_command)
app.add_typer(provider.app, name="provider")
provider.app.command("add", epilog=provider_editing.ADD_EPILOG)(provider_editing.add_command)
provider.app.command("set", epilog=provider_editing.SET_EPILOG)(provider_editing.set_command)
provider.app.command("enable", epilog=provider_editing.ENABLE_EPILOG)(provider_editing.enable_command)
provider.app.command("disable", epilog=provider_editing.DISABLE_EPILOG)(provider_editing.disable_command)
provider.app.command("remove", epilog=provider_editing.REMOVE_EPILOG)(provider_editing.remove_command)
provider.app.command("test", epilog=provider_testing.EPILOG)(provider_testing.test_command)
app.add_typer(catalog.app, name="catalog")
catalog.app.command("export", epilog=catalog_files.EXPORT_EPILOG)(catalog_files.export_command)
catalog.app.command("diff", epilog=catalog_files.DIFF_EPILOG)(catalog_files.diff_command)
app.command("resolve", epilog=resolving.EPILOG)(resolving.resolve_command)
app.add_typer(runs.app, name="runs")
app.command("history", epilog=history.EPILOG)(history.history_command)
app.command("undo", epilog=undo.EPILOG)(undo.undo_command)
app.add_typer(price.app, name="price")
app.add_typer(credential.app, name="credential")
credential.app.command("which", epilog=credential_use.WHICH_EPILOG)(credential_use.which_command)
credential.app.command("test", epilog=credential_use.TEST_EPILOG)(credential_use.test_command)
credential.app.command("key", epilog=credential_master.KEY_EPILOG)(credential_master.key_command)
credential.app.command("rotate", epilog=credential_master.ROTATE_EPILOG, context_settings=credential.NO_ARGUMENTS)(
    credential_master.rotate_command
)
app.add_typer(config.app, name="config")
app.add_typer(db.app, name="db")
app.command("doctor", epilog=doctor.EPILOG)(doctor.doctor_command)

_FLAGS = {"--verbose", "--debug", "--quiet"}
_OPTIONS = {f"--{name}" for name in SETTING_OF_OPTION}


def _print_version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"modelctl {__version__}\n")
        raise typer.Exit


@app.callback()
def root(
    ctx: typer.Context,
    database: Annotated[str | None, typer.Option(metavar="URL", help="The database, as sqlite:///models.db.")] = None,
    catalog: Annotated[
        str | None, typer.Option(metavar="DIR", help="Your own catalogs, laid over the shipped ones.")
    ] = None,
    config: Annotated[
        str | None, typer.Option(metavar="FILE", help="Settings file, in place of modelctl.toml.")
    ] = None,
    verbose: Annotated[bool, typer.Option("--verbose", help="Log what is done and how long it takes.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Log everything; show tracebacks of errors.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print only the answer, warnings and errors.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Keep your database's table of language models true: ids, limits, prices, deprecations."""
    context = context_of(ctx)
    options = {"database": database, "catalog": catalog, "config": config}
    context.flags = {SETTING_OF_OPTION[name]: value for name, value in options.items()}
    context.debug, context.quiet = debug, quiet
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
        _report(context, f"error: {_one_line(str(error))}")
        return error.exit_code
    except KeyboardInterrupt:
        context.warn("interrupted")
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        return ExitCode.FAILED  # the reader of our output has gone, and nobody is left to tell
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        _report(context, f"error: {place}{error.strerror or error}")
        return ExitCode.FAILED
    except Exception as error:
        what = _one_line(f"{type(error).__name__}: {error}")
        _report(context, f"modelctl has a bug: {what}; run again with --debug")
        return ExitCode.BUG


def run() -> None:
    """The entry point of the `modelctl` command. SIGTERM and Ctrl-C are heard to its end, not only within `main`."""
    try:
        signal.signal(signal.SIGTERM, signal.default_int_handler)
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
    sys.exit(code)


def _invoke(arguments: list[str], context: Context) -> int:
    if (text := _help_text(arguments)) is not None:
        context.answer(text)
        return ExitCode.OK
    return run_command(command_tree(), arguments, context)


@cache
def command_tree() -> Any:
    """The tree of commands, which takes a while to build: once for each process."""
    return typer.main.get_command(app)


def _help_text(arguments: list[str]) -> str | None:
    """Help of the command named before a final `--help`, without parsing: Typer loads pydantic to parse anything."""
    if not arguments or arguments[-1] not in _HELP:
        return None
    command: Any = command_tree()
    ctx = typer.Context(command, info_name="modelctl", **command.context_settings)
    for name in arguments[:-1]:
        command = getattr(command, "commands", {}).get(name)
        if command is None:
            return None  # an option, an argument or a mistake: Typer knows
        ctx = typer.Context(command, info_name=name, parent=ctx)
    text: str = command.get_help(ctx)
    return text


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


def _report(context: Context, message: str) -> None:
    """An error in one line, and with `--debug` the traceback of the exception that is being handled."""
    lines = [message]
    if context.debug:
        import traceback

        lines.append(traceback.format_exc())
    context.warn(context.without_secrets("\n".join(lines)))


def _one_line(text: str) -> str:
    """The text in one line, and harmless to a terminal: what an API or a file said may be part of it."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in " ".join(text.split()))
