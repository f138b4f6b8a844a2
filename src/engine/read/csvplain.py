"""Delimited text in its plainest form, made of many records at once: what the exact reader reads.

Quotes divide a text into what is outside of them and what is within. Where each quote opens or
closes a field, or is escaped, everything that is odd about the text can be mended in all of its
fields at once: line ends, white space, escapes, empty texts.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from operator import methodcaller
from typing import TYPE_CHECKING

from engine.read.tokens import MARK, MAX_QUOTED, is_utf8, rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.read.tokens import Grammar, Row

#: Stands for an empty text in quotes, which DuckDB does not tell from nothing.
EMPTY = "\x02lake-empty\x03"

_EMPTY = EMPTY.encode()

#: Lines that are looked at first where not all of a piece is as it should be.
_LINES = 64

#: Control characters of which two that a text does not hold stand for its escapes.
_UNUSED = [bytes([number]) for number in range(14, 32)]


@dataclass(frozen=True, slots=True)
class Run:
    """Some records that follow each other.

    Attributes
    ----------
    begin, end : int
        Where they lie.
    text : bytes
        As they are written plainly, with :data:`EMPTY` for empty texts.
    row : Row or None
        The one that only the exact reader can read.
    """

    begin: int
    end: int
    text: bytes
    row: Row | None = None


@dataclass(frozen=True)
class Plain:
    """Writes records of one grammar plainly: LF, doubled quotes, no white space around fields.

    Attributes
    ----------
    grammar : Grammar
        How they are written.
    most : int
        So many delimiters no line may have outside of quotes.
    """

    grammar: Grammar
    most: int

    def runs(self, data: bytes, *, whole: bool = True) -> Iterator[Run]:
        """Divide records into runs that can be written plainly, and single rows that cannot.

        What one wrong quote spoils is little: where lines are proved to be rows, no other matters.

        Parameters
        ----------
        data : bytes
            Records, from the beginning of one.
        whole : bool
            Whether nothing follows them.

        Raises
        ------
        IncompleteError
            When more bytes are needed to read a record.
        """
        if whole and (text := self._text(data)) is not None:
            yield Run(0, len(data), text)
            return
        begins = _lines(data)
        if whole and begins[-1] < len(data):
            begins.append(len(data))
        at, count = 0, _LINES
        while at + 1 < len(begins):
            until = min(at + count, len(begins) - 1)
            begin, end = begins[at], begins[until]
            text = self._text(data[begin:end])
            if text is not None:
                yield Run(begin, end, text)
                at, count = until, 2 * count
            elif count > 1:
                count = max(1, (until - at) // 4)
            else:
                row = next(rows(data, self.grammar, begin, whole=whole), None)
                if row is None or row.start >= end:
                    # Nothing but a byte order mark.
                    yield Run(begin, end, b"")
                    at = until
                    continue
                end = min(row.following, len(data))
                yield Run(begin, end, b"", row)
                at = bisect_left(begins, end)

    def begins(self, data: bytes) -> list[int]:
        """Give where each of some whole records begins, but for empty lines."""
        found = []
        for run in self.runs(data):
            if run.row:
                found.append(run.row.start)
            elif run.text:
                found += [run.begin + at for at in self._begins(data[run.begin : run.end])]
        return found

    def _text(self, data: bytes) -> bytes | None:
        """Write whole records; None where only the exact reader can say what they are."""
        quote = self.grammar.quote_bytes
        escapes = self._escapes(data)
        if escapes is None or _EMPTY in data or not is_utf8(data):
            return None
        parts = self._parts(data, escapes)
        outside = self._outside(parts, escapes)
        if outside is None or has_wide(outside, self.grammar, self.most):
            return None
        parts[::2] = outside.split(quote) if quote else [outside]
        if b"" in parts[1::2]:
            parts[1::2] = _with_empties(parts)
        text = quote.join(parts)
        for mark, meant in zip(escapes, (self.grammar.escape.encode(), quote * 2), strict=False):
            text = text.replace(mark, meant)
        return text if text.endswith(b"\n") else text + b"\n"

    def _begins(self, data: bytes) -> list[int]:
        """Give where records begin of which each quote is known."""
        quote = self.grammar.quote_bytes
        if self.grammar.escape != self.grammar.quote:
            data = without_escapes(data, self.grammar)
        lines = _with_feeds(data).split(b"\n")
        if not quote or quote not in data:
            ends = accumulate(len(line) + 1 for line in lines)
            return [end - len(line) - 1 for line, end in zip(lines, ends, strict=True) if line]
        found, start, at, within = [], 0, 0, 0
        for line in lines:
            end = at + len(line)
            within ^= line.count(quote) & 1
            if not within:
                if end > start:
                    found.append(start)
                start = end + 1
            at = end + 1
        return found

    def proves(self, data: bytes) -> bool:
        """Tell whether each quote of some whole records is known to open, to close, or escaped."""
        escapes = self._escapes(data)
        return (
            escapes is not None and self._outside(self._parts(data, escapes), escapes) is not None
        )

    def _escapes(self, data: bytes) -> list[bytes] | None:
        """Give what stands for an escaped escape and an escaped quote; nothing where doubled."""
        if self.grammar.escape == self.grammar.quote:
            return []
        found = [mark for mark in _UNUSED if mark not in data][:2]
        return found if len(found) == 2 else None

    def _parts(self, data: bytes, escapes: list[bytes]) -> list[bytes]:
        """Divide a text at its quotes, but for those that are escaped."""
        quote, escape = self.grammar.quote_bytes, self.grammar.escape.encode()
        if escapes:
            data = data.replace(escape * 2, escapes[0]).replace(escape + quote, escapes[1])
        return data.split(quote) if quote else [data]

    def _outside(self, parts: list[bytes], escapes: list[bytes]) -> bytes | None:
        """Give what is outside of quotes, a quote for what is within; None where one is wrong."""
        quote, delimiter = self.grammar.quote_bytes, self.grammar.delimiter_bytes
        outside = quote.join(parts[::2])
        if len(parts) % 2 == 0 or any(mark in outside for mark in escapes):
            return None
        if max(map(len, parts)) > MAX_QUOTED:
            return None
        if b"\r" in outside:
            outside = outside.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        if self._is_spaced(outside):
            outside = self._spaces.sub(b"", outside)
        if MARK in outside and (outside.startswith(MARK) or b"\n" + MARK in outside):
            return None
        if not quote or quote not in outside:
            return outside
        ends = delimiter + outside.replace(b"\n", delimiter) + delimiter
        # A quote that is doubled leaves two, with nothing between them.
        while not escapes and quote * 2 in ends:
            ends = ends.replace(quote * 2, quote)
        opened = ends.replace(delimiter + quote, delimiter)
        closed = ends.replace(quote + delimiter, delimiter)
        return None if quote in opened or quote in closed else outside

    def _is_spaced(self, outside: bytes) -> bool:
        """Tell whether a field may have white space at its ends: sooner than by a pattern."""
        white = tuple(one.encode() for one in self.grammar.white)
        ends = (self.grammar.delimiter_bytes, b"\n")
        near = (pair for w in white for end in ends for pair in (end + w, w + end))
        return (
            any(map(outside.__contains__, near))
            or outside.startswith(white)
            or outside.endswith(white)
        )

    @cached_property
    def _spaces(self) -> re.Pattern[bytes]:
        """White space at the ends of fields; a line of nothing else is a row, and stays one."""
        white = rb"[%b]+" % re.escape(self.grammar.white.encode())
        delimiter = re.escape(self.grammar.delimiter_bytes)
        line = rb"(?=[^ \t\n])"
        return re.compile(
            rb"%b(?=%b)|(?<=[^ \t\n])%b(?=\n|\Z)|(?<=%b)%b|(?<=\n)%b%b|\A%b%b"
            % (white, delimiter, white, delimiter, white, white, line, white, line)
        )


def _with_feeds(data: bytes) -> bytes:
    """Put line feeds in place of all line ends: the length stays, empty lines are no rows."""
    if b"\r" not in data:
        return data
    return data.replace(b"\r\n", b"\n\n").replace(b"\r", b"\n")


def _lines(data: bytes) -> list[int]:
    """Give where lines begin."""
    lengths = (len(line) + 1 for line in _with_feeds(data).split(b"\n")[:-1])
    return [0, *accumulate(lengths)]


def without_escapes(data: bytes, grammar: Grammar) -> bytes:
    """Put other characters in place of escapes and what they escape: the length stays."""
    escape = grammar.escape.encode()
    return data.replace(escape * 2, b"__").replace(escape + grammar.quote_bytes, b"__")


def has_wide(data: bytes, grammar: Grammar, most: int) -> bool:
    """Tell whether some line of a text has so many delimiters, within quotes or not."""
    count = methodcaller("count", grammar.delimiter_bytes)
    return any(fields >= most for fields in map(count, data.split(b"\n")))


def _with_empties(parts: list[bytes]) -> list[bytes]:
    """Mark the texts that are empty: nothing within quotes, and no quote beside them."""
    last = len(parts) // 2 - 1
    return [
        text or (_EMPTY if (before or not n) and (behind or n == last) else text)
        for n, (before, text, behind) in enumerate(
            zip(parts[::2], parts[1::2], parts[2::2], strict=False)
        )
    ]
