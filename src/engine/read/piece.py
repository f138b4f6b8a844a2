"""A piece of a delimited file: whether DuckDB reads it as the exact reader does.

What is proved here is cheap to prove: that a piece is UTF-8, has line ends of one kind, and either
no quotes or quotes that are all well-formed. Any other piece is rewritten by the exact reader
first.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from engine.read.tokens import MARK, is_utf8

if TYPE_CHECKING:
    from engine.read.tokens import Grammar

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

    def _begun(self, field: bytes) -> bytes:
        """Look behind: a field has begun with these bytes. A delimiter may have several."""
        delimiter = re.escape(self.grammar.delimiter_bytes)
        return rb"(?:(?<=%b%b)|(?<=[\r\n]%b))" % (delimiter, field, field)

    @cached_property
    def _spaced(self) -> list[re.Pattern[bytes]]:
        # A pattern that begins with one byte is searched for as fast as that byte.
        return [
            re.compile(rb"%b(?:%b|(?=%b|\Z))" % (w, self._begun(w), self._ends))
            for w in (re.escape(w.encode()) for w in self.grammar.white)
        ]

    def is_spaced(self, data: bytes) -> bool:
        """Tell whether there may be white space at a field's ends."""
        return data[:1] in (b" ", b"\t") or any(p.search(data) for p in self._spaced)

    @cached_property
    def _empty(self) -> re.Pattern[bytes]:
        quote = re.escape(self.grammar.quote_bytes)
        two = quote * 2
        return re.compile(rb"%b(?:%b|(?<=[ \t]%b))(?!%b)" % (two, self._begun(two), two, quote))

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
        # Without quotes every line end ends a record.
        odd = (quotes and not ending) or not _is_plain(data)
        if quotes and not odd:
            odd = grammar.quote != grammar.escape or not self._well_quoted(data, prove=prove)
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
        return quotes_match(data, quote, self.grammar.delimiter_bytes)


def ending_of(data: bytes) -> bytes:
    """Give the one kind of line ends in some bytes; nothing for several."""
    if b"\r" not in data:
        return b"\n"
    returns, feeds = data.count(b"\r"), data.count(b"\n")
    both = data.count(b"\r\n")
    return b"\r\n" if returns == feeds == both else b""


def _is_plain(data: bytes) -> bool:
    """Tell whether it is UTF-8, and no line begins with a byte order mark."""
    if data.isascii():
        return True
    if data.startswith(MARK) or b"\n" + MARK in data or b"\r" + MARK in data:
        return False
    return is_utf8(data)


def quotes_match(data: bytes, quote: bytes, delimiter: bytes) -> bool:
    """Prove that each quote opens or closes a field or is doubled within one."""
    if quote * 4 in data:
        # All quotes of `""""x` are pairs, though the text stands beside a field in quotes.
        q, ends = re.escape(quote), rb"(?:%b|[\r\n])" % re.escape(delimiter)
        if re.search(rb"(?:\A|%b)(?:%b%b){2,}(?!%b|%b|\Z)" % (ends, q, q, q, ends), data):
            return False
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
