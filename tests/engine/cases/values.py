"""Cases of values that public reports led to: numbers, nulls, texts, drift, names."""

from __future__ import annotations

import codecs
import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tests.engine.cases.checks import same_names
from tests.engine.cases.expect import UPLOADED, Expect, refused
from tests.engine.cases.harness import FOLDER, Case, File, columns, file, put, rows

if TYPE_CHECKING:
    from collections.abc import Callable

QTY = "id qty price"

NULLS = Expect(
    rows=rows(QTY, (1, 10, 2.5), (2, None, None), (3, 30, 7.5)),
    types=columns(QTY, "bigint bigint double"),
)

#: By the encoding of each file.
ENCODINGS = {
    "cyr.csv": "windows-1251",
    "gbk.csv": "gbk",
    "latin2.csv": "windows-1250",
    "sjis.csv": "shift_jis",
}


def marked(name: str, mark: str) -> tuple[File, ...]:
    """Without a contract the mark is a null or kept as the text that it is; with one a null."""
    kept = Expect(
        rows=rows(QTY, (1, "10", "2.5"), (2, mark, mark), (3, "30", "7.5")),
        types=columns(QTY, "bigint string string"),
    )
    contract = {"type": "object", "x-csv": {"null": [mark]}}
    return (
        file(name, NULLS, kept),
        file(name, NULLS, contract=contract, also="with its null in the contract"),
    )


def encoded(name: str) -> dict[str, Callable[[Case], list[str]]]:
    """The texts as they are, or a refusal that says that the encoding is not known."""
    codec = ENCODINGS[name]

    def right(case: Case, content_type: str = "") -> list[str]:
        lines = codecs.decode((case.folder / name).read_bytes(), codec).splitlines()
        mark = ";" if ";" in lines[0] else ","
        wanted = sorted(line.split(mark) for line in lines[1:])
        found = put(case, File(name, (), content_type=content_type), None)
        got = sorted([str(value) for key, value in row.items() if key != "@"] for row in found.rows)
        if found.status == "DONE" and wanted == got:
            return []
        if found.defect or content_type:
            return [found.defect or f"{found.status} {got} {found.said}"]
        return refused("encod").differences(found) and [f"{found.status} {got} {found.said}"]

    return {
        name: right,
        f"{name} with its charset": lambda case: right(case, f"text/csv; charset={codec}"),
    }


def drift(case: Case) -> list[str]:
    """What did not fit is rescued with its value, and said."""
    first, second = case.together()["day1.csv"], case.together()["day2.csv"]
    values = [
        row[name]
        for found in (first, second)
        for row in (*found.rows, *found.rescued)
        for name in row
        if name == "price"
    ]
    told = [] if sum(Decimal(str(value)) for value in values) == Decimal("55.49") else [f"{values}"]
    if second.rescued and second.drift != {"price": len(second.rescued)}:
        told.append(f"drift: {second.drift}")
    return told or [one.defect for one in (first, second) if one.defect]


def money(precision: int) -> Any:
    """The case's contract, with the way to say that a number is money."""
    path = FOLDER / "b23-money" / "money.schema.json"
    if not path.exists():
        return None
    contract = json.loads(path.read_text())
    contract["properties"]["price"]["x-decimal"] = [precision, 2]
    return contract


def prices(precision: int, *values: str | None, **more: Any) -> Expect:
    return Expect(
        rows=rows("id price", *((n, v and Decimal(v)) for n, v in enumerate(values, 1))),
        types=columns("id price", f"bigint decimal({precision},2)"),
        **more,
    )


DUPLICATES = ("a.parquet", "b.jsonl", "c.csv", "d.csv")

CASES = [
    Case("b06-encodings", checks={k: v for name in ENCODINGS for k, v in encoded(name).items()}),
    Case(
        "b09-scientific-csv",
        (
            file(
                "pvals.csv",
                Expect(
                    rows=rows(
                        "gene p score", ("A1", 0.05, 1.0), ("B2", 1e-05, 2.5), ("C3", 2.5e-7, 3.0)
                    ),
                    types=columns("gene p score", "string double double"),
                ),
            ),
            file(
                "fixed.csv",
                Expect(
                    rows=rows(
                        "place lat lon", ("Graz", 47.0707, 15.4395), ("Linz", 48.30694, 14.28583)
                    ),
                    types=columns("place lat lon", "string double double"),
                ),
            ),
            file(
                "dots.csv",
                Expect(
                    rows=rows("a b c", (0.5, 1, 3), (0.25, 2, 4)),
                    types=columns("a b c", "double bigint|double bigint|double"),
                ),
            ),
        ),
    ),
    Case(
        "b20-null-markers",
        (
            # \N means null and nothing else.
            file("mysql.csv", NULLS),
            *(
                one
                for name, mark in (
                    ("dash.csv", "-"),
                    ("pandas.csv", "nan"),
                    ("r.csv", "NA"),
                    ("sql.csv", "NULL"),
                )
                for one in marked(name, mark)
            ),
        ),
    ),
    Case(
        "b23-money",
        (
            file(
                "inv.csv",
                prices(18, "0.10", "0.20", "1234567890123.45"),
                contract=money(18),
                also="as decimal(18,2)",
            ),
            file(
                "inv.json",
                prices(20, "0.10", "0.20", "12345678901234567.89"),
                contract=money(20),
                also="as decimal(20,2)",
            ),
            # Nineteen digits are one too many for 18: the number is kept beside, exactly.
            file(
                "inv.json",
                prices(18, "0.10", "0.20", None, rescued=[{"price": "12345678901234567.89"}]),
                contract=money(18),
                also="as decimal(18,2)",
            ),
        ),
    ),
    Case(
        "b24-int-then-float",
        (
            file(
                "day1.csv",
                Expect(
                    rows=rows("sku price", ("A", 10), ("B", 20)),
                    types=columns("sku price", "string bigint"),
                ),
            ),
            file(
                "day2.csv",
                Expect(
                    rows=rows("sku price", ("C", 19.99), ("D", 5.5)),
                    types=columns("sku price", "string double"),
                ),
            ),
        ),
        {"day2.csv after day1.csv": drift},
    ),
    Case(
        "b64-names-by-format",
        tuple(file(name, Expect(dates=[UPLOADED])) for name in DUPLICATES),
        {"ID is 1 and id is 3 in the same columns": same_names(*DUPLICATES, small=3)},
    ),
]
