"""A delimited file in pieces of whole records, each looked at by itself."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.read.csvplain import Plain, without_escapes
from engine.read.piece import Piece, Shapes, quotes_match
from engine.read.tokens import IncompleteError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from engine.read.tokens import Grammar

#: What one odd record spoils is so large.
PIECE = 1024 * 1024

#: Lines of so many fields are looked at elsewhere.
_ANY = 1_000_000_000

#: Longer lines are no records.
MAX_LINE = 64 * 1024 * 1024


@dataclass(slots=True)
class Survey:
    """A file's pieces, in their order, and what they have in common."""

    pieces: list[Piece] = field(default_factory=list)

    @property
    def quotes(self) -> bool:
        """Whether some piece has quotes."""
        return any(piece.quotes for piece in self.pieces)

    @property
    def alike(self) -> bool:
        """Whether DuckDB reads them all in one way."""
        endings = {piece.ending for piece in self.pieces}
        return (
            not any(piece.odd or piece.huge for piece in self.pieces)
            and len(endings) <= 1
            and b"" not in endings
        )

    @property
    def longest(self) -> int:
        """Bytes that no line is longer than."""
        return max((piece.end - piece.start for piece in self.pieces), default=0)


def survey(path: Path, grammar: Grammar, start: int, *, prove: bool) -> Survey:
    """Divide a file into pieces and look at each.

    Parameters
    ----------
    path : Path
        The file, in UTF-8.
    grammar : Grammar
        How it is written.
    start : int
        Where the first record begins.
    prove : bool
        Whether quotes have to be proved here.
    """
    shapes, found = Shapes(grammar), Survey()
    data, begin, huge = b"", start, False
    for data, begin, huge in _cut(path, grammar, start, prove=prove):
        if huge:
            found.pieces.append(Piece(begin, begin + len(data), odd=True, huge=True))
        else:
            found.pieces.append(shapes.classify(data, begin, prove=prove))
    if data and not (huge or prove):
        # DuckDB passes over a quote that is open where the file ends.
        found.pieces[-1] = shapes.classify(data, begin, prove=True)
    return found


def _cut(
    path: Path, grammar: Grammar, start: int, *, prove: bool
) -> Iterator[tuple[bytes, int, bool]]:
    """Give pieces that end where a record does; a line too long to be one is one alone."""
    size, data = PIECE, b""
    with path.open("rb") as file:
        file.seek(start)
        while True:
            data += file.read(size - len(data))
            if not data:
                return
            whole = len(data) < size
            end = _end(data, grammar, whole=whole, prove=prove)
            if end == 0 and size < MAX_LINE:
                size *= 2
                continue
            if end == 0:
                length = _to_line_end(path, start)
                yield data, start, True
                start += length
                file.seek(start)
                size, data = PIECE, b""
                continue
            yield data[:end], start, False
            start += end
            data = data[end:]
            size = max(PIECE, len(data) + 1)


def _to_line_end(path: Path, start: int) -> int:
    """Give the bytes up to the end of a line that is too long to hold in memory."""
    passed = 0
    with path.open("rb") as file:
        file.seek(start)
        while block := file.read(PIECE):
            found = re.search(rb"[\r\n]+", block)
            if found:
                return passed + found.end()
            passed += len(block)
    return passed


def _end(data: bytes, grammar: Grammar, *, whole: bool, prove: bool) -> int:
    """Give where some records end that certainly are all there; zero for nowhere.

    The fewer bytes go with what is odd, the less has to be rewritten.
    """
    for size in (PIECE, PIECE // 4, PIECE // 16):
        last = whole and len(data) <= size
        if end := _plain_end(data[:size], grammar, whole=last, prove=prove):
            return end
    if not grammar.quote or grammar.quote_bytes not in data:
        return len(data) if whole else _last_line(data)
    return _exact_end(data, grammar, whole)


def _plain_end(data: bytes, grammar: Grammar, *, whole: bool, prove: bool) -> int:
    quote = grammar.quote_bytes
    if not quote or quote not in data:
        return len(data) if whole else _last_line(data)
    escaped = grammar.quote != grammar.escape
    bare = without_escapes(data, grammar) if escaped else data
    end = len(data) if whole and bare.count(quote) % 2 == 0 else _balanced(bare, quote)
    # DuckDB proves no escapes.
    if (prove or escaped) and not Plain(grammar, _ANY).proves(data[:end]):
        return 0
    return end


def _last_line(data: bytes) -> int:
    # The last byte may be half of a line end.
    return max(data.rfind(b"\n", 0, -1), data.rfind(b"\r", 0, -1 if data[-1:] != b"\r" else -2)) + 1


def _balanced(data: bytes, quote: bytes) -> int:
    """Give the end of the last line before which quotes are even."""
    end = data.rfind(b"\n", 0, -1)
    quotes = data.count(quote, 0, max(end, 0))
    while end >= 0 and quotes % 2:
        before = data.rfind(b"\n", 0, end)
        quotes -= data.count(quote, max(before, 0), end)
        end = before
    return end + 1


def _exact_end(data: bytes, grammar: Grammar, whole: bool) -> int:
    end = 0
    with suppress(IncompleteError):
        for run in Plain(grammar, _ANY).runs(data, whole=whole):
            end = run.end
    return end


def record_after(data: bytes, place: int, grammar: Grammar) -> int:
    """Give where the first record behind a place begins, as far as quotes prove it.

    Parameters
    ----------
    data : bytes
        The beginning of a piece.
    place : int
        Somewhere in it.
    grammar : Grammar
        How it is written.

    Returns
    -------
    int
        Zero where nothing is proved, or no record ends behind the place.
    """
    quote, quotes = grammar.quote_bytes, 0
    end, before = data.find(b"\n", place) + 1, 0
    while end and grammar.quote == grammar.escape:
        quotes += data.count(quote, before, end)
        if quotes % 2 == 0:
            return end if quotes_match(data[:end], quote, grammar.delimiter_bytes) else 0
        end, before = data.find(b"\n", end) + 1, end
    return 0
