"""Compression: found by content, undone to disk, proved whole."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

from engine.open import blocks, lzw
from engine.open.streams import undo_stream

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from engine.open.room import Room

#: Names that say how the file was packed, and nothing about what is in it.
_PACKED = re.compile(r"\.(gz|gzip|zst|zstd|bz2|bzip2|xz|lz4|snappy|sz|z|zip|tar)$", re.IGNORECASE)
#: Short for two of them.
_TARS = re.compile(r"\.(tgz|taz|tbz2?|txz|tzst|tlz4)$", re.IGNORECASE)

# The first bytes of each: RFC 1952; RFC 8878, and its skippable frames; bzip2 1.0.8, whose
# letters alone could be words: a block or the end follows them; the .xz file format 1.2.1.
_BZIP2 = re.compile(rb"BZh[1-9](1AY&SY|\x17rE8P\x90)")
_MAGIC = (
    (b"\x1f\x8b\x08", "gzip"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    *((bytes([0x50 + n, 0x2A, 0x4D, 0x18]), "zstd") for n in range(16)),
    (b"\xfd7zXZ\x00", "xz"),
    (blocks.LZ4, "lz4"),
    (blocks.SNAPPY_FRAMED, "snappy"),
    (blocks.SNAPPY_JAVA, "snappy-java"),
)

_UNDO: dict[str, Callable[[Path, Path, Room], None]] = {
    **{name: partial(undo_stream, name) for name in ("gzip", "zstd", "bzip2", "xz")},
    "lz4": blocks.undo_lz4,
    "snappy": blocks.undo_snappy,
    "snappy-java": blocks.undo_snappy_java,
    "snappy-hadoop": blocks.undo_snappy_hadoop,
    "compress": lzw.undo_lzw,
}


def codec_of(path: Path, key: str) -> str:
    """Tell how a file is packed, by its first bytes.

    Parameters
    ----------
    path : Path
        The file.
    key : str
        Its name: Hadoop's Snappy has no first bytes of its own.

    Returns
    -------
    str
        A codec; empty for a file that is not packed.
    """
    with path.open("rb") as file:
        head = file.read(16)
    if _BZIP2.match(head):
        return "bzip2"
    for magic, name in _MAGIC:
        if head.startswith(magic):
            return name
    if lzw.is_lzw(head):
        return "compress"
    if key.lower().endswith(".snappy") and blocks.is_snappy_hadoop(path):
        return "snappy-hadoop"
    return ""


def undo(codec: str, path: Path, room: Room) -> Path:
    """Undo one layer.

    Parameters
    ----------
    codec : str
        As :func:`codec_of` gave.
    path : Path
        The packed file; it stays.
    room : Room
        What may be written, and until when.

    Returns
    -------
    Path
        A new file with the plain bytes.

    Raises
    ------
    RejectedObjectError
        When the stream is truncated, corrupt or followed by junk.
    ObjectTooLargeError
        When disk or memory do not allow it.
    NotReadError
        When the function has no codec for it.
    """
    target = room.fresh()
    _UNDO[codec](path, target, room)
    return target


def plain_name(key: str) -> str:
    """Take the endings off that only say how a file is packed.

    Parameters
    ----------
    key : str
        A key or a member's name.

    Returns
    -------
    str
        ``orders.csv`` for ``orders.csv.gz`` and ``orders.csv.tar.gz``.
    """
    folder, slash, name = key.rpartition("/")
    name = _TARS.sub(".tar", name)
    while shorter := _PACKED.sub("", name):
        if shorter == name:
            break
        name = shorter
    return f"{folder}{slash}{name}"
