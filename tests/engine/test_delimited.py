"""Delimited files: one grammar, whichever way a file is read."""

from __future__ import annotations

import random
import tempfile
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.convert import optimistic
from engine.database import Database
from engine.job import Job, opened
from engine.open.dialect import Dialect
from engine.options import Options
from engine.read.csvcount import Counter
from engine.read.delimited import Delimited
from engine.read.reading import NUMBER
from engine.read.tokens import Grammar, IncompleteError, rows
from store.model import Source
from tests.support.chance import examples
from tests.support.engine import Result, convert

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.read.csvblock import CsvBlock

EXACT: dict[str, tuple[bytes, list[dict[str, Any]]]] = {
    "a header with a line feed": (
        b'a,"b\nc"\r\n1,2\r\n3,4\r\n',
        [{"a": 1, "b_c": 2}, {"a": 3, "b_c": 4}],
    ),
    "byte order marks of joined files": (
        b'id,name\n1,ann\n\xef\xbb\xbf2,bob\n\xef\xbb\xbf"3","c\n\xef\xbb\xbfd"\n\xef\xbb\xbf\n',
        [{"id": 1, "name": "ann"}, {"id": 2, "name": "bob"}, {"id": 3, "name": "c\n\ufeffd"}],
    ),
    "CR": (b"id,name\r1,ann\r3,cid\r", [{"id": 1, "name": "ann"}, {"id": 3, "name": "cid"}]),
    "blank lines before": (b"\r\n\r\na,b\r\n1,2\r\n", [{"a": 1, "b": 2}]),
    "blank lines in one column": (b"name\nx\n\n   \ny\n", [{"name": "x"}, {"name": "y"}]),
    "rows of nothing": (
        b"id,name\n1,ann\n,\n2,bob\n,,\n",
        [{"id": 1, "name": "ann"}, {"id": 2, "name": "bob"}],
    ),
    "spaces": (
        b'id, name, p\n1, "Bolt, small", 2.50\n2, "Nut" ,3\n',
        [{"id": 1, "name": "Bolt, small", "p": 2.5}, {"id": 2, "name": "Nut", "p": 3.0}],
    ),
    "inches": (
        b'id,size\n1,5" pipe\n2,6" pipe\n',
        [{"id": 1, "size": '5" pipe'}, {"id": 2, "size": '6" pipe'}],
    ),
    "backslashes": (
        b'id,h\n1,"<a id=\\"x\\">"\n2,"say \\"hi\\", go"\n',
        [{"id": 1, "h": '<a id="x">'}, {"id": 2, "h": 'say "hi", go'}],
    ),
    "a delimiter at the end": (b"a;b\n1;2;\n3;4;\n", [{"a": 1, "b": 2}, {"a": 3, "b": 4}]),
    "left out cells": (
        b"id,name,note\n1,ann,ok\n2,bob\n3,cat,\n4,dan\n",
        [
            {"id": 1, "name": "ann", "note": "ok"},
            {"id": 2, "name": "bob", "note": None},
            {"id": 3, "name": "cat", "note": None},
            {"id": 4, "name": "dan", "note": None},
        ],
    ),
    "numbers": (
        b"a,b,c\n.5,1.,+3\n2.5e-7,2.,+4\n",
        [{"a": 0.5, "b": 1.0, "c": 3}, {"a": 2.5e-7, "b": 2.0, "c": 4}],
    ),
    "trailing zeros": (b"p,lat\nGraz,47.0707000000000000\n", [{"p": "Graz", "lat": 47.0707}]),
    "other digits": ("p,n\nA,12\nB,٤٥\n".encode(), [{"p": "A", "n": "12"}, {"p": "B", "n": "٤٥"}]),
    "null of Hive": (b"id,q\n1,10\n2,\\N\n", [{"id": 1, "q": 10}, {"id": 2, "q": None}]),
    "empty in quotes": (
        b'id,t\n1,""\n2,\n3,x\n',
        [{"id": 1, "t": ""}, {"id": 2, "t": None}, {"id": 3, "t": "x"}],
    ),
    "white space in quotes": (
        b'id,t\n1," x "\n2, y\n',
        [{"id": 1, "t": " x "}, {"id": 2, "t": "y"}],
    ),
    "twins": (b"ID,id\n1,3\n", [{"id_384397": 1, "id": 3}]),
}


@pytest.mark.parametrize("name", EXACT)
def test_a_file_is_read_as_it_is_meant(name: str) -> None:
    data, expected = EXACT[name]
    found = convert(data, "data/t/x.csv")

    assert found.status == "DONE"
    assert sorted(found.values, key=str) == sorted(expected, key=str)


REFUSED = {
    "a surplus empty field": (b"a,b,c\n1,2,3\n,4,5,\n7,8,9\n", [(2, "FIELD_COUNT")]),
    "a surplus field at CR": (b"a,b\r1,2\r3,4,5\r6,7\r", [(2, "FIELD_COUNT")]),
    "an open quote": (b'a,b\n1,2\n"3,4\n6,7\n', [(2, "MALFORMED_ROW")]),
    "text after a quote": (b'id,name\r1,ann\r2,"bo"b"\r3,cid\r', [(2, "MALFORMED_ROW")]),
    "a short row": (b"a,b\n1,2\n3\n6,7\n", [(2, "FIELD_COUNT")]),
    "bytes": ("a,é\n1,ü\n".encode() + b"3,\xff\n6,7\n", [(2, "INVALID_UTF8")]),
    "a header again": (b"id,p\n1,2\nid,p\n3,4\n", [(2, "NOT_A_ROW")]),
    "a header again with a mark": ("id,p\n1,2\n\ufeffid,p\n3,4\n".encode(), [(2, "NOT_A_ROW")]),
    "titles": (b"Sales,,\nMay,,\n,,\no,c,a\n1,x,2\n2,y,3\n", [(1, "NOT_A_ROW"), (2, "NOT_A_ROW")]),
    "units": (b"d;t\n;[C]\n2024-01-01;5\n2024-01-02;6\n", [(1, "NOT_A_ROW")]),
    "a comment among rows": (
        b"# station 5\na,b\n1,2\n# gap, sensor off\n3,4\n",
        [(1, "NOT_A_ROW"), (3, "NOT_A_ROW")],
    ),
    "comments with a quote": (
        b'# station 5\na;b\n1;2\n# a 5" pipe; off\n3;4\n',
        [(1, "NOT_A_ROW"), (3, "NOT_A_ROW")],
    ),
    "a comment within quotes": (b'# c\na,b\n1,"x\n# y"\n2,z\n', [(1, "NOT_A_ROW")]),
    "plain units": (
        "Date;Temp;Wind\n-;°C;m/s\n2024-01-15;5.1;3\n2024-01-16;5.2;4\n".encode(),
        [(1, "NOT_A_ROW")],
    ),
    "units of texts": (
        b"station,time,t,p\n,UTC,degree_C,W m-2\na,2024-01-15T00:00:00Z,5.1,3\nb,,5.2,4\n",
        [(1, "NOT_A_ROW")],
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_row_costs_itself(name: str) -> None:
    data, expected = REFUSED[name]
    found = convert(data, "data/t/x.csv")

    assert (found.reasons, len(found.rows)) == (expected, 2)


def test_comments_leave_columns_their_types() -> None:
    found = convert(b"# station 5\na,b\n1,2.5\n# gap, sensor off\n3,4\n", "data/t/x.csv")
    assert found.types == {"a": "bigint", "b": "double"}


@pytest.mark.parametrize(
    "data", [b"a,b\n#1,2\n3,4\n5,6\n", b"# all\ncolour,n\n#f00,1\n#0f0,2\nred,3\n"]
)
def test_values_that_begin_as_comments_are_values(data: bytes) -> None:
    assert len(convert(data, "data/t/x.csv").rows) == 3


@pytest.mark.parametrize(
    "data",
    [
        b"size;n\nmin;max\n4;4\n5;5\n",
        b"a;b\nm;s\n1;2\n3;4\n",
        b"a;b\nkg;km\n1;2\nkg;4\n",
        b"n;unit\n5;kg\n7;mm\n8;m/s\n",
        b"id;unit\n;kg\n7;mm\n8;m/s\n",
        b"id;v\n;min\n1;3\n2;4\n",
        b"a;b\n%;m/s\nx;1\ny;2\n",
    ],
)
def test_a_row_of_what_may_be_values_is_data(data: bytes) -> None:
    assert len(convert(data, "data/t/x.csv").rows) == 3


def test_a_field_of_twenty_megabytes_is_whole() -> None:
    found = convert(b"a,b\n1," + b"x" * 20_000_000 + b"\n2,y\n", "data/t/x.csv")

    assert [len(row["b"]) for row in found.values] == [20_000_000, 1]


def test_a_column_of_whole_numbers_takes_them_as_pandas_writes_them() -> None:
    found = convert(
        b"k,n\na,1.0\nb,1e3\nc,+7\nd,2.5\n", "data/t/x.csv", {"k": "string", "n": "bigint"}
    )

    assert [row["n"] for row in found.values] == [1, 1000, 7, None]
    assert found.rescued == [None, None, None, {"n": "2.5"}]


def test_many_columns_keep_their_types() -> None:
    names = [f"c{n}" for n in range(300)]
    rows = [[str(n + i) for n in range(300)] for i in range(3)]
    found = convert("\n".join(",".join(r) for r in [names, *rows]).encode(), "data/t/x.csv")

    assert set(found.types.values()) == {"bigint"}


# --- Neighbours ------------------------------------------------------------------------

HEAD = b"id,name,price\n"
GOOD = [b"%d,n%d,%d.5" % (n, n, n) for n in range(30)]
WRONG = [
    b"1,2",
    b"1,2,3,4",
    b"1,2,3,",
    b'"open,2,3',
    b'"a"b,2,3',
    b"1,\xff,3",
    b"id,name,price",
    b'1,"a\nb",2.5',
    b'1,"",2.5',
    b'1," x ",2.5',
    b"",
    b"   ",
    b",,",
    b'1,5" pipe,2.5',
    b'"1" , "q, r" ,2.5',
    b"1,a\rb,2.5",
]


def kept(found: Result) -> list[tuple[Any, ...]]:
    rows = (tuple(row.values()) for row in found.values if str(row["name"]).startswith("n"))
    return sorted(rows, key=str)


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("ending", [b"\n", b"\r\n"])
def test_a_record_changes_nothing_about_its_neighbours(wrong: bytes, ending: bytes) -> None:
    head = HEAD.rstrip(b"\n") + ending
    alone = convert(head + ending.join(GOOD) + ending, "data/t/x.csv")
    with_it = [*GOOD[:11], wrong, *GOOD[11:]]
    beside = convert(head + ending.join(with_it) + ending, "data/t/x.csv")

    assert kept(beside) == kept(alone)
    assert beside.types == alone.types


@pytest.mark.parametrize("seed", range(4))
def test_order_and_division_change_nothing(seed: int) -> None:
    lines = [*GOOD, b"1,2", b'"a"b,2,3', b"9,n9,late"]
    random.Random(seed).shuffle(lines)
    whole = convert(
        HEAD + b"\n".join(lines) + b"\n",
        "data/t/x.csv",
        {"id": "bigint", "name": "string", "price": "double"},
    )
    table = {"id": "bigint", "name": "string", "price": "double"}
    halves = [
        convert(HEAD + b"\n".join(part) + b"\n", "data/t/x.csv", table)
        for part in (lines[:16], lines[16:])
    ]

    assert kept(whole) == sorted(kept(halves[0]) + kept(halves[1]), key=str)
    assert sum(len(half.reasons) for half in halves) == len(whole.reasons) == 2


# --- Fast is exact ---------------------------------------------------------------------

DATABASE = Database(Options())

PIECES = st.sampled_from(
    [
        b"1",
        b"x",
        b",",
        b",",
        b",",
        b"\n",
        b"\n",
        b"\r\n",
        b"\r",
        b'"',
        b'"',
        b'""',
        b" ",
        b"\t",
        b"\\",
        b"\\N",
        b"\xff",
        "é".encode(),
        b"2.50",
        b"\0",
        b"a b",
        b'","',
        b'"\n"',
        b"#",
    ]
)


@pytest.mark.parametrize("end", ["", "\r\n"])
def test_a_row_that_duckdb_joins_to_another_is_a_row(end: str) -> None:
    found = convert(f'a,b\r\n1,2\r\n","{end}'.encode(), "data/t/x.csv")
    assert found.values == [{"a": 1, "b": 2}]
    assert found.reasons == [(2, "FIELD_COUNT")]


@pytest.mark.parametrize("delimiter", ["§", "¦", "→"])
def test_a_delimiter_may_have_several_bytes(delimiter: str) -> None:
    rows = [f"{n}{delimiter} x {n} {delimiter}" for n in range(20_000)]
    rows[5] = f'5{delimiter}"a{delimiter}""b"" "{delimiter}'
    rows[7] = f'7{delimiter}""{delimiter}'
    body = "\n".join([f"a{delimiter}b{delimiter}c", *rows]).encode()
    contract = {
        "type": "object",
        "properties": {"a": {"type": "integer"}, "b": {"type": "string"}},
        "x-csv": {"delimiter": delimiter},
    }
    found = convert(body, "data/t/x.csv", contract=contract)
    assert (found.status, len(found.rows)) == ("DONE", 20_000)
    texts = {row["a"]: row["b"] for row in found.values}
    assert (texts[5], texts[6]) == (f'a{delimiter}"b" ', "x 6")


def test_a_quote_at_the_end_of_a_chunk_waits_for_all_bytes_of_the_delimiter() -> None:
    data = '"a"§b\n'.encode()
    for end in range(len(data)):
        with suppress(IncompleteError):
            assert list(rows(data[:end], Grammar("§"), whole=False)) == []


def test_nor_does_it_cost_a_record_where_a_blank_row_hides_it(tmp_path: Path) -> None:
    path = tmp_path / "in"
    path.write_bytes(b',\r\n","')
    source = Source(path, "raw", "data/t/x.csv", "v1", "t", datetime(2024, 1, 1, tzinfo=UTC))
    dialect = Dialect(",", ("a", "b"), header=False)
    with opened(source, None, Options(), tmp_path, lambda: 900, DATABASE) as job:
        found = optimistic.convert(job, Delimited(job, path, dialect))
    assert (found.read, found.accepted, found.quarantined) == (1, 0, 1)


@settings(max_examples=examples(100), deadline=None)
@given(st.lists(PIECES, max_size=40), st.booleans(), st.booleans())
def test_duckdb_sees_what_the_grammar_says(
    pieces: list[bytes], short: bool, trailing: bool
) -> None:
    data = b"".join(pieces)
    dialect = Dialect(",", ("a", "b"), header=False, short=short, trailing=trailing)
    for number, exact, fast in _both(data, dialect):
        assert fast == exact, number


def _both(data: bytes, dialect: Dialect) -> Iterator[tuple[int, Any, Any]]:
    """Give each record as the exact reader and as DuckDB has it; odd ones as themselves."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "in"
        path.write_bytes(data)
        source = Source(path, "raw", "data/t/x.csv", "v1", "t", datetime(2024, 1, 1, tzinfo=UTC))
        with opened(source, None, Options(), Path(folder), lambda: 900, DATABASE) as job:
            for block in Delimited(job, path, dialect).blocks():
                exact = {record.number: record for record in block.records()}
                assert block.count() == len(exact)
                fast = _seen(job, block)
                if fast.keys() != exact.keys():
                    # DuckDB makes one row of two; the conversion sees it and reads exactly.
                    continue
                for number, record in exact.items():
                    value = None if record.reason else tuple(record.value.values())
                    odd, *fields = fast[number]
                    yield number, value, value if odd else tuple(fields)


def _seen(job: Job, block: CsvBlock) -> dict[int, tuple[Any, ...]]:
    relation = block.plain_relation()
    assert relation is not None
    try:
        found = job.run(f"SELECT {NUMBER}, {relation.odd_sql}, a, b FROM ({relation.query})")
    except duckdb.Error:
        divided = block.divided(None, "")  # type: ignore[arg-type]  # not looked at
        assert divided is not None
        assert not divided[1]
        return _seen(job, divided[0])
    return {number: tuple(rest) for number, *rest in found}


@settings(max_examples=examples(160), deadline=None)
@given(st.lists(PIECES, max_size=40))
def test_records_are_counted_as_they_are_read(pieces: list[bytes]) -> None:
    data = b"".join(pieces)

    assert Counter(Grammar()).count(data) == sum(not row.blank for row in rows(data, Grammar()))
