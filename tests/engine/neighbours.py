"""Files of good records and every kind of wrong ones, in each format (READING, law 2)."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import fastavro
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import strategies as st

from engine.duck import DuckEngine
from engine.options import Options
from store.model import Column, Schema
from tests.support.engine import Result, convert

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

Record = dict[str, Any] | bytes

NAMES = ("id", "name", "n", "price", "timestamp")

TABLE = Schema(
    (
        Column("id", "bigint"),
        Column("name", "string"),
        Column("n", "bigint"),
        Column("price", "double"),
        Column("timestamp", "string"),
    )
)

ENGINE = DuckEngine(Options())

MOMENTS = ("2024-01-15T10:00:00Z", "2024-03-01 05:00:00", "2024-02-29")

#: Texts that no reader takes for anything else; some are not ASCII.
WORDS = st.text("abcdefg XYZäßΩ日", min_size=1, max_size=8).map(lambda word: f"w{word}w")

RECORDS = st.lists(
    st.fixed_dictionaries(
        {
            "name": WORDS,
            "n": st.none() | st.integers(-(2**53), 2**53),
            "price": st.integers(-999, 999).map(lambda cents: cents + 0.25),
            "timestamp": st.none() | st.sampled_from(MOMENTS),
        }
    ),
    min_size=4,
    max_size=9,
).map(lambda found: [{"id": number, **one} for number, one in enumerate(found, 1)])


@dataclass(frozen=True)
class Format:
    """How records become a file, and what a wrong one looks like.

    Attributes
    ----------
    key : str
        Of the object.
    write : callable
        Makes the file; a wrong record of a text format is its bytes.
    wrong : dict
        Kinds of wrong records: none of them gives a new table's columns another type.
    misfits : dict
        Kinds that are wrong because of the table's types.
    """

    key: str
    write: Callable[[Sequence[Record]], bytes]
    wrong: Mapping[str, Record] = field(default_factory=dict)
    misfits: Mapping[str, Record] = field(default_factory=dict)


def _present(record: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if value is not None}


def _json(record: Record) -> bytes:
    if isinstance(record, bytes):
        return record
    return json.dumps(_present(record), ensure_ascii=False).encode()


def json_lines(records: Sequence[Record]) -> bytes:
    return b"".join(_json(record) + b"\n" for record in records)


def compact(records: Sequence[Record]) -> bytes:
    return b"[" + b",".join(map(_json, records)) + b"]"


def indented(records: Sequence[Record]) -> bytes:
    return b"[\n  " + b",\n  ".join(map(_json, records)) + b"\n]\n"


def _cell(value: Any) -> str:
    return "" if value is None else str(value)


def delimited(mark: str = ",", end: str = "\n") -> Callable[[Sequence[Record]], bytes]:
    """Write rows below a header; the marks of wrong rows are commas."""

    def write(records: Sequence[Record]) -> bytes:
        rows = [mark.join(NAMES).encode()]
        for record in records:
            if isinstance(record, bytes):
                rows.append(record.replace(b",", mark.encode()))
            else:
                rows.append(mark.join(_cell(record[name]) for name in NAMES).encode())
        return b"".join(row + end.encode() for row in rows)

    return write


def text(records: Sequence[Record]) -> bytes:
    return b"".join(
        record + b"\n" if isinstance(record, bytes) else f"INFO {record['id']}: done\n".encode()
        for record in records
    )


def avro(records: Sequence[Record]) -> bytes:
    kinds = {
        "id": "long",
        "name": ["null", "string"],
        "n": ["null", "long", "double", "string"],
        "price": ["null", "double", "string"],
        "timestamp": ["null", "string", "long"],
    }
    schema = fastavro.parse_schema(
        {
            "type": "record",
            "name": "r",
            "fields": [{"name": name, "type": kind} for name, kind in kinds.items()],
        }
    )
    file = io.BytesIO()
    fastavro.writer(file, schema, records, sync_interval=64)
    return file.getvalue()


def parquet(records: Sequence[Record]) -> bytes:
    kinds = [pa.int64(), pa.string(), pa.float64(), pa.float64(), pa.string()]
    schema = pa.schema(list(zip(NAMES, kinds, strict=True)))
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(list(records), schema), file, row_group_size=3)
    return file.getvalue()


def wrong(**more: Any) -> dict[str, Any]:
    return {"id": 90_000, "name": "wrong", "n": 1, "price": 0.25, "timestamp": None, **more}


VALUES = {
    "text for a number": b'{"id": 90000, "n": "x"}',
    "fraction for a whole number": b'{"id": 90000, "n": 1.5}',
    "object for a number": b'{"id": 90000, "n": {"a": [1]}}',
    "number beyond 64 bits": b'{"id": 90000, "n": 18446744073709551616}',
    "number for text": b'{"id": 90000, "name": 7}',
    "text for an id": b'{"id": "x"}',
    "number for a date": b'{"id": 90000, "timestamp": 5}',
    "object for a date": b'{"id": 90000, "timestamp": {"a": 1}}',
    "text for a double": b'{"id": 90000, "price": "cheap"}',
    "number beyond doubles": b'{"id": 90000, "price": 1e400}',
}

ELEMENTS = {
    "number": b"7",
    "text": b'"x"',
    "null": b"null",
    "array": b"[1, {}]",
    "empty object": b"{}",
    "repeated key": b'{"id": 90000, "name": "a", "name": "b"}',
    "case twins": b'{"id": 90000, "name": "a", "NAME": "b"}',
    "invalid UTF-8": b'{"id": 90000, "name": "\xff"}',
    "lone surrogate": b'{"id": 90000, "name": "\\ud800"}',
    "zero character": b'{"id": 90000, "name": "\\u0000"}',
    "deep nesting": b'{"id": 90000, "deep": ' + b"[" * 900 + b"]" * 900 + b"}",
    "new column": b'{"id": 90000, "further": {"a": [1]}}',
}

LINES = {
    "cut short": b'{"id": 90000, "name": ',
    "two brackets too many": b'{"id": 90000}}}',
    "junk": b"oops",
    "no quotes": b"{id: 90000}",
    "not a number": b'{"id": 90000, "price": NaN}',
    "leading zero": b'{"id": 090000}',
    "raw control character": b'{"id": 90000, "name": "a\tb"}',
    "open string": b'{"id": 90000, "name": "wrong}',
    "bytes": b"\x00\xff\xfe\x80",
    "blank": b"   ",
}

ROWS = {
    "short": b"90000,wrong",
    "shorter": b"90000",
    "surplus": b"90000,wrong,1,0.25,,more",
    "surplus empty": b"90000,wrong,1,0.25,,",
    "far surplus": b"90000,wrong,1,0.25" + 20 * b",more",
    "far surplus, blank before": 20 * b"," + b"1",
    "far surplus, quoted": b'90000,"wrong, so",1,0.25' + 20 * b",more",
    "invalid byte": b"90000,wr\xffng,1,0.25,",
    "blank": b"   ",
    "nothing": b",,,,",
    "zero byte": b"90000,wr\x00ng,1,0.25,",
    "quote within": b'90000,5" pipe,1,0.25,',
    "quoted": b'90000,"wrong, so",1,0.25,',
    "junk after a quote": b'90000,"wr"ong,1,0.25,',
    "junk after quotes": b'90000,""""ong,1,0.25,',
    "blank beside": b' 90000 , "wrong" ,1, 0.25,',
    "null marker": rb"90000,\N,\N,\N,\N",
    "exponent": b"90000,wrong,1,2.5e-1,",
}

CELLS = {
    "text for a number": b"90000,wrong,x,0.25,",
    "fraction for a whole number": b"90000,wrong,1.5,0.25,",
    "header again": b"id,name,n,price,timestamp",
    "text for an id": b"x,wrong,1,0.25,",
    "number beyond 64 bits": b"90000,wrong,18446744073709551616,0.25,",
    "date of its own": b"90000,wrong,1,0.25,5",
}

TYPED = {
    "fraction for a whole number": wrong(n=1.5),
    "beyond 64 bits": wrong(n=1e300),
    "nulls": wrong(name=None, n=None, price=None),
    "unreadable date": wrong(timestamp="soon"),
}

UNIONS = {
    "text for a number": wrong(n="x"),
    "text for a double": wrong(price="cheap"),
    "number for a date": wrong(timestamp=5),
}

TEXTS = {
    "invalid UTF-8": b"INFO \xff",
    "blank": b"   ",
    "JSON": b'{"id": 1}',
    "brackets": b"[[1, 2",
    "zero byte": b"INFO \x00",
    "commas": b"a,b,c,d",
}

SEMICOLONS = {name: row for name, row in ROWS.items() if name != "quoted"}

FORMATS = {
    "JSON Lines": Format("data/t/x.jsonl", json_lines, ELEMENTS | LINES, VALUES),
    "compact document": Format("data/t/x.json", compact, ELEMENTS, VALUES),
    "indented document": Format("data/t/x.json", indented, ELEMENTS, VALUES),
    "CSV": Format("data/t/x.csv", delimited(), ROWS, CELLS),
    "TSV": Format("data/t/x.tsv", delimited("\t"), SEMICOLONS, CELLS),
    "semicolons and CRLF": Format("data/t/x.csv", delimited(";", "\r\n"), SEMICOLONS, CELLS),
    "Avro": Format("data/t/x.avro", avro, {}, TYPED | UNIONS),
    "Parquet": Format("data/t/x.parquet", parquet, {}, TYPED),
    "text": Format("data/t/x.log", text, TEXTS),
}

Told = dict[Any, tuple[dict[str, Any], str, str | None]]


def put(form: Format, records: Sequence[Record], schema: Schema | None) -> Result:
    return convert(form.write(records), form.key, schema=schema, engine=ENGINE)


def told(found: Result, records: Sequence[Record]) -> Told:
    """Values, date and rescue of each good record, by its id or, in text, by its line."""
    assert found.conversion is not None, found.error
    good = {record["id"] for record in records if isinstance(record, dict)} - {90_000}
    good |= {f"INFO {number}: done" for number in good}
    return {
        row.get("line") or row["id"]: (
            {k: v for k, v in values.items() if v is not None and k != "line_number"},
            row["date_partition"],
            row["_rescued_data"],
        )
        for values, row in zip(found.values, found.rows, strict=True)
        if (row.get("line") or row.get("id")) in good
    }
