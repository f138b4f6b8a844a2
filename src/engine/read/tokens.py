"""The grammar of delimited text: what is a line, a record, a field. All else must agree with this.

A line ends with LF, CRLF or CR. A field that begins with a quote, after white space or not, goes
on to the next quote that is not escaped, over line ends too; after it only white space may come
before the delimiter. In any other field quotes are characters, and white space at its ends is no
part of it. A record whose quotes do not match costs its first line, and reading goes on behind it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from store.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator

#: A field that goes on for longer has lost its closing quote.
MAX_QUOTED = 32 * 1024 * 1024

#: What files in UTF-8 may begin with, also those that were joined to one: no part of a record.
MARK = b"\xef\xbb\xbf"

_LINE = re.compile(rb"[^\r\n]*")


@dataclass(frozen=True)
class Grammar:
    """How records become fields.

    Attributes
    ----------
    delimiter : str
        One character.
    quote : str
        One character; empty where quotes are characters like any other.
    escape : str
        What makes a quote within quotes a character: the quote itself, or a backslash.
    """

    delimiter: str = ","
    quote: str = '"'
    escape: str = '"'

    @cached_property
    def white(self) -> str:
        """White space that is no part of a field."""
        return " \t".replace(self.delimiter, "")

    @cached_property
    def delimiter_bytes(self) -> bytes:
        """The delimiter in UTF-8."""
        return self.delimiter.encode()

    @cached_property
    def quote_bytes(self) -> bytes:
        """The quote in UTF-8."""
        return self.quote.encode()

    @cached_property
    def opening(self) -> re.Pattern[bytes]:
        """White space before a field, and its quote."""
        white = re.escape(self.white.encode())
        return re.compile(rb"[%b]*(%b)?" % (white, re.escape(self.quote_bytes)))

    @cached_property
    def plain(self) -> re.Pattern[bytes]:
        """An unquoted field, and what ends it."""
        delimiter = re.escape(self.delimiter_bytes)
        if len(self.delimiter_bytes) == 1:
            return re.compile(rb"([^%b\r\n]*)(%b|)" % (delimiter, delimiter))
        return re.compile(rb"((?:(?!%b)[^\r\n])*)(%b|)" % (delimiter, delimiter))

    @cached_property
    def closing(self) -> re.Pattern[bytes]:
        """What may come behind a closing quote."""
        white = re.escape(self.white.encode())
        return re.compile(
            rb"[%b]*(?:(%b)|(?=[\r\n])|\Z)" % (white, re.escape(self.delimiter_bytes))
        )

    @cached_property
    def inner(self) -> re.Pattern[bytes]:
        """What is within quotes, up to the one that closes them."""
        quote, escape = re.escape(self.quote_bytes), re.escape(self.escape.encode())
        other = b"[^%b%b]" if len(self.quote_bytes) == len(self.escape) == 1 else b"(?:(?!%b|%b).)"
        other = other % (quote, escape)
        # A backslash before anything but a quote and a backslash is kept.
        doubled = quote * 2 if quote == escape else b"%b(?:%b|%b)?+" % (escape, quote, escape)
        return re.compile(b"%b*+(?:%b%b*+)*+" % (other, doubled, other), re.DOTALL)

    def unescaped(self, within: bytes) -> bytes:
        """Undo the escapes in what is within quotes."""
        quote, escape = self.quote_bytes, self.escape.encode()
        if quote == escape:
            return within.replace(quote * 2, quote)
        if escape not in within:
            return within
        pair = rb"%b(%b|%b)" % tuple(map(re.escape, (escape, quote, escape)))
        return re.sub(pair, rb"\1", within)


@dataclass(frozen=True, slots=True)
class Row:
    """One record where it lies.

    Attributes
    ----------
    start, end : int
        Its bytes, without the line end.
    following : int
        Where the next one begins.
    fields : list of (str or None)
        Null where nothing is; empty where it is empty in quotes.
    reason : Reason or None
        Why it is no record.
    detail : str
        The same for people.
    """

    start: int
    end: int
    following: int
    fields: list[str | None]
    reason: Reason | None = None
    detail: str = ""

    @property
    def blank(self) -> bool:
        """Whether there is nothing in it."""
        return self.reason is None and not any(f is not None for f in self.fields)


class IncompleteError(Exception):
    """When the bytes end before the record does, and there are more."""


def rows(data: bytes, grammar: Grammar, start: int = 0, *, whole: bool = True) -> Iterator[Row]:
    """Give the records of some bytes, but for empty lines.

    Parameters
    ----------
    data : bytes
        From the beginning of a record.
    grammar : Grammar
        How they are written.
    start : int
        Where to begin.
    whole : bool
        Whether nothing follows the bytes.

    Raises
    ------
    IncompleteError
        When more bytes are needed to read a record.
    """
    while start < len(data):
        if data.startswith(MARK, start):
            start += len(MARK)
        end, following = line(data, start, whole=whole)
        if end == start:
            start = following
            continue
        row = _row(data, grammar, start, end, following, whole=whole)
        yield row
        start = row.following


def line(data: bytes, start: int, *, whole: bool = True) -> tuple[int, int]:
    """Give the end of a line, and where the next one begins.

    Raises
    ------
    IncompleteError
        When its end is not there and more bytes follow.
    """
    found = _LINE.match(data, start)
    end = found.end() if found else start
    if not whole and end >= len(data) - 1:
        # A carriage return at the end may be half of a line end.
        raise IncompleteError
    return end, end + (2 if data[end : end + 2] == b"\r\n" else 1)


def _row(
    data: bytes, grammar: Grammar, start: int, end: int, following: int, *, whole: bool
) -> Row:
    if grammar.quote and data.find(grammar.quote_bytes, start, end) >= 0:
        found = _quoted_row(data, grammar, start, whole=whole)
        if isinstance(found, str):
            return Row(start, end, following, [], Reason.MALFORMED_ROW, found)
        fields, finish = found
        after = finish + (2 if data[finish : finish + 2] == b"\r\n" else 1)
        try:
            texts = [None if field is None else field.decode() for field in fields]
        except UnicodeDecodeError:
            return _undecodable(start, finish, after)
        return Row(start, finish, after, texts)
    try:
        text = data[start:end].decode()
    except UnicodeDecodeError:
        return _undecodable(start, end, following)
    white = grammar.white
    return Row(
        start, end, following, [f.strip(white) or None for f in text.split(grammar.delimiter)]
    )


def _undecodable(start: int, end: int, following: int) -> Row:
    return Row(start, end, following, [], Reason.INVALID_UTF8, "not all of it is UTF-8")


def _quoted_row(
    data: bytes, grammar: Grammar, start: int, *, whole: bool
) -> tuple[list[bytes | None], int] | str:
    """Give the fields of a record and its end, or what is wrong with it."""
    fields: list[bytes | None] = []
    white = grammar.white.encode()
    position = start
    while True:
        opened = grammar.opening.match(data, position)
        if opened and opened[1]:
            closed = _closed(data, grammar, opened.end(), whole=whole)
            if isinstance(closed, str):
                return closed
            field, position = closed
            fields.append(field)
            behind = grammar.closing.match(data, position)
            if behind is None:
                rest = data[position:].lstrip(white)
                if not whole and grammar.delimiter_bytes.startswith(rest):
                    # The other bytes of the delimiter may follow.
                    raise IncompleteError
                return "text follows the closing quote of a field"
            position, more = behind.end(), behind[1]
        else:
            found = grammar.plain.match(data, position)
            fields.append((found[1].strip(white) or None) if found else None)
            position, more = (found.end(), found[2]) if found else (position, b"")
        if not more:
            if not whole and position >= len(data) - 1:
                raise IncompleteError
            return fields, position


def _closed(data: bytes, grammar: Grammar, start: int, *, whole: bool) -> tuple[bytes, int] | str:
    """Give a quoted field from behind its opening quote, and where its closing quote ends."""
    found = grammar.inner.match(data, start)
    end = found.end() if found else start
    if end == len(data) or end - start > MAX_QUOTED:
        if not whole and len(data) - start <= MAX_QUOTED:
            raise IncompleteError
        return "a quote opens a field that never ends"
    behind = end + len(grammar.quote_bytes)
    if not whole and behind == len(data):
        # The other half of a doubled quote may follow.
        raise IncompleteError
    return grammar.unescaped(data[start:end]), behind


def is_utf8(data: bytes) -> bool:
    """Tell whether some bytes are text in UTF-8."""
    if data.isascii():
        return True
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
