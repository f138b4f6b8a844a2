"""Whatever the bytes: never an exception, never a lost record."""

from __future__ import annotations

import json
from itertools import zip_longest
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.chance import examples
from tests.support.engine import convert

VERDICTS = {"DONE", "PARTIAL", "EMPTY", "REJECTED", "STORED", "TOO_LARGE"}

#: A start that leads into each reader.
STARTS = [
    b"",
    b"{",
    b"[",
    b'{"Records":[',
    b"PAR1",
    b"Obj\x01",
    b"\x1f\x8b\x08",
    b"\x28\xb5\x2f\xfd",
    b"BZh9",
    b"\xfd7zXZ\x00",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"a,b\n",
]
NAMES = ["object", "x.json", "x.jsonl", "x.csv", "x.csv.gz", "x.parquet", "x.log", "日本 +%.tsv"]

KEYS = st.text(max_size=8) | st.sampled_from(["a", "A", "a b", "date", "timestamp", "_source_key"])
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from(["2024-01-15T10:00:00Z", "1", "true", "null", "0001"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)
RECORDS = st.lists(st.dictionaries(KEYS, VALUES, max_size=4), max_size=8)


@given(start=st.sampled_from(STARTS), body=st.binary(max_size=300), name=st.sampled_from(NAMES))
@settings(max_examples=examples(50), deadline=None)
def test_any_bytes_get_a_verdict(start: bytes, body: bytes, name: str) -> None:
    assert convert(start + body, f"data/t/{name}").status in VERDICTS


@given(
    cells=st.lists(
        st.lists(st.text(alphabet='a1",;\n\r\t |', max_size=6), min_size=1, max_size=4), max_size=8
    )
)
@settings(max_examples=examples(50), deadline=None)
def test_any_rows_get_a_verdict(cells: list[list[str]]) -> None:
    body = "\n".join(",".join(row) for row in cells).encode()
    assert convert(body, "data/t/x.csv").status in VERDICTS


@given(
    records=RECORDS,
    junk=st.lists(st.sampled_from([b"oops", b"{", b'{"a": NaN}', b"\xfe\xfdz", b'{"a": 1'])),
    table=st.sampled_from([None, {"a": "bigint"}, {"a": "double", "date": "string"}]),
)
@settings(max_examples=examples(60), deadline=None)
def test_every_record_is_accepted_and_every_other_line_refused(
    records: list[dict[str, Any]], junk: list[bytes], table: dict[str, str] | None
) -> None:
    good = [json.dumps(record).encode() for record in records]
    pairs = zip_longest(good, junk)
    body = b"\n".join(line for pair in pairs for line in pair if line is not None)
    found = convert(body, "data/t/x.jsonl", table)
    if found.status == "REJECTED":
        assert not records
        return
    assert len(found.rows) == len(records)
    assert len(found.quarantine) == len(junk)


@given(values=st.lists(VALUES.filter(lambda v: not isinstance(v, dict)), min_size=1, max_size=6))
@settings(max_examples=examples(60), deadline=None)
def test_a_value_is_found_again(values: list[Any]) -> None:
    body = b"".join(json.dumps({"n": n, "v": v}).encode() + b"\n" for n, v in enumerate(values))
    found = convert(body)
    kept = {row["n"]: row.get("v") for row in found.values}
    rescued = {
        row["n"]: rest for row, rest in zip(found.values, found.rescued, strict=True) if rest
    }
    for number, value in enumerate(values):
        assert number in kept or value is None
        if isinstance(value, (bool, int, float)) and number not in rescued:
            read = kept[number]
            assert read == value or json.loads(str(read).lower()) == value
        if isinstance(value, str) and number not in rescued:
            assert kept[number] == value
