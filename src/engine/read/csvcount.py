"""How many records some bytes hold, by other means than those that read them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from engine.read.tokens import MARK

if TYPE_CHECKING:
    from engine.read.tokens import Grammar


@dataclass(frozen=True)
class Counter:
    """Counts records of one grammar, but for those with nothing in them."""

    grammar: Grammar

    @cached_property
    def _nothing(self) -> re.Pattern[bytes]:
        """A line of delimiters and white space; after a line feed."""
        delimiter = re.escape(self.grammar.delimiter_bytes)
        return re.compile(rb"\n(?:%b)?(?:[ \t]|%b)*(?=\n)" % (MARK, delimiter))

    @cached_property
    def _record(self) -> re.Pattern[bytes]:
        """One record with well-formed quotes, and its line end."""
        quote = re.escape(self.grammar.quote_bytes)
        escape = re.escape(self.grammar.escape.encode())
        delimiter = re.escape(self.grammar.delimiter_bytes)
        white = rb"[%b]*" % re.escape(self.grammar.white.encode())
        other, unquoted = rb"(?:(?!%b).)" % quote, rb"(?:(?!%b)[^\r\n])" % delimiter
        if len(self.grammar.quote_bytes) == len(self.grammar.delimiter_bytes) == 1:
            other, unquoted = rb"[^%b]" % quote, rb"[^%b\r\n]" % delimiter
        if quote == escape:
            inside = rb"%b*+(?:%b%b%b*+)*+" % (other, quote, quote, other)
        else:
            inside = rb"(?:%b%b|%b%b|(?!%b).)*" % (escape, quote, escape, escape, quote)
        whole = rb"%b%b%b%b%b" % (white, quote, inside, quote, white)
        bare = rb"(?!%b%b)%b*" % (white, quote, unquoted)
        field = rb"(?:%b|%b)" % (whole, bare)
        end = rb"(\r\n|\r|\n|\Z)"
        return re.compile(
            rb"(?:%b)?%b(?:%b%b)*%b" % (MARK, field, delimiter, field, end), re.DOTALL
        )

    def count(self, data: bytes) -> int:
        """Count the records of a piece, from the beginning of one to the end of one."""
        quote = self.grammar.quote_bytes
        if not quote or quote not in data:
            return self._lines(data)
        return self._lines(data) if lines_only(data, self.grammar) else self._one_by_one(data)

    def _lines(self, data: bytes) -> int:
        if b"\r" in data:
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        ended = data.count(b"\n") + (not data.endswith(b"\n"))
        # Twice, since the line feed that ends a line is the one that begins the next.
        first = len(self._nothing.findall(b"\n" + data + (b"" if data.endswith(b"\n") else b"\n")))
        return ended - first

    def _one_by_one(self, data: bytes) -> int:
        found = at = 0
        nothing = b" \t\r\n" + self.grammar.delimiter_bytes
        while at < len(data):
            match = self._record.match(data, at)
            if match is None:
                # Quotes that do not match cost their line.
                end = re.compile(rb"[^\r\n]*(?:\r\n|\r|\n|\Z)").match(data, at)
                following = end.end() if end else len(data)
            else:
                following = match.end()
            found += bool(data[at:following].removeprefix(MARK).strip(nothing))
            at = max(following, at + 1)
        return found


def lines_only(data: bytes, grammar: Grammar) -> bool:
    """Tell whether quotes are even on each line, so that none goes on over a line's end."""
    quote = grammar.quote_bytes
    if grammar.escape != grammar.quote:
        escape = re.escape(grammar.escape.encode())
        data = re.sub(rb"%b(?:%b|%b)" % (escape, escape, re.escape(quote)), b"", data)
    marks = data.translate(None, bytes(set(range(256)) - set(quote + b"\r\n")))
    return quote not in marks.replace(quote * 2, b"")
