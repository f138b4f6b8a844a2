"""A JSON document by its brackets: where its records begin and end."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from engine.convert import jsontext
from engine.convert.jsontext import NotJsonError, loads
from engine.read.jsonmarks import (
    CLOSES,
    QUOTE,
    STRING,
    WINDOW,
    closed,
    forget,
    next_token,
    space,
    tokens,
)
from store.errors import RejectedObjectError
from store.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from engine.read.jsonmarks import Buffer, Token

#: One member of this name that is an array: how AWS services write files of events
#: (CloudTrail User Guide, "CloudTrail record contents").
WRAPPER = re.compile(rb'\s*\{\s*"[Rr]ecords"\s*:\s*\[')
_WRAPPED_END = re.compile(rb"\s*\}\s*")

#: What stands between objects that are no array: white space, and by mistake of the program
#: that wrote them a comma or the two characters of an escaped line feed.
_BETWEEN = re.compile(rb"(?:[ \t\r\n,]|\\[rn])*")

#: Stands before each record of a JSON text sequence, and nowhere in one.
SEPARATOR = jsontext.SEPARATOR.encode()

_SCALAR = re.compile(STRING + rb"|[^,\]}\s]+", re.DOTALL)

#: Deeper than this nobody's brackets are followed.
_DEEPEST = 1_000_000


def records(data: Buffer, members: tuple[str, ...] | None) -> Iterator[tuple[int, int]]:
    """Give where each record begins and ends.

    Parameters
    ----------
    data : Buffer
        The document, in UTF-8.
    members : tuple of str or None
        The contract's way to the records, by the names of members; None where it names none.

    Raises
    ------
    RejectedObjectError
        When brackets or quotes do not match, or something follows the document; the records
        before were given already.
    """
    begin = space(data, 0)
    if members is not None:
        begin = _inside(data, begin, members)
        if members and data[begin : begin + 1] == b"[":
            yield from _elements(data, begin + 1)
        else:
            yield begin, matching(data, begin)
        return
    first = data[begin : begin + 1]
    if first == b"[":
        end = yield from _elements(data, begin + 1)
        _expect_end(data, end)
    elif first == SEPARATOR:
        yield from _sequence(data, begin)
    elif first == b"{":
        wrapper = WRAPPER.match(data)
        if wrapper and _is_wrapper(data, wrapper.end()):
            yield from _elements(data, wrapper.end())
        else:
            yield from _objects(data, _between(data, begin))
    else:
        yield begin, len(data)


def _sequence(data: Buffer, begin: int) -> Iterator[tuple[int, int]]:
    """Give the records of a JSON text sequence; a broken one ends where the next begins."""
    while begin >= 0:
        end = data.find(SEPARATOR, begin + 1)
        stop = end if end >= 0 else len(data)
        if space(data, begin + 1) < stop:
            yield begin + 1, stop
        begin = end


def _inside(data: Buffer, begin: int, members: tuple[str, ...]) -> int:
    """Find where the value begins to which the contract's ``x-records`` leads."""
    for name in members:
        found = _member(data, begin, name)
        if not found:
            path = ".".join(("$", *members))
            raise RejectedObjectError(
                Reason.CORRUPT_FILE,
                f"there is no {name!r} on the way to the records at {path}: mend x-records in the "
                "contract, or the source",
            )
        begin = found
    return begin


def _member(data: Buffer, begin: int, name: str) -> int:
    """Find where the value of an object's member begins; 0 where it has no such member."""
    if data[begin : begin + 1] != b"{":
        return 0
    stack: list[int] = []
    for token in tokens(data, begin):
        mark, start, end = token
        if mark != QUOTE or end - start == 1:
            _nest(stack, token)
            if not stack:
                return 0
        elif len(stack) == 1:
            colon = space(data, end)
            if data[colon : colon + 1] == b":" and _names(data[start:end], name):
                return space(data, colon + 1)
    return 0


def _names(token: bytes, name: str) -> bool:
    try:
        return bool(loads(token.decode("utf-8")) == name)
    except (NotJsonError, UnicodeDecodeError):
        return False


def _between(data: Buffer, position: int) -> int:
    found = _BETWEEN.match(data, position)
    return found.end() if found else position


def _expect_end(data: Buffer, position: int) -> None:
    position = space(data, position)
    if position < len(data):
        found = data[position : position + 20].decode("utf-8", "replace")
        raise RejectedObjectError(
            Reason.CORRUPT_FILE,
            f"byte {position:,}: something follows the JSON document: {found!r}",
        )


def _is_wrapper(data: Buffer, position: int) -> bool:
    """Tell whether the array is the only member: others would be lost."""
    steps = _elements(data, position)
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            return _WRAPPED_END.fullmatch(data, stop.value) is not None


def _objects(data: Buffer, position: int) -> Iterator[tuple[int, int]]:
    """Give objects that follow each other."""
    while position < len(data):
        if data[position : position + 1] != b"{":
            _expect_end(data, position)
        end = matching(data, position)
        yield position, end
        position = _between(data, end)


def matching(data: Buffer, start: int) -> int:
    """Find the end of the value that opens here.

    Raises
    ------
    RejectedObjectError
        When it has none.
    """
    if data[start : start + 1] not in (b"{", b"["):
        found = _SCALAR.match(data, start)
        return found.end() if found else start
    if end := closed(data, start):
        return end
    stack: list[int] = []
    for token in tokens(data, start):
        _nest(stack, token)
        if not stack:
            return token[2]
    raise _unclosed(start)


def _elements(data: Buffer, start: int) -> Generator[tuple[int, int], None, int]:
    """Give the elements of the array that opened before; return where it ended."""
    begin = forgotten = at = start
    commas = 0
    while token := next_token(data, at):
        mark, first, at = token
        if mark == ord(","):
            yield begin, first
            begin, commas = at, commas + 1
        elif mark == ord("]"):
            if commas or space(data, begin) < first:
                yield begin, first
            return at
        elif mark in CLOSES:
            at = matching(data, first)
        else:
            _nest([], token)
        if begin - forgotten > WINDOW:
            forget(data, begin)
            forgotten = begin
    raise _unclosed(start)


def _nest(stack: list[int], token: Token) -> None:
    mark, start, end = token
    if mark in CLOSES:
        stack.append(CLOSES[mark])
        if len(stack) > _DEEPEST:
            raise RejectedObjectError(
                Reason.CORRUPT_FILE, f"byte {start:,}: nested over {_DEEPEST:,} deep"
            )
    elif mark in b"]}":
        if not stack or stack.pop() != mark:
            raise RejectedObjectError(
                Reason.CORRUPT_FILE, f"byte {start:,}: {chr(mark)} closes nothing"
            )
    elif mark == QUOTE and end - start == 1:
        raise RejectedObjectError(Reason.CORRUPT_FILE, f"byte {start:,}: a string never ends")


def _unclosed(start: int) -> RejectedObjectError:
    return RejectedObjectError(
        Reason.CORRUPT_FILE, f"the JSON document ends before what opens at byte {start:,} does"
    )
