"""JSON documents as JSON Lines: an array, a wrapped array, one object or several."""

from __future__ import annotations

import mmap
import re
from typing import TYPE_CHECKING

from engine.convert.jsontext import NotJsonError, loads
from engine.read.jsonl import JsonLines, has_records
from engine.read.lines import MAX_RECORD
from store.errors import RejectedObjectError
from store.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path
    from typing import IO

    from engine.job import Job

    Buffer = bytes | mmap.mmap

#: Strings whole, so that nothing in them counts; a quote alone begins one that never ends.
#: What is matched is not given back: for that it would be remembered, 300 MB as some gigabytes.
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|["\[\]{},]', re.DOTALL)

#: One member of this name that is an array: how AWS services write files of events
#: (CloudTrail User Guide, "CloudTrail record contents").
_WRAPPER = re.compile(rb'\s*\{\s*"[Rr]ecords"\s*:\s*\[')
_WRAPPED_END = re.compile(rb"\s*\}\s*")

#: White space in JSON (RFC 8259, 2).
_BLANK = b" \t\r\n"

_SPACE = re.compile(rb"[ \t\r\n]*")

#: What stands between objects that are no array: white space, and by mistake of the program
#: that wrote them a comma or the two characters of an escaped line feed.
_BETWEEN = re.compile(rb"(?:[ \t\r\n,]|\\[rn])*")

#: Stands before each record of a JSON text sequence, and nowhere in one (RFC 7464).
_SEPARATOR = b"\x1e"

_CLOSES = {ord("["): ord("]"), ord("{"): ord("}")}

#: Deeper than this nobody's brackets are followed.
_DEEPEST = 1_000_000

#: Stands for an element that is missing between two commas: no JSON, as it was none.
_MISSING = b","

#: Bytes within which the first two elements show what stands between elements.
_HEAD = 1024 * 1024

_CHUNK = 4 * 1024 * 1024


def document(job: Job, path: Path, *, supposed: bool = True) -> JsonLines:
    """Open a JSON document in UTF-8 as the lines of its records.

    Parameters
    ----------
    job : Job
        Whose work folder takes the lines.
    path : Path
        The document.
    supposed : bool
        Whether elements may be divided by what stands between the first two of them, which is
        fast, and wrong where that stands anywhere else: the lines are no JSON then, and
        :class:`engine.read.jsonl.WrongLinesError` is raised when they are read.

    Raises
    ------
    RejectedObjectError
        When brackets or quotes do not match, something follows the document, or nothing in it
        is JSON.
    """
    lines = job.workdir / "document.jsonl"
    members = job.contract.records if job.contract else None
    try:
        with (
            path.open("rb") as file,
            lines.open("wb") as target,
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data,
        ):
            start = _elements_start(data, members)
            begin = _space(data, 0)
            name = "jsonl" if data[begin : begin + 1] == _SEPARATOR else "json"
            if supposed and start and _divided(data, start, target):
                return JsonLines(job, lines, "json", supposed=True)
            target.seek(0)
            target.truncate()
            for number, (begin, end) in enumerate(_records(data, members)):
                if number % 10_000 == 0:
                    job.check_time()
                target.write(_on_one_line(_taken(data, begin, end)) + b"\n")
    except RejectedObjectError:
        # JSON Lines of which many are broken look like a document that is.
        if has_records(path):
            return JsonLines(job, path)
        raise
    return JsonLines(job, lines, name)


# --- By what stands between elements -----------------------------------------------------


def _elements_start(data: Buffer, members: tuple[str, ...] | None) -> int:
    """Give where the elements of the array of records begin; 0 where there is no such array."""
    if members is not None:
        return 0
    begin = _space(data, 0)
    if data[begin : begin + 1] == b"[":
        return begin + 1
    wrapper = _WRAPPER.match(data)
    return wrapper.end() if wrapper else 0


def _divided(data: mmap.mmap, start: int, target: IO[bytes]) -> bool:
    """Write objects of an array as lines, divided at what stands between the first two."""
    begin = _space(data, start)
    end = data.rfind(b"]")
    rest = data[end + 1 :].strip(_BLANK)
    wrapped = data[_space(data, 0) : _space(data, 0) + 1] == b"{"
    if data[begin : begin + 1] != b"{" or rest != (b"}" if wrapped else b""):
        return False
    head = data[begin : begin + _HEAD]
    try:
        first = _matching(head, 0)
    except RejectedObjectError:
        return False
    between = re.compile(rb"[ \t\r\n]*,[ \t\r\n]*(?=\{)").match(head, first)
    if between is None or data[max(begin, end - _HEAD) : end].rstrip(_BLANK)[-1:] != b"}":
        return False
    mark = _flat(b"}" + between.group() + b"{")
    left = b""
    for position in range(begin, end, _CHUNK):
        text = left + _flat(data[position : min(position + _CHUNK, end)])
        whole, feed, left = text.replace(mark, b"}\n{").rpartition(b"\n")
        if len(left) > MAX_RECORD:
            return False
        target.write(whole + feed)
    target.write(left.rstrip(_BLANK) + b"\n")
    return True


def _flat(text: bytes) -> bytes:
    """Put a text on one line: a tab is white space, and as wrong in a string, as a line feed is."""
    return text.replace(b"\n", b"\t").replace(b"\r", b"\t")


# --- By its brackets ---------------------------------------------------------------------


def _taken(data: Buffer, begin: int, end: int) -> bytes:
    """Give a record without white space around it; of one too long only the beginning."""
    begin = _space(data, begin)
    while end - begin > MAX_RECORD and not data[end - _HEAD : end].strip(_BLANK):
        end -= _HEAD
    return data[begin : min(end, begin + MAX_RECORD + _HEAD)].strip(_BLANK)


def _on_one_line(record: bytes) -> bytes:
    if not record:
        return _MISSING
    return _flat(record) if b"\n" in record or b"\r" in record else record


def _records(data: Buffer, members: tuple[str, ...] | None) -> Iterator[tuple[int, int]]:
    """Give where each record begins and ends."""
    begin = _space(data, 0)
    if members is not None:
        begin = _inside(data, begin, members)
        if members and data[begin : begin + 1] == b"[":
            yield from _elements(data, begin + 1)
        else:
            yield begin, _matching(data, begin)
        return
    first = data[begin : begin + 1]
    if first == b"[":
        end = yield from _elements(data, begin + 1)
        _expect_end(data, end)
    elif first == _SEPARATOR:
        yield from _sequence(data, begin)
    elif first == b"{":
        wrapper = _WRAPPER.match(data)
        if wrapper and _is_wrapper(data, wrapper.end()):
            yield from _elements(data, wrapper.end())
        else:
            yield from _objects(data, _between(data, begin))
    else:
        yield begin, len(data)


def _sequence(data: Buffer, begin: int) -> Iterator[tuple[int, int]]:
    """Give the records of a JSON text sequence; a broken one ends where the next begins."""
    while begin >= 0:
        end = data.find(_SEPARATOR, begin + 1)
        stop = end if end >= 0 else len(data)
        if _space(data, begin + 1) < stop:
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
    for token in _TOKEN.finditer(data, begin):
        mark = data[token.start()]
        if mark != ord('"') or token.end() - token.start() == 1:
            _nest(stack, mark, token)
            if not stack:
                return 0
        elif len(stack) == 1:
            colon = _space(data, token.end())
            if data[colon : colon + 1] == b":" and _names(token.group(), name):
                return _space(data, colon + 1)
    return 0


def _names(token: bytes, name: str) -> bool:
    try:
        return bool(loads(token.decode("utf-8")) == name)
    except (NotJsonError, UnicodeDecodeError):
        return False


def _space(data: Buffer, position: int) -> int:
    found = _SPACE.match(data, position)
    return found.end() if found else position


def _between(data: Buffer, position: int) -> int:
    found = _BETWEEN.match(data, position)
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
    """Give objects that follow each other."""
    while position < len(data):
        if data[position : position + 1] != b"{":
            _expect_end(data, position)
        end = _matching(data, position)
        yield position, end
        position = _between(data, end)


def _matching(data: Buffer, start: int) -> int:
    """Find the end of the value that opens here."""
    if data[start : start + 1] not in (b"{", b"["):
        found = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[^,\]}\s]+', re.DOTALL).match(data, start)
        return found.end() if found else start
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
        if len(stack) > _DEEPEST:
            raise RejectedObjectError(
                Reason.CORRUPT_FILE, f"byte {token.start():,}: nested over {_DEEPEST:,} deep"
            )
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
