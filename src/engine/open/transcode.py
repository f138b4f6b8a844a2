"""A text as UTF-8: a copy of it where it is in another encoding."""

from __future__ import annotations

import codecs
import shutil
from typing import TYPE_CHECKING

from store.errors import RejectedObjectError
from store.reasons import Reason

if TYPE_CHECKING:
    from pathlib import Path

    from engine.open.room import Room

_BLOCK = 1024 * 1024


def without_end_mark(path: Path, room: Room) -> Path:
    """Give a text without the byte 1A behind its last line end, by which DOS marks a file's end.

    Parameters
    ----------
    path : Path
        The file; of an encoding in which ASCII is one byte.
    room : Room
        What may be written, and until when.

    Returns
    -------
    Path
        The file itself, or a copy.
    """
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(size - 2, 0))
        if file.read() not in (b"\n\x1a", b"\r\x1a"):
            return path
        target = room.fresh()
        room.take(size)
        file.seek(0)
        with target.open("wb") as plain:
            shutil.copyfileobj(file, plain, _BLOCK)
            plain.truncate(size - 1)
    return target


def as_utf8(path: Path, encoding: str, room: Room) -> Path:
    """Give a file of the same text in UTF-8, without a byte order mark.

    Parameters
    ----------
    path : Path
        The file.
    encoding : str
        As :func:`engine.open.encoding.find_encoding` found.
    room : Room
        What may be written, and until when.

    Returns
    -------
    Path
        The file itself, or a copy. A byte that is nothing in its encoding is one in the copy
        that is nothing in UTF-8, so that its record is refused and no other.

    Raises
    ------
    RejectedObjectError
        When a text in UTF-16 or UTF-32 is damaged: no line of it can be told from another.
    """
    if encoding == "utf-8":
        with path.open("rb") as file:
            if file.read(3) != codecs.BOM_UTF8:
                return path
            target = room.fresh()
            room.take(path.stat().st_size)
            with target.open("wb") as plain:
                shutil.copyfileobj(file, plain, _BLOCK)
            return target
    wide = encoding.startswith(("utf-16", "utf-32"))
    errors = "strict" if wide else "lake-latin-1" if encoding == "cp1252" else "lake-damaged"
    decoder = codecs.getincrementaldecoder(encoding)(errors)
    target, last = room.fresh(), False
    with path.open("rb") as file, target.open("wb") as plain:
        while not last:
            block = file.read(_BLOCK)
            last = not block
            try:
                text = decoder.decode(block, last)
            except UnicodeError as error:
                raise RejectedObjectError(Reason.CORRUPT_FILE, f"{encoding}: {error}") from error
            found = text.encode("utf-8", "surrogateescape")
            room.take(len(found))
            plain.write(found)
    return target


def _damaged(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    # It becomes the byte FF, which no character of UTF-8 holds.
    return "\udcff" * (error.end - error.start), error.end


codecs.register_error("lake-damaged", _damaged)
