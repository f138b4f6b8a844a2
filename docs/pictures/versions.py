"""What becomes of the rows when a file is uploaded again under its name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from docs.pictures.svg import Picture

if TYPE_CHECKING:
    from docs.pictures.svg import Kind

#: What happens; the versions in the raw bucket; the one that is committed; the rows that a query
#: reads, and whether these are as they shall be in the end.
_MOMENTS: tuple[tuple[str, str, str, str, Kind], ...] = (
    ("1  a.json is uploaded", "v1", "none", "none", "amber"),
    ("2  v1 is committed", "v1", "v1", "rows of v1", "green"),
    ("3  a.json is uploaded again", "v1, v2", "v1", "rows of v1", "amber"),
    ("4  files of v2 are written", "v1, v2", "v1", "rows of v1 and v2", "amber"),
    ("5  v2 is committed", "v1, v2", "v2", "rows of v1 and v2", "amber"),
    ("6  files of v1 are deleted", "v1, v2", "v2", "rows of v2", "green"),
    ("7  the event of v1 comes again", "v1, v2", "v2", "rows of v2", "green"),
)
_COLUMNS = ((20, 256), (296, 130), (446, 130), (596, 184))
_HEADS = ("what happens", "raw bucket", "ledger", "a query reads")


def draw() -> Picture:
    """Draw it."""
    picture = Picture(
        "Versions of one raw key",
        "The file a.json is uploaded, and its version v1 is committed. It is uploaded again: the "
        "raw bucket has v1 and v2, and a query reads the rows of v1 until files of v2 are written. "
        "For a moment it may read both. After the commit of v2 the files of v1 are deleted, and a "
        "query reads v2 only. A late event of v1 changes nothing.",
        800,
        370,
    )
    for (x, _), said in zip(_COLUMNS, _HEADS, strict=True):
        picture.text(x, 34, said, "head")
    for number, (event, raw, committed, rows, kind) in enumerate(_MOMENTS):
        top = 50 + number * 44
        picture.text(_COLUMNS[0][0], top + 21, event)
        for (x, width), said in zip(_COLUMNS[1:3], (raw, committed), strict=True):
            picture.box(x, top, width, 32, said, styles=("",))
        picture.box(_COLUMNS[3][0], top, _COLUMNS[3][1], 32, rows, kind=kind, styles=("",))
    return picture
