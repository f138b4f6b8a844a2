"""A piece that is written plainly as a whole holds what the exact reader reads in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.read.csvplain import EMPTY, Plain
from engine.read.tokens import Grammar, Row, rows
from tests.support.chance import examples

if TYPE_CHECKING:
    from collections.abc import Iterable

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


def found_of(found: Iterable[Row]) -> list[list[str | None] | str]:
    return [row.reason or row.fields for row in found]


def written(plain: Plain, data: bytes) -> list[list[str | None] | str]:
    """Read what was written, and the rows that could not be."""
    found: list[list[str | None] | str] = []
    for run in plain.runs(data):
        found += found_of([run.row]) if run.row else read(run.text, plain.grammar)
    return found


@pytest.mark.parametrize("grammar", GRAMMARS, ids=repr)
@settings(max_examples=examples(300), deadline=None)
@given(st.lists(st.sampled_from(SIGNS), max_size=24).map("".join))
def test_what_is_written_is_what_was_read(grammar: Grammar, text: str) -> None:
    data = text.encode()
    plain = Plain(grammar, 1000)
    found = list(rows(data, grammar))
    assert written(plain, data) == found_of(found)
    assert plain.begins(data) == [row.start for row in found]
    assert plain.begins(text.encode("utf-8") * 3) == [row.start for row in rows(data * 3, grammar)]


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
    (run,) = Plain(grammar, 1000).runs(data)
    assert run.row is None
    assert read(run.text, grammar) == table
    assert Plain(grammar, 1000).begins(data) == [row.start for row in rows(data, grammar)]


def test_lines_of_too_many_fields_are_for_the_exact_reader() -> None:
    plain = Plain(Grammar(), 2)
    assert [run.row for run in plain.runs(b'a,b\n"1,2,3,4",2\n')] == [None]
    assert [run.row and run.row.fields for run in plain.runs(b"a,b\n1,2,3\n4,5\n")] == [
        None,
        ["1", "2", "3"],
        None,
    ]


def test_a_wrong_quote_costs_its_row() -> None:
    lines = [b'%d,"open\n' % n if n % 100 == 50 else b'%d,"x"\n' % n for n in range(1000)]
    runs = list(Plain(Grammar(), 9).runs(b"".join(lines)))
    assert [run.row.start for run in runs if run.row] == [
        sum(map(len, lines[:n])) for n in range(50, 1000, 100)
    ]
