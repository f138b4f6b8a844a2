"""Workbooks that need a password, and XLS as other programs than Excel write it."""

from __future__ import annotations

import struct

import pytest

from tests.support.engine import convert
from tests.support.workbooks import begin, compound, ods, record, xls

ROWS: list[list[str | float]] = [["name", "n"], ["Žižka", 1.5], ["b", -2.5], ["c", -3.5]]
VALUES = [{"name": "Žižka", "n": 1.5}, {"name": "b", "n": -2.5}, {"name": "c", "n": -3.5}]


def with_password(kind: int, *, protected: bool = False) -> bytes:
    """An XLS: what follows its first record says how its texts are hidden."""
    write_protected = record(0x86) if protected else b""
    password = record(0x2F, struct.pack("<HHH", kind, 0x1234, 0x5678), bytes(48))
    rest = record(0x42, b"\x99\x99") + record(0x0A)
    return compound("Workbook", begin(5) + write_protected + password + rest)


@pytest.mark.parametrize(
    "body",
    [
        compound("EncryptedPackage", b"\x01" * 5000),
        ods(ROWS, encrypted=True),
        with_password(1),
        with_password(0),
        with_password(0, protected=True),
    ],
    ids=["xlsx", "ods", "xls", "xls-xor", "xls-xor-write-protected"],
)
@pytest.mark.parametrize("name", ["data/t/a.xlsx", "data/t/a.xls", "data/t/a"])
def test_a_workbook_with_a_password_is_kept_and_not_read(body: bytes, name: str) -> None:
    found = convert(body, name)
    assert found.status == "STORED"
    assert found.conversion is not None
    assert "an encrypted workbook" in found.conversion.detail


@pytest.mark.parametrize("body", [xls(ROWS), xls(ROWS, code_page=1252), xls(ROWS, formula=0x406)])
def test_xls_is_read_whatever_program_wrote_it(body: bytes) -> None:
    found = convert(body, "data/t/a.xls")
    assert found.values == VALUES
    assert found.conversion is not None
    assert found.conversion.guesses == ()


def test_it_is_said_what_is_wrong_with_a_damaged_workbook() -> None:
    found = convert(compound("Workbook", begin(5) + record(0x85, b"\0")), "data/t/a")
    assert found.error is not None
    assert found.error.code == "CORRUPT_FILE"
    assert "Cannot detect" not in str(found.error)
