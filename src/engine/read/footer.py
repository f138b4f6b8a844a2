"""A Parquet file's own footer, as far as DuckDB must not be asked for it.

DuckDB 1.5.6 ends its whole database over a file that names an encrypted column and no
algorithm. So what is encrypted is found out before it is opened, and the records are counted
here, by other code than that which reads them. The footer is a struct of Thrift's compact
protocol (apache/parquet-format, ``parquet.thrift`` and ``Encryption.md``).
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

MAGIC, ENCRYPTED = b"PAR1", b"PARE"

#: Beyond this only the first row group is looked at: columns are encrypted in all of them.
_LONG = 1024 * 1024

# Types of the compact protocol.
_FIXED = {1: 0, 2: 0, 3: 1, 7: 8, 13: 16}
_VARINTS = frozenset({4, 5, 6})
_BINARY, _LIST, _SET, _MAP, _STRUCT = 8, 9, 10, 11, 12

# Fields of FileMetaData, RowGroup and ColumnChunk.
_NUM_ROWS, _ROW_GROUPS = 3, 4
_COLUMNS = 1
_CRYPTO_METADATA = 8


@dataclass(frozen=True, slots=True)
class Footer:
    """What a footer says.

    Attributes
    ----------
    rows : int or None
        How many records the file has; None where that cannot be read.
    encrypted : bool
        Whether all of it, or a column, is encrypted.
    """

    rows: int | None
    encrypted: bool


def footer_bytes(path: Path) -> bytes:
    """Read a file's footer; nothing where it has none that can be found."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(size - 8, 0))
        tail = file.read()
        length = int.from_bytes(tail[:4], "little")
        if tail[4:] != MAGIC or length > size - 8:
            return b""
        file.seek(size - 8 - length)
        return file.read(length)


def with_footer(path: Path, change: Callable[[bytes], bytes], target: Path) -> Path:
    """Give a file with a changed footer.

    Parameters
    ----------
    path : Path
        A Parquet file.
    change : callable
        Gives another footer, or the same.
    target : Path
        Takes a copy, if one is needed.

    Returns
    -------
    Path
        The file itself where its footer stays.
    """
    footer = footer_bytes(path)
    other = change(footer)
    if other == footer:
        return path
    shutil.copyfile(path, target)
    with target.open("r+b") as file:
        file.seek(file.seek(0, 2) - 8 - len(footer))
        file.write(other + len(other).to_bytes(4, "little") + MAGIC)
        file.truncate()
    return target


def footer_of(path: Path) -> Footer:
    """Read what a file's footer says; of one that is damaged, as much as can be read."""
    with path.open("rb") as file:
        head = file.read(4)
        file.seek(max(file.seek(0, 2) - 4, 0))
        if ENCRYPTED in (head, file.read()):
            return Footer(None, encrypted=True)
    data = footer_bytes(path)
    rows: int | None = None
    encrypted = False
    reader = Compact(data)
    try:
        for field, kind in reader.fields():
            if field == _NUM_ROWS:
                rows = reader.integer()
            elif field == _ROW_GROUPS:
                encrypted = _any_encrypted(reader, 1 if len(data) > _LONG else None)
                break
            else:
                reader.skip(kind)
    except (IndexError, KeyError, RecursionError):
        # Damaged, or newer than this: DuckDB says what it is.
        return Footer(rows, encrypted=False)
    return Footer(rows, encrypted)


def _any_encrypted(reader: Compact, most: int | None) -> bool:
    _, groups = reader.list_header()
    for _ in range(groups if most is None else min(groups, most)):
        for field, kind in reader.fields():
            if field != _COLUMNS:
                reader.skip(kind)
                continue
            _, columns = reader.list_header()
            for _ in range(columns):
                for part, of_kind in reader.fields():
                    if part == _CRYPTO_METADATA:
                        return True
                    reader.skip(of_kind)
    return False


class Compact:
    """Steps through the compact protocol without building anything.

    Attributes
    ----------
    data : bytes
        What is stepped through.
    at : int
        How far that is.
    """

    def __init__(self, data: bytes, at: int = 0) -> None:
        self.data, self.at = data, at

    def _byte(self) -> int:
        value = self.data[self.at]
        self.at += 1
        return value

    def _varint(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7

    def integer(self) -> int:
        """Read a number in zigzag."""
        value = self._varint()
        return (value >> 1) ^ -(value & 1)

    def binary(self) -> bytes:
        """Read bytes, before which their number stands."""
        length = self._varint()
        self.at += length
        return self.data[self.at - length : self.at]

    def fields(self) -> Iterator[tuple[int, int]]:
        """Give number and type of each field of a struct; who asks has to read or skip it."""
        number = 0
        while header := self._byte():
            number = number + (header >> 4) if header >> 4 else self.integer()
            yield number, header & 15

    def list_header(self) -> tuple[int, int]:
        """Read the type and the number of a list's elements."""
        header = self._byte()
        count = header >> 4
        return header & 15, self._varint() if count == 15 else count

    def skip(self, kind: int) -> None:
        """Step over a value."""
        if kind in _FIXED:
            self.at += _FIXED[kind]
        elif kind in _VARINTS:
            self._varint()
        elif kind == _BINARY:
            self.binary()
        elif kind in (_LIST, _SET):
            of_kind, count = self.list_header()
            for _ in range(count):
                # A boolean in a list takes a byte, as a field it takes none.
                self.skip(3 if of_kind in (1, 2) else of_kind)
        elif kind == _STRUCT:
            for _, of_kind in self.fields():
                self.skip(of_kind)
        else:
            raise KeyError(kind)
