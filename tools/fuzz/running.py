"""Running so many inputs, target by target. An input is made of seed, target and number alone: each can be repeated."""

from __future__ import annotations

import random
import time
import traceback
from collections.abc import Callable

from tools.fuzz.targets import Target, clean_up, targets

SHOWN = 400
"""Characters of an input that are printed."""


def fuzz(inputs: int, seed: int, *, only: str = "", tell: Callable[[str], object] = lambda _text: None) -> list[str]:
    """What broke, one text for each kind of break. `tell` hears of each target."""
    chosen = [each for each in targets() if only in each.name]
    shares = sum(each.share for each in chosen)
    found: dict[str, str] = {}
    done = 0
    began_s = time.monotonic()
    try:
        for target in chosen:
            count = max(1, inputs * target.share // shares)
            done += count
            tell(_run(target, count, seed, found))
    finally:
        clean_up()
    for text in found.values():
        tell(text)
    tell(f"{done} inputs in {time.monotonic() - began_s:.0f} s; {len(found)} kinds of break; seed {seed}\n")
    return list(found.values())


def _run(target: Target, count: int, seed: int, found: dict[str, str]) -> str:
    began_s = time.monotonic()
    understood = 0
    for number in range(count):
        draw = random.Random(f"{seed}/{target.name}/{number}")
        given = target.make(draw)
        try:
            understood += target.read(given)
        except Exception as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            key = f"{target.name}: {type(error).__name__} at {where.name}"
            found.setdefault(
                key, f"BROKEN {key}: {str(error)[:SHOWN]}\n  seed {seed} number {number}: {repr(given)[:SHOWN]}\n"
            )
    took_s = time.monotonic() - began_s
    return f"{target.name}: {count} inputs, {understood} understood, {count - understood} not, {took_s:.0f} s\n"
