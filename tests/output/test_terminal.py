"""What a stream can show: terminals, pipes, NO_COLOR, narrow and dumb ones; columns and wide characters."""

from __future__ import annotations

import io
import os

import pytest

from modelctl.output.console import (
    PLAIN,
    Cell,
    Column,
    Look,
    aligned,
    columns_of,
    fitted,
    labelled,
    look_of,
    table,
    total_width,
)


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_a_pipe_is_plain_unless_colour_is_forced():
    assert look_of(io.StringIO(), {"COLUMNS": "40", "TERM": "xterm", "FORCE_COLOR": "0"}) == PLAIN
    assert look_of(io.StringIO(), {"COLUMNS": "40", "TERM": "dumb", "FORCE_COLOR": "1"}) == Look(colour=True)
    assert look_of(io.StringIO(), {"FORCE_COLOR": "1", "NO_COLOR": "1"}) == PLAIN


@pytest.mark.parametrize(
    ("environ", "look"),
    [
        ({"COLUMNS": "40"}, Look(width=40, colour=True)),
        ({"COLUMNS": "wide"}, Look(width=80, colour=True)),
        ({"COLUMNS": "40", "NO_COLOR": "1"}, Look(width=40)),
        ({"COLUMNS": "40", "NO_COLOR": ""}, Look(width=40, colour=True)),
        ({"COLUMNS": "40", "TERM": "dumb"}, Look(width=40)),
        ({"COLUMNS": "40", "CI": "true"}, PLAIN),
        ({"COLUMNS": "40", "CI": "true", "FORCE_COLOR": "1"}, Look(colour=True)),
    ],
)
@pytest.mark.skipif(os.name == "nt", reason="colour of a Windows console depends on its program")
def test_a_terminal(environ, look):
    assert look_of(Terminal(), environ) == look


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="no pseudo terminals here")
def test_a_real_terminal_tells_its_width():
    import fcntl
    import struct
    import termios

    leader, follower = os.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 57, 0, 0))
    with os.fdopen(follower, "w") as stream:
        assert look_of(stream, {"TERM": "xterm"}).width == 57
    os.close(leader)


def test_wide_characters_are_counted_as_they_are_shown():
    columns = [
        Column(title="name", cells=[Cell("通义千问"), Cell("gpt")]),
        Column(title="n", right=True, cells=[Cell("1"), Cell("10")]),
    ]
    assert aligned(columns, PLAIN) == ["name       n", "通义千问   1", "gpt       10"]
    assert total_width(columns) == 12


def test_no_line_ends_in_blanks_and_no_column_of_nothing_breaks():
    assert aligned([Column(title="a", cells=[]), Column(title="b", cells=[])], PLAIN) == ["a  b"]
    assert aligned([Column(title="aa", cells=[Cell("x")]), Column(title="bb", cells=[Cell("")])], PLAIN)[1] == "x"


def test_text_moves_below_its_label_where_there_is_no_room_beside():
    assert labelled("label", "some text that is long", Look(width=16)) == ["label", "  some text that", "  is long"]
    assert labelled("label", "id", Look(width=16)) == ["label  id"]
    assert labelled("label", "", Look(width=16)) == ["label"]


ROWS = [("openai/gpt-4o-2024-08-06", "a sentence of some length", "12,345"), ("xai/grok", "none", "7")]


def columns(**options):
    cells = {title: (lambda row, index=index: row[index]) for index, title in enumerate(("model", "why", "tokens"))}
    return columns_of(ROWS, cells, right=["tokens"], totals={"model": "total", "tokens": "12,352"}, **options)


@pytest.mark.parametrize("width", range(6, 60))
def test_a_table_never_overflows_and_a_number_is_never_cut(width):
    lines = table(columns(drop=["why"]), Look(width=width))
    assert max(map(len, lines)) <= max(width, len("mod…  12,345"))
    assert lines[1].endswith("12,345")
    assert lines[-1].endswith("12,352")


def test_what_is_least_important_goes_first_then_texts_are_shortened():
    assert table(columns(ids=["model"]), Look(width=46))[1] == "openai/gpt-4o-2024-08-06  a sentence …  12,345"
    assert [each.title for each in fitted(columns(drop=["why"], ids=["model"]), 40)] == ["model", "tokens"]
    assert table(columns(drop=["why"]), Look(width=24))[1] == "openai/g…4-08-06  12,345"


def test_rich_draws_a_short_table_on_a_terminal_and_a_long_one_is_aligned():
    rule = "─" * 59
    boxed = table(columns(), Look(width=80, colour=True))
    assert [rule in line for line in boxed] == [False, True, False, False, True, False]
    long = columns_of(["x"] * 301, {"a": str})
    assert len(table(long, Look(width=80, colour=True))) == 302
