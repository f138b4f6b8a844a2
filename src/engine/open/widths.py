"""Which delimiter and which quotes make a text's rows equally wide."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from engine.open.contrast import kind_of_column
from engine.open.cuts import DELIMITERS, ROWS, Cut, Sampled, cut_of
from engine.open.samples import LINE_END
from engine.read.tokens import Grammar

if TYPE_CHECKING:
    from contract.csv import CsvSettings

#: What is tried where none of them divides anything: words have such, too.
_RARE = ("^", "~")


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
    cut = cut_of(texts, Grammar(" "))
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


def _score(cut: Cut, named: str) -> tuple[float, bool, float, bool, int]:
    # One odd row in many must not decide between two delimiters.
    return (
        round(cut.share, 1),
        # Where quotes match with one of them, it is by no chance.
        bool(cut.grammar.quote),
        round(cut.clean, 1),
        cut.grammar.delimiter == named,
        cut.width,
    )


def _quoted_best(texts: list[str], delimiter: str, said: CsvSettings) -> Cut:
    """Decide whether quotes are doubled, escaped, or characters."""
    quote = '"' if said.quote is None else said.quote
    doubled = cut_of(texts, Grammar(delimiter, quote, said.escape or quote))
    if said.quote is not None or said.escape is not None:
        return doubled
    wrong = sum(row.wrong for row in doubled.every)
    if doubled.share < 0.9 and any("'" in text for text in texts):
        single = cut_of(texts, Grammar(delimiter, "'", "'"))
        if single.share > doubled.share + 0.1:
            return single
    if quote not in "".join(texts):
        return doubled
    if any('\\"' in text for text in texts):
        escaped = cut_of(texts, Grammar(delimiter, quote, "\\"))
        less = sum(row.wrong for row in escaped.every)
        if (less, -escaped.share) < (wrong, -doubled.share):
            return escaped
    if wrong and not _quotes_serve(doubled):
        opened = [
            line
            for text, rows in zip(texts, doubled.samples, strict=True)
            for line in _opening(text, rows, delimiter)
        ]
        bare = cut_of(texts, Grammar(delimiter, "", ""))
        regular = bare.share == 1 or (bare.share > 0.8 and 2 * wrong > doubled.rows_count)
        if 2 * wrong >= len(opened) and regular and (wrong > 1 or delimiter == "\t"):
            return bare
    return doubled


def _quotes_serve(cut: Cut) -> bool:
    """Tell whether some field needs its quotes."""
    marks = re.compile(f"[{re.escape(cut.grammar.delimiter)}\r\n]")
    return any(marks.search(c) for row in cut.every if not row.wrong for c in row.cells if c)


def _opening(text: str, rows: list[Sampled], delimiter: str) -> list[str]:
    """Give the lines, of those that became rows, in which a field begins with a quote."""
    seen = text if len(rows) < ROWS else text[: rows[-1].offset]
    opens = re.compile(rf'(?:[^\r\n]*{re.escape(delimiter)})?[ ]*"')
    return [line for line in LINE_END.split(seen) if opens.match(line)]
