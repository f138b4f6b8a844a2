"""Where an element of a JSON document seems to begin, by what that looks like.

Behind an element that is broken so that its brackets say nothing, the next one begins where
another object does. Objects in an array within an element look the same: if the document has such
arrays, the indentation of its elements tells them apart, or the name of their first member.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING

from engine.read.jsonmarks import STRING, space
from engine.read.lines import BLANK

if TYPE_CHECKING:
    from engine.read.jsonmarks import Buffer

#: Bytes within which the first member, and the end of a piece, are looked at.
_HEAD = 1024 * 1024

#: The first member of an object.
_FIRST = re.compile(rb'\{[ \t\r\n]*("(?:[^"\\\r\n]|\\.)*"[ \t\r\n]*:)')

#: An array of objects within an element. One that follows another, or begins a line, has elements.
_INNER = (
    rb"\][ \t\r\n]*\[[ \t\r\n]*\{|\n\[[ \t\r\n]*\{"
    rb'|\[(?:[^"\[\]{}]++|' + STRING + rb")*+(\{)%b"
)

#: Behind a comma, behind an array, behind another object, or on a line of its own.
_BEGINS = (
    rb"(?:,[ \t\r\n]*|\][ \t\r\n]*,?[ \t\r\n]*\[[ \t\r\n]*|(\})[ \t\r\n]*"
    rb"|\n(?:\[[ \t\r\n]*)?[ \t]*)(?=\{%b)"
)
_BEGINS_INDENTED = rb"()\n%b(?:,[ \t]*)?(?=\{)"
_INNER_INDENTED = rb"\[[ \t\r]*\n%b\{"


class Boundaries:
    """Finds where elements seem to begin.

    Parameters
    ----------
    data : Buffer
        The document, in UTF-8.
    start : int
        Where its first element begins, or white space before it.
    """

    def __init__(self, data: Buffer, start: int) -> None:
        self.data, self.start, self.begin = data, start, space(data, start)
        self._looked = 0
        self._found: re.Match[bytes] | None = None

    def following(self, at: int) -> tuple[int, int] | None:
        """Give where the element at a byte seems to end, and the next one to begin.

        None where objects within elements look the same; the end of the document, twice, where no
        other element follows.
        """
        if self._begins is None:
            return None
        if not self._holds(at + 1):
            self._looked = at + 1
            self._found = self._begins.search(self.data, at + 1)
        found = self._found
        if found is None:
            return len(self.data), len(self.data)
        return found.end(1) if found.group(1) else found.start(), found.end()

    def _holds(self, at: int) -> bool:
        """Tell whether what was found last is what is found from a byte on."""
        if not 0 < self._looked <= at:
            return False
        return self._found is None or at <= self._found.start()

    def stripped(self, at: int, end: int) -> int:
        """Give where an element ends that seems to end at a byte, without a comma behind it."""
        tail = self.data[max(at, end - _HEAD) : end]
        return end - len(tail) + len(tail.rstrip(BLANK).removesuffix(b",").rstrip(BLANK))

    @cached_property
    def _begins(self) -> re.Pattern[bytes] | None:
        """What is found where an element begins; None where objects within look the same."""
        if self._indented:
            return self._indented
        if not self._has_inner(b""):
            return re.compile(_BEGINS % b"")
        first = _FIRST.search(self.data, self.begin, self.begin + _HEAD)
        name = rb"[ \t\r\n]*" + re.escape(first.group(1)) if first else b""
        return None if self._has_inner(name) else re.compile(_BEGINS % name)

    @cached_property
    def _indented(self) -> re.Pattern[bytes] | None:
        """What is found where an element begins, if its indentation tells."""
        feed, indent = self.data[self.start : self.begin].rpartition(b"\n")[1:]
        begins = re.compile(_BEGINS_INDENTED % re.escape(indent))
        inner = re.compile(_INNER_INDENTED % re.escape(indent))
        if not feed or inner.search(self.data, self.begin):
            return None
        return begins if begins.search(self.data, self.begin) else None

    def _has_inner(self, name: bytes) -> bool:
        """Tell whether objects in an array within an element begin with a name."""
        inner = re.compile(_INNER % name, re.DOTALL)
        return any(found.group(1) for found in inner.finditer(self.data, self.begin))
