"""What a stream can show: terminals, pipes, NO_COLOR, narrow and dumb ones; columns and wide characters."""

from __future__ import annotations

import io
import os

import pytest

from modelctl.output.console import PLAIN, Cell, Column, Look, aligned, labelled, look_of, total_width


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_a_pipe_is_plain_whatever_the_environment_says():
    assert look_of(io.StringIO(), {"COLUMNS": "40", "TERM": "xterm"}) == PLAIN


@pytest.mark.parametrize(
    ("environ", "look"),
    [
        ({"COLUMNS": "40"}, Look(width=40, colour=True)),
        ({"COLUMNS": "wide"}, Look(width=80, colour=True)),
        ({"COLUMNS": "40", "NO_COLOR": "1"}, Look(width=40)),
        ({"COLUMNS": "40", "NO_COLOR": ""}, Look(width=40, colour=True)),
        ({"COLUMNS": "40", "TERM": "dumb"}, Look(width=40)),
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
