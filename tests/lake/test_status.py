"""What `lake status` makes of the log of a minute."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from lake.logs import Line
from lake.status import Status, flow_of, picture

if TYPE_CHECKING:
    from tests.conftest import LocalLake


def ingested(key: str, status: str = "DONE", **told: object) -> Line:
    return Line(1.0, "processor", "INFO", "object ingested", key, {"status": status, **told})


LINES = [
    ingested("data/a", records_read=60, records_quarantined=0),
    Line(1.0, "processor", "INFO", "object was ingested before", "data/a"),
    ingested("data/b", "PARTIAL", records_read=60, records_quarantined=2, refused={"X": 2}),
    ingested("data/c", "REJECTED", reason="CORRUPT_FILE"),
    Line(1.0, "processor", "WARNING", "message handed back", "data/d", {"reason": "DEFECT"}),
]


def test_the_flow_is_told_from_what_was_ingested() -> None:
    flow = flow_of(LINES)
    assert (flow.rows_a_second, flow.rows) == (2.0, 120)
    # A few rows are none a second.
    assert flow_of([ingested("data/a", records_read=2)]).rows == 2
    assert [(one.key, one.status, one.read, one.refused) for one in flow.files] == [
        ("data/d", "FAILED", 0, 0),
        ("data/c", "REJECTED", 0, 0),
        ("data/b", "PARTIAL", 60, 2),
        ("data/a", "DONE", 60, 0),
    ]
    assert flow.reasons == {"X": 1, "CORRUPT_FILE": 1, "DEFECT": 1}
    assert [one.key for one in flow_of([ingested(f"data/{n}") for n in range(20)]).files] == [
        f"data/{n}" for n in range(19, 11, -1)
    ]


def test_the_picture_says_queue_flow_files_and_trouble_and_obeys_no_key() -> None:
    seen = Status({"DONE": 2}, 3, 1, 1, {}, "", flow_of(LINES), ["The function is ill."])
    said = picture(seen).plain.splitlines()
    assert said[0] == "queue: 3 waiting, 1 in flight, 1 dead"
    assert said[1] == "flow:  120 rows read in the last minute"
    assert "  PARTIAL   data/b: 60 read, 2 refused (X)" in said
    assert "  REJECTED  data/c: 0 read (CORRUPT_FILE)" in said
    assert said[-1] == "The function is ill."
    evil = picture(Status({}, 0, 0, 0, {}, "", flow_of([ingested("data/\x1b[2J")]))).plain
    assert "\x1b" not in evil


@pytest.mark.local
def test_the_status_for_programs_has_flow_and_health(local_lake: LocalLake) -> None:
    local_lake.ingest("data/flowing/a.json", b'{"n": 1}\n')
    told = json.loads(local_lake.command("lake", "status", "--json").stdout)
    assert told["objects"]["DONE"] >= 1
    assert "data/flowing/a.json" in [one["key"] for one in told["flow"]["files"]]
    assert told["tables"]["flowing"] == 4
    assert told["troubles"] == []
    shown = " ".join(local_lake.command("lake", "status").stdout.split())
    assert f"tables `lake tables` lists them {len(told['tables'])} crawler" in shown
    lines = local_lake.command("lake", "logs", "--key", "data/flowing/a.json", "--json").stdout
    (line,) = map(json.loads, lines.splitlines())
    assert (line["message"], line["status"], line["records_read"]) == ("object ingested", "DONE", 1)
