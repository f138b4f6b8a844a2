"""What a text is: by its content first, then by its name, then by what the uploader said."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.open.encoding import HEAD
from engine.open.jsonlike import JSON, JSON_LINES, first_wrong, is_json, json_format
from store.errors import RejectedObjectError
from store.reasons import Reason

if TYPE_CHECKING:
    from pathlib import Path

_DELIMITED = {"csv": ",", "tsv": "\t", "tab": "\t", "psv": "|"}

#: No extension: only a contract can say that lines are not to be divided.
_TEXT = "text"

_DELIMITERS = (",", "\t", ";", "|")


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
        ``jsonl``, ``json``, ``csv``, ``text``; ``parquet``, ``avro`` and others of
        :data:`engine.open.media.FORMATS`.
    dialect : Dialect or None
        Of a delimited file.
    """

    name: str
    dialect: Dialect | None = None


def detect(path: Path, name: str, content_type: str, hint: str = "") -> Format:
    """Find out what a text is.

    Parameters
    ----------
    path : Path
        Its lines in UTF-8.
    name : str
        Of the file, without what only says how it was packed.
    content_type : str
        As the uploader said; it breaks a tie.
    hint : str
        As the dataset's contract says; it counts more than the name's extension, and less than
        the content, as that does.

    Returns
    -------
    Format
        A text that is nothing else is ``text``.

    Raises
    ------
    RejectedObjectError
        When it is named as JSON, nothing in it is, and it is nothing else that has a form.
    """
    with path.open("rb") as file:
        head = file.read(HEAD)
        whole = len(head) < HEAD
    text = head.decode("utf-8", "replace")
    lines = text.splitlines() if whole else text.splitlines()[:-1] or text.splitlines()
    full = any(line.strip() for line in lines)
    extension = hint or extension_of(name)
    if not full or extension == _TEXT:
        return Format("text")
    if found := json_format(lines, extension, whole=whole):
        return Format(found)
    dialect = _dialect(lines, extension)
    named = extension in JSON | JSON_LINES
    if dialect is not None and not (named and text.lstrip().startswith('"')):
        return Format("csv", dialect)
    if named:
        if whole and (wrong := first_wrong(text)):
            raise RejectedObjectError(
                Reason.UNKNOWN_FORMAT, f"the object is named as JSON and nothing in it is: {wrong}"
            )
        return Format("json")
    tie = "json" in content_type and not extension and whole
    return Format("json" if tie and is_json(text) else "text")


def extension_of(name: str) -> str:
    """Give what follows the last dot of a name, in lower case; nothing where there is none."""
    last = name.rpartition("/")[2]
    return last.rpartition(".")[2].lower() if "." in last else ""


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
