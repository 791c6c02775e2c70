"""How an input is changed: values, keys and structure of JSON, lines and values of TOML, and single bytes of both."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from typing import Any

NUMBERS: tuple[Any, ...] = (
    *(0, -1, 1, 2**31, 2**63, 2**64, -(2**63) - 1, 10**30, 1.5, -0.0, 1e-12, 1e308, 0.1, 253402300800, -62135596801),
    *(float("nan"), float("inf"), float("-inf")),
)
TEXTS = (
    *("", " ", "x", "gpt-6", "models/", "models/x", "ft:x", "tunedModels/x", "a/b/c", "NaN", "1e400", "-1", "0.00"),
    *("0.000001", "1e-30", "1e99999999", "2026-11-21", "0000-00-00", "9999-12-31T23:59:59Z", "2026-02-30", "25:61"),
    *("text", "image", "chat", "active", "retired", "generateContent", "é", "e\u0301", "\u202e", "\u200b", "\x00"),
    *("\ud800", "\n", "\r\n", "\x1b[31m", "x" * 200, "x" * 5000, "😀", "١٢", "http://u:p@h/", "=cmd", "'; DROP"),
)
RAW = (
    *(b"null", b"NaN", b"Infinity", b"-", b"1e999999999", b"1e99999999999999999999", b"1e999999", b"1e6144"),
    *(b"9" * 5000, b"0." + b"0" * 400 + b"1", b"\xff", b"\x00", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"[" * 3000),
    *(b'{"a":' * 3000, b'"', b"\\", b"\\u", b"\\ud800", b"}", b"]", b","),
)
TOML_VALUES = (
    *('"', "'", '"""', "'''", "[", "]", "{", "}", "[[", "]]", "=", ".", "#", "\\", '"\\u0000"', '"\\ud800"', '"\\x1b"'),
    *("nan", "-inf", "+inf", "1e-400", "1e999999", "-0.0", "0x" + "f" * 5000, "9" * 5000, "1_0", "0b1", "0o7", "07"),
    *("true", "''", "[]", "{}", "[[[]]]", "[" * 300 + "]" * 300, "-1", "1.5", "1" + "0" * 22, "0.0000000001"),
    *("0001-01-01", "9999-12-31", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", "07:32:00", "2026-02-30"),
    *("2026-12-01T07:00:00", "2026-12-01 07:00:00.5Z", '"24:00-24:00"', '"\\u202e\\n"', "[model]", "[[model]]", '"é"'),
    *("[[provider]]", "[provider]", "a.b.c", "prices = [{ input = nan }]", "{ from = 9999-12-31, input = 0 }"),
    "[1, 'a']",
)
NOTHING = b""


def changed_json(draw: random.Random, body: Any, other: Any) -> bytes:
    """The body with up to four changes of its structure; sometimes with changes of its bytes besides."""
    for _ in range(draw.randint(1, 4)):
        body = _changed(draw, body, other)
    sent = json.dumps(body, ensure_ascii=draw.random() < 0.9).encode("utf-8", "surrogatepass")
    return changed_bytes(draw, sent, RAW) if draw.random() < 0.25 else sent


def changed_toml(draw: random.Random, text: str, other: str) -> bytes:
    """The text with up to four of its lines changed; sometimes with changes of its bytes besides."""
    lines, others = text.split("\n"), other.split("\n")
    for _ in range(draw.randint(1, 4)):
        at = draw.randrange(len(lines))
        lines[at] = draw.choice(_LINES)(draw, lines[at], draw.choice(others))
    sent = "\n".join(lines).encode("utf-8", "surrogatepass")
    return changed_bytes(draw, sent, RAW) if draw.random() < 0.2 else sent


def changed_bytes(draw: random.Random, sent: bytes, tokens: Sequence[bytes]) -> bytes:
    """With up to three stretches of bytes flipped, cut, doubled or replaced."""
    for _ in range(draw.randint(1, 3)):
        start = draw.randrange(len(sent) + 1)
        end = min(len(sent), start + draw.choice((0, 1, 1, 2, 8, 40)))
        middle = draw.choice((bytes([draw.randrange(256)]), draw.choice(tokens), sent[start:end] * 2, NOTHING))
        sent = sent[:start] if draw.random() < 0.05 else sent[:start] + middle + sent[end:]
    return sent


def _changed(draw: random.Random, body: Any, other: Any) -> Any:
    """A copy in which one place, anywhere in it, is another."""
    if not isinstance(body, dict | list) or not body or draw.random() < 0.08:
        return _value(draw, body, other)
    at = draw.choice(list(body)) if isinstance(body, dict) else draw.randrange(len(body))
    if isinstance(body[at], dict | list) and draw.random() < 0.8:
        inner = _changed(draw, body[at], other)
    else:
        match draw.randrange(8):
            case 0:
                return _without(body, at)
            case 1:
                return _doubled(draw, body, at, other)
            case 2 if isinstance(body, dict):
                return {draw.choice(_keys(other)) if key == at else key: value for key, value in body.items()}
            case _:
                inner = _value(draw, body[at], other)
    if isinstance(body, dict):
        return {**body, at: inner}
    return [*body[:at], inner, *body[at + 1 :]]


def _without(body: Any, at: Any) -> Any:
    if isinstance(body, dict):
        return {key: value for key, value in body.items() if key != at}
    return [*body[:at], *body[at + 1 :]]


def _doubled(draw: random.Random, body: Any, at: Any, other: Any) -> Any:
    if isinstance(body, dict):
        return {**body, draw.choice(_keys(other)): body[at]}
    return [*body, body[at]]


def _value(draw: random.Random, old: Any, other: Any) -> Any:
    choice = draw.randrange(9)
    if choice == 0:
        return None
    if choice == 1:
        return draw.random() < 0.5
    if choice in (2, 3):
        return draw.choice(NUMBERS)
    if choice in (4, 5):
        return draw.choice(TEXTS)
    if choice == 6:
        return draw.choice(([], {}, [old], {"id": old}, [[old]], str(old)[:300]))
    return _part(draw, other)


def _part(draw: random.Random, body: Any) -> Any:
    """Some part of another answer."""
    while isinstance(body, dict | list) and body and draw.random() < 0.8:
        body = draw.choice(list(body.values()) if isinstance(body, dict) else body)
    return body


def _keys(body: Any) -> list[str]:
    """The names that occur in a body."""
    found = ["id", "name", "x"]
    waiting = [body]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            found += each
            waiting += each.values()
        elif isinstance(each, list):
            waiting += each
    return found


def _with_value(draw: random.Random, line: str, _other: str) -> str:
    return f"{line.partition(' = ')[0]} = {draw.choice(TOML_VALUES)}"


def _with_key(draw: random.Random, line: str, other: str) -> str:
    return f"{other.partition(' = ')[0]} = {line.partition(' = ')[2]}"


def _spliced(draw: random.Random, line: str, _other: str) -> str:
    at = draw.randrange(len(line) + 1)
    return line[:at] + draw.choice((*TOML_VALUES, *TEXTS)) + line[at + draw.choice((0, 0, 1, 4)) :]


_LINES: tuple[Callable[[random.Random, str, str], str], ...] = (
    _with_value,
    _with_value,
    _with_key,
    _spliced,
    _spliced,
    lambda _draw, _line, _other: "",
    lambda _draw, _line, other: other,
    lambda _draw, line, other: f"{line}\n{other}",
    lambda _draw, line, _other: f"{line}\n{line}",
)
