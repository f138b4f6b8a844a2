"""Which kind of workbook a file is, by what is inside it."""

from __future__ import annotations

import mmap
import zipfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

#: First bytes of a ZIP archive, and of a Compound File, as which XLS and encrypted workbooks are
#: stored.
ZIP, COMPOUND = b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"

#: Names of the streams that make a Compound File a workbook, or an encrypted one.
_STREAMS = tuple(name.encode("utf-16-le") for name in ("Workbook", "Book", "EncryptedPackage"))

_WORKBOOKS = {"xl/workbook.xml": "xlsx", "xl/workbook.bin": "xlsb"}

_ODS = b"application/vnd.oasis.opendocument.spreadsheet"


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
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, RuntimeError):
        return ""
    return next((kind for name, kind in _WORKBOOKS.items() if name in names), "")
