"""A text cut into rows in one way, and how wide they are."""

from __future__ import annotations

import re
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice

from engine.open.contrast import kind_of
from engine.read.tokens import Grammar, IncompleteError, Row, rows

#: What divides fields, the likeliest first.
DELIMITERS = (",", "\t", ";", "|", "\x01")

#: Rows of each sample that are looked at.
ROWS = 300

_DECIMAL = re.compile(r"[-+]?\d[\d. ]*,\d+|[-+]?\d[\d,]*\.?\d*")


@dataclass(frozen=True, slots=True)
class Sampled:
    """One record of a sample: its fields, and at which character it begins."""

    offset: int
    cells: list[str | None]
    wrong: bool = False

    @property
    def full(self) -> int:
        """How many fields there are up to the last one that holds something."""
        return max((n for n, cell in enumerate(self.cells, 1) if cell is not None), default=0)


@dataclass(slots=True)
class Cut:
    """A text cut into rows in one way.

    Attributes
    ----------
    grammar : Grammar
        The way.
    width : int
        Fields of most rows, without empty ones that only a delimiter at their end makes.
    samples : list of list of Sampled
        The rows of each sample.
    """

    grammar: Grammar
    width: int
    samples: list[list[Sampled]] = field(repr=False)

    @property
    def head(self) -> list[Sampled]:
        """The first sample's rows."""
        return self.samples[0]

    @property
    def every(self) -> list[Sampled]:
        """The rows of all samples."""
        return [row for sample in self.samples for row in sample]

    @property
    def rows_count(self) -> int:
        """How many rows were looked at."""
        return sum(map(len, self.samples))

    def regular(self, row: Sampled) -> bool:
        """Tell whether a row is as wide as most, but for an empty field at its end."""
        width = len(row.cells)
        return not row.wrong and (
            width == self.width or (width == self.width + 1 and row.cells[-1] is None)
        )

    @property
    def share(self) -> float:
        """How many of the rows are as wide as most."""
        return sum(map(self.regular, self.every)) / max(self.rows_count, 1)

    @property
    def clean(self) -> float:
        """How many of the fields hold no other delimiter, but for decimal commas."""
        others = "".join(set(DELIMITERS) - {self.grammar.delimiter})
        strange = re.compile(f"[{re.escape(others)}]")
        cells = [c for row in self.every for c in row.cells if c]
        bad = sum(bool(strange.search(c)) and not _DECIMAL.fullmatch(c) for c in cells)
        return 1 - bad / max(len(cells), 1)

    @property
    def prose(self) -> bool:
        """Whether it is cut at commas that stand in sentences."""
        cells = [c for row in self.every for c in row.cells[1:] if c]
        words = sum(c.count(" ") >= 2 for c in cells)
        return self.grammar.delimiter in ",;" and 2 * words > len(cells)

    def offset_of(self, row: int) -> int:
        """Give the character at which a row of the first sample begins."""
        return self.head[row].offset if row < len(self.head) else 0

    def trailing(self, start: int, width: int) -> bool:
        """Tell whether rows, from one on, end with a delimiter that nothing follows."""
        below = self._below(start)
        ended = sum(len(r.cells) == width + 1 and r.cells[-1] is None for r in below)
        return 2 * ended > len(below)

    def short(self, start: int, width: int) -> bool:
        """Tell whether empty last cells are left out: more than once is no accident."""
        below = self._below(start)
        short = sum(0 < len(r.cells) < width and not r.wrong for r in below)
        return short >= 2 and short * 10 >= len(below) and self.grammar.delimiter != " "

    def _below(self, start: int) -> list[Sampled]:
        return [row for row in self.every[start:] if row.full]


def cells_of(text: str, grammar: Grammar, *, whole: bool = True) -> list[Sampled]:
    """Cut a text into rows, if it is whole the last one, too.

    Characters that UTF-8 does not have are replaced.
    """
    data = text.encode("utf-8", "replace")
    ascii_only = len(data) == len(text)
    found = []
    with suppress(IncompleteError):
        for row in islice(rows(data, grammar, whole=whole), ROWS):
            offset = row.start if ascii_only else len(data[: row.start].decode("utf-8", "replace"))
            found.append(_sampled(row, offset, data, grammar))
    return found


def _sampled(row: Row, offset: int, data: bytes, grammar: Grammar) -> Sampled:
    if row.reason is None:
        return Sampled(offset, row.fields)
    # As its header a line may still be of use.
    line = data[row.start : row.end].decode("utf-8", "replace").replace(grammar.quote, "")
    cells = [c.strip(grammar.white) or None for c in line.split(grammar.delimiter)]
    return Sampled(offset, cells, wrong=True)


def cut_of(texts: list[str], grammar: Grammar) -> Cut:
    """Cut samples of a file into rows, and find how wide most of them are."""
    head = cells_of(texts[0], grammar)
    samples = [cells_of(text, grammar) for text in texts[1:]]
    if grammar.quote and any(
        "\n" in c or "\r" in c for row in head if not row.wrong for c in row.cells if c
    ):
        usual = _widths(head).most_common(1)[0][0]
        samples = [_aligned(text, grammar, usual) for text in texts[1:]]
    cut = Cut(grammar, 1, [head, *samples])
    widths = _widths(cut.every)
    if not widths:
        widths[max((len(row.cells) for row in cut.every), default=1)] += 1
    # Of two that are as frequent the wider one: cells may be left out, never added.
    width, most = max(widths.items(), key=lambda item: (item[1], item[0]))
    if most == 1 and len(widths) > 2:
        # No two rows are alike: the first is as good as any, and most often the header.
        width = next(len(row.cells) for row in cut.every if not row.wrong and row.full)
    widest = max(widths)
    if widths[widest] > 1 and _names_all(head, widest):
        # Most rows leave out empty last cells.
        width = widest
    cut.width = width - _surplus(cut, width)
    return cut


def _names_all(head: list[Sampled], width: int) -> bool:
    """Tell whether the first row has a word in each of so many cells."""
    first = next((row for row in head if row.full), None)
    if first is None or first.wrong or len(first.cells) != width:
        return False
    return all(cell and kind_of(cell) == "text" for cell in first.cells)


def _widths(rows: list[Sampled]) -> Counter[int]:
    return Counter(len(row.cells) for row in rows if not row.wrong and row.full)


def _aligned(text: str, grammar: Grammar, width: int) -> list[Sampled]:
    """Cut a sample that may begin within a cell of several lines; nothing where it is all one."""
    _, quote, behind = text.partition(grammar.quote)
    if not quote:
        return []
    ways: tuple[list[Sampled], ...] = (
        [],
        cells_of(text, grammar, whole=False),
        cells_of(behind, grammar, whole=False)[1:],
    )
    return max(ways, key=lambda rows: _widths(rows)[width] / max(len(rows), 1))


def _surplus(cut: Cut, width: int) -> int:
    """Tell whether rows of this width end with a delimiter that nothing follows."""
    wide = [row for row in cut.every if len(row.cells) == width and not row.wrong]
    if width < 2 or any(row.cells[-1] is not None for row in wide):
        return 0
    narrower = any(len(row.cells) == width - 1 for row in cut.every)
    return int(narrower or len(wide) == cut.rows_count)
