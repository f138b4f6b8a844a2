"""Tar archives: their members as files."""

from __future__ import annotations

import tarfile
from typing import IO, TYPE_CHECKING

from engine.open.skipped import is_data
from store.errors import ObjectTooLargeError, RejectedObjectError
from store.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from engine.open.room import Room

_BLOCK = 1024 * 1024

#: What describes one member: a name, or an extended header. Python reads these as a whole.
_MAX_HEADER = _BLOCK

_RECORD = 512

_ERRORS = (tarfile.TarError, EOFError, OverflowError, RecursionError, ValueError)


def is_tar(head: bytes) -> bool:
    """Tell whether a file begins with a tar header: its checksum says so.

    Parameters
    ----------
    head : bytes
        At least the first 512 bytes.

    Returns
    -------
    bool
        Also for archives of before 1988, which have no magic.
    """
    try:
        found = tarfile.TarInfo.frombuf(head[:_RECORD], "utf-8", "replace")
    except _ERRORS:
        return False
    return bool(found.name)


def tar_members(path: Path, room: Room) -> Iterator[tuple[str, Path]]:
    """Unpack each member that is data.

    Parameters
    ----------
    path : Path
        A tar archive, itself no longer packed.
    room : Room
        What may be written, and until when.

    Yields
    ------
    tuple of str and Path
        The member's name, which is no path, and a file with its bytes.

    Raises
    ------
    RejectedObjectError
        When the archive is truncated, corrupt or followed by junk.
    """
    with path.open("rb") as file:
        guarded = _Guarded(file)
        try:
            with tarfile.open(fileobj=guarded, mode="r:") as archive:  # type: ignore[call-overload]  # it reads, seeks and tells
                while info := archive.next():
                    room.check_time()
                    # Links have the content of another member, and other kinds none.
                    if info.isreg() and is_data(info.name):
                        room.member()
                        yield info.name, _copied(archive, info, room)
                    # It remembers every member.
                    archive.members.clear()
                end = archive.offset
        except _ERRORS as error:
            raise _corrupt(error) from error
        _check_end(file, end, room)


class _Guarded:
    """A file that gives no more at once than a header may have."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.seek = file.seek
        self.tell = file.tell

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= _MAX_HEADER:
            raise ObjectTooLargeError(f"tar: a header of {size:,} bytes does not fit the memory")
        return self._file.read(size)


def _corrupt(what: object) -> RejectedObjectError:
    return RejectedObjectError(Reason.CORRUPT_COMPRESSION, f"tar: {what}")


def _copied(archive: tarfile.TarFile, info: tarfile.TarInfo, room: Room) -> Path:
    target = room.fresh()
    member = archive.extractfile(info)
    size = 0
    with target.open("wb") as plain:
        while member and (block := member.read(_BLOCK)):
            room.take(len(block))
            size += plain.write(block)
    if size != info.size:
        raise _corrupt(f"{info.name!r} is truncated")
    return target


def _check_end(file: IO[bytes], end: int, room: Room) -> None:
    """Take what follows the last member for damage: Python ends where a header is wrong."""
    file.seek(end)
    while block := file.read(_BLOCK):
        room.check_time()
        if block.strip(b"\0"):
            raise _corrupt(f"something that is no member follows byte {end:,}")
