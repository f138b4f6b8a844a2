"""Compressions of blocks, undone by cramjam: LZ4 frames, and Snappy in four wrappings."""

from __future__ import annotations

import mmap
from typing import IO, TYPE_CHECKING, Any

from engine.open.stored import NotReadError
from store.errors import ObjectTooLargeError, RejectedObjectError
from store.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from engine.open.room import Room

#: The Snappy framing format, 4.1: each stream begins so.
SNAPPY_FRAMED = b"\xff\x06\x00\x00sNaPpY"
#: snappy-java's SnappyOutputStream, which Kafka and others use; two versions of 4 bytes follow.
SNAPPY_JAVA = b"\x82SNAPPY\x00"
LZ4 = b"\x04\x22\x4d\x18"

_BLOCK = 1024 * 1024

#: A copy of 64 bytes takes three: no block grows by more (Snappy's format description, 2.2).
_SNAPPY_RATIO = 22
#: 255 bytes more for each byte of a length (the LZ4 block format).
_LZ4_RATIO = 255

#: Hadoop's writers divide by 256 KB; a block of Snappy is in memory as a whole.
_MAX_BLOCK = 64 * 1024**2


def _cramjam() -> Any:
    # A function built without it reads everything else.
    try:
        import cramjam
    except ImportError as error:
        raise NotReadError(
            "LZ4 or Snappy, for which this function has no codec", "application/octet-stream"
        ) from error
    return cramjam


def _corrupt(codec: str, what: object) -> RejectedObjectError:
    return RejectedObjectError(Reason.CORRUPT_COMPRESSION, f"{codec}: {what}")


def undo_lz4(path: Path, target: Path, room: Room) -> None:
    """Write the plain bytes of every LZ4 frame.

    The library gives a frame as a whole, so that what it may become is known before.

    Raises
    ------
    RejectedObjectError
        When a frame is truncated, corrupt or followed by junk.
    ObjectTooLargeError
        When the plain bytes need more room.
    """
    cramjam = _cramjam()
    target.touch()
    plain = cramjam.File(str(target), read=True, write=True)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        for start, end, most in _frames(data):
            room.check_time()
            if most > room.left:
                # The last block may be short; else this is what the frame becomes.
                room.take(most)
            try:
                with memoryview(data) as view, view[start:end] as frame:
                    room.take(cramjam.lz4.decompress_into(frame, plain))
            except (cramjam.DecompressionError, OSError) as error:
                raise _corrupt("lz4", error) from error


def _frames(data: mmap.mmap) -> Iterator[tuple[int, int, int]]:
    """Give where each frame begins and ends, and how many bytes it holds at most."""
    position = 0
    while position < len(data):
        magic = data[position : position + 4]
        if magic[1:] == b"\x2a\x4d\x18" and magic[0] >> 4 == 5:
            position += 8 + int.from_bytes(data[position + 4 : position + 8], "little")
            continue
        flags = data[position + 4 : position + 6]
        if magic != LZ4 or len(flags) < 2:
            if not data[position : position + _BLOCK].strip(b"\0"):
                position += _BLOCK
                continue
            raise _corrupt("lz4", f"byte {position:,}: something follows the frames")
        # Frame format 1.6.1: version and flags, block sizes, content size, dictionary, check.
        block_check, content_check = flags[0] >> 4 & 1, flags[0] >> 2 & 1
        largest = 1 << (8 + 2 * (flags[1] >> 4 & 7))
        if flags[0] & 1:
            raise NotReadError(
                "LZ4 with a dictionary that is not part of the object", "application/x-lz4"
            )
        start, most = position, 0
        position += 7 + 8 * (flags[0] >> 3 & 1)
        while size := int.from_bytes(data[position : position + 4], "little"):
            size &= 0x7FFFFFFF
            most += min(largest, _LZ4_RATIO * size)
            position += 4 + size + 4 * block_check
        position += 4 + 4 * content_check
        if position > len(data):
            raise _corrupt("lz4", "a frame is truncated")
        yield start, position, most


def undo_snappy(path: Path, target: Path, room: Room) -> None:
    """Write the plain bytes of Snappy's framing format; its checksums are verified.

    Raises
    ------
    RejectedObjectError
        When it is truncated, corrupt or followed by junk.
    """
    cramjam = _cramjam()
    with path.open("rb") as file, target.open("wb") as plain:
        pending = bytearray(SNAPPY_FRAMED)
        while True:
            head = file.read(4)
            body = file.read(int.from_bytes(head[1:], "little")) if len(head) == 4 else b""
            pending += head + body
            if head and len(pending) < _BLOCK:
                continue
            try:
                found = cramjam.snappy.decompress(pending)
            except cramjam.DecompressionError as error:
                raise _corrupt("snappy", error) from error
            room.take(len(found))
            plain.write(found)
            pending = bytearray(SNAPPY_FRAMED)
            if not head:
                return


def undo_snappy_java(path: Path, target: Path, room: Room) -> None:
    """Write the plain bytes of what snappy-java's stream wrote.

    Raises
    ------
    RejectedObjectError
        When it is truncated or corrupt.
    """
    with path.open("rb") as file, target.open("wb") as plain:
        while head := file.read(4):
            if head == SNAPPY_JAVA[:4]:
                file.read(12)
                continue
            _block(file, head, plain, room)


def undo_snappy_hadoop(path: Path, target: Path, room: Room) -> None:
    """Write the plain bytes of what Hadoop's codec wrote: blocks of blocks, without a mark.

    Raises
    ------
    RejectedObjectError
        When it is truncated or corrupt.
    """
    with path.open("rb") as file, target.open("wb") as plain:
        while head := file.read(4):
            wanted = int.from_bytes(head, "big")
            while wanted > 0:
                wanted -= _block(file, file.read(4), plain, room)
            if wanted < 0:
                raise _corrupt("snappy", "a block holds more than it says")


def is_snappy_hadoop(path: Path) -> bool:
    """Tell whether the first block of a file named ``.snappy`` is one of Hadoop's."""
    with path.open("rb") as file:
        head = file.read(8)
        size = int.from_bytes(head[4:], "big")
        if len(head) < 8 or not 0 < size < _MAX_BLOCK:
            return False
        block = file.read(size)
    cramjam = _cramjam()
    try:
        found: int = cramjam.snappy.decompress_raw_len(block)
    except cramjam.DecompressionError:
        return False
    return len(block) == size and 0 < found <= int.from_bytes(head[:4], "big")


def _block(file: IO[bytes], head: bytes, plain: IO[bytes], room: Room) -> int:
    """Write the plain bytes of one block of plain Snappy; say how many."""
    cramjam = _cramjam()
    size = int.from_bytes(head, "big")
    if size > _MAX_BLOCK:
        raise ObjectTooLargeError(f"a Snappy block of {size:,} bytes does not fit the memory")
    block = file.read(size)
    try:
        if len(head) < 4 or len(block) < size:
            raise _corrupt("snappy", "a block is truncated")
        # What a block says that it becomes is reserved before it is read.
        if cramjam.snappy.decompress_raw_len(block) > _SNAPPY_RATIO * size:
            raise _corrupt("snappy", "a block says that it is larger than it can be")
        found = cramjam.snappy.decompress_raw(block)
    except cramjam.DecompressionError as error:
        raise _corrupt("snappy", error) from error
    room.take(len(found))
    plain.write(found)
    return len(found)
