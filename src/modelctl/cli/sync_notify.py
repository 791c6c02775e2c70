"""`modelctl sync --notify`: telling a webhook what came of a sync. A notice that fails does not fail the sync."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from modelctl.cli.context import Context
from modelctl.errors import ExitCode, ModelctlError, UsageError

if TYPE_CHECKING:
    from modelctl.core.report import SyncReport
    from modelctl.sync.notify import Webhook


def webhook_of(url: str | None, *, writes: bool) -> Webhook | None:
    """The webhook to tell, checked before the sync begins. UsageError for a URL that is none, and for a dry run."""
    from modelctl.sync.notify import webhook

    if url is None:
        return None
    if not writes:
        raise UsageError("--notify goes with a sync that writes", "leave out --dry-run and --explain, or --notify")
    return webhook(url)


@contextmanager
def failure_notified(context: Context, hook: Webhook | None) -> Iterator[None]:
    """Tell the webhook of an error that ends the sync before it has a report, and let the error go on."""
    if hook is None:
        yield
        return
    from modelctl.render.sync_notice import error_document, error_text

    try:
        yield
    except ModelctlError as error:
        _send(context, hook, error_text(str(error)), error_document(error))
        raise
    except Exception as error:
        told = ModelctlError(f"{type(error).__name__}: {error}")
        told.exit_code = ExitCode.FAILED if isinstance(error, OSError) else ExitCode.BUG
        _send(context, hook, error_text(told.message), error_document(told))
        raise


def notify_of(context: Context, hook: Webhook | None, report: SyncReport, code: ExitCode) -> None:
    """Tell the webhook what came of the sync."""
    if hook is None:
        return
    from modelctl.render.sync_notice import notice_document, notice_text

    _send(context, hook, notice_text(report, code), notice_document(report, code))


def _send(context: Context, hook: Webhook, text: str, document: dict[str, Any]) -> None:
    """Post it; what goes wrong is said, and is no error of the sync."""
    from modelctl.sync.notify import TIMEOUT_S, payload, send

    try:
        timeout_s = min(TIMEOUT_S, context.settings.timeout_s)
    except ModelctlError:  # it may be the very error that is to be told
        timeout_s = TIMEOUT_S
    try:
        send(hook, _cleaned(context, payload(hook, text, document)), timeout_s=timeout_s)
    except ModelctlError as error:
        context.warn(f"warning: {context.without_secrets(str(error))}")


def _cleaned(context: Context, value: Any) -> Any:
    """The value without the secrets of this process in any of its texts."""
    match value:
        case str():
            return context.without_secrets(value)
        case dict():
            return {name: _cleaned(context, each) for name, each in value.items()}
        case list():
            return [_cleaned(context, each) for each in value]
        case _:
            return value
