"""Text as UTF-8: which encoding a file is in, and a copy of it where it is another."""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING

from store.errors import RejectedObjectError
from store.reasons import Reason

if TYPE_CHECKING:
    from pathlib import Path

_BLOCK = 1024 * 1024

_UTF8_BOM = codecs.BOM_UTF8

#: Longest first: UTF-32's little-endian mark begins with UTF-16's.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

#: Control characters that occur in text: tab, line feed, form feed, carriage return, escape.
_BINARY = bytes(set(range(32)) - {9, 10, 12, 13, 27}) + b"\x7f"


def encoding_of(head: bytes) -> str:
    """Tell a file's encoding from its first bytes.

    Parameters
    ----------
    head : bytes
        At least the first 64 KB, or all of a shorter file.

    Returns
    -------
    str
        A Python codec; ``utf-8`` too where some bytes are no UTF-8 (see :func:`as_utf8`);
        empty for what is no text.
    """
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name
    if b"\0" in head:
        # Western text in UTF-16 without a mark has a zero in every second byte.
        even, odd = head[0::2].count(0), head[1::2].count(0)
        most = 0.4 * len(head) / 2
        if odd > most and even == 0:
            return "utf-16-le"
        return "utf-16-be" if even > most and odd == 0 else ""
    strange = len(head) - len(head.translate(None, _BINARY))
    return "" if strange > len(head) // 100 else "utf-8"


def as_utf8(path: Path, target: Path, encoding: str, *, single_byte: bool) -> tuple[Path, str]:
    """Give a file of the same text in UTF-8, without a byte order mark.

    Parameters
    ----------
    path : Path
        The file.
    target : Path
        Where a copy goes, if one is needed.
    encoding : str
        What :func:`encoding_of` gave.
    single_byte : bool
        Whether bytes that are no UTF-8 may mean an old single-byte encoding. JSON is UTF-8
        (RFC 8259): there, such a byte is damage.

    Returns
    -------
    tuple of Path and str
        The file, and the encoding that it was in.

    Raises
    ------
    RejectedObjectError
        When a text in UTF-16 or UTF-32 is damaged: no line of it can be told from another.
    """
    if encoding == "utf-8":
        if single_byte and _is_single_byte(path):
            encoding = "cp1252"
        else:
            with path.open("rb") as file:
                if file.read(3) != _UTF8_BOM:
                    return path, encoding
                with target.open("wb") as copy:
                    while block := file.read(_BLOCK):
                        copy.write(block)
            return target, encoding
    errors = "lake-latin-1" if encoding == "cp1252" else "strict"
    with (
        path.open("r", encoding=encoding, errors=errors, newline="") as source,
        target.open("w", encoding="utf-8", newline="") as text,
    ):
        try:
            while characters := source.read(_BLOCK):
                text.write(characters)
        except UnicodeError as error:
            raise RejectedObjectError(Reason.CORRUPT_FILE, f"{encoding}: {error}") from error
    return target, encoding


def _is_single_byte(path: Path) -> bool:
    """Tell whether a file is no UTF-8, and not merely damaged UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as file:
        try:
            while block := file.read(_BLOCK):
                decoder.decode(block)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            pass
        else:
            return False
        file.seek(0)
        # Sequences of several bytes hardly ever arise by chance: where there are some, the
        # file is UTF-8 in which something broke.
        block = b"".join(line for line in file.read(16 * _BLOCK).split(b"\n") if not line.isascii())
    right = sum(ord(c) > 0x7F for c in block.decode("utf-8", "ignore"))
    wrong = block.decode("utf-8", "replace").count("\ufffd")
    return wrong > right


def _latin_1(error: UnicodeError) -> tuple[str, int]:
    # Five bytes have no character in Windows' code page: they become those of ISO 8859-1.
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode("latin-1"), error.end


codecs.register_error("lake-latin-1", _latin_1)
