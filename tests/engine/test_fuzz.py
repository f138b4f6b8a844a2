"""A few files of `make fuzz`, and that it tells what is wrong."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from tests.engine import fuzz

if TYPE_CHECKING:
    import pytest


def told(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_spoiled_files_end_in_a_verdict() -> None:
    # In a process of its own: the peak of this one is that of all tests before.
    assert fuzz._watched(0, 40) == (40, {})


def test_a_file_follows_from_its_number() -> None:
    assert [fuzz.spoiled(n) for n in range(9)] == [fuzz.spoiled(n) for n in range(9)]
    assert len({fuzz.spoiled(n)[1] for n in range(40)}) > 30


def test_what_is_no_verdict_is_a_finding(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(*_: Any) -> None:
        raise AssertionError("2 records read, 1 written")

    monkeypatch.setattr(fuzz, "convert", lost)
    fuzz.check(range(1))
    found = {"number": 0, "wrong": "AssertionError: 2 records read, 1 written"}
    assert told(capsys) == [{"begun": 0}, found]


def test_a_process_that_dies_is_a_finding_and_the_next_file_is_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    after, found = fuzz._watched(5, 9)
    assert after == 6
    assert found[5].startswith("the process ended with 1")
