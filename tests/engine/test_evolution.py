"""A table over time: what files add to it, what drifts, and that every file stays readable."""

from __future__ import annotations

import io
import json
import tempfile
from contextlib import suppress
from datetime import date, datetime
from decimal import Context, Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.duck import DuckEngine
from engine.options import Options
from engine.types.evolve import evolved
from store.errors import SchemaConflictError
from store.model import Column, Drift, Schema, Source
from tests.support.athena import arrow_type, read
from tests.support.chance import examples
from tests.support.engine import CREATED, convert, lines
from tests.support.memory import MemoryCatalog

if TYPE_CHECKING:
    from collections.abc import Iterator

MANY = [{"s": {"a": n}} for n in range(20_000)]


def table(**types: str) -> Schema:
    return Schema(tuple(Column(name, kind) for name, kind in types.items()))


@pytest.mark.parametrize(
    ("before", "value", "after"),
    [
        ("struct<a:bigint>", {"a": 1, "b": "x"}, "struct<a:bigint,b:string>"),
        ("struct<b:bigint>", {"a": 1, "b": 2}, "struct<b:bigint,a:bigint>"),
        ("struct<a:struct<b:int>>", {"a": {"C d": 1.5}}, "struct<a:struct<b:int,c_d:double>>"),
        ("array<struct<a:bigint>>", [{"b": True}], "array<struct<a:bigint,b:boolean>>"),
        (
            "map<string,struct<a:bigint>>",
            {"k": {"b": 1}, "l": {"b": 1.5}},
            "map<string,struct<a:bigint,b:double>>",
        ),
    ],
)
def test_a_struct_gains_the_fields_that_a_file_adds(before: str, value: Any, after: str) -> None:
    found = convert(lines({"x": value}), table={"x": before})
    assert found.types == {"x": after}
    assert found.rescued == [None]
    assert found.conversion is not None
    assert len(found.conversion.added) == 1


def test_a_field_far_beyond_the_sample_is_appended() -> None:
    found = convert(lines(*MANY, {"s": {"a": 1, "late": [1]}}), table={"s": "struct<a:bigint>"})
    assert found.types == {"s": "struct<a:bigint,late:array<bigint>>"}
    assert {"s": {"a": 1, "late": [1]}} in found.values
    assert found.conversion is not None
    assert "s.late" in found.conversion.added
    assert found.conversion.rescued == 0


def test_a_field_that_is_null_throughout_adds_nothing_and_costs_nothing() -> None:
    records = [{"s": {"a": n, "z": None}} for n in range(20_000)]
    found = convert(lines(*records), table={"s": "struct<a:bigint>"})
    assert found.types == {"s": "struct<a:bigint>"}
    assert not any(found.rescued)
    assert found.conversion is not None
    # Read in one scan: what is read line by line is a second file of its date.
    assert [(file.part, file.rows) for file in found.conversion.outputs] == [(0, 20_000)]


def test_a_type_that_is_no_struct_never_changes() -> None:
    found = convert(lines({"x": {"a": 1}}, {"x": 1.5}), table={"x": "bigint"})
    assert found.types == {"x": "bigint"}
    assert sorted(found.rescued, key=str) == [{"x": 1.5}, {"x": {"a": 1}}]


def test_a_parquet_file_adds_fields_too() -> None:
    file = io.BytesIO()
    pq.write_table(pa.table({"x": [{"b": [{"c": 1}]}]}), file)
    found = convert(file.getvalue(), table={"x": "struct<a:int,b:array<struct<d:string>>>"})
    assert found.types == {"x": "struct<a:int,b:array<struct<d:string,c:bigint>>>"}
    assert found.values == [{"x": {"a": None, "b": [{"d": None, "c": 1}]}}]


def test_drift_names_the_columns_and_counts_the_rows() -> None:
    records: list[dict[str, Any]] = [{"price": n, "s": {"a": 1}, "ok": n} for n in range(30)]
    records += [{"price": "free", "s": {"a": "x"}}, {"price": 1.5}, {"s": 3}]
    found = convert(lines(*records), table={"price": "bigint", "s": "struct<a:bigint>"})
    assert found.conversion is not None
    price, s = found.conversion.drift
    # Which of its values is the example is not promised.
    assert (price.column, price.type, price.count) == ("price", "bigint", 2)
    assert price.example in ("free", "1.5")
    assert (s.column, s.type, s.count) == ("s", "struct<a:bigint>", 2)
    assert s.example in ("x", "3")
    assert found.conversion.rescued == 3


def test_no_more_than_twenty_columns_are_named_those_that_drift_most() -> None:
    body = lines({f"c{n}": "x" for n in range(30)}, {"c7": "x"})
    found = convert(body, table={f"c{n}": "bigint" for n in range(30)})
    assert found.conversion is not None
    assert found.conversion.drift[0] == Drift("c7", "bigint", 2, "x")
    assert len(found.conversion.drift) == 20


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        ("struct<a:bigint>", "struct<a:bigint,b:string>", "struct<a:bigint,b:string>"),
        ("struct<a:bigint,c:int>", "struct<a:bigint,b:int>", "struct<a:bigint,c:int,b:int>"),
        ("array<struct<a:int>>", "array<struct<b:int>>", "array<struct<a:int,b:int>>"),
        (
            "map<string,struct<a:int>>",
            "map<string,struct<b:int>>",
            "map<string,struct<a:int,b:int>>",
        ),
        ("struct<a:bigint,b:int>", "struct<a:bigint>", "struct<a:bigint,b:int>"),
        ("decimal(10, 2)", "decimal(10,2)", "decimal(10, 2)"),
    ],
)
def test_two_changes_of_one_column_are_united(one: str, other: str, both: str) -> None:
    assert evolved(table(x=one), table(x=other)) == table(x=both)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("bigint", "double"),
        ("struct<a:bigint>", "struct<a:string>"),
        ("struct<a:bigint>", "string"),
        ("array<bigint>", "array<struct<a:bigint>>"),
        ("map<string,bigint>", "map<bigint,bigint>"),
        ("map<string,bigint>", "map<string,string>"),
        ("struct<a:array<bigint>>", "struct<a:array<double>>"),
    ],
)
def test_types_that_hold_different_values_are_a_conflict(one: str, other: str) -> None:
    with pytest.raises(SchemaConflictError):
        evolved(table(x=one), table(x=other))


def test_names_of_a_table_made_by_hand_are_compared_as_athena_does() -> None:
    found = convert(lines({"userid": 1}), table={"UserId": "bigint"})
    assert found.conversion is not None
    assert [c.name for c in found.conversion.schema.columns][:1] == ["UserId"]
    assert [row["userid"] for row in found.rows] == [1]
    assert evolved(table(UserId="bigint"), table(userid="bigint")) == table(UserId="bigint")


# --- Files that drift, one after the other ---------------------------------------------

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.integers(-5, 5)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=6)
    | st.sampled_from(["2024-01-15", "2024-01-15T10:00:00Z", "7", "1.50", "true"])
)
FIELDS = st.sampled_from(["a", "A", "b c", "b.c", "日", "date_partition", "_rescued_data"])
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS, inner, max_size=3),
    max_leaves=6,
)
JSON_FILES = st.lists(st.dictionaries(FIELDS, VALUES, max_size=4), min_size=1, max_size=4)
TYPED = {
    "int": (pa.int32(), st.integers(-9, 9)),
    "uint64": (pa.uint64(), st.integers(0, 2**64 - 1)),
    "double": (pa.float64(), st.floats(allow_nan=False)),
    "decimal": (pa.decimal128(38, 4), st.decimals(-(10**20), 10**20, places=4)),
    "string": (pa.string(), st.text(max_size=4)),
    "date": (pa.date32(), st.dates()),
    "moment": (pa.timestamp("us"), st.datetimes()),
    "list": (pa.list_(pa.int8()), st.lists(st.integers(-9, 9), max_size=3)),
    "struct": (
        pa.struct([("a", pa.int8()), ("n", pa.float32())]),
        st.fixed_dictionaries({"a": st.integers(0, 9), "n": st.sampled_from([0.5, None])}),
    ),
    "map": (
        pa.map_(pa.string(), pa.int16()),
        st.dictionaries(st.text(max_size=3), st.integers(-9, 9), max_size=2).map(
            lambda value: list(value.items())
        ),
    ),
}


@st.composite
def parquet_files(draw: st.DrawFn) -> bytes:
    names = draw(st.lists(st.sampled_from(["a", "b c", "n"]), min_size=1, unique=True))
    rows = draw(st.integers(1, 3))
    columns = {}
    for name in names:
        kind, values = TYPED[draw(st.sampled_from(sorted(TYPED)))]
        some = draw(st.lists(st.none() | values, min_size=rows, max_size=rows))
        columns[name] = pa.array(some, kind)
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file)
    return file.getvalue()


CSV_FILES = st.lists(
    st.sampled_from(["1", "1.5", "007", "x", "true", "2024-01-15", "99999999999999999999"]),
    min_size=1,
    max_size=4,
).map(lambda cells: "".join(f"{cell},1\n" for cell in ["a", *cells]).replace("a,1", "a,n", 1))


def canonical(value: Any) -> str:
    """One spelling of a scalar, whether it is itself or its text."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float, Decimal)):
        value = repr(value) if isinstance(value, float) else str(value)
    elif isinstance(value, date):
        value = value.isoformat()
    try:
        return str(Decimal(value).normalize(Context(prec=60)))
    except InvalidOperation:
        pass
    try:
        return datetime.fromisoformat(value).isoformat()
    except ValueError:
        return str(value)


def atoms(value: Any, *, parsed: bool = False) -> Iterator[str]:
    """The scalars in a value; if told so also those in the JSON that a text may be."""
    match value:
        case None:
            return
        case dict():
            for key, inner in value.items():
                if parsed:
                    # What is rescued bears its path, of which the key of a map is the end.
                    parts = key.split(".")
                    yield from (canonical(".".join(parts[n:])) for n in range(len(parts)))
                yield from atoms(inner, parsed=parsed)
        case list() | tuple():
            for inner in value:
                yield from atoms(inner, parsed=parsed)
        case _:
            yield canonical(value)
            if parsed and isinstance(value, float) and value.is_integer():
                # A whole number in a double column is exactly it, and its shortest text is not.
                yield canonical(int(value))
            if parsed and isinstance(value, str) and value[:1] in ("{", "["):
                with suppress(ValueError):
                    yield from atoms(json.loads(value), parsed=True)


@given(
    files=st.lists(
        st.tuples(st.just("x.jsonl"), JSON_FILES)
        | st.tuples(st.just("x.parquet"), parquet_files())
        | st.tuples(st.just("x.csv"), CSV_FILES),
        min_size=2,
        max_size=5,
    )
)
@settings(max_examples=examples(20), deadline=None)
def test_files_that_drift_stay_readable_and_complete(files: list[tuple[str, Any]]) -> None:
    catalog = MemoryCatalog()
    engine = DuckEngine(Options())
    with tempfile.TemporaryDirectory() as folder:
        written: list[tuple[list[dict[str, Any]], list[Path]]] = []
        for number, (name, body) in enumerate(files):
            work = Path(folder, str(number))
            (work / "job").mkdir(parents=True)
            records = []
            if name == "x.jsonl":
                records = body
                body = "".join(json.dumps(record) + "\n" for record in body).encode()
            elif name == "x.csv":
                records = [{"a": line.split(",")[0]} for line in body.splitlines()[1:]]
                body = body.encode()
            else:
                records = pq.read_table(io.BytesIO(body)).to_pylist()
            (work / name).write_bytes(body)
            source = Source(work / name, "raw", f"data/t/{name}", f"v{number}", "t", CREATED)
            done = engine.convert(source, catalog.schema("t"), work / "job", lambda: 900)
            assert done.read == done.accepted == len(records)
            catalog.declare("t", done.schema)
            written.append((records, [output.path for output in done.outputs]))
        final = catalog.tables["t"]
        for column in final.columns:
            assert arrow_type(column.type) is not None
        for records, paths in written:
            rows = [row for path in paths for row in read(path, final)]
            assert len(rows) == len(records)
            kept = set(atoms(rows, parsed=True))
            assert set(atoms(records)) <= kept, (records, rows)
