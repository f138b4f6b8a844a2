"""ZIP archives: their members as files, and what else is a ZIP file by its packing only."""

from __future__ import annotations

import copy
import struct
import zipfile
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING

from engine.open.room import too_many_members
from engine.open.skipped import is_data
from engine.open.stored import NotReadError
from engine.open.streams import undo_stream
from store.errors import RejectedObjectError
from store.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from engine.open.room import Room

MEDIA_TYPE = "application/zip"

_MAGIC = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")

_BLOCK = 1024 * 1024

#: A directory entry has 46 bytes and a name. Python reads the directory as a whole.
_MAX_DIRECTORY = 2 * 1024**2

#: Methods of APPNOTE 6.3.10, 4.4.5. zipfile gives blocks of any size for all but the first two,
#: so that these are undone as the streams that they are.
_PLAIN = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_STREAMS = {12: "bzip2", 93: "zstd", 95: "xz"}
_NAMES = {1: "shrink", 6: "implode", 9: "deflate64", 14: "lzma", 97: "wavpack", 98: "ppmd"}

#: Encrypted; patched; strongly encrypted; its directory encrypted (APPNOTE, 4.4.4).
_ENCRYPTED = 0x2041
_PATCHED = 0x20

#: What zipfile raises over a damaged archive.
DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    OSError,
    OverflowError,
    UnicodeError,
    ValueError,
)

_OFFICE = "application/vnd.openxmlformats-officedocument."
_OPEN_XML = (
    ("xl/workbook.xml", f"{_OFFICE}spreadsheetml.sheet"),
    ("xl/workbook.bin", "application/vnd.ms-excel.sheet.binary.macroenabled.12"),
    ("word/", f"{_OFFICE}wordprocessingml.document"),
    ("ppt/", f"{_OFFICE}presentationml.presentation"),
)


def is_zip(head: bytes) -> bool:
    """Tell whether a file's first bytes are those of a ZIP archive."""
    return head.startswith(_MAGIC)


def packaged(path: Path) -> str:
    """Tell what a ZIP file is that is more than an archive.

    Parameters
    ----------
    path : Path
        A ZIP file.

    Returns
    -------
    str
        The media type of a workbook, a document, a Java archive…; empty for an archive.

    Raises
    ------
    RejectedObjectError
        When it cannot be opened.
    """
    with _archive(path) as archive:
        names = archive.namelist()
        if "[Content_Types].xml" in names:
            for start, media_type in _OPEN_XML:
                if any(name.startswith(start) for name in names):
                    return media_type
            return "application/vnd.openxmlformats-package"
        if "mimetype" in names:
            with archive.open("mimetype") as file:
                said = file.read(100).decode("ascii", "replace").strip()
            if said.startswith("application/"):
                return said
        if "AndroidManifest.xml" in names:
            return "application/vnd.android.package-archive"
        return "application/java-archive" if "META-INF/MANIFEST.MF" in names else ""


def zip_members(path: Path, room: Room) -> Iterator[tuple[str, Path]]:
    """Unpack each member that is data.

    Parameters
    ----------
    path : Path
        A ZIP archive.
    room : Room
        What may be written, and until when.

    Yields
    ------
    tuple of str and Path
        The member's name, which is no path, and a file with its bytes.

    Raises
    ------
    RejectedObjectError
        When the archive is truncated or corrupt.
    NotReadError
        When a member is encrypted, or packed in a way that is not read.
    """
    with _archive(path) as archive:
        for info in archive.infolist():
            room.check_time()
            if info.is_dir() or not is_data(info.filename):
                continue
            room.member()
            _check_readable(info)
            yield info.filename, _member(archive, info, room)


@contextmanager
def _archive(path: Path) -> Iterator[zipfile.ZipFile]:
    if _directory_size(path) > _MAX_DIRECTORY:
        raise too_many_members()
    try:
        archive = zipfile.ZipFile(path)
    except (*DAMAGE, NotImplementedError) as error:
        raise _corrupt(error) from error
    with archive:
        yield archive


def _corrupt(what: object) -> RejectedObjectError:
    return RejectedObjectError(Reason.CORRUPT_COMPRESSION, f"zip: {what}")


def _directory_size(path: Path) -> int:
    """Say how large the directory says that it is (APPNOTE, 4.3.14 to 4.3.16)."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(size - 2**16 - 100, 0))
        tail = file.read()
        at = tail.rfind(b"PK\x05\x06")
        if at < 0 or len(tail) < at + 22:
            raise _corrupt("the archive is truncated: its directory is missing")
        (found,) = struct.unpack_from("<L", tail, at + 12)
        large = tail.rfind(b"PK\x06\x06", 0, at)
        if large >= 0 and len(tail) >= large + 48:
            found = max(
                found if found < 2**32 - 1 else 0, *struct.unpack_from("<Q", tail, large + 40)
            )
    return int(found)


def _check_readable(info: zipfile.ZipInfo) -> None:
    if info.flag_bits & _ENCRYPTED:
        raise NotReadError(f"encrypted ZIP archive ({info.filename!r})", MEDIA_TYPE)
    if info.compress_type not in _PLAIN | _STREAMS.keys() or info.flag_bits & _PATCHED:
        method = _NAMES.get(info.compress_type, f"method {info.compress_type}")
        raise NotReadError(
            f"ZIP archive packed by {method}, which is not read ({info.filename!r})", MEDIA_TYPE
        )


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, room: Room) -> Path:
    codec = _STREAMS.get(info.compress_type)
    if codec is None:
        target = _copied(archive, info, room)
    else:
        packed = copy.copy(info)
        packed.compress_type = zipfile.ZIP_STORED
        packed.file_size = packed.compress_size
        # The checksum is of the plain bytes.
        del packed.CRC
        stream = _copied(archive, packed, room)
        target = room.fresh()
        undo_stream(codec, stream, target, room)
        room.give_back(stream)
        if _checksum(target) != info.CRC:
            raise _corrupt(f"the checksum of {info.filename!r} is wrong")
    if target.stat().st_size != info.file_size:
        raise _corrupt(f"{info.filename!r} is not as long as the archive says")
    return target


def _copied(archive: zipfile.ZipFile, info: zipfile.ZipInfo, room: Room) -> Path:
    target = room.fresh()
    try:
        member = archive.open(info)
    except (*DAMAGE, RuntimeError) as error:
        raise _corrupt(f"{info.filename!r}: {error}") from error
    with member, target.open("wb") as plain:
        while True:
            try:
                block = member.read(_BLOCK)
            except DAMAGE as error:
                raise _corrupt(f"{info.filename!r}: {error}") from error
            if not block:
                return target
            room.take(len(block))
            plain.write(block)


def _checksum(path: Path) -> int:
    found = 0
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            found = zlib.crc32(block, found)
    return found
