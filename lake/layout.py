"""Rows as lines of text: what a person sees of data, whatever is in it."""

from __future__ import annotations

import re
from itertools import zip_longest
from typing import TYPE_CHECKING

from rich.cells import cell_len, chop_cells

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_BOLD, _DIM, _END = "\x1b[1m", "\x1b[2m", "\x1b[0m"

#: As Athena and Glue name them.
_NUMBERS = frozenset(
    {"tinyint", "smallint", "integer", "int", "bigint", "float", "real", "double", "decimal"}
)

#: Between two columns.
_GAP = "  "

#: A column that is folded keeps so many characters, and a value becomes at most so many lines.
#: What needs more is easier to read one column a line.
_LEAST, _TALLEST = 18, 4

#: Characters that a terminal obeys instead of showing them: the control characters of ASCII and
#: Latin 1, and those of Unicode that divide lines or change the direction of writing (Unicode
#: Technical Report 36, "Bidirectional Text Spoofing"), or that nobody sees.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    "\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)

#: A line is broken behind these where it can be.
_WORD = re.compile(r"[^\s_/,.:;=&?|-]*[\s_/,.:;=&?|-]?")


def visible(text: str, but: str = "") -> str:
    r"""Spell the characters that a terminal would obey, such as ``\x1b`` and ``\u202e``.

    Parameters
    ----------
    text : str
        Anything.
    but : str
        Characters that are left as they are.
    """
    return _UNSAFE.sub(lambda found: found[0] if found[0] in but else _spelled(found[0]), text)


def escaped(text: str) -> str:
    """Spell the same characters in a text of JSON as JSON does; line feeds are its layout."""

    def spell(found: re.Match[str]) -> str:
        units = found[0].encode("utf-16-be", "surrogatepass").hex()
        return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))

    return _UNSAFE.sub(lambda found: found[0] if found[0] == "\n" else spell(found), text)


def _spelled(character: str) -> str:
    code = ord(character)
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def cell(value: object) -> str:
    """Give a value as it is shown."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    return visible(str(value))


def fold(text: str, width: int) -> list[str]:
    """Break a text into lines, between words where it can be; nothing is left out."""
    if _width(text) <= width:
        return [text]
    lines, line = list[str](), ""
    for word in filter(None, _WORD.findall(text)):
        if _width(line + word.rstrip()) <= width:
            line += word
            continue
        lines += [line] if line else []
        *full, line = chop_cells(word, width) if _width(word.rstrip()) > width else [word]
        lines += full
    return [*lines, line]


def aligned(
    columns: Sequence[str],
    rows: Sequence[Sequence[object]],
    numeric: Sequence[bool],
    width: int | None = None,
    *,
    styled: bool = False,
) -> list[str] | None:
    """Lay rows out under the names of their columns.

    Parameters
    ----------
    columns : sequence of str
        Names.
    rows : sequence of sequences
        Values; None is null. An empty one is a blank line.
    numeric : sequence of bool
        Which columns are written to the right.
    width : int, optional
        What is too wide for it is folded; without one nothing is.
    styled : bool
        Whether names are bold and nulls dim.

    Returns
    -------
    list of str, or None
        Lines; None where folding would make them hard to read.
    """
    heads = [visible(name) for name in columns]
    texts = [[cell(value) for value in row] for row in rows]
    full = filter(None, texts)
    widest = [max(map(_width, column), default=0) for column in zip(*full, strict=True)]
    widest = widest or [0] * len(heads)
    natural = [max(_width(head), most) for head, most in zip(heads, widest, strict=True)]
    floors = [most if right else 0 for most, right in zip(widest, numeric, strict=True)]
    chosen = natural if width is None else _chosen(natural, floors, width)
    if chosen is None:
        return None
    lines = list(_block(heads, chosen, numeric, [_BOLD if styled else ""] * len(heads)))
    lines.append("─" * (sum(chosen) + len(_GAP) * (len(chosen) - 1)))
    for row, shown in zip(rows, texts, strict=True):
        if not row:
            lines.append("")
            continue
        styles = [_DIM if styled and value is None else "" for value in row]
        block = list(_block(shown, chosen, numeric, styles))
        if len(block) > _TALLEST:
            return None
        lines += block
    return lines


def _chosen(natural: Sequence[int], floors: Sequence[int], width: int) -> list[int] | None:
    """Give each column a width, the widest less than they would have; None where none does."""
    room = width - len(_GAP) * (len(natural) - 1)
    if sum(natural) <= room:
        return list(natural)
    for most in range(width, _LEAST - 1, -1):
        found = [max(floor, min(one, most)) for one, floor in zip(natural, floors, strict=True)]
        if sum(found) <= room:
            return found
    return None


def _block(
    texts: Sequence[str], widths: Sequence[int], numeric: Sequence[bool], styles: Sequence[str]
) -> Iterator[str]:
    folded = [fold(text, width) for text, width in zip(texts, widths, strict=True)]
    for parts in zip_longest(*folded, fillvalue=""):
        line = _GAP.join(
            _padded(part.rstrip(), width, style, right=right)
            for part, width, style, right in zip(parts, widths, styles, numeric, strict=True)
        )
        yield line.rstrip()


def _padded(text: str, width: int, style: str, *, right: bool) -> str:
    space = " " * (width - _width(text))
    painted = f"{style}{text}{_END}" if style and text else text
    return space + painted if right else painted + space


def vertical(
    columns: Sequence[str],
    rows: Sequence[Sequence[object]],
    width: int | None = None,
    *,
    styled: bool = False,
) -> list[str]:
    """Lay rows out with one column a line.

    Parameters
    ----------
    columns : sequence of str
        Names.
    rows : sequence of sequences
        Values; None is null. Empty ones are left out.
    width : int, optional
        Longer values go on in the next line; without one none does.
    styled : bool
        Whether names are bold and nulls dim.
    """
    names = [visible(name) for name in columns]
    label = max(map(_width, names), default=0)
    if width is not None:
        label = min(label, width // 2 - len(_GAP))
    room = None if width is None else width - label - len(_GAP)
    lines: list[str] = []
    for number, row in enumerate(filter(None, rows), 1):
        head = f"─ row {number:,} "
        lines.append(head + "─" * ((width or 40) - len(head)))
        for name, value in zip(names, row, strict=True):
            text = cell(value)
            values = [text] if room is None else fold(text, room)
            styles = [_BOLD, _DIM if value is None else ""] if styled else ["", ""]
            labels = [name] if width is None else fold(name, label)
            for left, right in zip_longest(labels, values, fillvalue=""):
                shown = _padded(right.rstrip(), 0, styles[1], right=False)
                lines.append((_padded(left, label, styles[0], right=False) + _GAP + shown).rstrip())
    return lines


def _width(text: str) -> int:
    return len(text) if text.isascii() else cell_len(text)


def is_numeric(kind: str) -> bool:
    """Tell whether a type of Athena's or Glue's is one of numbers."""
    return kind.lower().partition("(")[0] in _NUMBERS
