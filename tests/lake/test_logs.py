"""`lake logs` says in lines that people read what the functions logged as JSON."""

from __future__ import annotations

import json
from typing import Any

from lake.logs import Line, parse


def event(message: str) -> dict[str, Any]:
    return {"timestamp": 1_705_320_000_500, "message": message, "eventId": "1"}


def record(**told: Any) -> dict[str, Any]:
    usual = {"level": "INFO", "location": "_answer:1", "timestamp": "x", "service": "processor"}
    return event(json.dumps({**usual, **told}))


def test_a_record_is_its_message_its_key_and_what_is_not_nothing() -> None:
    line = parse(
        record(
            message="object ingested", key="data/a b.json", status="DONE", rescued=0, guesses="[]"
        ),
        "processor",
    )
    assert line is not None
    assert (line.level, line.key, line.at) == ("INFO", "data/a b.json", 1_705_320_000.5)
    clock, _, rest = line.text.partition(" ")
    assert clock.count(":") == 2
    assert rest == "processor INFO object ingested data/a b.json status=DONE"


def test_of_an_exception_the_last_line_is_shown() -> None:
    line = parse(
        record(level="ERROR", message="message handed back", exception="Trace\n x\nKeyError: 1"),
        "processor",
    )
    assert line is not None
    assert line.text.splitlines()[1] == "    KeyError: 1"


def test_lines_of_the_platform_are_shown_where_they_tell_of_trouble() -> None:
    said = "[ERROR] Runtime.ImportModuleError: Unable to import module 'app'"
    assert parse(event(said), "curator") == Line(1_705_320_000.5, "curator", "ERROR", said)
    for message in ("START RequestId: 1 Version: $LATEST", "REPORT RequestId: 1\tDuration: 5 ms"):
        assert parse(event(message), "curator") is None
    assert parse(event('{"_aws": {}, "Events": [1.0]}'), "curator") is None
    broken = parse(event("{broken"), "curator")
    assert broken is not None
    assert broken.message == "{broken"
