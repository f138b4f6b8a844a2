"""JSON documents as JSON Lines: an array, a wrapped array, one object or several."""

from __future__ import annotations

import mmap
import re
from typing import TYPE_CHECKING

from engine.convert.exact import NotJsonError, loads
from engine.read.jsonl import JsonLines, has_records
from store.errors import RejectedObjectError
from store.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

    from engine.job import Job

    Buffer = bytes | mmap.mmap

#: Strings whole, so that nothing in them counts; a quote alone begins one that never ends.
_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|["\[\]{},]', re.DOTALL)

#: One member of this name that is an array: how AWS services write files of events
#: (CloudTrail User Guide, "CloudTrail record contents").
_WRAPPER = re.compile(rb'\s*\{\s*"[Rr]ecords"\s*:\s*\[')
_WRAPPED_END = re.compile(rb"\s*\}\s*")

#: White space in JSON (RFC 8259, 2).
_BLANK = b" \t\r\n"

_SPACE = re.compile(rb"[ \t\r\n]*")

#: Between objects that follow each other: white space, a comma, a line feed that was escaped.
_BETWEEN = re.compile(rb"(?:[ \t\r\n,]|\\[nrt])*")

_CLOSES = {ord("["): ord("]"), ord("{"): ord("}")}

#: Stands for an element that is missing between two commas: no JSON, as it was none.
_MISSING = b","


def document(job: Job, path: Path) -> JsonLines:
    """Open a JSON document in UTF-8 as the lines of its records.

    Parameters
    ----------
    job : Job
        Whose work folder takes the lines.
    path : Path
        The document.

    Raises
    ------
    RejectedObjectError
        When brackets or quotes do not match, something follows the document, or nothing in it
        is JSON.
    """
    lines = job.workdir / "document.jsonl"
    try:
        as_lines(path, lines)
    except RejectedObjectError:
        # JSON Lines of which many are broken look like a document that is.
        if has_records(path):
            return JsonLines(job, path)
        raise
    return JsonLines(job, lines, "json")


def as_lines(path: Path, target: Path) -> None:
    """Write each record of a document as one line.

    Parameters
    ----------
    path : Path
        The document, in UTF-8.
    target : Path
        Gets the records' own text; only line feeds within become spaces.

    Raises
    ------
    RejectedObjectError
        When brackets or quotes do not match, or something follows the document.
    """
    with path.open("rb") as file, target.open("wb") as lines:
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        try:
            for start, end in _records(data):
                lines.write(_on_one_line(data[start:end].strip(_BLANK)) + b"\n")
        finally:
            data.close()


def _on_one_line(record: bytes) -> bytes:
    if not record:
        return _MISSING
    if b"\n" not in record:
        return record
    try:
        loads(record.decode("utf-8"))
    except (NotJsonError, UnicodeDecodeError):
        # Within a string a carriage return is as forbidden as the line feed was.
        return record.replace(b"\n", b"\r")
    return record.replace(b"\n", b" ").replace(b"\r", b" ")


def _records(data: Buffer) -> Iterator[tuple[int, int]]:
    """Give where each record begins and ends."""
    begin = _space(data, 0)
    first = data[begin : begin + 1]
    if first == b"[":
        end = yield from _elements(data, begin + 1)
        _expect_end(data, end)
    elif first == b"{":
        wrapper = _WRAPPER.match(data)
        if wrapper and _is_wrapper(data, wrapper.end()):
            yield from _elements(data, wrapper.end())
        else:
            yield from _objects(data, begin)
    else:
        yield begin, len(data)


def _space(data: Buffer, position: int) -> int:
    found = _SPACE.match(data, position)
    return found.end() if found else position


def _expect_end(data: Buffer, position: int) -> None:
    position = _space(data, position)
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
    """Give objects that follow each other, with or without something between them."""
    while position < len(data):
        if data[position : position + 1] != b"{":
            _expect_end(data, position)
        end = _matching(data, position)
        yield position, end
        between = _BETWEEN.match(data, end)
        position = between.end() if between else end


def _matching(data: Buffer, start: int) -> int:
    """Find the end of the value that opens here."""
    stack: list[int] = []
    for token in _TOKEN.finditer(data, start):
        _nest(stack, data[token.start()], token)
        if not stack:
            return token.end()
    raise _unclosed(start)


def _elements(data: Buffer, start: int) -> Generator[tuple[int, int], None, int]:
    """Give the elements of the array that opened before; return where it ended."""
    stack: list[int] = []
    begin, commas = start, 0
    for token in _TOKEN.finditer(data, start):
        mark = data[token.start()]
        if not stack and mark == ord(","):
            yield begin, token.start()
            begin, commas = token.end(), commas + 1
        elif not stack and mark == ord("]"):
            if commas or data[begin : token.start()].strip(_BLANK):
                yield begin, token.start()
            return token.end()
        else:
            _nest(stack, mark, token)
    raise _unclosed(start)


def _nest(stack: list[int], mark: int, token: re.Match[bytes]) -> None:
    if mark in _CLOSES:
        stack.append(_CLOSES[mark])
    elif mark in b"]}":
        if not stack or stack.pop() != mark:
            raise RejectedObjectError(
                Reason.CORRUPT_FILE, f"byte {token.start():,}: {chr(mark)} closes nothing"
            )
    elif mark == ord('"') and token.end() - token.start() == 1:
        raise RejectedObjectError(
            Reason.CORRUPT_FILE, f"byte {token.start():,}: a string never ends"
        )


def _unclosed(start: int) -> RejectedObjectError:
    return RejectedObjectError(
        Reason.CORRUPT_FILE, f"the JSON document ends before what opens at byte {start:,} does"
    )
