"""What ends a line, and what does not."""

from __future__ import annotations

import json

import pytest

from tests.support.engine import convert

#: Characters at which Python's own ``splitlines`` divides.
NO_ENDS = ["\u2028", "\u2029", "\x85", "\x0c"]


@pytest.mark.parametrize("mark", NO_ENDS[:3])
@pytest.mark.parametrize("key", ["data/t/x", "data/t/x.jsonl", "data/t/x.json"])
def test_no_other_character_ends_a_line_of_json(mark: str, key: str) -> None:
    rows = [{"id": n, "text": f"{mark}{{a{mark}}}{mark}b"} for n in range(3)]
    body = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
    found = convert(body, key)
    assert found.conversion is not None
    assert (found.conversion.format, found.values) == ("jsonl", rows)


@pytest.mark.parametrize("mark", NO_ENDS)
def test_no_other_character_ends_a_line_of_a_csv(mark: str) -> None:
    body = f"# id,name{mark}s\n1,a{mark}[b\n2,c{mark}{{d\n3,x\n"
    found = convert(body.encode(), "data/t/x.csv")
    assert (found.status, len(found.rows)) == ("DONE", 3)
    assert [list(row.values()) for row in found.values][:2] == [
        [1, f"a{mark}[b"],
        [2, f"c{mark}{{d"],
    ]


@pytest.mark.parametrize("key", ["data/t/x", "data/t/x.json", "data/t/x.json-seq", "data/t/x.log"])
@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("count", [1, 2, 5000])
def test_a_json_text_sequence_is_read(key: str, indent: int | None, count: int) -> None:
    rows = [{"id": n, "name": "é"} for n in range(count)]
    texts = (json.dumps(row, indent=indent, ensure_ascii=False) for row in rows)
    found = convert("".join(f"\x1e{text}\n" for text in texts).encode(), key)
    assert found.conversion is not None, found.error
    assert (found.status, found.conversion.format) == ("DONE", "jsonl")
    assert found.values == rows


def test_a_broken_record_of_a_json_text_sequence_costs_itself() -> None:
    body = b'\x1e{"id": 1}\n\x1e{"id": 2, "a": [\n\x1e\x1e{"id": 3}\n\x1e{"id": 4}\n\x1e{"id"'
    found = convert(body)
    assert [row["id"] for row in found.values] == [1, 3, 4]
    assert found.reasons == [(2, "MALFORMED_JSON"), (5, "MALFORMED_JSON")]
