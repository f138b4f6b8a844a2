"""Which delimiter and which quotes make a text's rows equally wide."""

from __future__ import annotations

import re
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from engine.open.contrast import kind_of, kind_of_column
from engine.read.tokens import Grammar, IncompleteError, Row, rows

if TYPE_CHECKING:
    from contract.csv import CsvSettings
    from engine.open.headers import Header

#: What is tried, the likeliest first.
DELIMITERS = (",", "\t", ";", "|", "\x01")

#: What is tried where none of them divides anything: words have such, too.
_RARE = ("^", "~")

#: Rows of each sample that are looked at.
_ROWS = 300

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

    def trailing_for(self, header: Header) -> bool:
        """Tell whether rows end with a delimiter that nothing follows."""
        below = self._below(header)
        width = len(header.columns)
        ended = sum(len(r.cells) == width + 1 and r.cells[-1] is None for r in below)
        return 2 * ended > len(below)

    def short_for(self, header: Header) -> bool:
        """Tell whether empty last cells are left out: more than once is no accident."""
        below = self._below(header)
        width = len(header.columns)
        short = sum(0 < len(r.cells) < width and not r.wrong for r in below)
        return short >= 2 and short * 10 >= len(below) and self.grammar.delimiter != " "

    def _below(self, header: Header) -> list[Sampled]:
        start = header.row + header.present + header.units
        found = self.head[start:] + [row for sample in self.samples[1:] for row in sample]
        return [row for row in found if row.full]


def cells_of(text: str, grammar: Grammar, *, whole: bool = True) -> list[Sampled]:
    """Cut a text into rows, if it is whole the last one, too.

    Characters that UTF-8 does not have are replaced.
    """
    data = text.encode("utf-8", "replace")
    ascii_only = len(data) == len(text)
    found = []
    with suppress(IncompleteError):
        for row in islice(rows(data, grammar, whole=whole), _ROWS):
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


def best_cut(texts: list[str], named: str, wanted: str, said: CsvSettings) -> Cut | None:
    """Find what makes the most rows equally wide with the fewest oddities.

    Parameters
    ----------
    texts : list of str
        The samples.
    named : str
        The delimiter of the file's name, which breaks ties.
    wanted : str
        The delimiter that somebody said; nothing else is tried then.
    said : CsvSettings
        What the contract says of quotes.

    Returns
    -------
    Cut or None
        None where no delimiter divides anything.
    """
    found = []
    for delimiter in (wanted,) if wanted else DELIMITERS:
        if not wanted and not any(delimiter in text for text in texts):
            continue
        cut = _quoted_best(texts, delimiter, said)
        if cut.width > 1 or wanted:
            found.append(cut)
    if not found:
        return _rarely_cut(texts, said) or _spaced(texts)
    return max(found, key=lambda cut: _score(cut, named))


def _rarely_cut(texts: list[str], said: CsvSettings) -> Cut | None:
    """Cut at what rarely divides: only where all rows are alike."""
    for delimiter in _RARE:
        cut = _quoted_best(texts, delimiter, said)
        if cut.width > 1 and cut.rows_count > 2 and cut.share == 1:
            return cut
    return None


def _spaced(texts: list[str]) -> Cut | None:
    """Cut at single spaces: words have such, too, so all rows must be alike and most be numbers."""
    cut = _cut(texts, Grammar(" "))
    cells = [[cell or "" for cell in row.cells] for row in cut.every]
    if cut.width < 3 or len(cells) < 3 or any(row.wrong for row in cut.every):
        return None
    if any(len(row) != cut.width or "" in row for row in cells):
        return None
    columns = list(zip(*cells[1:], strict=True))
    kinds = [kind_of_column(list(column)) for column in columns]
    # Of one column are moments and their zones, and numbers in groups of three digits.
    moments = kinds[:2] == ["moment", "moment"]
    grouped = all(re.fullmatch(r"\d{3}", cell) for column in columns[1:] for cell in column)
    typed = sum(kind in ("number", "moment") for kind in kinds)
    return None if moments or grouped or 2 * typed <= cut.width else cut


def _score(cut: Cut, named: str) -> tuple[float, float, bool, int]:
    # One odd row in many must not decide between two delimiters.
    return (
        round(cut.share, 1),
        round(cut.clean, 1),
        cut.grammar.delimiter == named,
        cut.width,
    )


def _quoted_best(texts: list[str], delimiter: str, said: CsvSettings) -> Cut:
    """Decide whether quotes are doubled, escaped, or characters."""
    quote = '"' if said.quote is None else said.quote
    doubled = _cut(texts, Grammar(delimiter, quote, said.escape or quote))
    if said.quote is not None or said.escape is not None:
        return doubled
    wrong = sum(row.wrong for row in doubled.every)
    if doubled.share < 0.9 and any("'" in text for text in texts):
        single = _cut(texts, Grammar(delimiter, "'", "'"))
        if single.share > doubled.share + 0.1:
            return single
    if quote not in "".join(texts):
        return doubled
    if any('\\"' in text for text in texts):
        escaped = _cut(texts, Grammar(delimiter, quote, "\\"))
        less = sum(row.wrong for row in escaped.every)
        if (less, -escaped.share) < (wrong, -doubled.share):
            return escaped
    if wrong and not _quotes_serve(doubled):
        opened = sum(_opens(text, delimiter) for text in texts)
        bare = _cut(texts, Grammar(delimiter, "", ""))
        regular = bare.share == 1 or (bare.share > 0.8 and 2 * wrong > doubled.rows_count)
        if 2 * wrong >= opened and regular and (wrong > 1 or delimiter == "\t"):
            return bare
    return doubled


def _quotes_serve(cut: Cut) -> bool:
    """Tell whether some field needs its quotes."""
    marks = re.compile(f"[{re.escape(cut.grammar.delimiter)}\r\n]")
    return any(marks.search(c) for row in cut.every if not row.wrong for c in row.cells if c)


def _opens(text: str, delimiter: str) -> int:
    """Count the lines in which a field begins with a quote."""
    return len(re.findall(rf'(?m)^(?:[^\r\n]*{re.escape(delimiter)})?[ ]*"[^\r\n]*', text))


def _cut(texts: list[str], grammar: Grammar) -> Cut:
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
