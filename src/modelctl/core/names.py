"""What was probably meant by a name that is not there. Suggests; never takes one name for another."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from modelctl.core.validate import shorten
from modelctl.errors import UsageError

MAX_SUGGESTED = 3
MAX_LISTED = 20
MIN_LIKENESS = 0.65
MIN_PART_CHARS = 3


def near(name: str, known: Iterable[str]) -> tuple[str, ...]:
    """Known names that differ by case only, then those spelled much like it, then those of which it is a part."""
    names = list(known)
    lowered = name[:200].lower()
    same = [each for each in names if each.lower() == lowered]
    by_lowered = {each.lower(): each for each in names}
    close = [by_lowered[each] for each in get_close_matches(lowered, by_lowered, n=MAX_SUGGESTED, cutoff=MIN_LIKENESS)]
    parts = [each for each in names if len(lowered) >= MIN_PART_CHARS and lowered in each.lower()]
    return tuple(dict.fromkeys([*same, *close, *parts]))[:MAX_SUGGESTED]


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A hint: what was probably meant, or what there is; empty where there is nothing."""
    names = list(known)
    if close := near(name, names):
        return f"did you mean {' or '.join(close)}?"
    more = ", …" if len(names) > MAX_LISTED else ""
    return f"there are {', '.join(names[:MAX_LISTED])}{more}" if names else ""


def require_known(name: str, known: Iterable[str], what: str) -> str:
    """The name, if it is a known one; else UsageError that says what was probably meant."""
    names = list(known)
    if name not in names:
        raise UsageError(f"there is no {what} {shorten(name)!r}", did_you_mean(name, names))
    return name
