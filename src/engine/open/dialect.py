"""How a delimited file is written: found in samples of it, and every guess said in words."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from contract.csv import CsvSettings
from engine.open.cuts import DELIMITERS, Cut, cells_of
from engine.open.headers import Header, find_header, looks_like_names, told_cells, total_of
from engine.open.opening import Opening, opening_of, without_comments
from engine.open.samples import LINE_END
from engine.open.widths import best_cut
from engine.read.tokens import Grammar
from store.naming import normalise

if TYPE_CHECKING:
    from collections.abc import Collection
#: By a file's name only a tie is broken.
NAMED = {"csv": ",", "tsv": "\t", "tab": "\t", "psv": "|"}

#: Names of files whose lines are text, unless their content proves more.
TEXTS = frozenset(
    {"log", "txt", "md", "text", "out", "err", "rst", "tex", "html", "htm", "xml"}
    | {"yaml", "yml", "toml", "ini", "cfg", "conf", "sql", "py", "js", "sh"}
)

#: Divides no text: a file of one column has no delimiter.
NO_DELIMITER = "\x1f"

#: So many rows that are equally wide are so by no chance.
_MANY_ROWS = 20

#: A name of one word, and one part of a number that is written with a decimal comma.
_IDENTIFIER = re.compile(r"[^\W\d]\w*")
_DIGITS = re.compile(r"[-+]?\d+")

_COMMA = re.compile(r"[-+]?(\d+|\d{1,3}(\.\d{3})+)(,\d+)?")

_TEXTS_OF_NUMBERS = (
    'numbers with a decimal comma are text, unless the contract says "x-csv": {"decimal": ","}'
)
_DECIMALS = "one column: its commas are taken for decimal ones"

_ALL = CsvSettings()


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
    quote, escape : str
        As of :class:`engine.read.tokens.Grammar`.
    preamble : int
        Lines before the table.
    comment : str
        How lines that are no records begin; empty for none.
    units : bool
        Whether a row of units follows the header.
    trailing : bool
        Whether a delimiter that nothing follows may end a row.
    short : bool
        Whether empty last cells may be left out.
    cells : tuple of str
        The header as it is written, to know it again in joined files.
    nulls : tuple of str
        Fields that stand for null, beside empty ones.
    decimal : str
        ``,`` where the contract says that numbers are written so.
    guesses : tuple of str
        What was guessed, for the ledger.
    total : str
        The first cell of rows that sum up others; empty for none.
    """

    delimiter: str
    columns: tuple[str, ...]
    header: bool
    quote: str = '"'
    escape: str = '"'
    preamble: int = 0
    comment: str = ""
    units: bool = False
    trailing: bool = False
    short: bool = False
    cells: tuple[str, ...] = ()
    nulls: tuple[str, ...] = ("\\N",)
    decimal: str = "."
    guesses: tuple[str, ...] = ()
    total: str = ""

    @property
    def grammar(self) -> Grammar:
        """The grammar of its records."""
        return Grammar(self.delimiter, self.quote, self.escape)

    @property
    def unusual(self) -> dict[str, str | int | bool]:
        """Say in the words of ``x-csv`` how it differs from comma, header and double quotes."""
        found: dict[str, tuple[str | int | bool, str | int | bool]] = {
            "delimiter": (self.delimiter, ","),
            "header": (self.header, True),
            "quote": (self.quote, '"'),
            "escape": (self.escape, self.quote),
            "comment": (self.comment, ""),
            "skip": (self.preamble, 0),
            "decimal": (self.decimal, "."),
        }
        return {name: value for name, (value, usual) in found.items() if value != usual}


@dataclass(frozen=True, slots=True)
class Context:
    """What is known of a file beside its content.

    Attributes
    ----------
    extension : str
        Of its name, or what the contract says in its place.
    settings : CsvSettings
        What the contract says.
    table : collection of str
        Normalised names of the table's columns.
    certain : bool
        Whether the contract says that the file is delimited.
    """

    extension: str = ""
    settings: CsvSettings = _ALL
    table: Collection[str] = ()
    certain: bool = False


def find_dialect(samples: list[str], context: Context) -> Dialect | None:
    """Find out how a file is delimited, if it is.

    Parameters
    ----------
    samples : list of str
        As :func:`engine.open.samples.read_samples` gives them.
    context : Context
        What else is known.

    Returns
    -------
    Dialect or None
        None for what is rather lines of text.
    """
    if not any(sample.strip() for sample in samples):
        return None
    said = context.settings
    named = said.delimiter or NAMED.get(context.extension, "")
    opening = opening_of(samples[0], said)
    texts = [
        without_comments(text, opening.comment, first=n == 0)
        for n, text in enumerate([samples[0][opening.offset :], *samples[1:]])
    ]
    wanted = said.delimiter or opening.delimiter
    cut = best_cut(texts, named, wanted, said)
    in_text = context.extension in TEXTS and not context.certain
    if in_text and cut and cut.grammar.delimiter == " " != wanted:
        return None
    if cut is None:
        if not (named or wanted or context.certain):
            return None
        cut = _one_column(texts, named or ",", said)
    decimals = not wanted and _holds_decimals(cut)
    if decimals:
        cut = _one_column(texts, NO_DELIMITER, said)
    if cut.width == 1 and opening.names and len(opening.names) > 1 and not wanted:
        return None
    header = find_header(cut, opening.names, bool(named) or context.certain, said, context.table)
    sure = bool(named or context.certain or said.header is not None or opening.names)
    sure = sure or (cut.width > 1 and _in_table(header, context.table))
    if not sure and not _proven(cut, header, context.extension):
        return None
    found = _dialect(samples[0], opening, cut, header, said)
    return replace(found, guesses=(_DECIMALS, *found.guesses)) if decimals else found


def _one_column(texts: list[str], named: str, said: CsvSettings) -> Cut:
    """Take a file in which nothing is divided: in prose, commas are followed by a space."""
    delimiter = named
    if not said.delimiter:
        pattern = rf"{re.escape(named)}(?!\s)"
        everything = "".join(texts)
        if named in everything and not re.search(pattern, everything):
            delimiter = NO_DELIMITER
    grammar = Grammar(delimiter)
    return Cut(grammar, 1, [cells_of(text, grammar) for text in texts])


def _holds_decimals(cut: Cut) -> bool:
    """Tell a column of numbers with decimal commas, below its name, from two of whole numbers."""
    rows = [row.cells for row in cut.every if row.full]
    if cut.width != 2 or cut.grammar.delimiter != "," or not rows:
        return False
    name, *numbers = rows
    named = len(name) == 1 and bool(_IDENTIFIER.fullmatch(name[0] or ""))
    return named and all(
        len(cells) in (1, 2) and all(cell and _DIGITS.fullmatch(cell) for cell in cells)
        for cells in numbers
    )


def _with_commas(cut: Cut, header: Header) -> list[str]:
    """Name the columns that hold numbers with decimal commas throughout."""
    rows = [row.cells for row in cut.every[header.row + header.present :] if cut.regular(row)]
    found = []
    for name, column in zip(header.columns, zip(*rows, strict=False), strict=False):
        cells = [cell for cell in column if cell]
        fractions = [cell.rpartition(",")[2] for cell in cells if "," in cell]
        # Of three digits each they may be thousands.
        if set(map(len, fractions)) - {3} and all(map(_COMMA.fullmatch, cells)):
            found.append(name)
    return found


def _proven(cut: Cut, header: Header, extension: str) -> bool:
    """Tell whether a file that is not named so is delimited, by its content alone."""
    if _plainly(cut, header):
        return True
    if cut.width < 2 or cut.rows_count < 2 or cut.share < 0.9 or cut.prose:
        return False
    if header.contrast > 0 and looks_like_names(header.cells):
        return True
    typed = header.typed_columns
    if extension in TEXTS:
        # Numbers alone, in many rows; of two with a comma between them it is a decimal one.
        least = 3 if cut.grammar.delimiter == "," else 2
        return typed == cut.width >= least and cut.rows_count >= _MANY_ROWS and cut.share > 0.99
    if cut.grammar.delimiter == "\x01":
        return True
    return not header.present and typed * 3 >= cut.width and (cut.width > 2 or typed == 2)


def _plainly(cut: Cut, header: Header) -> bool:
    """Tell a table of texts, whatever its names: many rows alike, the first plainly other."""
    alike = cut.width > 2 and cut.rows_count >= _MANY_ROWS and cut.share > 0.99
    return alike and header.present and header.row == 0 and header.contrast > 3


def _in_table(header: Header, table: Collection[str]) -> bool:
    """Tell whether the table has a column for each cell of the first row."""
    return header.present and all(normalise(cell) in table for cell in header.cells)


def _dialect(head: str, opening: Opening, cut: Cut, header: Header, said: CsvSettings) -> Dialect:
    before = opening.offset + cut.offset_of(header.row)
    preamble = len(LINE_END.findall(head[:before]))
    guesses = list(header.guesses)
    if said.delimiter is None and cut.grammar.delimiter not in (*DELIMITERS, NO_DELIMITER):
        guesses.append(f"delimiter guessed: {cut.grammar.delimiter!r}")
    if cut.grammar.quote == "" and said.quote is None:
        guesses.append("quotes are taken for characters: they do not match")
    if cut.grammar.quote == "'" and said.quote is None:
        guesses.append("quotes are single ones")
    if cut.grammar.escape == "\\" and said.escape is None:
        guesses.append("quotes within quotes are escaped by a backslash")
    if head[:before].strip():
        guesses.append(f"the first {preamble} lines are taken for no part of the table")
    if said.decimal is None and (names := _with_commas(cut, header)):
        guesses.append(f"{told_cells(names)}: {_TEXTS_OF_NUMBERS}")
    total = total_of(cut, header)
    if total:
        guesses.append(f"rows that begin with {total!r} are taken for totals")
    if header.units:
        guesses.append("the row below the header is taken for units")
    start, width = header.row + header.present + header.units, len(header.columns)
    return Dialect(
        cut.grammar.delimiter,
        header.columns,
        header.present,
        cut.grammar.quote,
        cut.grammar.escape,
        preamble if head[:before].strip() else 0,
        opening.comment,
        header.units,
        cut.trailing(start, width),
        cut.short(start, width),
        tuple(header.cells) if header.present else (),
        ("\\N", *(said.nulls or ())),
        said.decimal or ".",
        tuple(guesses),
        total,
    )
