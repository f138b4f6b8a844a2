"""XLS as calamine reads it right: a copy in which a few numbers that mislead it are others.

It decodes the texts of BIFF 8, which are UTF-16, by the code page that the file names, as Perl's
and R's writers let it do. And it passes over formulas whose record has the type of BIFF 4, as
Numbers wrote them, and over what they gave.
"""

from __future__ import annotations

import mmap
import re
import shutil
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: BOF of the globals of BIFF 8, and what follows it within its sector ([MS-XLS] 2.4.21).
_GLOBALS = re.compile(rb"\x09\x08\x10\0\0\x06\x05\0.{12}", re.DOTALL)
_SECTOR = 512

#: Record types ([MS-XLS] 2.3.1), and the code page of UTF-16.
_CODE_PAGE, _EOF, _FORMULA = 0x42, 0x0A, 0x06
_UTF_16 = 1200

#: FORMULA of BIFF 3 or 4 with its length, and in that of BIFF 8 how long its tokens are; and what
#: may follow it: cells, texts, rows, the end of the cells.
_OLD_FORMULA = re.compile(rb"\x06[\x02\x04](..).{20}(..)", re.DOTALL)
_TOKENS = 22
_FOLLOWING = frozenset({0x06, 0x206, 0x406, 0x201, 0x203, 0x204, 0x205, 0x207, 0x27E, 0xFD, 0xBD})
_FOLLOWING |= {0xBE, 0x208, 0xD7, 0x23E, 0x1D, 0xEC, 0x4BC, 0x221, _EOF}


def as_calamine_reads(path: Path, copy: Path) -> Path:
    """Give an XLS file, or a copy of it, that calamine reads as Excel does.

    Parameters
    ----------
    path : Path
        The file.
    copy : Path
        Where a copy may be put.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        changes = dict(_changes(data))
    if not changes:
        return path
    shutil.copyfile(path, copy)
    with copy.open("r+b") as changed:
        for place, number in changes.items():
            changed.seek(place)
            changed.write(struct.pack("<H", number))
    return copy


def _changes(data: mmap.mmap) -> Iterator[tuple[int, int]]:
    """Give places of the file, and the numbers that belong there."""
    version_8 = False
    for begin in _GLOBALS.finditer(data):
        version_8 = True
        at, kind = begin.end(), 0
        while at + 6 <= min(begin.start() + _SECTOR, len(data)) and kind != _EOF:
            kind, length, value = struct.unpack_from("<HHH", data, at)
            if kind == _CODE_PAGE and value != _UTF_16:
                yield at + 4, _UTF_16
            at += 4 + length
    for found in _OLD_FORMULA.finditer(data) if version_8 else ():
        length, tokens = (int.from_bytes(two, "little") for two in found.groups())
        after = found.start() + 4 + length
        if length == _TOKENS + tokens and after + 2 <= len(data):
            (following,) = struct.unpack_from("<H", data, after)
            if following in _FOLLOWING:
                yield found.start(), _FORMULA
