"""Cases of JSON, packings, containers and typed formats that public reports led to."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from tests.engine.cases.expect import UPLOADED, Expect, refused, text
from tests.engine.cases.harness import Case, Outcome, columns, file, put, rows

#: What an uploader may say of any file.
MEDIA_TYPES = (
    "application/octet-stream",
    "binary/octet-stream",
    "application/json",
    "text/csv",
    "text/plain",
    "application/gzip",
    "image/png",
)

PEOPLE = rows("id name", (1, "ann"), (2, "bob"))
PEOPLE_TYPES = columns("id name", "bigint string")
PEOPLE_ROWS = Expect(rows=PEOPLE, types=PEOPLE_TYPES)

ORDERS = Expect(
    rows=rows("order_id amount", (1, 9.5), (2, 11.0)),
    types=columns("order_id amount", "bigint double"),
)

GOODS = columns("id name price", "bigint string double")
EXPORT = Expect(rows=rows("id name price", (1, "bolt", 0.25), (2, "nut", 0.1)), types=GOODS)


def numbers(count: int, **more: Any) -> Expect:
    return Expect(
        rows=rows("a", *((n,) for n in range(1, count + 1))), types={"a": "bigint"}, **more
    )


def sidecars(case: Case) -> list[str]:
    """Of the whole folder two rows are in the table."""
    found = case.together()
    got = [row for outcome in found.values() for row in outcome.rows]
    told = [] if got == [{**row, "@": UPLOADED} for row in ORDERS.rows or ()] else [f"{got}"]
    types = found["part-0.snappy.parquet"].types
    return told if types == ORDERS.types else [*told, f"columns: {types}"]


def messages(name: str) -> Any:
    def check(case: Case) -> list[str]:
        found: Outcome = case.alone(name)
        kinds = [[v for v in row.values() if v == "DATA_MESSAGE"] for row in found.rows]
        return [] if kinds == [["DATA_MESSAGE"]] * 3 else [f"{found.status} {found.said} {kinds}"]

    return check


def readings(case: Case) -> list[str]:
    """The case's query: two readings since 9 o'clock."""
    got = [row.get("timestamp") for row in case.alone("readings.parquet").rows]
    late = [one for one in got if isinstance(one, datetime) and one >= datetime(2024, 3, 1, 9)]
    return [] if len(late) == 2 else [f"{got}"]


def said_by_uploader() -> tuple[Any, ...]:
    wanted = {
        "a.csv": replace(PEOPLE_ROWS, types=None, as_text=True),
        "b.jsonl": Expect(rows=rows("id", (1,), (2,)), types={"id": "bigint"}),
        "c.csv.gz": Expect(rows=PEOPLE[:1], types=PEOPLE_TYPES),
        "d.txt": text("just words", "more words"),
    }
    return tuple(
        file(name, expect, content_type=media_type, also=f"as {media_type}" if media_type else "")
        for name, expect in wanted.items()
        for media_type in ("", *MEDIA_TYPES)
    )


COMMAS = "comma"

CASES = [
    Case(
        "b01-pandas-datetime-parquet",
        (
            file(
                "readings.parquet",
                Expect(
                    rows=rows(
                        "sensor timestamp value @",
                        ("a", datetime(2024, 3, 1, 8), 1.5, "2024-03-01"),
                        ("b", datetime(2024, 3, 1, 9, 30, 15), 2.5, "2024-03-01"),
                        ("c", datetime(2024, 3, 2), 3.5, "2024-03-02"),
                    ),
                    types=columns("sensor timestamp value", "string timestamp double"),
                ),
            ),
        ),
        {"the query answers 2": readings},
    ),
    Case(
        "b02-avro-codecs",
        tuple(
            file(
                f"{codec}.avro",
                Expect(
                    rows=rows(
                        "station time temp @",
                        *(("AB-1", 1709280000000 + n * 3600000, n, "2024-03-01") for n in range(5)),
                    ),
                    types=columns("station time temp", "string bigint bigint"),
                ),
            )
            for codec in ("bzip2", "deflate", "lz4", "null", "snappy", "xz", "zstandard")
        ),
    ),
    Case(
        "b11-cloudwatch-double-gzip",
        tuple(file(name, Expect(dates=[UPLOADED] * 3, read=3)) for name in ("once", "stream-1.gz")),
        {f"DATA_MESSAGE in {name}": messages(name) for name in ("once", "stream-1.gz")},
    ),
    Case(
        "b12-zip",
        (
            file("export.zip", EXPORT),
            file("export.csv.zip", EXPORT),
            file(
                "two.zip",
                Expect(
                    rows=rows(
                        "id name price",
                        (1, "bolt", 0.25),
                        (2, "nut", 0.1),
                        (1, "gear", 0.25),
                        (2, "nut", 0.1),
                    ),
                    types=GOODS,
                ),
            ),
        ),
    ),
    Case(
        "b13-xlsx",
        (
            file(
                "orders.xlsx",
                Expect(
                    dates=["2024-01-15", "2024-01-16", "2024-01-17"],
                    types=columns("order date amount", "bigint date|string|timestamp double"),
                ),
                refused("excel|xlsx|spreadsheet|workbook", "STORED|REJECTED"),
            ),
        ),
    ),
    Case(
        "b14-orc",
        (
            file(
                "part-0.snappy.orc",
                Expect(accepted=3, read=3, types={"id": "bigint", "name": "string", "...": ""}),
                refused("orc", "STORED|REJECTED"),
            ),
        ),
    ),
    Case(
        "b17-json-with-commas",
        (
            file(
                "a.json",
                Expect(
                    rows=rows("a b", (1, "x"), (2, "y"), (3, "z")),
                    types=columns("a b", "bigint string"),
                ),
                refused(COMMAS),
            ),
            file("b.json", numbers(3), refused(COMMAS)),
            file("c.json", numbers(6)),
        ),
    ),
    Case(
        "b18-sidecar-files",
        (
            *(
                file(name, Expect("SKIPPED", rows=[]))
                for name in (
                    ".DS_Store",
                    ".part-0.snappy.parquet.crc",
                    "00000000000000000000.json",
                    "_SUCCESS",
                )
            ),
            file("part-0.snappy.parquet", ORDERS),
            file(
                "00000000000000000000.json",
                Expect("SKIPPED", rows=[]),
                key="_delta_log/00000000000000000000.json",
                also="in its folder",
            ),
        ),
        {"two rows in all": sidecars},
    ),
    Case(
        "b21-encrypted-parquet",
        tuple(
            file(name, Expect("REJECTED|STORED", says="encrypt"))
            for name in ("columns.parquet", "footer.parquet")
        ),
    ),
    Case(
        "b32-archives",
        (
            file("orders.tar.gz", PEOPLE_ROWS),
            file(
                "orders.csv.Z",
                PEOPLE_ROWS,
                refused(r"compress|LZW|\.Z\b|packing|packed", "STORED|REJECTED"),
            ),
            file("orders.csv.lz4", PEOPLE_ROWS, refused("lz4", "STORED|REJECTED")),
            file("orders.csv.snappy", PEOPLE_ROWS, refused("snappy", "STORED|REJECTED")),
        ),
    ),
    Case("b36-wrong-content-type", said_by_uploader()),
    Case("b51-put-same-name", elsewhere="lake put: tests/lake"),
    Case("b53-everyday-queries", elsewhere="Athena on the local lake: tests/local"),
    Case(
        "b55-literal-backslash-n",
        (
            file(
                "market-1",
                Expect(
                    rows=rows("a n", ("foo", 1), ("bar", 2), ("baz", 3)),
                    types=columns("a n", "string bigint"),
                ),
                refused(r"\\n"),
            ),
            file("commas.json", numbers(2), refused(COMMAS)),
        ),
    ),
]

_ = put
