"""Lines of a file: found, counted, picked and cut into blocks, whatever their length."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

#: Bytes of a record that is certainly taken: half of the 32 MB that Athena takes for a row.
#: DuckDB takes up to twice as many, since its buffers are so long.
MAX_RECORD = 15 * 1024 * 1024

#: White space; a line of nothing else is no record.
BLANK = b" \t\r\n"

#: A line that may be blank: it begins with white space.
_BLANK_BEGUN = re.compile(rb"\n[ \t\r\n]")

_CHUNK = 1024 * 1024


def lines_of(file: IO[bytes]) -> Iterator[bytes]:
    """Give each line; of one longer than a record, its beginning, one byte longer than that.

    Parameters
    ----------
    file : binary file
        Read to its end, never more than two records of it in memory.

    Yields
    ------
    bytes
        With its line feed, if it was not cut.
    """
    while line := file.readline(MAX_RECORD + 1):
        if len(line) > MAX_RECORD and not line.endswith(b"\n"):
            while (rest := file.readline(MAX_RECORD)) and not rest.endswith(b"\n"):
                pass
        yield line


@dataclass(frozen=True, slots=True)
class Span:
    """Whole lines of a file.

    Attributes
    ----------
    path : Path
        The file.
    start, end : int
        Bytes of it.
    """

    path: Path
    start: int
    end: int

    @classmethod
    def whole(cls, path: Path) -> Span:
        """Take all of a file."""
        return cls(path, 0, path.stat().st_size)

    @property
    def is_whole(self) -> bool:
        """Whether it is all of its file."""
        return self.start == 0 and self.end == self.path.stat().st_size

    def chunks(self) -> Iterator[bytes]:
        """Give the bytes in pieces."""
        with self.path.open("rb") as file:
            file.seek(self.start)
            left = self.end - self.start
            while left and (chunk := file.read(min(_CHUNK, left))):
                left -= len(chunk)
                yield chunk

    def batches(self) -> Iterator[tuple[int, list[bytes]]]:
        """Give the lines that are not blank, many at once, with the number of the first."""
        number = 1
        for lines in self._batches():
            if min(lines) <= b"!":
                lines = [line for line in lines if line > b"!" or line.strip(BLANK)]
            if lines:
                yield number, lines
                number += len(lines)

    def _batches(self) -> Iterator[list[bytes]]:
        left = b""
        with self.path.open("rb") as file:
            file.seek(self.start)
            while file.tell() < self.end or left:
                chunk = file.read(min(_CHUNK, self.end - file.tell()))
                if not chunk:
                    yield [left]
                    return
                whole, feed, rest = (left + chunk).rpartition(b"\n")
                if feed:
                    yield _split(whole + feed)
                left = rest
                if len(left) > MAX_RECORD:
                    # The beginning of one that is too long, and passed over.
                    yield [left[: MAX_RECORD + 1]]
                    left = b""
                    self._pass_line(file)

    def _pass_line(self, file: IO[bytes]) -> None:
        while rest := file.readline(MAX_RECORD):
            if rest.endswith(b"\n"):
                return

    def numbered(self) -> Iterator[tuple[int, bytes]]:
        """Give the lines that are not blank, numbered from 1."""
        for first, lines in self.batches():
            yield from enumerate(lines, first)

    def picked(self, numbers: Iterable[int]) -> Iterator[tuple[int, bytes]]:
        """Give the lines of these numbers, in ascending order."""
        wanted = iter(numbers)
        following = next(wanted, 0)
        for first, lines in self.batches() if following else ():
            while following and following < first + len(lines):
                yield following, lines[following - first]
                following = next(wanted, 0)
            if not following:
                return

    def copy(self, target: Path, leaving_out: Sequence[int] = ()) -> None:
        """Copy the lines to a file of their own, but for those of these numbers, ascending."""
        with target.open("wb") as kept:
            if not leaving_out:
                kept.writelines(self.chunks())
                return
            left = sorted(leaving_out, reverse=True)
            for first, lines in self.batches():
                after = first + len(lines)
                start = 0
                while left and left[-1] < after:
                    place = left.pop() - first
                    kept.write(b"".join(lines[start:place]))
                    start = place + 1
                kept.write(b"".join(lines[start:]))

    def count(self) -> int:
        """Count the lines that are not blank, by their line feeds and not by reading them."""
        count = 0
        tail = b""
        for chunk in self.chunks():
            end = chunk.rfind(b"\n") + 1
            if not end:
                # Within one line, however long: whether it is blank is all that matters of it.
                tail += chunk.strip(BLANK)[:1]
                continue
            whole, tail = tail + chunk[:end], chunk[end:].strip(BLANK)[:1]
            count += _filled(whole)
        return count + bool(tail)


def _split(whole: bytes) -> list[bytes]:
    """Give the lines of bytes that end with a line feed, each with its own."""
    if whole.count(b"\r") == whole.count(b"\r\n"):
        return whole.splitlines(keepends=True)
    return [line + b"\n" for line in whole[:-1].split(b"\n")]


def _filled(whole: bytes) -> int:
    """Count the lines that are not blank, of bytes that end with a line feed."""
    if whole[:1] not in BLANK and not _BLANK_BEGUN.search(whole):
        return whole.count(b"\n")
    return sum(1 for line in whole.split(b"\n") if line.strip(BLANK))


def spans(path: Path, size: int) -> Iterator[Span]:
    """Divide a file into pieces of whole lines.

    Parameters
    ----------
    path : Path
        The file.
    size : int
        Bytes of a piece, at least; a file that is hardly longer is one.
    """
    total = path.stat().st_size
    if total <= size * 3 // 2:
        yield Span(path, 0, total)
        return
    start = 0
    while start < total:
        end = _line_end(path, start + size, total)
        yield Span(path, start, end)
        start = end


def _line_end(path: Path, position: int, total: int) -> int:
    """Find where the line ends in which a position lies."""
    if position >= total:
        return total
    with path.open("rb") as file:
        file.seek(position)
        while chunk := file.read(_CHUNK):
            found = chunk.find(b"\n")
            if found >= 0:
                return position + found + 1
            position += len(chunk)
    return total
