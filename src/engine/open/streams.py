"""Compressions that are read as a stream: gzip, zstd, bzip2, xz."""

from __future__ import annotations

import bz2
import lzma
import re
import zlib
from typing import IO, TYPE_CHECKING, Protocol

from backports import zstd

from engine.open.stored import NotReadError
from store.errors import ObjectTooLargeError, RejectedObjectError
from store.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from engine.open.room import Room

#: Bytes that are read at once, and that one call gives at most.
_BLOCK = 256 * 1024
_PLAIN = 4 * 1024 * 1024

#: A stream may ask for as large a window. `xz -9` takes 64 MB; zstd's own limit is 128 MB.
_MAX_WINDOW = 128 * 1024**2

#: A dictionary of xz and its property (.xz file format 1.2.1, 5.3.1).
_XZ_DICTIONARY = re.compile(rb"\x21\x01([\x00-\x28])", re.DOTALL)


class _Decompressor(Protocol):
    """What bz2, lzma and zstd have in common (a decompressor of one member)."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = -1, /) -> bytes:
        """Give at most so many bytes."""
        ...


class _Gunzip:
    """zlib's decompressor with the manners of the others; it checks length and CRC."""

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(wbits=31)
        self._left = b""

    def decompress(self, data: bytes, max_length: int = -1, /) -> bytes:
        plain = self._stream.decompress(self._left + data, max_length)
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


_DECOMPRESSORS: dict[str, Callable[[], _Decompressor]] = {
    "gzip": _Gunzip,
    "zstd": zstd.ZstdDecompressor,
    "bzip2": bz2.BZ2Decompressor,
    "xz": lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_MAX_WINDOW + 2**20),
}

_ERRORS = (zlib.error, zstd.ZstdError, lzma.LZMAError, OSError, EOFError, ValueError)


def undo_stream(codec: str, path: Path, target: Path, room: Room) -> None:
    """Write the plain bytes of every member or frame, one after the other.

    Parameters
    ----------
    codec : str
        ``gzip``, ``zstd``, ``bzip2`` or ``xz``.
    path, target : Path
        The packed file; where the plain bytes go.
    room : Room
        What may be written, and until when.

    Raises
    ------
    RejectedObjectError
        When the stream is truncated, corrupt or followed by junk.
    ObjectTooLargeError
        When disk or memory do not allow it.
    NotReadError
        When it needs a dictionary that is not part of it.
    """
    with path.open("rb") as file, target.open("wb") as plain:
        _check_window(codec, file.read(64))
        file.seek(0)
        member, block = 0, file.read(_BLOCK)
        while block:
            # Writers may pad with zero bytes after a member (gzip manual; .xz format 2.2).
            if member and not (block := block.lstrip(b"\0")):
                block = file.read(_BLOCK)
                continue
            member += 1
            room.check_time()
            block = _member(codec, member, block, file, plain, room) or file.read(_BLOCK)


def _member(
    codec: str, member: int, block: bytes, file: IO[bytes], plain: IO[bytes], room: Room
) -> bytes:
    """Write the plain bytes of one member; give what was read of the next."""
    stream = _DECOMPRESSORS[codec]()
    while not stream.eof:
        if not block and stream.needs_input and not (block := file.read(_BLOCK)):
            raise RejectedObjectError(
                Reason.CORRUPT_COMPRESSION, f"{codec} member {member} is truncated"
            )
        try:
            found = stream.decompress(block, _PLAIN)
        except _ERRORS as error:
            raise RejectedObjectError(
                Reason.CORRUPT_COMPRESSION, f"{codec} member {member}: {error}"
            ) from error
        block = b""
        room.take(len(found))
        plain.write(found)
    return stream.unused_data


def _check_window(codec: str, head: bytes) -> None:
    """Refuse what would need more memory, or another file, than there is."""
    window = 0
    if codec == "xz" and (found := _XZ_DICTIONARY.search(head, 12)):
        bits = found[1][0]
        window = (2 | bits & 1) << (bits // 2 + 11)
    elif codec == "zstd" and head.startswith(b"\x28\xb5\x2f\xfd") and len(head) > 5:
        # RFC 8878, 3.1.1.1: a frame of a single segment has its size where others have this.
        if not head[4] & 0x20:
            base = 1 << (10 + (head[5] >> 3))
            window = base + base // 8 * (head[5] & 7)
        # Shorter than a header and a block at their longest, it is cut.
        if head[4] & 3 and len(head) > 17 and _dictionary(head):
            raise NotReadError(
                "zstd with a dictionary that is not part of the object", "application/zstd"
            )
    if window > _MAX_WINDOW:
        raise ObjectTooLargeError(
            f"to unpack {codec} of this window takes {window // 1024**2:,} MB of memory: pack it "
            "with a smaller one (zstd without --long, xz -6)"
        )


def _dictionary(head: bytes) -> int:
    try:
        return zstd.get_frame_info(head).dictionary_id
    except zstd.ZstdError:
        return 0
