"""What a file is: by its bytes first, then by its name, then by what the uploader said."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from contract.csv import CsvSettings
from engine.convert.exact import NotJsonError, loads
from engine.open.dialect import Context, Dialect, find_dialect, read_samples
from engine.open.encoding import encoding_of
from engine.open.workbooks import workbook_kind

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path


#: Enough to see what a file is.
_HEAD = 256 * 1024

_COMPRESSED = re.compile(r"\.(gz|gzip|zst|zstd|bz2|xz)$", re.IGNORECASE)

_JSON_LINES = frozenset({"jsonl", "ndjson", "jsonlines", "ldjson"})
_JSON = frozenset({"json", "geojson"})

_UNSAID = CsvSettings()

#: No extension: only a contract can say that lines are not to be divided.
_TEXT = "text"

#: First bytes and media type of what is no data (IANA media types; each format's own
#: specification).
_MEDIA = (
    (b"%PDF-", "application/pdf"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"PK\x03\x04", "application/zip"),
    (b"PK\x05\x06", "application/zip"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"Rar!\x1a\x07", "application/vnd.rar"),
    (b"\x7fELF", "application/x-executable"),
    (b"ID3", "audio/mpeg"),
    (b"OggS", "application/ogg"),
    (b"fLaC", "audio/flac"),
    (b"RIFF", "application/octet-stream"),
    (b"SQLite format 3\0", "application/vnd.sqlite3"),
)


@dataclass(frozen=True, slots=True)
class Format:
    """What a file is.

    Attributes
    ----------
    name : str
        ``jsonl``, ``json``, ``csv``, ``parquet``, ``avro``, ``text`` or ``opaque``.
    encoding : str
        Of a text; empty for what is none.
    dialect : Dialect or None
        Of a delimited file.
    media_type : str
        Of an opaque file.
    """

    name: str
    encoding: str = ""
    dialect: Dialect | None = None
    media_type: str = ""


def detect(
    path: Path,
    key: str,
    content_type: str,
    hint: str = "",
    settings: CsvSettings | None = None,
    table: Collection[str] = (),
) -> Format:
    """Find out what a file is.

    Parameters
    ----------
    path : Path
        Its plain bytes.
    key : str
        The raw key.
    content_type : str
        As the uploader said.
    hint : str
        As the dataset's contract says; it counts more than the key's extension, and less than
        the content, as that does.
    settings : CsvSettings, optional
        What the contract says of delimited files.
    table : collection of str
        Normalised names of the table's columns.

    Returns
    -------
    Format
        A file that is nothing else is ``text`` if it is text, else ``opaque``.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD)
        whole = len(head) < _HEAD
    if head.startswith((b"PAR1", b"PARE")):
        return Format("parquet")
    if head.startswith(b"Obj\x01"):
        return Format("avro")
    if head.startswith(b"ORC") and not encoding_of(head[3:]):
        return Format("orc")
    if workbook := workbook_kind(path):
        return Format(workbook)
    extension = hint or _extension(key)
    named_json = extension in _JSON | _JSON_LINES or "json" in content_type
    for magic, media_type in _MEDIA:
        if head.startswith(magic) and not encoding_of(head[len(magic) :]):
            return Format("opaque", media_type=media_type)
    encoding = encoding_of(head)
    if not encoding and not named_json:
        return Format("opaque", media_type=content_type or "application/octet-stream")
    text = head.decode(encoding or "utf-8", "replace").removeprefix("\ufeff")
    lines = text.splitlines() if whole else text.splitlines()[:-1] or text.splitlines()
    said = _json_or_text(lines, extension, encoding or "utf-8", named_json=named_json)
    if said is not None:
        return said
    context = Context(
        extension, settings or _UNSAID, table, certain=settings is not None and settings != _UNSAID
    )
    dialect = find_dialect(read_samples(path, encoding or "utf-8"), context)
    first = next(line.lstrip()[0] for line in lines if line.strip())
    if dialect is not None and not (named_json and first in '{["'):
        return Format("csv", encoding or "utf-8", dialect)
    return Format("json" if named_json else "text", encoding or "utf-8")


def _json_or_text(
    lines: list[str], extension: str, encoding: str, *, named_json: bool
) -> Format | None:
    full = [line for line in lines if line.strip()]
    if not full or extension == _TEXT:
        return Format("text", encoding)
    if extension in _JSON_LINES:
        return Format("jsonl", encoding)
    first = full[0].lstrip()[0]
    if first in "{[":
        records = sum(_is_record(line) for line in full[:200])
        if 2 * records > len(full[:200]) and (len(full) > 1 or first == "{"):
            # One object on one line may also be a wrapper: the document reader looks.
            return Format("jsonl" if len(full) > 1 else "json", encoding)
        if named_json or records or re.match(r'[{\[]\s*($|[{\["\]}])', full[0].lstrip()):
            return Format("json", encoding)
    return None


def _extension(key: str) -> str:
    name = _COMPRESSED.sub("", key.rpartition("/")[2])
    return name.rpartition(".")[2].lower() if "." in name else ""


def _is_record(line: str) -> bool:
    try:
        return isinstance(loads(line), (dict, list))
    except NotJsonError:
        return False
