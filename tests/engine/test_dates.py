"""The day of a record: every spelling, in Python and in SQL, in every format, on both ways."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import duckdb
import fastavro
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.convert.jsontext import loads
from engine.convert.layout import Target
from engine.options import Options
from engine.types.kinds import (
    BIGINT,
    BOOLEAN,
    DATE,
    DOUBLE,
    STRING,
    TIMESTAMP,
    Array,
    Kind,
    Scalar,
    Struct,
)
from engine.types.moments import day_of, first_day
from engine.types.spellings import form_of
from engine.types.sql import duckdb_type, literal
from engine.write.dates import candidates, certain_day_sql, day_sql, first_day_sql
from store.paths import date_name, day_of_path, path_columns
from tests.support.chance import examples
from tests.support.engine import CREATED, convert, lines

DAY, UPLOAD = date(2024, 1, 15), CREATED.date()
NAMES = ("timestamp", "event_time", "event_timestamp", "datetime", "date", "created_at", "time")
EVERY = Options(date_columns=NAMES)


@pytest.fixture(scope="module")
def db() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def days(
    db: duckdb.DuckDBPyConnection, values: list[Any], kind: Kind, formats: tuple[str, ...] = ()
) -> list[date | None]:
    """What SQL makes of values of a kind, as text or as the type itself."""
    type_sql = "VARCHAR" if all(v is None or isinstance(v, str) for v in values) else ""
    type_sql = type_sql or duckdb_type(kind)
    rows = ", ".join(
        f"({n}, CAST({_spelled(value)} AS {type_sql}))" for n, value in enumerate(values)
    )
    query = f"SELECT {day_sql('v', kind, CREATED, formats)} FROM (VALUES {rows}) t(n, v) ORDER BY n"
    return [day for (day,) in db.execute(query).fetchall()]


def _spelled(value: Any) -> str:
    return "NULL" if value is None else literal(str(value))


#: What means 2024-01-15 but for the last column, and what means no day at all.
SPELLINGS: dict[str, date | None] = {
    **dict.fromkeys(
        [
            "2024-01-15", "2024-01-15T10:00:00Z", "2024-01-15T10:00:00.123Z", "2024-01-15T10:00:00",
            "2024-01-15T10:00:00+0000", "2024-01-15T10:00:00.000+0000", "2024-01-15 10:00:00 UTC",
            "2024-01-15 10:00:00 +0000", "2024-01-15 10:00:00 -0500", "20240115T100000Z",
            "20240115",
            "2024/01/15 10:00:00", "2024/01/15", "15/Jan/2024:10:00:00 +0000", "15 Jan 2024",
            "Mon, 15 Jan 2024 10:00:00 GMT", "Mon Jan 15 10:00:00 2024", "2024-01-15 10:00",
            "Mon Jan 15 10:00:00 +0000 2024", "Mon Jan 15 10:00:00 UTC 2024", "2024-01-15T10:00Z",
            "Mon Jan 15 2024 10:00:00 GMT+0100 (Central European Standard Time)", "2024-01-15T10",
            "2024-01-15t10:00:00z", "2024-01-15T10:00:00,123Z", "2024-01-15T10:00:00.123456789Z",
            "2024-W03-1", "2024W031", "2024-015", "Jan 15, 2024", "January 15th, 2024 9:05 PM",
            "2024-01-15T23:59:60Z", "2024-01-15T10:00:00+01:00[Europe/Vienna]", "2024-01-15Z",
            "2024-01-15T10:00:00[Europe/Vienna]", "2024-01-15 10:00:00 Europe/Vienna",
            "2024-01-15 10:00:00 EST", "1705312800", "1705312800000", "1705312800000000",
            "1705312800000000000", "1705312800.5", "1.7053128e9", "1.7053128E12", "+1705312800",
            "20240115.0", " 2024-01-15 ", '"2024-01-15"', '{"$date":"2024-01-15T10:00:00Z"}',
            '{"$date": 1705312800000}', '{"$date":{"$numberLong":"1705312800000"}}',
        ],
        DAY,
    ),
    "2024-01-15T23:30:00-0500": date(2024, 1, 16),
    "2024-01-15T23:30:00-05:00": date(2024, 1, 16),
    "2024-01-15T24:00:00Z": date(2024, 1, 16),
    "2024-01-15T24:00": date(2024, 1, 16),
    "2024-01-15 11:30 PM EST": date(2024, 1, 16),
    "2024-01-15T23.5-00:30": date(2024, 1, 16),
    "2024-01-15T10:00:00+14:00": date(2024, 1, 14),
    "2024-01-15T00:10:00[Europe/Vienna]": date(2024, 1, 14),
    "2024-1-5": date(2024, 1, 5),
    "2020-W53-7": date(2021, 1, 3),
    "2024-366": date(2024, 12, 31),
    "1000-01-01": date(1000, 1, 1),
    "9999-12-31": date(9999, 12, 31),
    "1863-07-04T10:00:00Z": date(1863, 7, 4),
    **dict.fromkeys(
        [
            "", " ", "n/a", "15.01.2024", "1/15/2024 10:00 AM", "01/02/2024", "01-15-2024",
            "24-01-15",
            "15-01-24", "01-01-13", "31-12-13", "5-6-7", "epoch", "today", "now", "infinity", "nan",
            "0000-00-00", "0001-01-01", "0024-01-15T10:00:00Z", "0999-12-31", "10000-01-01",
            "2024-01", "2024", "2023", "930", "45306", "0.5", "-86400", "1e400", "20240199",
            "2024-02-30", "2024-13-01", "2023-366", "2024-W53-1", "2024-W00-1", "2024-01-15T25:00Z",
            "2024-01-15T24:00:01Z", "2024-01-15T10:60:00Z", "2024-01-15T10:00:61Z", "12:00",
            "2024-01-15T10:00:00+25:00", "2024-01-15T10:00:00+01:75", "2024-01-15 10:00:00 XYZ",
            "2024-01-15T10:00:00 Europe/Nowhere", "2024-01-15 13:00 PM", "20240115.5", "315532799",
            "9999-12-31T23:00:00-05:00", "1000-01-01T00:00:00+01:00", "5000000000", "true",
            # In Arabic digits.
            "".join(chr(0x660 + int(c)) for c in "20240115"),
            "2024-01-15 and more", "2024-01-15" + " " * 200, '{"a":"2024-01-15"}',
        ],
        None,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), SPELLINGS.items())
def test_a_text_means_a_day_or_none(text: str, expected: date | None) -> None:
    assert day_of(text, CREATED) == expected


def test_sql_reads_every_spelling_as_python_does(db: duckdb.DuckDBPyConnection) -> None:
    for kind in (STRING, TIMESTAMP, DATE, BIGINT, DOUBLE, Scalar("varchar(99)")):
        found = dict(zip(SPELLINGS, days(db, list(SPELLINGS), kind), strict=True))
        assert found == SPELLINGS


TYPED: list[tuple[Kind, Any, date | None]] = [
    (TIMESTAMP, datetime(2024, 1, 15, 23, 59), DAY),
    (TIMESTAMP, datetime(24, 1, 15), None),
    (DATE, DAY, DAY),
    (DATE, date(1, 1, 1), None),
    (BIGINT, 1705312800, DAY),
    (BIGINT, 1705363199999999999, DAY),
    (BIGINT, 20240115, DAY),
    (BIGINT, 0, None),
    (BIGINT, 2**63 - 1, None),
    (Scalar("int"), 20240115, DAY),
    (Scalar("smallint"), 2024, None),
    (DOUBLE, 1705312800.123, DAY),
    (DOUBLE, 20240115.0, DAY),
    (DOUBLE, 20240115.5, None),
    (DOUBLE, float("nan"), None),
    (DOUBLE, float("inf"), None),
    (Scalar("decimal(20,3)"), Decimal("1705312800.123"), DAY),
    (Scalar("decimal(10,0)"), Decimal(20240115), DAY),
    (BOOLEAN, True, None),
]


@pytest.mark.parametrize(("kind", "value", "expected"), TYPED)
def test_a_typed_value_means_a_day_or_none(
    db: duckdb.DuckDBPyConnection, kind: Kind, value: Any, expected: date | None
) -> None:
    assert day_of(value, CREATED) == expected
    assert days(db, [value], kind) == [expected]
    assert days(db, [None], kind) == [None]


@pytest.mark.parametrize("name", ["$date", "_date"])
def test_a_date_of_mongodb_is_read_within_its_struct(
    db: duckdb.DuckDBPyConnection, name: str
) -> None:
    sql = day_sql("v", Struct((("_date", STRING),)), CREATED)
    query = f"SELECT {sql} FROM (SELECT {{'{name}': '2024-01-15T10:00:00Z'}} AS v)"
    assert db.execute(query).fetchall() == [(DAY,)]


def test_nothing_else_means_a_day() -> None:
    for kind in (BOOLEAN, Scalar("binary"), Array(STRING), Struct((("a", STRING),))):
        assert day_sql("v", kind, CREATED) == "CAST(NULL AS DATE)"
        assert certain_day_sql("v", kind) == "true"
    assert [day_of(value, CREATED) for value in (None, True, [DAY], {"a": 1}, b"x")] == [None] * 5


# --- The contract's formats ------------------------------------------------------------


@pytest.mark.parametrize(
    ("formats", "text", "expected"),
    [
        (["%d/%m/%Y"], "01/02/2024", date(2024, 2, 1)),
        (["%m/%d/%Y"], "01/02/2024", date(2024, 1, 2)),
        (["%d/%m/%Y", "%m/%d/%Y"], "01/15/2024", DAY),
        (["%d.%m.%Y %H:%M"], "15.1.2024 9:05", DAY),
        (["%m/%d/%Y %I:%M %p"], "1/15/2024 10:00 AM", DAY),
        (["%d/%m/%Y %T %z"], "15/01/2024 23:30:00 -0500", date(2024, 1, 16)),
        (["%d-%b-%Y"], "15-JAN-2024", DAY),
        (["%Y%j"], "2024015", DAY),
        (["%d%m%Y"], "15012024", DAY),
        (["%d/%m/%Y"], "2024-01-15", DAY),
        (["%d/%m/%Y"], "30/02/2024", None),
        (["%d/%m/%Y"], "1/2/24", None),
    ],
)
def test_a_format_says_what_is_ambiguous(
    db: duckdb.DuckDBPyConnection, formats: list[str], text: str, expected: date | None
) -> None:
    assert day_of(text, CREATED, formats) == expected
    assert days(db, [text], STRING, tuple(formats)) == [expected]


@pytest.mark.parametrize("text", ["%d/%m/%y", "%Y", "%Y-%m", "%d/%m", "%F %Q", "%Y%F", "%"])
def test_a_format_without_a_whole_day_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="date format"):
        form_of(text)


# --- Python and SQL --------------------------------------------------------------------

_ZONES = ["", "Z", "z", " UTC", " GMT", "+01:00", "-0530", "+14", " +0000", " EST", "-23:59",
          "+24:00",
          "[UTC]", "+01:00[Europe/Vienna]", " GMT+0100 (x)", " BST"]  # fmt: skip
_YEARS = ["2024", "1999", "0999", "1000", "9999", "0024", "24", "2023"]


@st.composite
def moments(draw: st.DrawFn) -> str:
    """Texts of a grammar of dates, some of them broken."""
    year = draw(st.sampled_from(_YEARS))
    month, day = draw(st.integers(0, 13)), draw(st.integers(0, 32))
    hour, minute, second = (
        draw(st.integers(0, 25)),
        draw(st.integers(0, 61)),
        draw(st.integers(0, 61)),
    )
    name = draw(st.sampled_from(["Jan", "FEB", "march", "Sept", "December", "Foo"]))
    head = draw(
        st.sampled_from(
            [
                f"{year}-{month:02}-{day:02}", f"{year}/{month}/{day}", f"{year}{month:02}{day:02}",
                f"{year}-{day:03}", f"{year}-W{day:02}-{month}", f"{day:02}/{name}/{year}",
                f"Tue, {day} {name} {year}", f"{name} {day}, {year}", f"{day:02}.{month:02}.{year}",
            ]
        )
    )  # fmt: skip
    fraction = draw(st.sampled_from(["", ".5", ",25", ".123456", ".123456789", ".", ".000"]))
    tail = draw(
        st.sampled_from(
            [
                "", f"T{hour:02}:{minute:02}:{second:02}{fraction}",
                f" {hour:02}:{minute:02}{fraction}",
                f"t{hour:02}{minute:02}{second:02}", f" {hour}:{minute:02} PM",
                f":{hour:02}:{minute:02}",
                f"T{hour:02}{fraction}", f" {hour:02}:{minute:02}:{second:02}",
            ]
        )
    )  # fmt: skip
    return head + tail + draw(st.sampled_from(_ZONES))


@st.composite
def mutated(draw: st.DrawFn) -> str:
    text = draw(moments())
    for _ in range(draw(st.integers(0, 2))):
        place = draw(st.integers(0, len(text)))
        width = draw(st.integers(0, 2))
        inserted = draw(st.text('0129-+:/., TZWzapm"{}[]()|=é\u017f\u212a\n', max_size=2))
        text = text[:place] + inserted + text[place + width :]
    return text


NUMBERS = st.one_of(
    st.integers(-(2**63), 2**63 - 1),
    st.integers(19000000, 21000000),
    *(st.integers(315_000_000 * unit, 1_800_000_000 * unit) for unit in (1, 10**3, 10**6, 10**9)),
)
DOUBLES = st.floats(width=64) | st.floats(1e7, 2e18) | NUMBERS.map(float)


@settings(deadline=None, max_examples=examples(20), suppress_health_check=[HealthCheck.too_slow])
@given(texts=st.lists(st.one_of(mutated(), st.text(max_size=30)), min_size=40, max_size=60))
def test_any_text_means_the_same_day_in_sql(
    db: duckdb.DuckDBPyConnection, texts: list[str]
) -> None:
    texts = [text for text in texts if "\0" not in text and text.isprintable()] or [""]
    expected = [day_of(text, CREATED) for text in texts]
    for kind in (STRING, TIMESTAMP, BIGINT):
        assert dict(zip(texts, days(db, texts, kind), strict=True)) == dict(
            zip(texts, expected, strict=True)
        )


@settings(deadline=None, max_examples=examples(15))
@given(whole=st.lists(NUMBERS, min_size=50), doubles=st.lists(DOUBLES, min_size=50))
def test_any_number_means_the_same_day_in_sql(
    db: duckdb.DuckDBPyConnection, whole: list[int], doubles: list[float]
) -> None:
    expected = [day_of(number, CREATED) for number in whole]
    assert days(db, whole, BIGINT) == expected
    assert days(db, [str(number) for number in whole], BIGINT) == expected
    assert days(db, [str(number) for number in whole], STRING) == expected
    expected = [day_of(number, CREATED) for number in doubles]
    assert days(db, doubles, DOUBLE) == expected
    assert days(db, [repr(number) for number in doubles], STRING) == expected
    assert [day_of(loads(repr(n)), CREATED) for n in doubles if n - n == 0] == [
        day for n, day in zip(doubles, expected, strict=True) if n - n == 0
    ]


def test_a_zone_that_is_named_is_not_certain(db: duckdb.DuckDBPyConnection) -> None:
    texts = {
        "2024-01-15T10:00:00Z": True,
        "15/Jan/2024:10:00:00 +0000": True,
        "2024-01-15T10:00:00 Europe/Vienna": False,
        "2024-01-15T10:00:00[Etc/GMT+1]": False,
    }
    for text, expected in texts.items():
        query = f"SELECT {certain_day_sql(literal(text), STRING)}"
        assert db.execute(query).fetchall() == [(expected,)]


# --- Columns and paths -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("eventTime", "event_time"), ("@timestamp", "timestamp"), ("createdAt", "created_at"),
        ("Event Time", "event_time"), ("event.time", "event_time"), ("EVENT_TIME", "event_time"),
        ("event-time", "event_time"), ("EventTime", "event_time"), ("eventTIME", "event_time"),
        ("HTTPDate", "http_date"), ("_timestamp", "timestamp"), ("date", "date"), ("@", ""),
    ],
)  # fmt: skip
def test_the_words_of_a_name_are_divided(field: str, expected: str) -> None:
    assert date_name(field) == expected


def test_candidates_come_in_the_order_of_the_parameter() -> None:
    targets = [
        Target(name, name, STRING) for name in ("date", "dateTime", "Timestamp", "timestamp")
    ]
    wanted = ("chosen", "timestamp", "datetime", "date")
    for some in (targets, targets[::-1]):
        found = [target.field for target in candidates(wanted, some)]
        assert found == ["timestamp", "Timestamp", "dateTime", "date"]


def test_the_first_usable_day_counts(db: duckdb.DuckDBPyConnection) -> None:
    values = [("'n/a'", STRING), ("NULL::BIGINT", BIGINT), ("DATE '2024-01-15'", DATE)]
    assert db.execute(f"SELECT {first_day_sql(values, CREATED)}").fetchall() == [(DAY,)]
    assert first_day(["n/a", None, DAY], CREATED) == DAY
    assert first_day_sql([], CREATED) == "CAST(NULL AS DATE)"


UNUSUAL = (
    "15/Jan/2024:10:00:00 +0000", "Mon, 15 Jan 2024 10:00:00 +0000", "2024-W03-1", "2024/1/15",
    "2024-01-15T23:30:00-02:00", "2024-01-15T10:00:00[Europe/Berlin]", "20240115", "", " ", "n/a",
    "1705312800.5", "2024-01-15t10:00:00z", "2024-01-15T10:00", "2024-02-30", "0", "15.01.2024",
)  # fmt: skip


@pytest.mark.parametrize("form", ["jsonl", "csv"])
@pytest.mark.parametrize("times", [1, 300])
def test_a_date_counts_however_few_are_spelled_as_it_is(form: str, times: int) -> None:
    values = ["2024-01-10T10:00:00Z"] * 50 + [*UNUSUAL] * times
    rows = [{"id": n, "timestamp": value, "date": None} for n, value in enumerate(values)]
    rows += [{"id": -1, "timestamp": None, "date": "Mon, 15 Jan 2024 10:00:00 +0000"}]
    if form == "jsonl":
        body = lines(*rows)
    else:
        text = io.StringIO()
        table = csv.DictWriter(text, ["id", "timestamp", "date"])
        table.writeheader()
        table.writerows(rows)
        body = text.getvalue().encode()
    found = convert(body, f"data/t/x.{form}", options=EVERY)
    dated = {row["id"]: row["date_partition"] for row in found.rows}
    expected = {
        row["id"]: str(first_day([row["timestamp"], row["date"]], CREATED) or UPLOAD)
        for row in rows
    }
    assert dated == expected
    assert found.conversion is not None
    undated = sum(not first_day([row["timestamp"], row["date"]], CREATED) for row in rows)
    assert found.conversion.undated == undated


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("data/t/year=2024/month=01/day=15/a.json", DAY),
        ("data/t/y=2024/m=1/d=15/h=10/a.json", DAY),
        ("data/t/dt=2024-01-15/a", DAY),
        ("data/t/country=AT/date_partition=2024-01-15/a", DAY),
        ("data/t/event_date=20240115/a", DAY),
        ("data/t/dt=2024-01-15-10/a", DAY),
        ("data/t/dt=2024-01-15%2010%3A00/a", DAY),
        ("data/t/2024/01/15/10/a.json", DAY),
        ("data/t/AWSLogs/123456789012/2024/01/15/a.json", DAY),
        ("data/t/2024-01-15/a", DAY),
        ("data/t/year=2024/month=01/a", None),
        ("data/t/2024/01/a", None),
        ("data/t/2024/13/45/a", None),
        ("data/t/id=20240115/a", None),
        ("data/t/2024-01-15.json", None),
        ("data/a", None),
    ],
)
def test_a_path_says_a_day_or_none(key: str, expected: date | None) -> None:
    assert day_of_path(key) == expected


def test_folders_of_names_and_values_are_columns() -> None:
    key = "data/t/Country=AT/at=10%3A00/x=__HIVE_DEFAULT_PARTITION__/y=/=z/2024/f=1.csv"
    assert path_columns(key) == {"Country": "AT", "at": "10:00", "x": None, "y": ""}
    assert path_columns("data/a=b.csv") == path_columns("data/a=b/c.csv") == {}


# --- Whole files -----------------------------------------------------------------------


def parquet(values: dict[str, pa.Array]) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table(values), file)
    return file.getvalue()


def avro(records: list[dict[str, Any]], kind: Any) -> bytes:
    file = io.BytesIO()
    fields = [
        {"name": name, "type": ["null", kind if name in NAMES else "long"]} for name in records[0]
    ]
    schema = fastavro.parse_schema({"type": "record", "name": "r", "fields": fields})
    fastavro.writer(file, schema, records)
    return file.getvalue()


def csv_of(records: list[dict[str, Any]]) -> bytes:
    file = io.StringIO()
    writer = csv.DictWriter(file, list(records[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(records)
    return file.getvalue().encode()


MOMENT = datetime(2024, 1, 15, 10, tzinfo=UTC)
JSON_VALUES = ["2024-01-15T10:00:00Z", "2024-01-15", "20240115", 20240115, 1705312800, 1705312800.5,
               {"$date": "2024-01-15T10:00:00Z"}, "Mon, 15 Jan 2024 10:00:00 GMT"]  # fmt: skip


def dates_of(found: Any) -> list[str]:
    assert found.status in ("DONE", "PARTIAL")
    return sorted(row["date_partition"] for row in found.rows)


def _fits(value: Any, type_name: str) -> bool:
    match type_name:
        case "timestamp":
            return bool(value == "2024-01-15T10:00:00Z")
        case "date":
            return bool(value == "2024-01-15")
        case "bigint":
            return isinstance(value, int) or value == "20240115"
        case "double":
            return isinstance(value, int | float) or value == "20240115"
    return True


@pytest.mark.parametrize(
    ("name", "value", "type_name"),
    [
        (name, value, type_name)
        for type_name in ("", "timestamp", "date", "string", "bigint", "double")
        for value in JSON_VALUES
        if _fits(value, type_name)
        # A column is found by its name before its type matters.
        for name in (NAMES[:1] if type_name else NAMES)
    ],
    ids=str,
)
def test_json_and_csv_are_dated_on_both_ways(name: str, value: Any, type_name: str) -> None:
    table = {"n": "bigint"} | ({name: type_name} if type_name else {})
    record, odd = {"n": 1, name: value}, {"n": "x", name: value}
    for records in ([record], [record, odd]):
        expected = ["2024-01-15"] * len(records)
        assert dates_of(convert(lines(*records), table=table, options=EVERY)) == expected
        document = json.dumps(records).encode()
        assert dates_of(convert(document, table=table, options=EVERY)) == expected
        if not isinstance(value, dict):
            body = csv_of(records)
            found = convert(body, "data/t/a.csv", table=table, options=EVERY)
            assert dates_of(found) == expected


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "column",
    [
        pa.array([MOMENT], pa.timestamp("us")),
        pa.array([MOMENT], pa.timestamp("ms", "UTC")),
        pa.array([MOMENT], pa.timestamp("us", "America/New_York")),
        pa.array([DAY], pa.date32()),
        pa.array([1705312800], pa.int64()),
        pa.array([20240115], pa.int32()),
        pa.array([1705312800.5], pa.float64()),
        pa.array([Decimal("1705312800.5")], pa.decimal128(20, 3)),
        pa.array(["2024-01-15T10:00:00Z"], pa.string()),
    ],
    ids=lambda column: str(column.type),
)
def test_parquet_is_dated_on_both_ways(name: str, column: pa.Array) -> None:
    body = parquet({"n": pa.array([1]), name: column})
    assert dates_of(convert(body, options=EVERY)) == ["2024-01-15"]
    assert dates_of(convert(body, table={"n": "date"}, options=EVERY)) == ["2024-01-15"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ({"type": "long", "logicalType": "timestamp-millis"}, MOMENT),
        ({"type": "long", "logicalType": "timestamp-micros"}, MOMENT),
        ({"type": "int", "logicalType": "date"}, DAY),
        ("long", 1705312800),
        ("double", 1705312800.5),
        ("string", "2024-01-15T10:00:00Z"),
    ],
    ids=str,
)
def test_avro_is_dated_on_both_ways(name: str, kind: Any, value: Any) -> None:
    body = avro([{"n": 1, name: value}, {"n": 2, name: None}], kind)
    expected = sorted(["2024-01-15", UPLOAD.isoformat()])
    assert dates_of(convert(body, options=EVERY)) == expected
    assert dates_of(convert(body, table={"n": "date"}, options=EVERY)) == expected


@pytest.mark.parametrize("odd", [False, True])
def test_each_record_has_its_own_first_date(odd: bool) -> None:
    records: list[dict[str, Any]] = [
        {"id": 1, "timestamp": "2023-05-01T00:00:00Z"},
        {"id": 2, "date": "2023-05-02"},
        {"id": 3, "timestamp": None, "date": "2023-05-03"},
        {"id": 4, "timestamp": "n/a", "date": "2023-05-04"},
    ]
    table = {"id": "bigint"} if odd else None
    more = [{"id": "x", "date": "2023-05-05"}] if odd else []
    found = convert(lines(*records, *more), table=table)
    assert dates_of(found) == [f"2023-05-0{n}" for n in range(1, 6 if odd else 5)]
    body = b"id,timestamp,date\n1,2023-05-01T00:00:00Z,\n2,,2023-05-02\n"
    assert dates_of(convert(body, "data/t/a.csv")) == ["2023-05-01", "2023-05-02"]


@pytest.mark.parametrize(
    "field", ["@timestamp", "Timestamp", "timeStamp", "TIMESTAMP", "time-stamp"]
)
def test_a_date_column_is_known_by_its_words(field: str) -> None:
    assert dates_of(convert(lines({field: "2023-07-01T10:00:00Z"}))) == ["2023-07-01"]


@pytest.mark.parametrize(
    "body",
    [b"date,v\n01-01-13,1\n31-12-13,2\n", b"timestamp,v\n-86400,1\n", b"date,v\n2023,1\n2024,2\n"],
)
def test_what_is_no_date_is_dated_by_path_then_upload(body: bytes) -> None:
    assert set(dates_of(convert(body, "data/t/a.csv"))) == {UPLOAD.isoformat()}
    assert set(dates_of(convert(body, "data/t/2023/12/31/a.csv"))) == {"2023-12-31"}


def test_a_moment_later_than_a_year_after_the_upload_is_none() -> None:
    last = CREATED + timedelta(days=366)
    for unit in (1, 1000, 10**6, 10**9):
        assert day_of(int(last.timestamp()) * unit, CREATED) == last.date()
        assert day_of(int(last.timestamp()) * unit + 1, CREATED) is None
