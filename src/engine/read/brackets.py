"""A JSON document by its brackets: where a value ends, and where the way to the records leads."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from engine.convert.jsontext import NotJsonError, loads
from engine.read.jsonmarks import (
    CLOSES,
    DEEPEST,
    QUOTE,
    STRING,
    WINDOW,
    closed,
    space,
    tokens,
)
from store.errors import RejectedObjectError
from store.reasons import Reason

if TYPE_CHECKING:
    from engine.read.jsonmarks import Buffer, Token

#: A value without brackets, or what stands in its place: up to a comma or a bracket.
_SCALAR = re.compile(rb'(?:%b|[^",\[\]{}])+' % STRING, re.DOTALL)


def inside(data: Buffer, begin: int, members: tuple[str, ...]) -> int:
    """Find where the value begins to which the contract's ``x-records`` leads.

    Raises
    ------
    RejectedObjectError
        When the document has no such member.
    """
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


def matching(data: Buffer, start: int) -> int:
    """Find the end of the value that opens here.

    Raises
    ------
    RejectedObjectError
        When it has none.
    """
    if data[start : start + 1] not in (b"{", b"["):
        found = _SCALAR.match(data, start)
        return start + len(found.group().rstrip()) if found else start
    if end := closed(data, start, start + WINDOW):
        return end
    stack: list[int] = []
    for token in tokens(data, start):
        _nest(stack, token)
        if not stack:
            return token[2]
    raise RejectedObjectError(
        Reason.CORRUPT_FILE,
        f"byte {start:,}: what begins here never ends: the file may be cut",
    )


def _nest(stack: list[int], token: Token) -> None:
    mark, start, end = token
    if mark in CLOSES:
        stack.append(CLOSES[mark])
        if len(stack) > DEEPEST:
            raise RejectedObjectError(
                Reason.CORRUPT_FILE, f"byte {start:,}: nested over {DEEPEST:,} deep"
            )
    elif mark in b"]}":
        if not stack or stack.pop() != mark:
            raise RejectedObjectError(
                Reason.CORRUPT_FILE, f"byte {start:,}: {chr(mark)} closes nothing"
            )
    elif mark == QUOTE and end - start == 1:
        raise RejectedObjectError(Reason.CORRUPT_FILE, f"byte {start:,}: a string never ends")
