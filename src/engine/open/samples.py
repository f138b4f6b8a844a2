"""Samples of a text, by which it is found out how it is delimited."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

#: Read from the beginning and from three places further on.
_HEAD, _PROBE, _PROBES = 64 * 1024, 16 * 1024, 3

#: Where lines are long, so much.
_LONG_HEAD = 1024 * 1024

#: Nothing else ends a line.
LINE_END = re.compile(r"\r\n|\r|\n")


def read_samples(path: Path, encoding: str = "utf-8") -> list[str]:
    """Read a file's beginning, and whole lines from three places further on.

    Parameters
    ----------
    path : Path
        Its plain bytes.
    encoding : str
        Python's name of it.
    """
    size = path.stat().st_size
    unit = 4 if "32" in encoding else 2 if "16" in encoding else 1
    texts = []
    with path.open("rb") as file:
        first = file.read(_HEAD)
        while len(first) < min(size, _LONG_HEAD) and _lines_count(first) < 10:
            # Of a table of thousands of columns that would be the header alone.
            first += file.read(_HEAD)
        head = first.decode(encoding, "replace").removeprefix("\ufeff")
        # Marks of the byte order are at the beginning only.
        further = encoding if unit == 1 else f"{encoding.removesuffix('-le')}-le"
        texts.append(head if size <= len(first) else _whole_records(head))
        for n in range(1, _PROBES + 1) if size > len(first) + _PROBES * _PROBE else ():
            file.seek(max(len(first), (size - _PROBE) * n // _PROBES) // unit * unit)
            text = file.read(_PROBE).decode(further, "replace")
            # Of the last one the end is the file's.
            if n == _PROBES and not text.endswith(("\n", "\r")):
                text += "\n"
            texts.append(_whole_lines(text))
    return texts


def _lines_count(data: bytes) -> int:
    """Count the line ends that stand in no quotes."""
    outside = b"".join(data.split(b'"')[::2])
    return outside.count(b"\n") + outside.count(b"\r")


def _whole_records(head: str) -> str:
    """Leave out what was cut: at the last line end that stands in no quotes, if that is most."""
    ends = [m.end() for m in LINE_END.finditer(head)]
    quotes = head.count('"')
    for end, behind in zip(reversed(ends), [len(head), *reversed(ends)], strict=False):
        quotes -= head.count('"', end, behind)
        if quotes % 2 == 0:
            return head[:end] if 2 * end > len(head) else head[: ends[-1]]
    return head[: ends[-1]] if ends else head


def _whole_lines(text: str) -> str:
    ends = [m.end() for m in LINE_END.finditer(text)]
    return text[ends[0] : ends[-1]] if ends else ""
