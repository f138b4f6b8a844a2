"""Brackets, commas and strings of a JSON text, found in windows: it may be of any length."""

from __future__ import annotations

import mmap
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    Buffer = bytes | mmap.mmap
    #: Its first byte, where it begins, and where it ends.
    Token = tuple[int, int, int]

#: A string, whole, so that nothing in it counts.
#: What is matched is not given back: for that it would be remembered, 300 MB as some gigabytes.
STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'

#: A quote alone begins a string that never ends.
_TOKEN = re.compile(STRING + rb'|["\[\]{},]', re.DOTALL)

#: A bracket, and whatever stands before it: a third of the time of looking at each token.
_BRACKET = re.compile(rb'(?:[^"\[\]{}]++|%b)*+["\[\]{}]' % STRING, re.DOTALL)

_WITHIN = re.compile(rb'(?:[^"\\]++|\\.)*+', re.DOTALL)

QUOTE = ord('"')

#: Bytes that are looked at at once: what lies behind them need not stay in memory.
WINDOW = 16 * 1024 * 1024

#: White space in JSON (RFC 8259, 2).
_SPACE = re.compile(rb"[ \t\r\n]*")

#: Deeper than this nobody's brackets are followed.
DEEPEST = 1_000_000

CLOSES = {ord("["): ord("]"), ord("{"): ord("}")}


def space(data: Buffer, position: int) -> int:
    """Give where the white space ends that may begin here."""
    while True:
        found = _SPACE.match(data, position, position + WINDOW)
        end = found.end() if found else position
        if end < position + WINDOW:
            return end
        position = end
        forget(data, position)


def closed(data: Buffer, start: int, stop: int) -> int:
    """Find the end of a value by its brackets alone; 0 where it is wrong, or ends behind a stop."""
    stack = [CLOSES[data[start]]]
    at = start + 1
    # Not searched: from within a string one would find its brackets.
    while found := _BRACKET.match(data, at, stop):
        at = found.end()
        mark = data[at - 1]
        if mark in CLOSES:
            stack.append(CLOSES[mark])
            if len(stack) > DEEPEST:
                return 0
        elif stack.pop() != mark:
            return 0
        if not stack:
            return at
    return 0


def tokens(data: Buffer, at: int) -> Iterator[Token]:
    """Give all that follow, one after the other."""
    while token := next_token(data, at):
        yield token
        at = token[2]


def next_token(data: Buffer, at: int) -> Token | None:
    """Give the next bracket, comma or string: its first byte, where it begins and ends.

    Of a string that never ends only the quote is given.
    """
    size = len(data)
    while at < size:
        stop = min(at + WINDOW, size)
        if token := _TOKEN.search(data, at, stop):
            begin, end = token.span()
            mark = data[begin]
            if mark == QUOTE and end == begin + 1 and stop < size:
                # It may be longer than what was looked at.
                end = _string_end(data, end)
            return mark, begin, end
        at = stop
        forget(data, at)
    return None


def _string_end(data: Buffer, start: int) -> int:
    """Give where a string ends that began before; where it began if it never ends."""
    at = start
    while True:
        found = _WITHIN.match(data, at, at + WINDOW)
        end = found.end() if found else at
        if data[end : end + 1] == b'"':
            return end + 1
        if end == at:
            return start
        at = end
        forget(data, at)


def forget(data: Buffer, end: int) -> None:
    """Let the system have the memory of a mapped file up to here."""
    if isinstance(data, mmap.mmap) and (whole := end // mmap.PAGESIZE * mmap.PAGESIZE):
        data.madvise(mmap.MADV_DONTNEED, 0, whole)


def flat(text: bytes) -> bytes:
    """Put a text on one line: a tab is white space, and as wrong in a string, as a line feed is."""
    return text.replace(b"\n", b"\t").replace(b"\r", b"\t")
