"""JSON documents as JSON Lines: an array, a wrapped array, one object or several."""

from __future__ import annotations

import json
import mmap
import re
from functools import partial
from typing import TYPE_CHECKING

from engine.convert import jsontext
from engine.read.brackets import inside, matching
from engine.read.elements import Elements, line_of
from engine.read.envelope import hint
from engine.read.jsonl import JsonLines, records_of_lines
from engine.read.jsonmarks import flat, forget, space
from engine.read.lines import BLANK, MAX_RECORD
from store.errors import RejectedObjectError
from store.reasons import Reason

if TYPE_CHECKING:
    from pathlib import Path
    from typing import IO

    from engine.job import Job

#: Bytes within which the first two elements show what stands between elements.
_HEAD = 1024 * 1024

_CHUNK = 4 * 1024 * 1024

#: One member of this name that is an array: how AWS services write files of events
#: (CloudTrail User Guide, "CloudTrail record contents").
_WRAPPER = re.compile(rb'\s*\{\s*"[Rr]ecords"\s*:\s*\[')

#: How an array of records begins, and what ends a wrapped one.
_OPENING = re.compile(rb"\s*\[|" + _WRAPPER.pattern)
_WRAPPED_END = re.compile(rb"\s*\}\s*\Z")

#: Behind such an array: another member, or the object's end and another object.
_MEMBER = re.compile(rb'\s*,\s*"')
_ANOTHER = re.compile(rb"\s*\}\s*,?\s*\{")

#: Stands before each record of a JSON text sequence, and nowhere in one.
_SEPARATOR = jsontext.SEPARATOR.encode()

#: Where an array of objects ends and another begins, in a text of one line.
_ARRAYS = re.compile(rb"\}\][ \t]*\[\{")


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
        fast, and wrong where that stands in an element, too: the lines are no JSON then, and
        :class:`engine.read.reading.OtherwiseError` is raised when they are read.

    Raises
    ------
    RejectedObjectError
        When nothing in it is JSON, or something is wrong and nothing tells records apart.
    """
    lines = job.workdir / "document.jsonl"
    with (
        path.open("rb") as file,
        lines.open("wb") as target,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data,
    ):
        if job.contract and job.contract.records is not None:
            _write_inside(job, data, job.contract.records, target)
        elif data[space(data, 0)] == _SEPARATOR[0]:
            _write_sequence(data, target)
            return JsonLines(job, lines, "jsonl")
        elif supposed and _divided(data, target):
            exactly = partial(document, job, path, supposed=False)
            return JsonLines(job, lines, "json", otherwise=exactly)
        elif not (_write_wrapped(job, data, target) or _write_documents(job, data, path, target)):
            return JsonLines(job, path)
    return JsonLines(job, lines, "json")


# --- Element after element ---------------------------------------------------------------


def _write_documents(job: Job, data: mmap.mmap, path: Path, target: IO[bytes]) -> bool:
    """Write objects, and elements of arrays, that follow each other.

    Returns
    -------
    bool
        False for JSON Lines: where many of them are broken they look like a document that is.
    """
    begin = space(data, 0)
    first = data[begin : begin + 1]
    if first not in (b"[", b"{"):
        target.write(line_of(data, begin, len(data)))
        return True
    _empty(target)
    found = Elements(data, begin + (first == b"["), job.check_time)
    try:
        target.writelines(found.documents(begin))
        if found.wrong is not None and first == b"{" and 0 < found.read <= records_of_lines(path):
            return False
        _judge(job, found)
    except RejectedObjectError:
        if records_of_lines(path):
            return False
        raise
    if first == b"{" and found.count == found.read == 1 and (said := hint(data)):
        job.guesses.append(said)
    return True


def _write_wrapped(job: Job, data: mmap.mmap, target: IO[bytes]) -> bool:
    """Write the elements of an array that is an object's only member, as its name says.

    Returns
    -------
    bool
        False where there is no such array, or something else in the object, which would be lost.
    """
    wrapper = _WRAPPER.match(data)
    if not wrapper:
        return False
    _empty(target)
    found = Elements(data, wrapper.end(), job.check_time)
    target.writelines(found.array(wrapper.end()))
    if not _WRAPPED_END.match(data, found.end):
        if found.wrong is None and _is_several(data, found.end):
            return False
        if found.wrong is None or found.end < len(data):
            # Whatever stands there, or is missing, is no record, and is accounted for.
            target.write(line_of(data, found.end, len(data)))
        found.note_wrong(found.end)
    _judge(job, found)
    return True


def _is_several(data: mmap.mmap, end: int) -> bool:
    """Tell whether an array is followed by other members of its object, or by other objects."""
    if _ANOTHER.match(data, end):
        return True
    if not _MEMBER.match(data, end):
        return False
    try:
        stop = matching(data, space(data, 0))
    except RejectedObjectError:
        return False
    return space(data, stop) == len(data)


def _write_inside(job: Job, data: mmap.mmap, members: tuple[str, ...], target: IO[bytes]) -> None:
    """Write the records to which the contract's way leads: elements of an array, or one value."""
    begin = inside(data, space(data, 0), members)
    if members and data[begin : begin + 1] == b"[":
        found = Elements(data, begin + 1, job.check_time)
        target.writelines(found.array(begin + 1))
        _judge(job, found)
    else:
        target.write(line_of(data, begin, matching(data, begin)))


def _write_sequence(data: mmap.mmap, target: IO[bytes]) -> None:
    """Write the records of a JSON text sequence; a broken one ends where the next begins."""
    begin = data.find(_SEPARATOR)
    while begin >= 0:
        end = data.find(_SEPARATOR, begin + 1)
        stop = end if end >= 0 else len(data)
        if space(data, begin + 1) < stop:
            target.write(line_of(data, begin + 1, stop))
        begin = end


def _empty(target: IO[bytes]) -> None:
    """Forget what was written in another way."""
    target.seek(0)
    target.truncate()


def _judge(job: Job, found: Elements) -> None:
    """Say that a document is broken; refuse one in which hardly anything is found."""
    if found.wrong is None:
        return
    place = f"the JSON document is broken at byte {found.wrong:,}"
    if found.count < 2 or not found.read:
        raise RejectedObjectError(Reason.CORRUPT_FILE, f"{place}, and no record was found in it")
    job.guesses.append(f"{place}: each record is read by itself")


# --- By what stands between elements -----------------------------------------------------


def _divided(data: mmap.mmap, target: IO[bytes]) -> bool:
    """Write objects of an array as lines, divided at what stands between the first two."""
    opening = _OPENING.match(data)
    if not opening:
        return False
    begin = space(data, opening.end())
    end = data.rfind(b"]", max(begin, len(data) - _HEAD))
    rest = data[end + 1 :].strip(BLANK) if end >= 0 else b""
    wrapped = b"{" in opening.group()
    if data[begin : begin + 1] != b"{" or end < 0 or rest != (b"}" if wrapped else b""):
        return False
    head = data[begin : begin + _HEAD]
    try:
        first = matching(head, 0)
        json.loads(head[:first])
    except (RejectedObjectError, ValueError, RecursionError):
        return False
    between = re.compile(rb"[ \t\r\n]*,[ \t\r\n]*(?=\{)").match(head, first)
    if between is None or data[max(begin, end - _HEAD) : end].rstrip(BLANK)[-1:] != b"}":
        return False
    mark = flat(b"}" + between.group() + b"{")
    left = b""
    for position in range(begin, end, _CHUNK):
        text = left + flat(data[position : min(position + _CHUNK, end)])
        text = _ARRAYS.sub(mark, text)
        whole, feed, left = text.replace(mark, b"}\n{").rpartition(b"\n")
        if len(left) > MAX_RECORD:
            return False
        target.write(whole + feed)
        forget(data, position)
    target.write(left.rstrip(BLANK) + b"\n")
    return True
