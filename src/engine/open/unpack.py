"""Compression: found by content, undone to disk, proved whole."""

from __future__ import annotations

import bz2
import lzma
import zlib
from typing import IO, TYPE_CHECKING

from backports import zstd

from store.errors import ObjectTooLargeError, RejectedObjectError
from store.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_BLOCK = 1024 * 1024


def unpacked(path: Path, target: Path, room: int) -> tuple[Path, str]:
    """Undo an object's compression.

    Parameters
    ----------
    path : Path
        The object's bytes.
    target : Path
        Where to write the plain bytes, if they are compressed.
    room : int
        Bytes that may be written.

    Returns
    -------
    tuple of Path and str
        The file with the plain bytes, and the compression's name (``none`` for itself).

    Raises
    ------
    RejectedObjectError
        When the stream is truncated, corrupt or followed by junk.
    ObjectTooLargeError
        When the plain bytes need more room.
    """
    with path.open("rb") as file:
        magic = file.read(6)
        name = next((name for start, name in _MAGIC if magic.startswith(start)), "none")
        if name == "none":
            return path, name
        file.seek(0)
        written = 0
        with target.open("wb") as plain:
            for block in _members(file, name):
                written += len(block)
                if written > room:
                    raise ObjectTooLargeError(
                        f"unpacked it is larger than the {room:,} bytes of disk: "
                        "raise EphemeralStorage or split the object"
                    )
                plain.write(block)
    return target, name


# The first bytes of each (RFC 1952; RFC 8878, and its skippable frames; bzip2 1.0.8; the .xz
# file format 1.2.1). bzip2's magic alone is three letters: the level makes it four.
_MAGIC = [
    (b"\x1f\x8b", "gzip"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    *((bytes([0x50 + n, 0x2A, 0x4D, 0x18]), "zstd") for n in range(16)),
    *((b"BZh%d" % n, "bzip2") for n in range(1, 10)),
    (b"\xfd7zXZ\x00", "xz"),
]


class _Gunzip:
    """zlib's decompressor with the manners of the others; it checks length and CRC."""

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(wbits=31)
        self._left = b""

    def decompress(self, data: bytes, limit: int) -> bytes:
        plain = self._stream.decompress(self._left + data, limit)
        self._left = self._stream.unconsumed_tail
        return plain

    @property
    def needs_input(self) -> bool:
        return not self._left

    @property
    def eof(self) -> bool:
        return self._stream.eof

    @property
    def unused_data(self) -> bytes:
        return self._stream.unused_data


_DECOMPRESSORS: dict[str, Callable[[], object]] = {
    "gzip": _Gunzip,
    "zstd": zstd.ZstdDecompressor,
    "bzip2": bz2.BZ2Decompressor,
    "xz": lzma.LZMADecompressor,
}

_ERRORS = (zlib.error, zstd.ZstdError, lzma.LZMAError, OSError, EOFError, ValueError)


def _members(file: IO[bytes], name: str) -> Iterator[bytes]:
    """Give the plain bytes of every member or frame, one after the other."""
    block, member = file.read(_BLOCK), 0
    while block:
        # Writers may pad with zero bytes after a member (gzip manual; .xz format 1.2.1, 2.2).
        if member and not (block := block.lstrip(b"\0")):
            block = file.read(_BLOCK)
            continue
        member += 1
        stream = _DECOMPRESSORS[name]()
        while not stream.eof:  # type: ignore[attr-defined]  # the four have no common type
            if not block and stream.needs_input and not (block := file.read(_BLOCK)):  # type: ignore[attr-defined]  # likewise
                raise RejectedObjectError(
                    Reason.CORRUPT_COMPRESSION, f"{name} member {member} is truncated"
                )
            try:
                plain = stream.decompress(block, 16 * _BLOCK)  # type: ignore[attr-defined]  # likewise
            except _ERRORS as error:
                raise RejectedObjectError(
                    Reason.CORRUPT_COMPRESSION, f"{name} member {member}: {error}"
                ) from error
            block = b""
            yield plain
        block = stream.unused_data or file.read(_BLOCK)  # type: ignore[attr-defined]  # likewise
