"""Spreadsheets: cells with types, headers, several sheets, limits."""

from __future__ import annotations

import io
import struct
import zipfile
from datetime import date, datetime
from typing import Any
from xml.sax.saxutils import escape

import pytest

from engine.read import sheets
from tests.support.engine import convert

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
DOC = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"


def cell(value: Any, place: str) -> str:
    match value:
        case None:
            return ""
        case bool():
            return f'<c r="{place}" t="b"><v>{int(value)}</v></c>'
        case str():
            return f'<c r="{place}" t="inlineStr"><is><t>{escape(value)}</t></is></c>'
        case datetime():
            days = (value - datetime(1899, 12, 30)).total_seconds() / 86400
            return f'<c r="{place}" s="2"><v>{days}</v></c>'
        case date():
            return f'<c r="{place}" s="1"><v>{(value - date(1899, 12, 30)).days}</v></c>'
    return f'<c r="{place}"><v>{value}</v></c>'


def sheet(rows: list[list[Any]]) -> str:
    lines = "".join(
        f'<row r="{r}">{"".join(cell(v, f"{chr(65 + c)}{r}") for c, v in enumerate(row))}</row>'
        for r, row in enumerate(rows, 1)
    )
    return f'<worksheet xmlns="{MAIN}"><sheetData>{lines}</sheetData></worksheet>'


def xlsx(**tables: list[list[Any]]) -> bytes:
    """Write a workbook by hand: of ECMA-376 as little as a reader needs."""
    numbers = range(1, len(tables) + 1)
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{PACKAGE}/content-types"/>',
        "_rels/.rels": f'<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="r1" '
        f'Type="{DOC}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{DOC}"><sheets>'
        + "".join(
            f'<sheet name="{name}" sheetId="{n}" r:id="r{n}"/>'
            for n, name in zip(numbers, tables, strict=True)
        )
        + "</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{PACKAGE}/relationships">'
        + "".join(
            f'<Relationship Id="r{n}" Type="{DOC}/worksheet" Target="worksheets/sheet{n}.xml"/>'
            for n in numbers
        )
        + f'<Relationship Id="s" Type="{DOC}/styles" Target="styles.xml"/></Relationships>',
        "xl/styles.xml": f'<styleSheet xmlns="{MAIN}"><cellXfs count="3"><xf numFmtId="0"/>'
        '<xf numFmtId="14"/><xf numFmtId="22"/></cellXfs></styleSheet>',
    }
    for n, rows in zip(numbers, tables.values(), strict=True):
        parts[f"xl/worksheets/sheet{n}.xml"] = sheet(rows)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return file.getvalue()


ORDERS: list[list[Any]] = [
    ["order", "date", "at", "amount", "paid"],
    [1, date(2024, 1, 15), datetime(2024, 1, 15, 10), 0, True],
    [2, date(2024, 1, 16), datetime(2024, 1, 16, 11, 30), 10.5, False],
]


def test_cells_have_types() -> None:
    found = convert(xlsx(Orders=ORDERS), "data/t/orders.xlsx")
    assert found.conversion is not None
    assert found.conversion.format == "xlsx"
    assert found.types == {
        "order": "bigint",
        "date": "date",
        "at": "timestamp",
        "amount": "double",
        "paid": "boolean",
    }
    assert [list(row.values()) for row in found.values] == ORDERS[1:]
    assert [row["date_partition"] for row in found.rows] == ["2024-01-15", "2024-01-16"]


def test_titles_and_empty_rows_are_no_records() -> None:
    rows: list[list[Any]] = [["Orders of January"], [], *ORDERS[:2], [None, None], ORDERS[2]]
    found = convert(xlsx(Orders=rows))
    assert [row["order"] for row in found.values] == [1, 2]
    assert found.reasons == [(1, "NOT_A_ROW")]


@pytest.mark.parametrize(
    ("header", "columns"),
    [
        (["country", 2021, 2022], ["country", "2021", "2022"]),
        (["item", date(2024, 1, 31), date(2024, 2, 29)], ["item", "2024_01_31", "2024_02_29"]),
        (["name", "price", "price"], ["name", "price", "price_2"]),
        (["name", None, None], ["name", "column_2", "column_3"]),
        (["a\0b", "c", "d"], ["a_b", "c", "d"]),
    ],
)
def test_whatever_names_columns_is_a_header(header: list[Any], columns: list[str]) -> None:
    found = convert(xlsx(One=[header, ["x", 1.5, 2.5], ["y", 3.5, 4.5]]))
    assert list(found.types) == columns
    assert [list(row.values()) for row in found.values] == [["x", 1.5, 2.5], ["y", 3.5, 4.5]]


def test_a_header_without_rows_is_empty() -> None:
    assert convert(xlsx(One=[["id", "name", "city"]])).status == "EMPTY"


def test_the_contract_may_say_that_there_is_no_header() -> None:
    said = {"type": "object", "properties": {}, "x-csv": {"header": False}}
    found = convert(xlsx(One=[["ann", "graz"], ["bob", "linz"]]), contract=said)
    assert len(found.values) == 2


def test_lines_above_of_two_cells_are_no_records() -> None:
    rows: list[list[Any]] = [
        ["Made by", "me"],
        ["On", date(2024, 1, 15)],
        ["region", "q1", "q2", "q3"],
    ]
    found = convert(xlsx(One=[*rows, ["n", 1, 2, 3], ["s", 2, 3, 4]]))
    assert [row["q3"] for row in found.values] == [3, 4]
    assert found.reasons == [(1, "NOT_A_ROW"), (2, "NOT_A_ROW")]


def test_a_workbook_at_which_its_reader_panics_is_rejected() -> None:
    def text(value: str) -> bytes:
        return struct.pack("<I", len(value)) + value.encode("utf-16-le")

    # BrtBundleSh of [MS-XLSB] 2.4.326 names a relation that the workbook does not have.
    sheet = struct.pack("<II", 0, 1) + text("rId1") + text("One")
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/workbook.bin", b"\x9c\x01" + bytes([len(sheet)]) + sheet)
        archive.writestr("xl/_rels/workbook.bin.rels", f'<Relationships xmlns="{PACKAGE}"/>')
    found = convert(file.getvalue(), "data/t/a.xlsb")
    assert found.error is not None
    assert found.error.code == "CORRUPT_FILE"
    assert "save it again, or as CSV" in str(found.error)


def test_the_rows_of_several_sheets_say_which_they_are_of() -> None:
    found = convert(xlsx(May=[["a", "b"], [1, "x"]], June=[["b", "c"], ["y", 2]], Empty=[]))
    assert found.values == [
        {"_sheet": "May", "a": 1, "b": "x", "c": None},
        {"_sheet": "June", "a": None, "b": "y", "c": 2},
    ]


def test_a_sheet_without_names_has_made_up_ones() -> None:
    found = convert(xlsx(One=[[1, 2], [3, 4]]))
    assert found.values == [{"column_1": 1, "column_2": 2}, {"column_1": 3, "column_2": 4}]


def test_a_column_of_several_kinds_is_text() -> None:
    found = convert(xlsx(One=[["a", "b"], [1, 1.5], ["n/a", date(2024, 1, 15)], [True, "x"]]))
    assert found.types == {"a": "string", "b": "string"}
    assert [list(row.values()) for row in found.values] == [
        ["1", "1.5"],
        ["n/a", "2024-01-15"],
        ["true", "x"],
    ]


def test_a_cell_that_does_not_fit_the_table_is_rescued() -> None:
    found = convert(xlsx(One=[["a", "b"], [1, 1], ["n/a", 2]]), table={"a": "bigint"})
    assert [row["a"] for row in found.values] == [1, None]
    assert found.rescued == [None, {"a": "n/a"}]


def test_a_workbook_that_unpacks_to_too_much_is_too_large(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sheets, "_MOST", 1000)
    found = convert(xlsx(One=ORDERS))
    assert found.status == "TOO_LARGE"
    assert "save it as CSV" in str(found.error)


def test_a_damaged_workbook_is_rejected() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/workbook.xml", "<workbook")
    found = convert(file.getvalue(), "data/t/x.xlsx")
    assert found.error is not None
    assert found.error.code == "CORRUPT_FILE"


def test_cells_with_errors_are_told() -> None:
    body = xlsx(Orders=[["order", "amount"], [1, 2], [2, 3]])
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(body)) as old, zipfile.ZipFile(file, "w") as new:
        for name in old.namelist():
            wrong = b'<c r="B3" t="e"><v>#DIV/0!</v></c>'
            new.writestr(name, old.read(name).replace(b'<c r="B3"><v>3</v></c>', wrong))
    found = convert(file.getvalue(), "data/t/a.xlsx")
    assert found.values == [{"order": 1, "amount": 2}, {"order": 2, "amount": None}]
    assert found.conversion is not None
    assert "cells that hold an error, such as #N/A, are null: 1" in found.conversion.guesses


def test_a_header_that_the_cells_do_not_prove_is_told() -> None:
    found = convert(xlsx(People=[["ann", "graz"], ["bob", "linz"]]), "data/t/a.xlsx")
    assert found.conversion is not None
    (guess,) = found.conversion.guesses
    assert guess.startswith("sheet 'People': the first row is taken for the header (ann, graz)")
    none = convert(xlsx(People=[[1, 2], [3, 4]]), "data/t/a.xlsx")
    assert none.conversion is not None
    assert "no header was found" in none.conversion.guesses[0]
    proved = convert(xlsx(People=[["name", "n"], ["bob", 4]]), "data/t/a.xlsx")
    assert proved.conversion is not None
    assert proved.conversion.guesses == ()
