"""Pieces of a delimited file: which of them DuckDB reads as the exact reader does, and which not.

What is proved here is cheap to prove: that a piece is UTF-8, has line ends of one kind, and either
no quotes or quotes that are all well-formed. Any other piece is rewritten by the exact reader
first.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from engine.read.tokens import IncompleteError, rows

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from engine.read.tokens import Grammar

#: What one odd record spoils is so large.
PIECE = 1024 * 1024

#: Longer lines are no records.
MAX_LINE = 64 * 1024 * 1024

#: With more quotes than one in so many bytes DuckDB itself is the faster proof.
_DENSE = 50


@dataclass(frozen=True, slots=True)
class Piece:
    """Whole records, one after the other.

    Attributes
    ----------
    start, end : int
        Bytes of the file.
    odd : bool
        Whether the exact reader has to rewrite it.
    quotes : bool
        Whether it has quotes that mean something.
    ending : bytes
        Its line ends; empty where there is none, or several kinds.
    spaced : bool
        Whether there may be white space at a field's ends.
    backslash : bool
        Whether it holds one.
    huge : bool
        Whether it is a line too long to be a record.
    """

    start: int
    end: int
    odd: bool = False
    quotes: bool = False
    ending: bytes = b"\n"
    spaced: bool = False
    backslash: bool = False
    huge: bool = False


@dataclass(frozen=True)
class Shapes:
    """What to look for in a piece, given the grammar."""

    grammar: Grammar

    @cached_property
    def _ends(self) -> bytes:
        return rb"(?:%b|[\r\n])" % re.escape(self.grammar.delimiter_bytes)

    @cached_property
    def _spaced(self) -> list[re.Pattern[bytes]]:
        # A pattern that begins with one byte is searched for as fast as that byte.
        ends = self._ends
        return [
            re.compile(rb"%b(?:(?<=%b%b)|(?=%b|\Z))" % (w, ends, w, ends))
            for w in (re.escape(w.encode()) for w in self.grammar.white)
        ]

    def is_spaced(self, data: bytes) -> bool:
        """Tell whether there may be white space at a field's ends."""
        return data[:1] in (b" ", b"\t") or any(p.search(data) for p in self._spaced)

    @cached_property
    def _empty(self) -> re.Pattern[bytes]:
        quote, ends = re.escape(self.grammar.quote_bytes), self._ends
        return re.compile(
            rb"%b%b(?:(?<=%b%b%b)|(?<=[ \t]%b%b))(?!%b)"
            % (quote, quote, ends, quote, quote, quote, quote, quote)
        )

    @cached_property
    def _white(self) -> re.Pattern[bytes]:
        quote, ends = re.escape(self.grammar.quote_bytes), self._ends
        return re.compile(
            rb"(?:%b|\A)[ \t]*%b[ \t]|[ \t]%b[ \t]*(?:%b|\Z)|\t%b|%b\t"
            % (ends, quote, quote, ends, quote, quote)
        )

    def has_empty(self, data: bytes) -> bool:
        """Tell whether a field may be two quotes, or text that begins with two."""
        double = self.grammar.quote_bytes * 2
        if double not in data:
            return False
        return data.startswith(double) or self._empty.search(data) is not None

    def has_white(self, data: bytes) -> bool:
        """Tell whether white space may be just within quotes, or a tab around them."""
        quote = self.grammar.quote_bytes
        near = quote + b" " in data or b" " + quote in data or b"\t" in data
        return near and self._white.search(data) is not None

    def classify(self, data: bytes, start: int, *, prove: bool) -> Piece:
        """Look at the bytes of a piece.

        Parameters
        ----------
        data : bytes
            The piece.
        start : int
            Where it begins in the file.
        prove : bool
            Whether quotes have to be proved here, and not by DuckDB.
        """
        grammar = self.grammar
        quotes = bool(grammar.quote) and grammar.quote_bytes in data
        ending = ending_of(data)
        odd = not ending or not _is_utf8(data)
        if quotes and not odd:
            odd = grammar.quote != grammar.escape or not self._well_quoted(data, prove=prove)
        if not quotes and not ending and _is_utf8(data):
            # Without quotes every line end ends a record.
            odd = False
        spaced = self.is_spaced(data)
        end = start + len(data)
        return Piece(start, end, odd, quotes, ending, spaced, b"\\" in data)

    def _well_quoted(self, data: bytes, *, prove: bool) -> bool:
        quote = self.grammar.quote_bytes
        # DuckDB may lose a last row with quotes within a field, if no line end follows.
        last = data[max(data.rfind(b"\n"), 0) :]
        if quote * 2 in last or self.has_empty(data) or self.has_white(data):
            return False
        quotes = data.count(quote)
        if not prove and quotes * _DENSE > len(data):
            return quotes % 2 == 0
        return _quotes_match(data, quote, self.grammar.delimiter_bytes)


def ending_of(data: bytes) -> bytes:
    """Give the one kind of line ends in some bytes; nothing for several."""
    if b"\r" not in data:
        return b"\n"
    returns, feeds = data.count(b"\r"), data.count(b"\n")
    both = data.count(b"\r\n")
    return b"\r\n" if returns == feeds == both else b""


def _is_utf8(data: bytes) -> bool:
    if data.isascii():
        return True
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _quotes_match(data: bytes, quote: bytes, delimiter: bytes) -> bool:
    """Prove that each quote opens or closes a field or is doubled within one."""
    parts = data.replace(quote * 2, b"").split(quote)
    if len(parts) % 2 == 0:
        return False
    # Of each quoted field one quote is left, which must stand alone between two ends of fields.
    outside = quote.join(parts[::2])
    if b" " + quote in outside or quote + b" " in outside:
        return False
    ends = delimiter + outside.replace(b"\r\n", delimiter).replace(b"\n", delimiter) + delimiter
    return quote not in ends.replace(delimiter + quote, delimiter) and quote not in ends.replace(
        quote + delimiter, delimiter
    )


@dataclass(slots=True)
class Survey:
    """A file's pieces, in their order, and what they have in common."""

    pieces: list[Piece] = field(default_factory=list)

    @property
    def quotes(self) -> bool:
        """Whether some piece has quotes."""
        return any(piece.quotes for piece in self.pieces)

    @property
    def alike(self) -> bool:
        """Whether DuckDB reads them all in one way."""
        endings = {piece.ending for piece in self.pieces}
        return (
            not any(piece.odd or piece.huge for piece in self.pieces)
            and len(endings) <= 1
            and b"" not in endings
        )

    @property
    def longest(self) -> int:
        """Bytes that no line is longer than."""
        return max((piece.end - piece.start for piece in self.pieces), default=0)


def survey(path: Path, grammar: Grammar, start: int, *, prove: bool) -> Survey:
    """Divide a file into pieces and look at each.

    Parameters
    ----------
    path : Path
        The file, in UTF-8.
    grammar : Grammar
        How it is written.
    start : int
        Where the first record begins.
    prove : bool
        Whether quotes have to be proved here.
    """
    shapes, found = Shapes(grammar), Survey()
    data, begin, huge = b"", start, False
    for data, begin, huge in _cut(path, grammar, start, prove=prove):
        if huge:
            found.pieces.append(Piece(begin, begin + len(data), odd=True, huge=True))
        else:
            found.pieces.append(shapes.classify(data, begin, prove=prove))
    if data and not (huge or prove):
        # DuckDB passes over a quote that is open where the file ends.
        found.pieces[-1] = shapes.classify(data, begin, prove=True)
    return found


def _cut(
    path: Path, grammar: Grammar, start: int, *, prove: bool
) -> Iterator[tuple[bytes, int, bool]]:
    """Give pieces that end where a record does; a line too long to be one is one alone."""
    size, data = PIECE, b""
    with path.open("rb") as file:
        file.seek(start)
        while True:
            data += file.read(size - len(data))
            if not data:
                return
            whole = len(data) < size
            end = _end(data, grammar, whole=whole, prove=prove)
            if end == 0 and size < MAX_LINE:
                size *= 2
                continue
            if end == 0:
                length = _to_line_end(path, start)
                yield data, start, True
                start += length
                file.seek(start)
                size, data = PIECE, b""
                continue
            yield data[:end], start, False
            start += end
            data = data[end:]
            size = max(PIECE, len(data) + 1)


def _to_line_end(path: Path, start: int) -> int:
    """Give the bytes up to the end of a line that is too long to hold in memory."""
    passed = 0
    with path.open("rb") as file:
        file.seek(start)
        while block := file.read(PIECE):
            found = re.search(rb"[\r\n]+", block)
            if found:
                return passed + found.end()
            passed += len(block)
    return passed


def _end(data: bytes, grammar: Grammar, *, whole: bool, prove: bool) -> int:
    """Give where some records end that certainly are all there; zero for nowhere.

    The fewer bytes go with what is odd, the less has to be rewritten.
    """
    for size in (PIECE, PIECE // 4, PIECE // 16):
        last = whole and len(data) <= size
        if end := _plain_end(data[:size], grammar, whole=last, prove=prove):
            return end
    if not grammar.quote or grammar.quote_bytes not in data:
        return len(data) if whole else _last_line(data)
    return _exact_end(data, grammar, whole)


def _plain_end(data: bytes, grammar: Grammar, *, whole: bool, prove: bool) -> int:
    quote = grammar.quote_bytes
    if not quote or quote not in data:
        return len(data) if whole else _last_line(data)
    if grammar.quote != grammar.escape:
        return 0
    end = len(data) if whole and data.count(quote) % 2 == 0 else _balanced(data, quote)
    if not end or (prove and not _quotes_match(data[:end], quote, grammar.delimiter_bytes)):
        return 0
    return end


def _last_line(data: bytes) -> int:
    # The last byte may be half of a line end.
    return max(data.rfind(b"\n", 0, -1), data.rfind(b"\r", 0, -1 if data[-1:] != b"\r" else -2)) + 1


def _balanced(data: bytes, quote: bytes) -> int:
    """Give the end of the last line before which quotes are even."""
    end = data.rfind(b"\n", 0, -1)
    quotes = data.count(quote, 0, max(end, 0))
    while end >= 0 and quotes % 2:
        before = data.rfind(b"\n", 0, end)
        quotes -= data.count(quote, max(before, 0), end)
        end = before
    return end + 1


def _exact_end(data: bytes, grammar: Grammar, whole: bool) -> int:
    end = 0
    try:
        for row in rows(data, grammar, whole=whole):
            end = row.following
            if end >= PIECE // 16:
                break
    except IncompleteError:
        pass
    return min(end, len(data))
