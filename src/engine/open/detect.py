"""What a file is: by its bytes first, then by its name, then by what the uploader said."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.convert.exact import NotJsonError, loads
from engine.open.encoding import encoding_of

if TYPE_CHECKING:
    from pathlib import Path

#: Enough to see what a file is.
_HEAD = 256 * 1024

_COMPRESSED = re.compile(r"\.(gz|gzip|zst|zstd|bz2|xz)$", re.IGNORECASE)

_JSON_LINES = frozenset({"jsonl", "ndjson", "jsonlines", "ldjson"})
_JSON = frozenset({"json", "geojson"})
_DELIMITED = {"csv": ",", "tsv": "\t", "tab": "\t", "psv": "|"}

#: No extension: only a contract can say that lines are not to be divided.
_TEXT = "text"

_DELIMITERS = (",", "\t", ";", "|")

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
    (b"ORC", "application/octet-stream"),
)


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a delimited file is written.

    Attributes
    ----------
    delimiter : str
        One character.
    columns : tuple of str
        Distinct names, of the header or made up.
    header : bool
        Whether the first row holds them.
    """

    delimiter: str
    columns: tuple[str, ...]
    header: bool


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


def detect(path: Path, key: str, content_type: str, hint: str = "") -> Format:
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
    return _text_format(lines, extension, encoding or "utf-8", named_json=named_json)


def _text_format(lines: list[str], extension: str, encoding: str, *, named_json: bool) -> Format:
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
    dialect = _dialect(lines, extension)
    if dialect is not None and not (named_json and first in '{["'):
        return Format("csv", encoding, dialect)
    return Format("json" if named_json else "text", encoding)


def _extension(key: str) -> str:
    name = _COMPRESSED.sub("", key.rpartition("/")[2])
    return name.rpartition(".")[2].lower() if "." in name else ""


def _is_record(line: str) -> bool:
    try:
        return isinstance(loads(line), (dict, list))
    except NotJsonError:
        return False


def _dialect(lines: list[str], extension: str) -> Dialect | None:
    """Find the delimiter that cuts the first rows into as many fields each."""
    named = _DELIMITED.get(extension)
    best: tuple[float, list[list[str]], str] | None = None
    for delimiter in _DELIMITERS:
        rows = _rows(lines, delimiter)
        if not rows or len(rows[0]) < 2:
            continue
        width = len(rows[0])
        share = sum(len(row) == width for row in rows) / len(rows)
        # A comma in prose splits sentences by chance: a second row must agree at least.
        enough = share >= 0.8 and (len(rows) > 1 or named is not None)
        score = share + (delimiter == named) + width / 1000
        if enough and (best is None or score > best[0]):
            best = (score, rows, delimiter)
    if best is None:
        if named is None:
            return None
        best = (0, _rows(lines, named), named)
        if not best[1]:
            return None
    _, rows, delimiter = best
    header = _is_header(rows)
    width = len(rows[0])
    names = rows[0] if header else [f"column_{n}" for n in range(1, width + 1)]
    if named is None and not header and not _has_numbers(rows):
        return None
    return Dialect(delimiter, _distinct(names), header)


def _rows(lines: list[str], delimiter: str) -> list[list[str]]:
    try:
        found = csv.reader((line + "\n" for line in lines), delimiter=delimiter)
        return [row for row, _ in zip((r for r in found if r), range(200), strict=False)]
    except csv.Error:
        return []


_NUMBER = re.compile(r"\s*[-+]?(\d[\d,.]*|\.\d+)([eE][-+]?\d+)?\s*%?")
_MOMENT = re.compile(r"\s*\d{4}-\d{2}-\d{2}([T ].*)?|\s*\d{1,2}[/.]\d{1,2}[/.]\d{2,4}.*")


def _is_header(rows: list[list[str]]) -> bool:
    """Tell names from data: neither numbers nor dates, and each another unless those follow."""
    first = [cell.strip() for cell in rows[0]]
    if any(_NUMBER.fullmatch(cell) or _MOMENT.fullmatch(cell) or len(cell) > 200 for cell in first):
        return False
    distinct = all(first) and len(set(first)) == len(first)
    return distinct or (any(first) and _has_numbers(rows[1:]))


def _has_numbers(rows: list[list[str]]) -> bool:
    cells = [cell for row in rows for cell in row]
    return sum(bool(_NUMBER.fullmatch(cell)) for cell in cells) * 5 > len(cells)


def _distinct(names: list[str]) -> tuple[str, ...]:
    taken: set[str] = set()
    found = []
    for position, name in enumerate(names, 1):
        wanted = name.strip() or f"column_{position}"
        candidate, number = wanted, 1
        while candidate.lower() in taken:
            number += 1
            candidate = f"{wanted}_{number}"
        taken.add(candidate.lower())
        found.append(candidate)
    return tuple(found)
