"""OutputFormat json: text that Athena's OpenX reader takes for the table's types."""

from __future__ import annotations

import gzip
import io
import json
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from engine.duck import DuckEngine
from engine.options import Options
from store.model import Column, Drift, Schema, Source
from tests.support.engine import CREATED, lines

if TYPE_CHECKING:
    from pathlib import Path

    from store.model import Conversion


def as_json(
    folder: Path, body: bytes, key: str = "data/t/o", table: Schema | None = None
) -> tuple[Conversion, list[dict[str, Any]]]:
    path = folder / "object"
    path.write_bytes(body)
    source = Source(path, "raw", key, "v1", "t", CREATED)
    table = table and replace(table, format="json")
    done = DuckEngine(Options(output_format="json")).convert(source, table, folder, lambda: 900)

    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    return done, [
        json.loads(line, parse_constant=refuse, parse_float=Decimal)
        for file in done.outputs
        for line in gzip.decompress(file.path.read_bytes()).splitlines()
    ]


def parquet(**columns: Any) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file)
    return file.getvalue()


@pytest.mark.parametrize(
    ("column", "glue", "text"),
    [
        # As java.sql.Timestamp is spelled, which the reader takes for a timestamp.
        (pa.array([datetime(2024, 1, 15, 10, 0, 0, 5)]), "timestamp", "2024-01-15 10:00:00.000005"),
        (pa.array([datetime(2024, 1, 15, 10, tzinfo=UTC)]), "timestamp", "2024-01-15 10:00:00"),
        (pa.array([date(2024, 1, 15)]), "date", "2024-01-15"),
        (
            pa.array([Decimal("1234567890123456789.25")]),
            "decimal(21,2)",
            Decimal("1234567890123456789.25"),
        ),
        (pa.array([2**64 - 1], pa.uint64()), "decimal(20,0)", 2**64 - 1),
        (pa.array([float("nan")]), "double", "NaN"),
        (pa.array([float("-inf")]), "double", "-Infinity"),
        (pa.array([[float("inf"), 0.5]]), "array<double>", ["Infinity", Decimal("0.5")]),
        (pa.array([{"F": float("nan")}]), "struct<f:double>", {"f": "NaN"}),
        (
            pa.array([[("k", float("nan"))]], pa.map_(pa.string(), pa.float64())),
            "map<string,double>",
            {"k": "NaN"},
        ),
        (pa.array([b"\xff\x00"]), "string", "/wA="),
    ],
)
def test_a_value_is_spelled_as_athenas_reader_expects(
    tmp_path: Path, column: Any, glue: str, text: Any
) -> None:
    done, rows = as_json(tmp_path, parquet(x=column))
    assert done.schema.columns[0].type == glue
    assert [row["x"] for row in rows] == [text]


def test_bytes_of_a_binary_column_are_base64(tmp_path: Path) -> None:
    table = Schema((Column("x", "binary"),))
    _, rows = as_json(tmp_path, parquet(x=pa.array([b"text"])), table=table)
    assert [row["x"] for row in rows] == ["dGV4dA=="]


def test_what_does_not_fit_is_rescued_and_structs_grow_as_in_parquet(tmp_path: Path) -> None:
    table = Schema((Column("n", "bigint"), Column("s", "struct<a:bigint>")))
    done, rows = as_json(tmp_path, lines({"n": "x", "s": {"a": 1, "b": 2}}), table=table)
    assert done.drift == (Drift("n", "bigint", 1, "x"),)
    assert rows[0]["s"] == {"a": 1, "b": 2}
    assert (rows[0]["n"], json.loads(rows[0]["_rescued_data"])) == (None, {"n": "x"})


def test_names_differ_in_more_than_case(tmp_path: Path) -> None:
    _, rows = as_json(tmp_path, lines({"ID": 1, "id": 2, "Id": {"Key": 3, "kEY": 4}}))
    assert len({name.lower() for name in rows[0]}) == len(rows[0])
    assert rows[0]["id"] == 2


@pytest.mark.parametrize(("parameter", "own"), [("parquet", "json"), ("json", "parquet")])
@pytest.mark.parametrize("width", [1, 400])
def test_a_table_keeps_its_format_whatever_the_parameter_says_by_now(
    tmp_path: Path, parameter: str, own: str, width: int
) -> None:
    path = tmp_path / "object"
    record = {f"c{n}": n for n in range(width)} | {"n": 1}
    # The second line has to be read exactly: what is set aside is read back.
    path.write_text(f'{json.dumps(record)}\n{{"n": 2, "n": 3}}\n')
    source = Source(path, "raw", "data/t/o", "v1", "t", CREATED)
    engine = DuckEngine(Options(output_format=parameter))
    table = Schema((Column("n", "bigint"),), own)
    done = engine.convert(source, table, tmp_path, lambda: 900)
    assert (done.accepted, done.schema.format) == (2, own)
    suffixes = {"".join(file.path.suffixes) for file in done.outputs}
    assert suffixes == {".parquet" if own == "parquet" else ".json.gz"}
