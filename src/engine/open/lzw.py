"""What compress(1) packed: `.Z`, Lempel-Ziv-Welch with codes of 9 to 16 bits.

No library of Python's has it. This reads some megabytes a second, and watches the time.
"""

from __future__ import annotations

from typing import IO, TYPE_CHECKING

from store.errors import RejectedObjectError
from store.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from engine.open.room import Room

_CLEAR = 256
_BLOCK = 256 * 1024


def is_lzw(head: bytes) -> bool:
    """Tell whether a file's first bytes are those of a `.Z` file."""
    known = head.startswith(b"\x1f\x9d") and len(head) > 2
    return known and 9 <= head[2] & 0x1F <= 16 and not head[2] & 0x60


def undo_lzw(path: Path, target: Path, room: Room) -> None:
    """Write the plain bytes of a `.Z` file.

    Parameters
    ----------
    path, target : Path
        The packed file; where the plain bytes go.
    room : Room
        What may be written, and until when.

    Raises
    ------
    RejectedObjectError
        When a code names nothing. The format has no checksum and no end mark.
    """
    with path.open("rb") as file, target.open("wb") as plain:
        flags = file.read(3)[2]
        found = bytearray()
        for piece in _strings(file, flags & 0x1F, blocks=bool(flags & 0x80)):
            found += piece
            if len(found) >= _BLOCK:
                room.take(len(found))
                plain.write(found)
                found.clear()
        room.take(len(found))
        plain.write(found)


def _corrupt(what: str) -> RejectedObjectError:
    return RejectedObjectError(Reason.CORRUPT_COMPRESSION, f"compress (.Z): {what}")


def _strings(file: IO[bytes], most: int, *, blocks: bool) -> Iterator[bytearray]:
    """Give the string of each code; strings are chains of a code before and a last byte."""
    first = 257 if blocks else 256
    before, last = [0] * (1 << most), bytearray(range(256)) + bytearray((1 << most) - 256)
    codes = _Codes(file)
    width, free, old, begin = 9, first, -1, 0
    while (code := codes.next(width)) >= 0:
        if blocks and code == _CLEAR:
            codes.skip_group()
            width, free, old = 9, first, -1
            continue
        if code > free or (code == free and old < 0) or (old < 0 and code > 255):
            raise _corrupt(f"code {code} names nothing")
        chain = bytearray()
        at = code
        if code == free:
            chain.append(begin)
            at = old
        while at > 255:
            chain.append(last[at])
            at = before[at]
        begin = at
        chain.append(begin)
        chain.reverse()
        yield chain
        if old >= 0 and free < 1 << most:
            before[free], last[free] = old, begin
            free += 1
            # A wider code begins after a whole group of eight of the width before.
            if free == 1 << width and width < most:
                codes.skip_group()
                width += 1
        old = code


class _Codes:
    """Numbers of some bits each, the lowest first, in groups of eight numbers."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._data = b""
        self._group = 0
        self._left = 0

    def next(self, width: int) -> int:
        """Give the next number, or -1 at the end."""
        if self._left < width:
            self._data = self._file.read(width)
            self._group = int.from_bytes(self._data, "little")
            self._left = 8 * len(self._data)
            if self._left < width:
                return -1
        code = self._group & ((1 << width) - 1)
        self._group >>= width
        self._left -= width
        return code

    def skip_group(self) -> None:
        """Leave what is left of a group: writers fill it up."""
        self._left = 0
