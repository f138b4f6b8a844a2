"""What is inside a workbook: which kind it is, and cells that its reader says nothing of."""

from __future__ import annotations

import mmap
import re
import zipfile
from typing import TYPE_CHECKING

from engine.open.zips import DAMAGE

if TYPE_CHECKING:
    from pathlib import Path

#: First bytes of a ZIP archive, and of a Compound File, as which XLS is stored.
ZIP, COMPOUND = b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"

#: Names of the streams that make a Compound File a workbook.
_STREAMS = tuple(name.encode("utf-16-le") for name in ("Workbook", "Book"))

#: How the stream of an encrypted XLS begins: with BOF of the globals, perhaps WRITEPROTECT, and
#: FILEPASS ([MS-XLS], 2.1.7.20.3); of BIFF 8, and of BIFF 5 before it.
_FILEPASS = re.compile(
    rb"\x09\x08(?:\x10\0\0\x06\x05\0.{12}|\x08\0\0\x05\x05\0.{4})(?:\x86\0\0\0)?\x2f\0", re.DOTALL
)

_WORKBOOKS = {"xl/workbook.xml": "xlsx", "xl/workbook.bin": "xlsb"}

_ODS = b"application/vnd.oasis.opendocument.spreadsheet"

_SHEETS = "xl/worksheets/"

#: The type of a cell with an error (ECMA-376, part 1, 18.18.11).
_ERROR = b' t="e"'

_CHUNK = 1024 * 1024

#: What zipfile raises over an archive that is damaged, or packed or encrypted in a way that it does
#: not know.
_UNREADABLE = (*DAMAGE, RuntimeError)


def workbook_kind(path: Path) -> str:
    """Tell which kind of workbook a file is; empty for what is none."""
    with path.open("rb") as file:
        head = file.read(len(COMPOUND))
        if head.startswith(COMPOUND):
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                return "xls" if any(data.find(name) >= 0 for name in _STREAMS) else ""
    if not head.startswith(ZIP):
        return ""
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
            if "mimetype" in names and archive.getinfo("mimetype").file_size < 100:
                return "ods" if archive.read("mimetype").startswith(_ODS) else ""
    except _UNREADABLE:
        return ""
    return next((kind for name, kind in _WORKBOOKS.items() if name in names), "")


def is_encrypted(path: Path) -> bool:
    """Tell whether an XLS file needs a password; calamine knows only the newer kinds of it."""
    with path.open("rb") as file:
        if file.read(len(COMPOUND)) != COMPOUND:
            return False
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return _FILEPASS.search(data) is not None


def errors_in(path: Path) -> int:
    """Count the cells of an XLSX file that hold an error, which calamine reads as empty ones.

    Of other kinds, and of a damaged file, there are none.
    """
    if not zipfile.is_zipfile(path):
        return 0
    count = 0
    try:
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                if name.startswith(_SHEETS) and name.endswith(".xml"):
                    count += _count(archive, name)
    except _UNREADABLE:
        return 0
    return count


def _count(archive: zipfile.ZipFile, name: str) -> int:
    count, left = 0, b""
    with archive.open(name) as sheet:
        while chunk := sheet.read(_CHUNK):
            text = left + chunk
            count += text.count(_ERROR)
            # What begins in this chunk, and cannot be counted in it, may end in the next one.
            left = text[1 - len(_ERROR) :]
    return count
