"""Cases of dates that public reports led to: which column, which spelling, which number."""

from __future__ import annotations

import json
from datetime import date, datetime
from typing import TYPE_CHECKING

from tests.engine.cases.expect import UPLOADED, Expect
from tests.engine.cases.harness import Case, columns, file, rows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Check = Callable[[Case], list[str]]

DAY, NEXT, BEFORE = "2024-01-15", "2024-01-16", "2024-01-14"

#: What each spelling means; several where the law leaves it open.
MOMENTS = {
    "2024-01-15T10:00:00Z": DAY,
    "2024-01-15T10:00:00.123Z": DAY,
    "2024-01-15T10:00:00+0000": DAY,
    "2024-01-15T10:00:00.000+0000": DAY,
    "2024-01-15T23:30:00-0500": NEXT,
    "2024-01-15 10:00:00 UTC": DAY,
    "2024-01-15 10:00:00 +0000": DAY,
    "2024-01-15 10:00:00 -0500": DAY,
    "20240115T100000Z": DAY,
    "2024/01/15 10:00:00": f"{DAY} {UPLOADED}",
    "2024/01/15": f"{DAY} {UPLOADED}",
    "15/Jan/2024:10:00:00 +0000": DAY,
    "Mon, 15 Jan 2024 10:00:00 GMT": DAY,
    "2024-01-15T10:00Z": DAY,
    "2024-01-15T10": DAY,
    "2024-01-15t10:00:00z": DAY,
    "2024-01-15T10:00:00,123Z": DAY,
    "2024-01-15T10:00:00.123456789Z": DAY,
    "2024-W03-1": DAY,
    "2024-015": DAY,
    "Jan 15, 2024": f"{DAY} {UPLOADED}",
    "15.01.2024": f"{DAY} {UPLOADED}",
    "1/15/2024 10:00 AM": f"{DAY} {UPLOADED}",
    "2024-01-15T24:00:00Z": NEXT,
    "2024-01-15T23:59:60Z": f"{DAY} {NEXT}",
    "2024-01-15T10:00:00[Europe/Vienna]": DAY,
    "2024-01-15T10:00:00+01:00[Europe/Vienna]": DAY,
    "2024-01-15 10:00:00 Europe/Vienna": f"{DAY} {UPLOADED}",
    "2024-01-15 10:00:00 EST": f"{DAY} {UPLOADED}",
    "1705312800": DAY,
    "1705312800000": DAY,
    "1705312800.5": DAY,
    "24-01-15": UPLOADED,
    "15-01-24": UPLOADED,
    "01-15-2024": f"{DAY} {UPLOADED}",
    "5-6-7": UPLOADED,
    "epoch": UPLOADED,
    "today": UPLOADED,
    "now": UPLOADED,
    "infinity": UPLOADED,
    "0000-00-00": UPLOADED,
    "2024-01-15T10:00:00+14:00": BEFORE,
    "2024-1-5": f"2024-01-05 {UPLOADED}",
    "2024-01": f"2024-01-01 {UPLOADED}",
    "2024": UPLOADED,
}


def moments(case: Case) -> list[str]:
    found = case.alone("moments.jsonl")
    if found.defect or found.status != "DONE":
        return [found.defect or f"{found.status} {found.said}"]
    got = {row["timestamp"]: row["@"] for row in found.rows}
    with (case.folder / "moments.jsonl").open() as lines:
        spelled = [json.loads(line)["timestamp"] for line in lines]
    told = [f"{one} has no right value here" for one in spelled if one not in MOMENTS]
    return told + [
        f"{one} is {got.get(one)}, not {MOMENTS[one]}"
        for one in spelled
        if one in MOMENTS and got.get(one) not in MOMENTS[one].split()
    ]


def days(*dates: str) -> Expect:
    """DONE, with rows of these dates."""
    return Expect(dates=dates)


def right_rows(name: str, key: str, wanted: Sequence[tuple[object, str]]) -> dict[str, Check]:
    """Which row is of which date."""

    def check(case: Case) -> list[str]:
        found = case.alone(name)
        got = sorted((row.get(key), row["@"]) for row in found.rows)
        return [] if got == sorted(wanted) else [found.defect or f"{got} {found.said}"]

    return {f"{name} by {key}": check}


TEN = datetime(2024, 1, 15, 10)

TYPED = [
    file(
        f"{name}.parquet",
        Expect(
            rows=rows(f"id {name.rpartition('_')[0]} @", (1, value, day), (2, None, UPLOADED)),
            types=columns(f"id {name.rpartition('_')[0]}", f"bigint {kind}"),
        ),
    )
    for name, kind, value, day in (
        ("created_at_ts", "timestamp", TEN, DAY),
        ("date_date32", "date", date(2024, 1, 15), DAY),
        ("date_ts", "timestamp", TEN, DAY),
        ("datetime_ts", "timestamp", TEN, DAY),
        ("event_time_ts", "timestamp", TEN, DAY),
        ("event_timestamp_ts", "timestamp", TEN, DAY),
        # `happened` is none of the date columns.
        ("happened_ts", "timestamp", TEN, UPLOADED),
        ("time_ts", "timestamp", TEN, DAY),
        ("timestamp_i64", "bigint", 1705312800000, DAY),
        ("timestamp_str", "string", "2024-01-15T10:00:00Z", DAY),
        ("timestamp_ts", "timestamp", TEN, DAY),
        ("timestamp_tz", "timestamp", TEN, DAY),
    )
]

ID_DATE, ID_TIMESTAMP = (
    columns("id date", "bigint date"),
    columns("id timestamp", "bigint timestamp"),
)

#: Of the files of b44, the ones whose second id is no number.
IN_TABLE = [
    *(
        file(
            name,
            Expect(
                rows=rows(
                    "id date @",
                    (1, date(2024, 1, 15), DAY),
                    (second, date(2024, 1, 16), NEXT),
                ),
                types=ID_DATE,
                rescued=[] if second else [{"id": "x"}],
            ),
            table=ID_DATE,
            also="into a table with a date",
        )
        for name, second in (("a.jsonl", 2), ("b.jsonl", None), ("c.csv", 2), ("d.csv", None))
    ),
    file(
        "tz.jsonl",
        Expect(
            rows=rows(
                "id timestamp @",
                (1, datetime(2024, 1, 16, 4, 30), NEXT),
                (None, TEN, DAY),
            ),
            types=ID_TIMESTAMP,
            rescued=[{"id": "x"}],
        ),
        table=ID_TIMESTAMP,
        also="into a table with a timestamp",
    ),
]

CASES = [
    Case(
        "b07-hive-path",
        (
            file(
                "part-0.parquet",
                Expect(
                    rows=[
                        {
                            **row,
                            "country": "AT",
                            "year": "2023",
                            "month": "11",
                            "day": "05",
                            "@": "2023-11-05",
                        }
                        for row in rows("order_id amount", (1, 9.5), (2, 11.0))
                    ],
                ),
                key="country=AT/year=2023/month=11/day=05/part-0.parquet",
            ),
            file(
                "a.csv",
                Expect(
                    rows=rows("order_id amount dt @", (3, 4.5, "2023-12-31", "2023-12-31")),
                    types=columns("order_id amount dt", "bigint double string"),
                ),
                key="dt=2023-12-31/a.csv",
            ),
            file(
                "b.json",
                Expect(
                    rows=rows(
                        "order_id amount year month day @",
                        (4, 1.25, "2023", "10", "1", "2023-10-01"),
                    ),
                ),
                key="year=2023/month=10/day=1/b.json",
            ),
            file(
                "b.json",
                Expect(
                    rows=rows("order_id amount @", (4, 1.25, "2023-10-01")),
                    types=columns("order_id amount", "bigint double"),
                ),
                key="2023/10/01/07/b.json",
                also="in a folder of Firehose",
            ),
        ),
    ),
    Case(
        "b08-yyyymmdd",
        (
            file("ga4.json", days(DAY, NEXT)),
            file("ga4s.json", days(DAY)),
            file("sap.csv", days(DAY, NEXT, "2024-01-17")),
        ),
        right_rows("sap.csv", "belnr", [(100001, DAY), (100002, NEXT), (100003, "2024-01-17")]),
    ),
    Case(
        "b15-date-column-names",
        (
            file("app.jsonl", days("2023-07-01")),
            file("elk.jsonl", days("2023-07-01", "2023-07-02")),
            # `created` is none of the date columns.
            file("stripe.jsonl", days(UPLOADED), days("2023-07-01")),
            file("trail.json", days("2023-07-01", "2023-07-02")),
        ),
        right_rows("elk.jsonl", "message", [("x", "2023-07-01"), ("y", "2023-07-02")]),
    ),
    Case(
        "b16-date-fallback",
        (
            file("mixed.csv", days("2023-05-01", "2023-05-02")),
            file("mixed.jsonl", days(*(f"2023-05-0{n}" for n in (1, 2, 3, 4)))),
        ),
        right_rows("mixed.jsonl", "id", [(n, f"2023-05-0{n}") for n in (1, 2, 3, 4)])
        | right_rows("mixed.csv", "id", [(n, f"2023-05-0{n}") for n in (1, 2)]),
    ),
    Case(
        "b30-date-spellings",
        (file("moments.jsonl", Expect(read=len(MOMENTS))),),
        {"each spelling": moments},
    ),
    Case(
        "b31-epochs",
        (
            *(
                file(f"{name}.jsonl", days(DAY))
                for name in ("bq", "float", "millis_str", "nanos", "obj")
            ),
            file("sci.jsonl", days(DAY, DAY)),
            file("excel.csv", days(UPLOADED, UPLOADED), days(DAY, NEXT)),
            file("elapsed.csv", days(*[UPLOADED] * 3)),
            file("hour.jsonl", days(UPLOADED, UPLOADED)),
            file("year.csv", days(UPLOADED, UPLOADED)),
            file("old.csv", days(UPLOADED)),
        ),
    ),
    Case(
        "b42-parquet-typed-date-column",
        (
            *TYPED,
            # A time of day is no date.
            file(
                "time_time.parquet",
                Expect(dates=(UPLOADED, UPLOADED), types=columns("id time", "bigint string")),
            ),
            file(
                "happened_ts.parquet",
                days(DAY, UPLOADED),
                contract={
                    "type": "object",
                    "x-partition-column": "happened",
                    "properties": {"happened": {"type": ["string", "null"]}},
                },
                also="named by the contract",
            ),
        ),
    ),
    Case(
        "b43-avro-typed-date-column",
        tuple(file(f"{name}.avro", days(DAY, UPLOADED)) for name in ("d", "long", "ms", "nanos")),
        {
            f"{k} ({name}.avro)": check
            for name in ("d", "long", "ms", "nanos")
            for k, check in right_rows(f"{name}.avro", "id", [(1, DAY), (2, UPLOADED)]).items()
        },
    ),
    Case(
        "b44-typed-date-in-table",
        (
            *IN_TABLE,
            *(
                file(f"{name}", days(DAY, NEXT))
                for name in ("a.jsonl", "b.jsonl", "c.csv", "d.csv")
            ),
            file("tz.jsonl", days(DAY, NEXT)),
        ),
    ),
]
