"""Cases that corpora of others' files led to."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from tests.engine.cases.checks import creation, leaves, peak, same_names, spaces, unknown, variant
from tests.engine.cases.expect import UPLOADED, Expect, text
from tests.engine.cases.harness import OPTIONS, Case, columns, file, rows

JANUARY, FEBRUARY = datetime(2024, 1, 15, 10), datetime(2024, 2, 1)
AB = rows("a b", (1, 2), (3, 4))
AB_TYPES = columns("a b", "bigint bigint")


def dated(name: str, kind: str, *values: Any) -> Expect:
    """Two rows, in January and in February."""
    return Expect(
        rows=rows(f"id {name} @", *values), types=columns(f"id {name}", f"bigint {kind}"), read=2
    )


ODD = Expect("PARTIAL", rows=rows("a b c", (1, 2, 3), (7, 8, 9)), reasons={"FIELD_COUNT": 1})

CASES = [
    Case(
        "a01-date-typed-column",
        (
            file(
                "created_at.parquet",
                dated(
                    "created_at",
                    "timestamp",
                    (1, JANUARY, "2024-01-15"),
                    (2, FEBRUARY, "2024-02-01"),
                ),
            ),
            file(
                "date32.parquet",
                dated(
                    "date",
                    "date",
                    (1, date(2024, 1, 15), "2024-01-15"),
                    (2, date(2024, 2, 1), "2024-02-01"),
                ),
            ),
            *(
                file(
                    name,
                    dated(
                        "timestamp",
                        "timestamp",
                        (first, JANUARY, "2024-01-15"),
                        (first + 1, FEBRUARY, "2024-02-01"),
                    ),
                )
                for name, first in (("ts.avro", 0), ("ts.parquet", 1))
            ),
            file("odd.jsonl", Expect(dates=["2024-01-15"] * 2)),
            file(
                "odd.jsonl",
                Expect(
                    rows=rows(
                        "id timestamp @",
                        (1, JANUARY, "2024-01-15"),
                        (None, JANUARY, "2024-01-15"),
                    ),
                    rescued=[{"id": "x"}],
                ),
                table={"timestamp": "timestamp", "id": "bigint"},
                also="into typed columns",
            ),
        ),
    ),
    Case(
        "a02-poisoned-database",
        (
            file("1-encrypted.parquet", Expect("REJECTED|STORED", says="encrypt")),
            file(
                "2-good.parquet",
                Expect(
                    rows=rows(
                        "one two three",
                        (-1.0, "foo", True),
                        (None, "bar", False),
                        (2.5, "baz", True),
                    ),
                    types=columns("one two three", "double string boolean"),
                ),
            ),
            file("3-good.csv", Expect(rows=rows("a b", (1, 2)), types=AB_TYPES)),
        ),
    ),
    Case(
        "a03-header-swallows-file",
        (
            file(
                "excel-header.csv",
                Expect(rows=rows("a b_c", (1, 2), (3, 4)), types=columns("a b_c", "bigint bigint")),
            ),
            *(
                file(name, *(Expect("DONE|PARTIAL|REJECTED", read=n, holds="1234") for n in (2, 3)))
                for name in ("unclosed-header.csv", "junk-after-quote.csv")
            ),
        ),
    ),
    Case(
        "a04-cr-only-odd-row",
        (
            file(
                "fields.csv",
                Expect(
                    "PARTIAL",
                    rows=rows("a b", (1, 2), (6, 7)),
                    types=AB_TYPES,
                    reasons={"FIELD_COUNT": 1},
                ),
            ),
            file("quote.csv", Expect("PARTIAL", read=3, holds="123467")),
        ),
    ),
    Case(
        "a05-nested-fields-too-large",
        (file("600-leaves.jsonl", Expect(dates=[UPLOADED] * 3)),),
        {"every value is there": leaves},
    ),
    Case(
        "a06-csv-memory-quadratic",
        (file("200-columns.csv", Expect(read=3)), file("299-columns.csv", Expect(read=3))),
        {f"peak of {name}": peak(name) for name in ("200-columns.csv", "299-columns.csv")},
    ),
    Case(
        "a07-extra-empty-field",
        (
            file("shifted.csv", ODD),
            file(
                "same-with-odd-row.csv",
                Expect("PARTIAL", rows=ODD.rows, reasons={"FIELD_COUNT": 2}),
                # The short row may be one whose empty last cell was left out.
                Expect("PARTIAL", rows=[*(ODD.rows or ()), {"a": 1, "b": 2}], reasons=ODD.reasons),
            ),
        ),
    ),
    Case(
        "a08-leading-blank-line",
        tuple(file(name, Expect(rows=AB, types=AB_TYPES)) for name in ("crlf.csv", "lf.csv")),
    ),
    Case(
        "a09-delimiter-by-name",
        (
            file(
                "decimal-comma.csv",
                Expect(
                    rows=rows("column_1 column_2", ("1,5", "2,5"), ("1,6", "2,7"), ("1,7", "2,8")),
                    types=columns("column_1 column_2", "string string"),
                ),
            ),
            file(
                "plain-trailing-semicolon.csv",
                Expect(rows=AB, types={**AB_TYPES, "...": ""}),
            ),
            file("quoted-short-row.csv", Expect("DONE|PARTIAL", read=2, holds=("1", "2", "3"))),
            file(
                "trailing-semicolon.csv",
                Expect(rows=rows("name n d", ("x", 21, 100), ("y", 22, 100)), read=2, as_text=True),
            ),
        ),
    ),
    Case(
        "a12-space-before-quote",
        (
            file(
                "alone.csv",
                *(
                    Expect(rows=rows("a b", (1, f"{q}x{r}"), (2, f"{q}y{r}")))
                    for q, r in (("", ""), ('"', '"'), (' "', '"'))
                ),
            ),
            file("with-odd-row.csv", Expect("PARTIAL", accepted=2, reasons={"FIELD_COUNT": 1})),
        ),
        {"the same value in both": spaces},
    ),
    Case(
        "a13-blank-lines-one-column",
        (
            file("inner.csv", Expect(rows=rows("name", ("x",), ("y",)), types={"name": "string"})),
            file("one.csv", Expect(rows=rows("a", (1,), (2,)), types={"a": "bigint"})),
        ),
    ),
    Case(
        "a14-jsonl-by-name",
        (
            file(
                "concatenated.ndjson",
                Expect(rows=rows("a", (1,), (2,), (3,), (4,)), types={"a": "bigint"}),
            ),
            file("pretty.jsonl", Expect(rows=rows("a b", (1, 2)), types=AB_TYPES)),
        ),
    ),
    Case(
        "a15-parquet-names-differ-in-case",
        tuple(
            file(name, Expect(dates=[UPLOADED], types={"id": "bigint", "...": ""}))
            for name in ("1.parquet", "2.parquet")
        ),
        {"the same names in both": same_names("1.parquet", "2.parquet", small=2)},
    ),
    Case(
        "a16-variant",
        checks={
            "object.parquet": variant("object.parquet", {"a": 123456789, "c": "string"}),
            "nested.parquet": variant(
                "nested.parquet", {"a": 123456789, "c": ["string", "iceberg"]}
            ),
        },
    ),
    Case(
        "a17-two-digit-year",
        (
            file(
                "accents-head.csv",
                Expect(rows=rows("date v", ("01-01-13", 1), ("31-12-13", 2))),
                Expect(
                    rows=rows(
                        "date v @",
                        ("01-01-13", 1, "2013-01-01"),
                        ("31-12-13", 2, "2013-12-31"),
                    )
                ),
            ),
        ),
    ),
    Case(
        "a20-events",
        checks={
            "removed-and-created.json": creation,
            "deep.txt": unknown("deep.txt"),
            "size-1e400.json": unknown("size-1e400.json"),
        },
    ),
    Case(
        "a21-row-over-4-mb",
        (
            file(
                "5mb-field.csv.gz",
                Expect(rows=rows("a b", (1, "x" * 5_000_000), (2, "y")), read=2),
                Expect(
                    "PARTIAL", rows=rows("a b", (2, "y")), reasons={"RECORD_TOO_LARGE": 1}, read=2
                ),
            ),
        ),
    ),
    Case(
        "a22-text-that-begins-like-json",
        (
            file(
                "app.log",
                text(
                    "[2024-01-15 10:00:00] INFO start",
                    "[2024-01-15 10:00:01] INFO request body:",
                    '{"id": 1}',
                    "[2024-01-15 10:00:02] INFO done",
                ),
            ),
            file("cargo.toml", text("[[bin]]", 'name = "x"', 'path = "y"')),
            file("wiki.txt", text("[[Main Page]] is a wiki page", "second line")),
        ),
    ),
]

assert OPTIONS.memory_mb == 256  # As in a function of 512 MB: what a05 and a06 are about.
