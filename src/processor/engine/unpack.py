"""Compression: found by content, undone to disk, proved whole."""

from __future__ import annotations

import zlib
from typing import IO, TYPE_CHECKING

from processor.errors import ObjectTooLargeError, RejectedObjectError
from processor.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator
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
        if not magic.startswith(b"\x1f\x8b"):
            return path, "none"
        file.seek(0)
        written = 0
        with target.open("wb") as plain:
            for block in _gunzip(file):
                written += len(block)
                if written > room:
                    raise ObjectTooLargeError(
                        f"unpacked it is larger than the {room:,} bytes of disk: "
                        "raise EphemeralStorage or split the object"
                    )
                plain.write(block)
    return target, "gzip"


def _gunzip(file: IO[bytes]) -> Iterator[bytes]:
    """Give the bytes of every member; zlib checks length and CRC of each."""
    block, members = file.read(_BLOCK), 0
    try:
        while block:
            # Writers may pad with zero bytes after a member (gzip manual, "Advanced usage").
            if members and not block.strip(b"\0"):
                block = file.read(_BLOCK)
                continue
            stream = zlib.decompressobj(wbits=31)
            while not stream.eof:
                if not block and not (block := file.read(_BLOCK)):
                    raise RejectedObjectError(
                        Reason.CORRUPT_COMPRESSION, f"gzip member {members + 1} is truncated"
                    )
                yield stream.decompress(block, 16 * _BLOCK)
                block = stream.unconsumed_tail or b""
            block = stream.unused_data.lstrip(b"\0") or file.read(_BLOCK)
            members += 1
    except zlib.error as error:
        raise RejectedObjectError(
            Reason.CORRUPT_COMPRESSION, f"gzip member {members + 1}: {error}"
        ) from error
