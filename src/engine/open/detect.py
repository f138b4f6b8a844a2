"""What a text is: by its content first, then by its name, then by what the uploader said."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from contract.csv import CsvSettings
from engine.open.dialect import NAMED, Context, Dialect, find_dialect
from engine.open.encoding import HEAD
from engine.open.jsonlike import (
    JSON,
    JSON_LINES,
    first_wrong,
    is_json,
    is_sequence,
    json_format,
    lines_of,
)
from engine.open.samples import read_samples
from store.errors import RejectedObjectError
from store.reasons import Reason

if TYPE_CHECKING:
    from pathlib import Path

#: No extension: only a contract can say that lines are not to be divided.
_TEXT = "text"

#: Fields of a line: with more of them it is no row.
_WIDEST = 50_000

#: A page that was saved in place of a table: an error that a server told, a login.
_MARKUP = re.compile(r"\ufeff?\s*<(!doctype|html|head|\?xml)\b", re.IGNORECASE)

_UNSAID = CsvSettings()


@dataclass(frozen=True, slots=True)
class Said:
    """What is known of an object beside its bytes.

    Attributes
    ----------
    content_type : str
        As the uploader said.
    format, encoding : str
        The contract's ``x-format`` and ``x-encoding``; empty where it says nothing.
    csv : CsvSettings
        The contract's ``x-csv``.
    columns : frozenset of str
        Names of the table's columns, and of the contract's.
    """

    content_type: str = ""
    format: str = ""
    encoding: str = ""
    csv: CsvSettings = _UNSAID
    columns: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Format:
    """What a file is.

    Attributes
    ----------
    name : str
        ``jsonl``, ``json``, ``csv``, ``text``; ``parquet``, ``avro`` and others of
        :data:`engine.open.media.FORMATS`.
    dialect : Dialect or None
        Of a delimited file.
    """

    name: str
    dialect: Dialect | None = None


def detect(path: Path, name: str, said: Said) -> Format:
    """Find out what a text is.

    Parameters
    ----------
    path : Path
        Its lines in UTF-8.
    name : str
        Of the file, without what only says how it was packed.
    said : Said
        With a format of text that the contract says nothing is guessed; the name's extension
        and the content type break a tie.

    Returns
    -------
    Format
        A text that is nothing else is ``text``.

    Raises
    ------
    RejectedObjectError
        When it is named as JSON, nothing in it is, and it is nothing else that has a form; or when
        it is named as a table, and is a page of HTML.
    """
    with path.open("rb") as file:
        head = file.read(HEAD)
        whole = len(head) < HEAD
    text = head.decode("utf-8", "replace")
    lines = lines_of(text, whole=whole)
    full = any(line.strip() for line in lines)
    extension = said.format or extension_of(name)
    if not full or extension == _TEXT:
        return Format("text")
    as_json = extension in JSON | JSON_LINES
    if said.format not in NAMED and (found := json_format(lines, extension, whole=whole)):
        return Format("json" if is_sequence(text) else found)
    if extension in NAMED and _MARKUP.match(text):
        begin = text.split("\n")[0].strip()[:40]
        raise RejectedObjectError(
            Reason.UNKNOWN_FORMAT,
            f"the object is named as {extension.upper()} and is a page of HTML or XML, as a server "
            f"sends it in place of a file: it begins with {begin!r}",
        )
    if not (said.format and as_json):
        dialect = _dialect(path, extension, said)
        if dialect is not None and not (as_json and text.lstrip().startswith('"')):
            return Format("csv", dialect)
    if as_json:
        if whole and (wrong := first_wrong(text)):
            raise RejectedObjectError(
                Reason.UNKNOWN_FORMAT, f"the object is named as JSON and nothing in it is: {wrong}"
            )
        return Format("json")
    tie = "json" in said.content_type and not extension and whole
    return Format("json" if tie and is_json(text) else "text")


def _dialect(path: Path, extension: str, said: Said) -> Dialect | None:
    certain = said.csv != _UNSAID or said.format in NAMED
    samples = read_samples(path)
    if _too_wide(samples[0]):
        return None
    return find_dialect(samples, Context(extension, said.csv, said.columns, certain=certain))


def _too_wide(head: str) -> bool:
    """Tell whether the first line would be more columns than any table has: it is none then."""
    first = head.split("\n", 1)[0]
    return len(first) > _WIDEST and max(map(first.count, ",;\t|\x01")) > _WIDEST


def extension_of(name: str) -> str:
    """Give what follows the last dot of a name, in lower case; nothing where there is none."""
    last = name.rpartition("/")[2]
    return last.rpartition(".")[2].lower() if "." in last else ""
