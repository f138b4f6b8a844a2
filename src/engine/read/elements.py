"""Elements of JSON documents: where each begins and ends, whatever is wrong with others.

An element ends where the JSON parser says so. Where it is no JSON, its brackets say where it ends,
and where these do not match, it ends where another one seems to begin.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from engine.read.boundaries import Boundaries
from engine.read.brackets import matching
from engine.read.jsonmarks import CLOSES, closed, flat, forget, space
from engine.read.lines import BLANK, MAX_RECORD
from store.errors import RejectedObjectError
from store.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from engine.read.jsonmarks import Buffer

    Place = tuple[int, int]

#: Bytes that are parsed from at once, and those of them at whose end no element begins: it may
#: go on behind them. Parsed values are some times as long.
_WINDOW, _AHEAD = 128 * 1024, 64 * 1024

#: An element that is longer is not parsed to prove what its brackets say: that takes memory.
_PROVEN = 4 * 1024 * 1024

#: An element that is longer is taken for broken where another one seems to follow.
_LONG = 2 * MAX_RECORD

#: So near to the end of what is parsed, an error may be because more follows.
_CUT = 16

#: Bytes of an element at whose end is looked at once.
_HEAD = 1024 * 1024

#: Stands for an element that is missing between two commas: no JSON, as it was none.
_MISSING = b","

#: Elements that are given as one text.
_MANY = 10_000

#: Behind an element of an array: a comma, the array's end, or another element, by mistake without
#: a comma. The file may end there, but not behind a number, which may be cut.
_IN_ARRAY = re.compile(rb"[ \t\r\n]*(?:[,\]]|(?<!\d)\Z|(?=\{)|(?<=\n)[ \t]*(?![ \t}\]:,]))")

#: Behind an object that is no element: white space, and by mistake of the program that wrote it a
#: comma or the two characters of an escaped line feed.
_BETWEEN = re.compile(
    rb"(?:[ \t\r\n,]|\\[rn]|\xef\xbb\xbf)*(?=[{\[]|\Z)"
    rb"|[ \t\r]*,?[ \t\r]*\n[ \t\r\n]*(?![ \t\r\n}\]:,])"
)

#: Behind an array: the end, an object, or another array. Files that were joined have a byte order
#: mark each.
_BEHIND_ARRAY = re.compile(rb"[ \t\r\n]*(?:\Z|,?[ \t\r\n]*(?:\xef\xbb\xbf)?(?=[{\[]))")

#: The same in a text of one line, of which the end is not looked at.
_NEXT_IN_ARRAY = re.compile(r"[ \t]*(?:,[ \t]*|\]|(?=\{))")
_NEXT_BETWEEN = re.compile(r"(?:[ \t,]|\\[rn])*(?=\{)")

_CLOSE = ord("]")


def _not_json(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


# Only where a value ends matters, so that little of it is kept.
_parsed = json.JSONDecoder(
    strict=False, parse_int=len, parse_float=len, parse_constant=_not_json
).raw_decode
_parsed_long = json.JSONDecoder(
    strict=False, parse_int=len, parse_float=len, parse_constant=_not_json, object_hook=len
).raw_decode


class Elements:
    """Where the elements of a document begin and end.

    Parameters
    ----------
    data : Buffer
        The document, in UTF-8.
    start : int
        Where its first element begins, or white space before it.
    check_time : callable
        Called again and again.

    Attributes
    ----------
    count, read : int
        Elements that were given, and those of them that are JSON, so far.
    end : int
        Where the last array ended.
    wrong : int or None
        The first byte from which on neither parser nor brackets say where elements end.
    """

    def __init__(self, data: Buffer, start: int, check_time: Callable[[], None]) -> None:
        self.data = data
        self.count = self.read = self.end = 0
        self.wrong: int | None = None
        self._check_time = check_time
        self._line, self._text, self._from = b"", "", 0
        self._is_closed = False
        self._is_patient = True
        self._boundaries = Boundaries(data, start)

    def documents(self, at: int) -> Iterator[bytes]:
        """Give objects, and the elements of arrays, that follow each other from a byte on.

        Yields
        ------
        bytes
            A line, or many of them.

        Raises
        ------
        RejectedObjectError
            When something is wrong, and nothing tells where the next element begins.
        """
        arrays = 0
        while at < len(self.data):
            if self.data[at : at + 1] != b"[":
                lines, at = self._many(at, _NEXT_BETWEEN) or self._one(at, _BETWEEN)
                yield lines
                continue
            yield from self.array(at + 1)
            behind = _BEHIND_ARRAY.match(self.data, self.end)
            arrays += 1
            if behind:
                at = behind.end()
            else:
                begin = space(self.data, self.end)
                stop, at = self._recovered(begin)
                yield line_of(self.data, begin, stop)
        if arrays > 1 and not self.count:
            self.note_wrong(at)

    def array(self, at: int) -> Iterator[bytes]:
        """Give the elements of an array that opened before a byte.

        Yields
        ------
        bytes
            A line, or many of them.

        Raises
        ------
        RejectedObjectError
            When something is wrong, and nothing tells where the next element begins.
        """
        at = space(self.data, at)
        self._is_closed = self.data[at : at + 1] == b"]"
        self.end = at + self._is_closed
        while not self._is_closed and at < len(self.data):
            lines, self.end = self._many(at, _NEXT_IN_ARRAY) or self._one(at, _IN_ARRAY)
            yield lines
            at = space(self.data, self.end)
        if not self._is_closed:
            self.note_wrong(at)
            if self.read == self.count:
                # Whatever was read, it is not all.
                yield _MISSING + b"\n"

    def _many(self, at: int, behind: re.Pattern[str]) -> tuple[bytes, int] | None:
        """Give the lines of elements that are JSON, and where what is behind the last one ends."""
        self._check_time()
        self._look(at)
        text, begin = self._text, at - self._from
        last = len(text) - (_AHEAD if self._from + len(text) < len(self.data) else 1)
        lines: list[bytes] = []
        try:
            while begin <= last and len(lines) < _MANY:
                end = _parsed(text, begin)[1]
                found = behind.match(text, end)
                if not found:
                    break
                lines.append(self._line[begin:end])
                begin = found.end()
                if begin > end and text[begin - 1] == "]":
                    self._is_closed = True
                    break
        except (ValueError, RecursionError):
            # The one after these is looked at by itself.
            pass
        self.count += len(lines)
        self.read += len(lines)
        lines.append(b"")
        return (b"\n".join(lines), self._from + begin) if len(lines) > 1 else None

    def _one(self, at: int, behind: re.Pattern[bytes]) -> tuple[bytes, int]:
        """Give the line of an element, whatever it is, and where what is behind it ends."""
        stop, after = self._ends(at, behind)
        self.count += 1
        self._is_closed = after > stop and self.data[after - 1] == _CLOSE
        line = line_of(self.data, at, stop)
        if stop == len(self.data) and line.rstrip()[-1:].isdigit():
            # A number that the file ends with may be cut: it is no JSON.
            line = line.rstrip() + _MISSING + b"\n"
        return line, after

    def _ends(self, at: int, behind: re.Pattern[bytes]) -> Place:
        """Give where an element ends, and where what is behind it does."""
        stop = self._parsed_end(at)
        if stop > 0 and (found := behind.match(self.data, stop)):
            self.read += 1
            return stop, found.end()
        stop = self._bracket_end(at, maybe_long=stop < 0)
        if stop >= 0 and (found := behind.match(self.data, stop)):
            return stop, found.end()
        return self._recovered(at)

    def _look(self, at: int) -> None:
        """Have enough of the document at hand from a byte on."""
        end = self._from + len(self._text)
        if self._from <= at and (at <= end - _AHEAD or at < end == len(self.data)):
            return
        self._from = at
        self._line = flat(self.data[at : at + _WINDOW])
        self._text = self._line.decode("latin-1")
        forget(self.data, at)

    def _parsed_end(self, at: int) -> int:
        """Give where an element ends; 0 where it is no JSON, -1 where it may only be too long."""
        self._look(at)
        try:
            return self._from + _parsed(self._text, at - self._from)[1]
        except json.JSONDecodeError as error:
            is_cut = error.pos + _CUT > len(self._text) or error.msg.startswith("Unterminated")
            return -1 if is_cut else 0
        except (ValueError, RecursionError):
            return 0

    def _bracket_end(self, at: int, *, maybe_long: bool) -> int:
        """Give where an element ends by its brackets; -1 where these do not match.

        A missing element ends at once.
        """
        piece = self._boundaries.following(at)
        if piece is None:
            return matching(self.data, at)
        if maybe_long and (stop := self._long_end(at, piece[1])):
            return stop
        if self.data[at] in CLOSES:
            return closed(self.data, at, piece[0]) or -1
        return matching(self.data, at)

    def _long_end(self, at: int, following: int) -> int:
        """Give where an element ends that is longer than what is parsed; 0 where it is broken.

        To look for such an end again and again would take too long: the first time that there is
        none is the last.
        """
        if not self._is_patient or self.data[at] not in CLOSES:
            return 0
        try:
            stop = closed(self.data, at, at + _LONG)
            if not stop and self._parsed_end(following) <= 0:
                stop = matching(self.data, at)
            if stop and stop - at <= _PROVEN:
                _parsed_long(self.data[at:stop].decode("latin-1"))
        except (RejectedObjectError, ValueError, RecursionError):
            stop = 0
        self._is_patient = stop > 0
        return stop

    def _recovered(self, at: int) -> Place:
        """Give where an element ends of which only the beginning of the next one is known."""
        self.note_wrong(at)
        piece = self._boundaries.following(at)
        if piece is None:
            raise RejectedObjectError(
                Reason.CORRUPT_FILE,
                f"byte {at:,}: the JSON document is broken, and objects within look as records do",
            )
        end, after = piece
        return self._boundaries.stripped(at, end), after

    def note_wrong(self, at: int) -> None:
        """Note where something is wrong, if nothing was before."""
        if self.wrong is None:
            self.wrong = at


def line_of(data: Buffer, begin: int, end: int) -> bytes:
    """Give an element as a line; of one that is too long for a record only the beginning."""
    begin = space(data, begin)
    while end - begin > MAX_RECORD and not data[end - _HEAD : end].strip(BLANK):
        end -= _HEAD
    text = data[begin : min(end, begin + MAX_RECORD + _HEAD)].strip(BLANK)
    return flat(text or _MISSING) + b"\n"
