"""What modelctl says is short, and says one thing by one word: those of docs/glossary.md."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from tests.test_house import ROOT

PACKAGE = ROOT / "src" / "modelctl"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
"""docs/reference.md is among them, which holds all help."""
SCHEMAS = sorted((ROOT / "docs" / "schemas").glob("*.json"))
MAX_WORDS = 30
OTHER_WORDS = {
    r"absence": "absent",
    r"alive": "live",
    r"carr(y|ies) out": "apply",
    r"claim(s|ed)?": "pin",
    r"(has|have|had) ended|ends? (on|within|itself)|announced ends|end of (the )?models?": "retire",
    r"entr(y|ies) (of|in) the ledger|ledger entr(y|ies)|overlaps the entry|wrong entry": "price",
    r"gives? .{,20}back|gave .{,20}back|give(n|s)? back to": "unpin, adopt or undo",
    r"laid over|lays? over": "overlay",
    r"leases?": "lock",
    r"(is|are|was) a person's|owns|people's": "override",
    r"successors?": "replacement",
    r"switche[sd] (on|off)|switch (on|off)": "enable, disable",
    r"tak(e|es|en|ing) (it |them |a run |the run )?back|took back": "undo",
    r"whole (listing|run)s?": "complete",
}
"""What has been said for a term of the glossary, and the term."""
UNCLEAR = (
    r"Only a whole listing counts as absence",
    r"A killed one blocks nobody",
    r"is doubted aloud",
    r"is the sources' again",
    r"no yardstick",
    r"of \d+ rows cannot be",
    r"Take the end of models back",
    r"(?<![Tt]here )\bis no (?!longer|more|older)",
    r"for want of|by now|\banew\b|\bmeanwhile\b",
)
"""Sentences and turns that readers stumbled over. None comes back."""
NOT_SAID = {"migrations", "tables"}
"""Folders without messages. Comments of columns are in databases already: they would need a migration."""
LINES_KEPT = "\b"
"""Before a paragraph of examples or of a table in a help text."""


class Text(NamedTuple):
    """A sentence or two, and where they stand."""

    path: Path
    line: int
    text: str

    def told(self, what: str) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line}: {what}"


def messages(path: Path, source: str) -> Iterator[Text]:
    """Every text of a module that holds a blank, but no docstring, example or SQL; what is filled in is a word."""
    tree = ast.parse(source)
    parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            text = "".join(each.value if isinstance(each, ast.Constant) else "…" for each in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in parts | docstrings:
            text = node.value
        else:
            continue
        if " " in text and not text.isupper() and not re.match(r"\s*(SELECT|SET|BEGIN|PRAGMA|COPY)\b", text):
            paragraphs = re.split(r"\n\s*\n", text)
            yield from (Text(path, node.lineno, each) for each in paragraphs if not each.startswith(LINES_KEPT))


def prose(path: Path, page: str) -> Iterator[Text]:
    """Every paragraph, list item and cell of a page; no code."""
    without_blocks = re.sub(r"^```.*?^```", lambda block: "\n" * block[0].count("\n"), page, flags=re.M | re.S)
    begin, paragraph = 0, ""
    for number, line in enumerate([*without_blocks.splitlines(), ""], 1):
        if re.match(r"\s*([-*] |\d+\. |#+ |\||$)", line):
            yield Text(path, begin, paragraph)
            paragraph = ""
        if line.startswith("|"):
            yield from (Text(path, number, cell) for cell in line.split("|"))
        elif paragraph:
            paragraph += " " + line.strip()
        elif not line.startswith("    "):
            begin, paragraph = number, line.lstrip("-*#.0123456789 ")


def descriptions(path: Path, schema: str) -> Iterator[Text]:
    """What a JSON Schema says of its document and keys."""
    for number, line in enumerate(schema.splitlines(), 1):
        if found := re.match(r'\s*"description": (".*"),?$', line):
            yield Text(path, number, json.loads(found[1]))


@cache
def everything() -> list[Text]:
    modules = [path for path in sorted(PACKAGE.rglob("*.py")) if NOT_SAID.isdisjoint(path.parts)]
    found = [text for path in modules for text in messages(path, path.read_text(encoding="utf-8"))]
    found += [text for path in SCHEMAS for text in descriptions(path, path.read_text(encoding="utf-8"))]
    return found + [text for path in PAGES for text in prose(path, path.read_text(encoding="utf-8"))]


def too_long(text: Text) -> Iterator[str]:
    """Sentences of more than MAX_WORDS words; code between backticks is one word."""
    for sentence in re.split(r"(?<=[.!?])\s+", re.sub(r"`[^`]*`", "code", text.text)):
        words = re.findall(r"\S*\w\S*|…", sentence)
        if len(words) > MAX_WORDS:
            yield text.told(f"{len(words)} words: {sentence}")


def other_words(text: Text) -> Iterator[str]:
    """Words for which the glossary has another one."""
    plain = re.sub(r"`[^`]*`", "`code`", text.text)
    for wrong, term in OTHER_WORDS.items():
        for found in re.finditer(rf"(?i)(?<![\w-])(?:{wrong})(?![\w-])", plain):
            yield text.told(f"'{found[0]}' is '{term}' in the glossary: {text.text.strip()}")


def unclear(text: Text) -> Iterator[str]:
    for sentence in UNCLEAR:
        if re.search(sentence, text.text):
            yield text.told(f"readers stumbled over this: {text.text.strip()}")


def test_no_sentence_is_too_long() -> None:
    assert [found for text in everything() for found in too_long(text)] == []


def test_one_thing_has_one_word() -> None:
    assert [found for text in everything() for found in other_words(text)] == []


def test_sentences_that_readers_stumbled_over_are_gone() -> None:
    assert [found for text in everything() for found in unclear(text)] == []


def test_the_glossary_is_short_and_its_terms_are_used() -> None:
    glossary = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    terms = re.findall(r"^- \*\*(.+?)\*\*", glossary, re.MULTILINE)
    others = [text.text for text in everything() if text.path.name != "glossary.md"]
    assert len(terms) <= 30
    assert [term for term in terms if not any(re.search(rf"(?i)\b{term}", text) for text in others)] == []


def test_the_test_finds_what_it_looks_for() -> None:
    long = "word " * MAX_WORDS + "word"
    source = f'def f(x):\n    """{long}"""\n    fail("no such day")\n    fail(f"{{x}} is a whole listing. {long}")\n'
    found = [*messages(ROOT / "bad.py", source)]
    assert [text.line for text in found] == [3, 4]
    assert [[*too_long(text)] for text in found] == [[], [f"bad.py:4: 31 words: {long}"]]
    told = f"bad.py:4: 'whole listing' is 'complete' in the glossary: {found[1].text}"
    assert [*other_words(found[1])] == [told]
    page = f"# Title\n\n```\n{long}\n```\n\n    {long}\n\n- an absence\n- {long}\n\n| `absence` | {long} |\n"
    told = [each for text in prose(ROOT / "bad.md", page) for each in (*too_long(text), *other_words(text))]
    assert [each.split(": ")[0] for each in told] == ["bad.md:9", "bad.md:10", "bad.md:12"]
