"""JSON documents as JSON Lines: an array, a wrapped array, one object or several."""

from __future__ import annotations

import mmap
import re
from functools import partial
from typing import TYPE_CHECKING

from engine.read.brackets import SEPARATOR, WRAPPER, matching, records
from engine.read.jsonl import JsonLines, has_records
from engine.read.jsonmarks import forget, space
from engine.read.lines import BLANK, MAX_RECORD, lines_of
from store.errors import RejectedObjectError

if TYPE_CHECKING:
    from pathlib import Path
    from typing import IO

    from engine.job import Job
    from engine.read.jsonmarks import Buffer

#: Stands for an element that is missing between two commas: no JSON, as it was none.
_MISSING = b","

#: Bytes within which the first two elements show what stands between elements.
_HEAD = 1024 * 1024

_CHUNK = 4 * 1024 * 1024

#: How an array of records begins, and lines that only open or close one.
_OPENED = re.compile(rb"\s*\[|" + WRAPPER.pattern)
_BRACKETS = frozenset({b"", b"[", b"]", b"]}", b"}"})

#: What stands between elements on lines, and around it.
_COMMAS = BLANK + b","

#: What stands between objects of an array, and where another array of objects begins.
_MARK = re.compile(rb"\}[ \t\r\n]*,[ \t\r\n]*(?=\{)")
_INNER = re.compile(rb"\[[ \t\r\n]*\{")


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
            begin = space(data, 0)
            name = "jsonl" if data[begin : begin + 1] == SEPARATOR else "json"
            if supposed and start and _divided(data, start, target):
                exactly = partial(document, job, path, supposed=False)
                return JsonLines(job, lines, "json", otherwise=exactly)
            target.seek(0)
            target.truncate()
            for number, (begin, end) in enumerate(records(data, members)):
                if number % 10_000 == 0:
                    job.check_time()
                target.write(_on_one_line(_taken(data, begin, end)) + b"\n")
    except RejectedObjectError as error:
        # One broken element costs itself.
        if members is None and (_by_lines(job, path, lines) or _by_marks(job, path, lines)):
            job.guesses.append(
                f"the JSON document is broken ({error.detail}): each element is read by itself"
            )
            return JsonLines(job, lines, "json")
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
    begin = space(data, 0)
    if data[begin : begin + 1] == b"[":
        return begin + 1
    wrapper = WRAPPER.match(data)
    return wrapper.end() if wrapper else 0


def _divided(data: mmap.mmap, start: int, target: IO[bytes]) -> bool:
    """Write objects of an array as lines, divided at what stands between the first two."""
    begin = space(data, start)
    end = data.rfind(b"]", max(begin, len(data) - _HEAD))
    rest = data[end + 1 :].strip(BLANK) if end >= 0 else b""
    wrapped = data[space(data, 0) : space(data, 0) + 1] == b"{"
    if data[begin : begin + 1] != b"{" or end < 0 or rest != (b"}" if wrapped else b""):
        return False
    head = data[begin : begin + _HEAD]
    try:
        first = matching(head, 0)
    except RejectedObjectError:
        return False
    between = re.compile(rb"[ \t\r\n]*,[ \t\r\n]*(?=\{)").match(head, first)
    if between is None or data[max(begin, end - _HEAD) : end].rstrip(BLANK)[-1:] != b"}":
        return False
    mark = _flat(b"}" + between.group() + b"{")
    left = b""
    for position in range(begin, end, _CHUNK):
        text = left + _flat(data[position : min(position + _CHUNK, end)])
        whole, feed, left = text.replace(mark, b"}\n{").rpartition(b"\n")
        if len(left) > MAX_RECORD:
            return False
        target.write(whole + feed)
        forget(data, position)
    target.write(left.rstrip(BLANK) + b"\n")
    return True


# --- What brackets do not divide ---------------------------------------------------------


def _by_lines(job: Job, path: Path, target: Path) -> bool:
    """Write elements that are a line each: of an array, or with commas between them.

    Returns
    -------
    bool
        False where elements are no lines.
    """
    elements = others = commas = 0
    last = b""
    with path.open("rb") as file, target.open("wb") as lines:
        opened = _OPENED.match(file.read(_HEAD))
        file.seek(opened.end() if opened else 0)
        for number, line in enumerate(lines_of(file)):
            if number % 10_000 == 0:
                job.check_time()
            text = line.strip(BLANK)
            element = text.strip(_COMMAS)
            if element == b"{":
                # An element begins here, and goes on: it may have lines that look like others.
                return False
            if element in _BRACKETS:
                continue
            commas += element != text
            is_element = element[:1] == b"{" and element[-1:] == b"}"
            if not (is_element or opened or last):
                return False
            elements += is_element
            others += not is_element
            if last:
                lines.write(last + b"\n")
            last = element
        _write_last(lines, last)
    return bool(opened or commas) and elements > max(others, 1)


def _by_marks(job: Job, path: Path, target: Path) -> bool:
    """Write the elements of an array whose objects hold no array of objects.

    Returns
    -------
    bool
        False where another array may have what stands between elements.
    """
    with (
        path.open("rb") as file,
        target.open("wb") as lines,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data,
    ):
        opened = _OPENED.match(data)
        if not opened or _has_inner(data, opened.end()):
            return False
        left, several = b"", False
        for position in range(opened.end(), len(data), _CHUNK):
            job.check_time()
            text = left + _flat(data[position : position + _CHUNK])
            whole, feed, left = _MARK.sub(b"}\n", text).rpartition(b"\n")
            if len(left) > MAX_RECORD:
                return False
            several = several or bool(feed)
            lines.write(whole + feed)
            forget(data, position)
        _write_last(lines, left.strip(BLANK))
    return several


def _has_inner(data: mmap.mmap, start: int) -> bool:
    """Tell whether an array of objects begins anywhere behind."""
    for position in range(start, len(data), _CHUNK):
        # With some of the next piece, for what begins in this one.
        if _INNER.search(data, position, position + _CHUNK + _HEAD):
            return True
        forget(data, position)
    return False


def _write_last(lines: IO[bytes], element: bytes) -> None:
    """Write the last element without what closes the array, and what follows that."""
    try:
        end = matching(element, 0)
    except RejectedObjectError:
        end = len(element)
    rest = element[end:].lstrip(BLANK)
    if rest[:1] not in (b"", b"]"):
        end, rest = len(element), b""
    lines.write(element[:end] + b"\n")
    if rest.strip(_COMMAS + b"]}"):
        lines.write(rest[1:].strip(BLANK) + b"\n")


def _flat(text: bytes) -> bytes:
    """Put a text on one line: a tab is white space, and as wrong in a string, as a line feed is."""
    return text.replace(b"\n", b"\t").replace(b"\r", b"\t")


def _taken(data: Buffer, begin: int, end: int) -> bytes:
    """Give a record without white space around it; of one too long only the beginning."""
    begin = space(data, begin)
    while end - begin > MAX_RECORD and not data[end - _HEAD : end].strip(BLANK):
        end -= _HEAD
    return data[begin : min(end, begin + MAX_RECORD + _HEAD)].strip(BLANK)


def _on_one_line(record: bytes) -> bytes:
    if not record:
        return _MISSING
    return _flat(record) if b"\n" in record or b"\r" in record else record
