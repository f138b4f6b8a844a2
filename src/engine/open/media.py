"""What a file is by its first bytes, where these are no text."""

from __future__ import annotations

import mmap
import re
from typing import TYPE_CHECKING

from engine.open.encoding import encoding_of
from engine.open.zips import is_zip, packaged

if TYPE_CHECKING:
    from pathlib import Path

#: Formats with records in them, by the name that the ledger gives them, and what people call
#: them; whether each is read is said in :mod:`engine.open.opened`.
FORMATS = {
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "application/vnd.ms-excel": "xls",
    "application/vnd.oasis.opendocument.spreadsheet": "ods",
    "application/vnd.apache.orc": "orc",
    "application/vnd.apache.parquet": "parquet",
    "application/vnd.apache.avro": "avro",
}

_OCTETS = "application/octet-stream"

#: First bytes, media type (IANA's where there is one) and name (each format's specification).
_MAGIC = (
    (b"PAR1", "application/vnd.apache.parquet", "Parquet"),
    (b"PARE", "application/vnd.apache.parquet", "encrypted Parquet"),
    (b"Obj\x01", "application/vnd.apache.avro", "Avro"),
    (b"ORC", "application/vnd.apache.orc", "ORC"),
    (b"ARROW1\0\0", "application/vnd.apache.arrow.file", "Arrow"),
    (b"FEA1", "application/vnd.apache.arrow.file", "Feather"),
    (b"SEQ\x04", _OCTETS, "a Hadoop sequence file"),
    (b"SEQ\x05", _OCTETS, "a Hadoop sequence file"),
    (b"SEQ\x06", _OCTETS, "a Hadoop sequence file"),
    (b"RCF\x01", _OCTETS, "RCFile"),
    (b"\x89HDF\r\n\x1a\n", "application/x-hdf5", "HDF5"),
    (b"\x93NUMPY", "application/x-npy", "a NumPy array"),
    (b"SQLite format 3\0", "application/vnd.sqlite3", "a SQLite database"),
    (b"%PDF-", "application/pdf", "PDF"),
    (b"\x89PNG\r\n\x1a\n", "image/png", "a PNG image"),
    (b"\xff\xd8\xff", "image/jpeg", "a JPEG image"),
    (b"GIF87a", "image/gif", "a GIF image"),
    (b"GIF89a", "image/gif", "a GIF image"),
    (b"II*\0", "image/tiff", "a TIFF image"),
    (b"MM\0*", "image/tiff", "a TIFF image"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed", "a 7z archive"),
    (b"Rar!\x1a\x07", "application/vnd.rar", "a RAR archive"),
    (b"\x7fELF", "application/x-executable", "a program"),
    (b"\xca\xfe\xba\xbe", "application/java-vm", "a Java class"),
    (b"\0asm", "application/wasm", "WebAssembly"),
    (b"ID3", "audio/mpeg", "MP3 audio"),
    (b"OggS", "application/ogg", "Ogg media"),
    (b"fLaC", "audio/flac", "FLAC audio"),
    (b"\xd4\xc3\xb2\xa1", "application/vnd.tcpdump.pcap", "a packet capture"),
    (b"\xa1\xb2\xc3\xd4", "application/vnd.tcpdump.pcap", "a packet capture"),
    (b"\x0a\x0d\x0d\x0a", "application/x-pcapng", "a packet capture"),
    (b"ElfFile\0", "application/x-ms-evtx", "a Windows event log"),
)

#: A chunked file says what it is in its ninth byte (RIFF), an ISO media file in its fifth.
_CHUNKED = {
    b"WAVE": ("audio/vnd.wave", "WAV audio"),
    b"WEBP": ("image/webp", "a WebP image"),
    b"AVI ": ("video/vnd.avi", "AVI video"),
}

#: Microsoft's compound file; its directory names what is in it.
_COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_STREAMS = (
    ("EncryptedPackage", _OCTETS, "an encrypted workbook or document"),
    ("Workbook", "application/vnd.ms-excel", "an Excel workbook (XLS)"),
    ("Book", "application/vnd.ms-excel", "an Excel workbook (XLS)"),
    ("WordDocument", "application/msword", "a Word document"),
    ("PowerPoint Document", "application/vnd.ms-powerpoint", "a PowerPoint presentation"),
)

#: A line of its own: header and version (ISO 32000-1, 7.5.2).
_PDF = re.compile(rb"%PDF-\d\.\d\s")

_PACKAGES = (
    ("spreadsheetml.sheet", "an Excel workbook (XLSX)"),
    ("sheet.binary", "an Excel workbook (XLSB)"),
    ("wordprocessingml", "a Word document"),
    ("presentationml", "a PowerPoint presentation"),
    ("opendocument.spreadsheet", "an OpenDocument spreadsheet (ODS)"),
    ("opendocument", "an OpenDocument file"),
    ("java-archive", "a Java archive"),
    ("android", "an Android package"),
    ("epub", "an EPUB book"),
)


def media_of(path: Path, head: bytes) -> tuple[str, str]:
    """Tell what a file is that is no text.

    Parameters
    ----------
    path : Path
        The file, no longer packed.
    head : bytes
        Its first bytes, at least 64 KB of them.

    Returns
    -------
    tuple of str and str
        Media type, and what people call it; two empty strings where the bytes do not say.
    """
    if is_zip(head):
        media_type = packaged(path) or "application/zip"
        names = (name for part, name in _PACKAGES if part in media_type)
        return media_type, next(names, "a ZIP package")
    if head.startswith(_COMPOUND):
        return _compound(path)
    if head.startswith(b"RIFF") and head[8:12] in _CHUNKED:
        return _CHUNKED[head[8:12]]
    if head[4:8] == b"ftyp":
        return "video/mp4", "ISO media (MP4, HEIF)"
    for magic, media_type, name in _MAGIC:
        if head.startswith(magic) and _is_it(path, magic, head):
            return media_type, name
    return "", ""


def _is_it(path: Path, magic: bytes, head: bytes) -> bool:
    """Tell a format from a text that begins with the same letters."""
    if magic in (b"PAR1", b"PARE", b"Obj\x01"):
        return True
    if magic == b"%PDF-" and _PDF.match(head):
        # All of it may be ASCII.
        return True
    if magic == b"ORC":
        # Its last bytes are a postscript that ends with the same letters, and its length.
        with path.open("rb") as file:
            file.seek(max(file.seek(0, 2) - 4, 0))
            if file.read(3) == magic:
                return True
        # What is cut off is damaged, not another format.
    return not encoding_of(head[len(magic) :])


def _compound(path: Path) -> tuple[str, str]:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        for stream, media_type, name in _STREAMS:
            if re.search(re.escape(stream.encode("utf-16-le")) + b"\0\0", data):
                return media_type, name
    return "application/x-ole-storage", "a Microsoft compound file"
