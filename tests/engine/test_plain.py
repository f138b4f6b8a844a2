"""A piece that is written plainly as a whole holds what the exact reader reads in it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.read.csvplain import EMPTY, Plain
from engine.read.tokens import Grammar, rows
from tests.support.chance import examples

GRAMMARS = [
    Grammar(),
    Grammar(";", "", ""),
    Grammar("\t"),
    Grammar(";", "'", "'"),
    Grammar(",", '"', "\\"),
    Grammar("§"),
]

#: Signs that mean something, and texts that do not.
SIGNS = [",", ";", "\t", "§", '"', "'", "\\", " ", "\n", "\r\n", "\r", "a", "é", "\ufeff", '""']


def read(data: bytes, grammar: Grammar) -> list[list[str | None]]:
    """Read what was written: of the same delimiter and quote, which is doubled."""
    found = rows(data, Grammar(grammar.delimiter, grammar.quote, grammar.quote))
    return [["" if field == EMPTY else field for field in row.fields] for row in found]


@pytest.mark.parametrize("grammar", GRAMMARS, ids=repr)
@settings(max_examples=examples(300), deadline=None)
@given(st.lists(st.sampled_from(SIGNS), max_size=24).map("".join))
def test_what_is_written_is_what_was_read(grammar: Grammar, text: str) -> None:
    data = text.encode()
    plain = Plain(grammar).text(data, 1000)
    begins = Plain(grammar).begins(data)
    found = list(rows(data, grammar))
    assert plain is None or read(
        plain, Grammar(grammar.delimiter, grammar.quote, grammar.quote)
    ) == [row.fields for row in found]
    assert begins is None or begins == [row.start for row in found]


FIELDS = st.text(st.sampled_from("a\",;\t§'\\ \n\ré"), max_size=6)


@pytest.mark.parametrize("grammar", [one for one in GRAMMARS if one.quote], ids=repr)
@settings(max_examples=examples(100), deadline=None)
@given(st.lists(st.lists(FIELDS, min_size=2, max_size=3), min_size=1, max_size=4), st.data())
def test_whatever_is_quoted_well_is_written(
    grammar: Grammar, table: list[list[str]], chance: st.DataObject
) -> None:
    """The exact reader, which is slow, is for nothing but what is wrong."""
    end = chance.draw(st.sampled_from(["\n", "\r\n", "\r"]))
    quote, escape = grammar.quote, grammar.escape
    inner = {escape: escape * 2, quote: escape + quote}
    lines = [
        [f"{quote}{''.join(inner.get(c, c) for c in field)}{quote}" for field in row]
        for row in table
    ]
    data = "".join(grammar.delimiter.join(line) + end for line in lines).encode()
    plain = Plain(grammar).text(data, 1000)
    assert plain is not None
    assert read(plain, grammar) == table
    assert Plain(grammar).begins(data) == [row.start for row in rows(data, grammar)]


def test_lines_of_too_many_fields_are_not_written() -> None:
    assert Plain(Grammar()).text(b'a,b\n"1,2,3,4",2\n', 2) == b'a,b\n"1,2,3,4",2\n'
    assert Plain(Grammar()).text(b"a,b\n1,2,3\n", 2) is None
