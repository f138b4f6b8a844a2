"""XLS and ODS files, written by hand: of each specification as little as a reader needs."""

from __future__ import annotations

import struct
from xml.sax.saxutils import escape

from tests.support.packing import zipped

SECTOR = 512
_LEAST = 4096
_END, _FREE, _TABLE = 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFD
BIFF_8, _GLOBALS, _SHEET = 0x600, 5, 0x10


_ODF = "urn:oasis:names:tc:opendocument:xmlns"


def ods(rows: list[list[str | float]], *, encrypted: bool = False) -> bytes:
    names = ("office", "table", "text")
    spaces = " ".join(f'xmlns:{name}="{_ODF}:{name}:1.0"' for name in names)
    lines = ("".join(map(_odf_cell, row)) for row in rows)
    body = "".join(f"<table:table-row>{line}</table:table-row>" for line in lines)
    content = (
        f"<office:document-content {spaces}><office:body><office:spreadsheet>"
        f'<table:table table:name="S">{body}</table:table>'
        "</office:spreadsheet></office:body></office:document-content>"
    )
    entry = (
        '<manifest:file-entry manifest:full-path="content.xml" manifest:media-type="text/xml">'
        "<manifest:encryption-data/></manifest:file-entry>"
    )
    manifest = (
        f'<manifest:manifest xmlns:manifest="{_ODF}:manifest:1.0">'
        f"{entry if encrypted else ''}</manifest:manifest>"
    )
    return zipped(
        ("mimetype", b"application/vnd.oasis.opendocument.spreadsheet"),
        ("META-INF/manifest.xml", manifest.encode()),
        ("content.xml", b"\1\2" if encrypted else content.encode()),
    )


def _odf_cell(value: str | float) -> str:
    if isinstance(value, str):
        text = f"<text:p>{escape(value)}</text:p>"
        return f'<table:table-cell office:value-type="string">{text}</table:table-cell>'
    return f'<table:table-cell office:value-type="float" office:value="{value}"/>'


def record(kind: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack("<HH", kind, len(body)) + body


def begin(what: int) -> bytes:
    return record(0x809, struct.pack("<HHHHLL", BIFF_8, what, 0, 0, 0, BIFF_8))


def xls(rows: list[list[str | float]], code_page: int = 1200, formula: int = 0x06) -> bytes:
    """Write a workbook of one sheet, whose numbers below 0 are what a formula gave."""
    cells = [
        _cell(r, c, value, formula) for r, row in enumerate(rows) for c, value in enumerate(row)
    ]
    sheet = begin(_SHEET) + b"".join(cells) + record(0x0A)
    before = begin(_GLOBALS) + record(0x42, struct.pack("<H", code_page))
    name = b"\x03\0One"
    length = len(before) + len(record(0x85, bytes(6), name)) + len(record(0x0A))
    globals_ = before + record(0x85, struct.pack("<LH", length, 0), name) + record(0x0A)
    return compound("Workbook", globals_ + sheet)


def _cell(row: int, column: int, value: str | float, formula: int) -> bytes:
    place = struct.pack("<HHH", row, column, 0)
    if isinstance(value, str):
        return record(0x204, place, struct.pack("<HB", len(value), 1), value.encode("utf-16-le"))
    number = struct.pack("<d", value)
    if value < 0:
        return record(formula, place, number, bytes(6), b"\x03\0\x1e\x01\0")
    return record(0x203, place, number)


def compound(name: str, stream: bytes) -> bytes:
    """Write a compound file of one stream, as long as one must be that has sectors of its own."""
    stream = stream.ljust(-(-max(len(stream), _LEAST) // SECTOR) * SECTOR, b"\0")
    last = 1 + len(stream) // SECTOR
    table = [_TABLE, _END, *range(3, last + 1), _END]
    table += [_FREE] * (SECTOR // 4 - len(table))
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16)
    head += struct.pack("<HHHHH6x", 0x3E, 3, 0xFFFE, 9, 6)
    head += struct.pack("<10L", 0, 1, 1, 0, _LEAST, _END, 0, _END, 0, 0)
    head += struct.pack("<108L", *[_FREE] * 108)
    entries = _entry("Root Entry", 5, 1, _END, 0) + _entry(name, 2, _FREE, 2, len(stream))
    return head + struct.pack("<128L", *table) + entries.ljust(SECTOR, b"\0") + stream


def _entry(name: str, kind: int, child: int, first: int, size: int) -> bytes:
    text = name.encode("utf-16-le") + b"\0\0"
    siblings = struct.pack("<LLL", _FREE, _FREE, child)
    rest = struct.pack("<LQ", first, size)
    return (
        text.ljust(64, b"\0")
        + struct.pack("<HBB", len(text), kind, 1)
        + siblings
        + bytes(36)
        + rest
    )
