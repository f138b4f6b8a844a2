"""Lines of a file: found, counted, picked and cut into blocks, whatever their length."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import accumulate, count
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

#: Bytes of a record that is certainly taken: half of the 32 MB that Athena takes for a row.
#: DuckDB takes up to twice as many, since its buffers are so long.
MAX_RECORD = 15 * 1024 * 1024

#: White space; a line of nothing else is no record.
BLANK = b" \t\r\n"

#: A line that ends with a carriage return alone.
_RETURN = re.compile(rb"\r[^\n]")

#: A line that may be blank: it begins with white space.
_BLANK_BEGUN = re.compile(rb"\n[ \t\r\n]")

#: A line that is not blank, from its first character on.
_FILLED = re.compile(rb"[^ \t\r\n][^\n]*")

_CHUNK = 256 * 1024

#: Lines between two that are wanted, from which on those between are only counted.
_FAR = 10_000

#: Where a piece begins, its bytes, where it ends; the lines found in it: number, bytes, where
#: they begin and end.
_Searched = tuple[int, bytes, int, list[tuple[int, bytes, int, int]]]


def with_line_feeds(path: Path, folder: Path) -> Path:
    """Give a file whose lines end with line feeds: itself, or a copy where some do not.

    Parameters
    ----------
    path : Path
        The file.
    folder : Path
        Takes the copy.
    """
    with path.open("rb") as file:
        text = file.read(_CHUNK)
        if not _RETURN.search(text):
            return path
        copy = folder / "lines"
        with copy.open("wb") as target:
            while text:
                target.write(text.replace(b"\r", b"\n"))
                text = file.read(_CHUNK)
    return copy


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
            _pass_line(file)
        yield line


def _pass_line(file: IO[bytes]) -> None:
    while (rest := file.readline(MAX_RECORD)) and not rest.endswith(b"\n"):
        pass


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
            yield from _chunks(file, self.start, self.end)

    def _pieces(self) -> Iterator[tuple[int, bytes, int]]:
        """Give whole lines, many at once: where they begin, themselves, and where they end.

        Of a line longer than a record only its beginning is given.
        """
        start, left = self.start, b""
        with self.path.open("rb") as file:
            file.seek(self.start)
            while chunk := file.read(min(_CHUNK, self.end - file.tell())):
                text = left + chunk
                whole = text.rfind(b"\n") + 1
                left = text[whole:]
                if whole:
                    yield start, text[:whole], start + whole
                    start += whole
                if len(left) > MAX_RECORD:
                    _pass_line(file)
                    yield start, left[: MAX_RECORD + 1], file.tell()
                    start, left = file.tell(), b""
            if left:
                yield start, left, start + len(left)

    def numbered(self) -> Iterator[tuple[int, bytes]]:
        """Give the lines that are not blank, numbered from 1."""
        number = 1
        for _, text, _ in self._pieces():
            lines = _split(text)
            places = _filled_places(lines)
            yield from zip(count(number), map(lines.__getitem__, places))
            number += len(places)

    def picked(self, numbers: Iterable[int]) -> Iterator[tuple[int, bytes]]:
        """Give the lines of these numbers, in ascending order."""
        for _, _, _, found in self._searched(numbers):
            for number, line, _, _ in found:
                yield number, line

    def copy(self, target: Path, leaving_out: Sequence[int] = ()) -> Iterator[tuple[int, bytes]]:
        """Copy the lines to a file of their own, but for those of these numbers, ascending.

        Yields
        ------
        tuple of int and bytes
            Each number, with the line that was left out: they were found already.
        """
        copied = self.start
        with self.path.open("rb") as source, target.open("wb") as kept:
            for start, text, end, found in self._searched(leaving_out):
                copied = end
                if not found:
                    kept.writelines(
                        [text] if len(text) == end - start else _chunks(source, start, end)
                    )
                    continue
                done = 0
                for number, line, begin, after in found:
                    kept.write(text[done : begin - start])
                    done = after - start
                    yield number, line
                kept.write(text[done:])
            kept.writelines(_chunks(source, copied, self.end))

    def _searched(self, numbers: Iterable[int]) -> Iterator[_Searched]:
        """Give the pieces up to the last line of these numbers, ascending, each with its own."""
        wanted = iter(numbers)
        following = next(wanted, 0)
        before = 0
        for start, text, end in self._pieces() if following else ():
            found: list[tuple[int, bytes, int, int]] = []
            # To count lines takes half as long as to divide them.
            total = _filled(text) if following - before > _FAR else 0
            if following <= before + total or not total:
                lines = _split(text)
                ends = list(accumulate(map(len, lines), initial=start))
                ends[-1] = end
                places = _filled_places(lines)
                total = len(places)
                while following and following <= before + total:
                    place = places[following - before - 1]
                    found.append((following, lines[place], ends[place], ends[place + 1]))
                    following = next(wanted, 0)
            yield start, text, end, found
            if not following:
                return
            before += total

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


def _chunks(file: IO[bytes], start: int, end: int) -> Iterator[bytes]:
    """Give some bytes of a file in pieces."""
    file.seek(start)
    while start < end and (chunk := file.read(min(_CHUNK, end - start))):
        start += len(chunk)
        yield chunk


def _split(text: bytes) -> list[bytes]:
    """Give the lines of a text, each with its own line feed."""
    if b"\r" not in text or text.count(b"\r") == text.count(b"\r\n"):
        return text.splitlines(keepends=True)
    lines = text.split(b"\n")
    last = lines.pop()
    return [line + b"\n" for line in lines] + ([last] if last else [])


def _filled_places(lines: list[bytes]) -> Sequence[int]:
    """Say where those are that are not blank."""
    if min(lines) > b"!":
        return range(len(lines))
    return [place for place, line in enumerate(lines) if line.strip(BLANK)]


def _filled(text: bytes) -> int:
    """Count the lines that are not blank."""
    if text[:1] not in BLANK and not _BLANK_BEGUN.search(text):
        return text.count(b"\n") + (not text.endswith(b"\n"))
    return len(_FILLED.findall(text))


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
