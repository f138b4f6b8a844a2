"""What a delimited file says of itself before its table begins."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from engine.open.samples import LINE_END

if TYPE_CHECKING:
    from contract.csv import CsvSettings

_SEP = re.compile(r"\s*\"?sep=(.)\"?\s*", re.IGNORECASE)
_FIELDS = re.compile(r"#\s*fields:?(?P<gap>[ \t])(?P<names>.+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Opening:
    """What lines of its own a file begins with.

    Attributes
    ----------
    offset : int
        Characters of the file before its table.
    delimiter : str
        What such a line says, or the names in it; empty for nothing.
    names : tuple of str
        Columns that a comment names.
    comment : str
        How lines begin that are no records; empty where nothing says so.
    """

    offset: int = 0
    delimiter: str = ""
    names: tuple[str, ...] = ()
    comment: str = ""


def opening_of(head: str, said: CsvSettings) -> Opening:
    """Read what says something of a table: ``sep=;`` and comments that name the columns.

    Parameters
    ----------
    head : str
        The file's beginning.
    said : CsvSettings
        What the contract says.
    """
    comment = said.comment or "#"
    found = Opening(comment=said.comment or "")
    if said.skip:
        ends = [m.end() for m in LINE_END.finditer(head)]
        return replace(found, offset=ends[min(said.skip, len(ends)) - 1] if ends else 0)
    offset = 0
    for match in re.finditer(r"([^\r\n]*)(\r\n|\r|\n|\Z)", head):
        text = match[1]
        if (sep := _SEP.fullmatch(text)) and not found.offset:
            found = replace(found, delimiter=sep[1])
        elif fields := _FIELDS.fullmatch(text):
            tab = fields["gap"] == "\t" or "\t" in fields["names"]
            names = tuple(fields["names"].strip().split("\t" if tab else None))
            found = replace(found, names=names, comment="#")
        elif text.strip() and not text.startswith(comment):
            break
        elif not text.startswith(comment):
            # Blank lines go with the comments before them.
            continue
        elif match.end() == offset:
            break
        offset = match.end()
        found = replace(found, offset=offset)
    if found.names:
        return replace(found, delimiter=_delimiter_below(head[found.offset :], len(found.names)))
    # The only lines that begin so may be the header itself: #id,name.
    found = _unless_header(head, found)
    return replace(found, comment=comment) if _has_comments(head, found.offset, comment) else found


def _has_comments(head: str, offset: int, comment: str) -> bool:
    """Tell whether lines above the table are comments, and few below it begin as they do."""
    above = LINE_END.split(head[:offset])
    if not any(line.startswith(comment) for line in above):
        return False
    below = [line for line in LINE_END.split(head[offset:])[1:] if line.strip()]
    begun = [line for line in below if line.startswith(comment)]
    return 3 * len(begun) <= len(below)


def without_comments(text: str, comment: str, *, first: bool) -> str:
    """Empty the lines that are comments, each to as many spaces; nothing else moves.

    Parameters
    ----------
    text : str
        Lines of a table.
    comment : str
        How comments begin; empty where there are none.
    first : bool
        Whether the first line may be the header, however it begins.
    """
    if not comment or comment not in text:
        return text
    # A line with a quote may end what began in another one.
    pattern = rf"(?<=[\r\n]){re.escape(comment)}[^\r\n\"]*(?=[\r\n]|\Z)"
    begin = "" if first else "\n"
    return re.sub(pattern, lambda line: " " * len(line[0]), begin + text)[len(begin) :]


def _unless_header(head: str, found: Opening) -> Opening:
    """Take the last comment for a header where it is cut as the line below it."""
    if not found.offset or found.delimiter:
        return found
    last = io.StringIO(head[: found.offset], newline="").readlines()[-1]
    below = next((text for text in LINE_END.split(head[found.offset :]) if text.strip()), "")
    for delimiter in (",", "\t", ";", "|"):
        if last.count(delimiter) != below.count(delimiter) or delimiter not in below:
            continue
        # Above numbers, names may have spaces: # energy (MeV), n (cm2 g-1)
        words = not any(map(_is_number, last.strip("# \r\n").split(delimiter)))
        numbers = all(map(_is_number, below.split(delimiter)))
        several = last.count(delimiter) > 1
        if " " not in last.strip("# \r\n") or (words and (numbers or several)):
            return replace(found, offset=found.offset - len(last))
    return found


def _is_number(cell: str) -> bool:
    return bool(re.fullmatch(r"\s*[-+]?\d[\d.]*([eE][-+]?\d+)?\s*", cell))


def _delimiter_below(text: str, width: int) -> str:
    lines = [
        line for line in LINE_END.split(text)[:50] if line.strip() and not line.startswith("#")
    ]
    for delimiter in ("\t", ",", ";", "|", " "):
        if lines and all(line.count(delimiter) == width - 1 for line in lines):
            return delimiter
    return "\t" if any("\t" in line for line in lines) else " "
