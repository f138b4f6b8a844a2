"""An object's bytes as what they are: plain files, each with its format; or why it is not read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.open.archive import parts_of
from engine.open.charsets import codec_named
from engine.open.detect import Format, Said, detect, extension_of
from engine.open.dialect import NAMED
from engine.open.encoding import HEAD, encoding_of, find_encoding
from engine.open.jsonlike import JSON, JSON_LINES, json_format, lines_of
from engine.open.media import FORMATS, media_of
from engine.open.room import Room
from engine.open.stored import NotReadError, Stored
from engine.open.transcode import as_utf8, without_end_mark
from engine.open.workbooks import workbook_kind

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from engine.open.archive import Part

#: Formats that have a reader. Whoever adds a reader adds its name, and wires it in the engine.
READ = frozenset({"parquet", "avro", "orc", "xlsx", "xlsb", "xls", "ods"})


@dataclass(frozen=True, slots=True)
class Opened:
    """One plain file of an object.

    Attributes
    ----------
    path : Path
        Its bytes; of a text in UTF-8, without a byte order mark.
    name : str
        A member's name, or the key without what only says how it was packed.
    compression : str
        What was undone, the innermost first; ``none`` for nothing.
    format : Format
        What it is.
    guess : str
        What was guessed about its encoding, for the ledger; empty for nothing.
    """

    path: Path
    name: str
    compression: str
    format: Format
    guess: str = ""


def opened(
    path: Path,
    key: str,
    said: Said,
    workdir: Path,
    room: int,
    check_time: Callable[[], None],
) -> list[Opened] | Stored:
    """Open an object: layers, archives, encodings, formats.

    Parameters
    ----------
    path : Path
        The object's bytes; they stay.
    key : str
        The raw key.
    said : Said
        What uploader and contract say.
    workdir : Path
        Gets the plain files.
    room : int
        Bytes that may be written, as far as the disk has them.
    check_time : callable
        Raises when the invocation ends soon.

    Returns
    -------
    list of Opened, or Stored
        The parts, none for an archive without data; or what the object is and why it is not
        read. One part that is not read makes it so for the object: all of it or nothing.

    Raises
    ------
    RejectedObjectError
        When a layer, an archive or a text in UTF-16 is damaged.
    ObjectTooLargeError
        When it needs more disk or memory, or has too many members or layers.
    OutOfTimeError
        When the invocation ends first.
    ContractError
        When the contract names no encoding.
    """
    budget = Room.of(path, workdir, room, check_time)
    try:
        parts = parts_of(path, key, budget)
    except NotReadError as error:
        return Stored(f"not read: {error.detail}", error.media_type, path)
    found = []
    for part in parts:
        try:
            found.append(_part(part, said, budget))
        except NotReadError as error:
            return not_read(part, error, path, len(parts))
    return found


def not_read(part: Part | Opened, error: NotReadError, path: Path, count: int) -> Stored:
    """Say of an object that one of its parts is not read.

    Parameters
    ----------
    part : Part or Opened
        The first such part.
    error : NotReadError
        What it is.
    path : Path
        The object.
    count : int
        How many parts it has; where there are several, it is the object that is kept.
    """
    inside = "" if part.compression == "none" else f" inside {part.compression}"
    detail = f"not read: {error.detail}{inside}"
    if count == 1:
        return Stored(detail, error.media_type, part.path, part.compression)
    outermost = part.compression.rpartition("+")[2]
    media_type = _PACKINGS.get(outermost, "application/octet-stream")
    detail = f"{detail}: {part.name!r}, one of {count:,} files"
    return Stored(detail, media_type, path, part.compression)


_PACKINGS = {
    "zip": "application/zip",
    "tar": "application/x-tar",
    "gzip": "application/gzip",
    "zstd": "application/zstd",
    "bzip2": "application/x-bzip2",
    "xz": "application/x-xz",
}


def _part(part: Part, said: Said, room: Room) -> Opened:
    with part.path.open("rb") as file:
        head = file.read(HEAD)
    media_type, called = media_of(part.path, head)
    if media_type:
        name = workbook_kind(part.path) or FORMATS.get(media_type, "")
        if name in READ:
            return Opened(part.path, part.name, part.compression, Format(name))
        raise NotReadError(called, media_type)
    path = without_end_mark(part.path, room)
    if path != part.path:
        head = head[: path.stat().st_size]
    charset = said.encoding or codec_named(said.content_type.rpartition("charset=")[2])
    named = (said.format or extension_of(part.name)) in JSON | JSON_LINES
    wide = charset.lower().startswith(("utf-16", "utf-32", "utf16", "utf32"))
    if not encoding_of(head) and not wide and not named:
        media_type = said.content_type.partition(";")[0].strip() or "application/octet-stream"
        raise NotReadError(f"bytes of no known format ({media_type})", media_type)
    encoding = find_encoding(
        path,
        said.content_type,
        said.encoding,
        room.check_time,
        guessing=not named
        and (said.format in NAMED or not _begins_as_json(head, whole=len(head) < HEAD)),
    )
    text = as_utf8(path, encoding.name, room)
    found = detect(text, part.name, said)
    return Opened(text, part.name, part.compression, found, encoding.guess)


def _begins_as_json(head: bytes, *, whole: bool) -> bool:
    """Tell JSON before its encoding is known: all that it is made of is ASCII."""
    lines = lines_of(head.decode("ascii", "replace"), whole=whole)
    return any(line.strip() for line in lines) and bool(json_format(lines, "", whole=whole))
