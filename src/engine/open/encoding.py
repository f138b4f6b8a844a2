"""Which encoding a text is in, and what of that is guessed."""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING

from engine.convert.jsontext import SEPARATOR
from engine.open.charsets import codec_named
from engine.open.guessing import BLOCK, Encoding, decodes, guessed, sample_of
from store.errors import ContractError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

#: Enough to tell text from other bytes.
HEAD = 256 * 1024

#: Longest first: UTF-32's little-endian mark begins with UTF-16's.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (codecs.BOM_UTF8, "utf-8"),
)

#: Control characters that occur in text: tab, line feed, form feed, carriage return, escape; the
#: vertical tab, by which spreadsheets and databases break lines within a cell;
#: what Hive and FIX divide fields by (^A to ^C), and ASCII's own four separators.
_TEXT_CONTROLS = {1, 2, 3, 9, 10, 11, 12, 13, 27, 28, 29, 30, 31}
_BINARY = bytes(set(range(32)) - _TEXT_CONTROLS) + b"\x7f"

#: Characters of a line beyond which a text of such lines is none in UTF-16.
_LONG_LINE = 1000

#: Japanese mail and terminals: an escape, then two bytes of ASCII a character.
_ESCAPED = re.compile(rb"\x1b\$[@B]")

_CHARSET = re.compile(r"charset\s*=\s*[\"']?([\w.:+-]+)", re.IGNORECASE)


def encoding_of(head: bytes) -> str:
    """Tell text from other bytes, and Unicode's wide encodings from narrow ones.

    Parameters
    ----------
    head : bytes
        At least the first 64 KB, or all of a shorter file.

    Returns
    -------
    str
        A Python codec; ``utf-8`` for all that :func:`find_encoding` has to tell apart; empty
        for what is no text.
    """
    if (marked := _marked(head)) not in ("", "utf-8"):
        return marked
    separator = SEPARATOR.encode()
    if head.lstrip(b" \t\r\n").startswith(separator):
        # Of a JSON text sequence it begins every record.
        head = head.replace(separator, b"")
    narrow = _is_narrow(head)
    if b"\0" in head and not (narrow and _is_utf8_head(head)) and (wide := _wide(head)):
        return wide
    return "utf-8" if narrow else ""


def _marked(head: bytes) -> str:
    return next((name for mark, name in _MARKS if head.startswith(mark)), "")


def _is_narrow(head: bytes) -> bool:
    """Tell text in which a few bytes are damaged from what is none."""
    strange = len(head) - len(head.translate(None, _BINARY))
    if strange <= len(head) // 100:
        return True
    # Of a short text one byte is more than a hundredth: it is the line's, not the file's.
    lines = [line for line in head.split(b"\n") if line]
    damaged = sum(len(line.translate(None, _BINARY)) < len(line) for line in lines)
    return strange <= len(head) // 10 and damaged <= max(len(lines) // 4, len(lines) > 1)


def _is_utf8_head(head: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return True


def _wide(head: bytes) -> str:
    """Tell UTF-16 and UTF-32 without a mark: ASCII's characters have zeros where others do not."""
    zeros = [head[n::4].count(0) for n in range(4)]
    most = 0.9 * (len(head) // 4)
    if len(head) >= 4 and zeros[0] < most <= min(zeros[2:]):
        return _if_text(head, "utf-32-le", len(head))
    if len(head) >= 4 and zeros[3] < most <= min(zeros[:2]):
        return _if_text(head, "utf-32-be", len(head))
    even, odd = zeros[0] + zeros[2], zeros[1] + zeros[3]
    return _if_text(head, "utf-16-le" if odd > even else "utf-16-be", max(even, odd))


def _if_text(head: bytes, name: str, zeros: int) -> str:
    """Let it be text where most characters are ASCII, or lines end and all are assigned."""
    text = head[: len(head) // 4 * 4].decode(name, "replace")
    strange = sum(not c.isprintable() and c not in "\t\n\r\f\ufeff" for c in text)
    many = len(text) > 1 and zeros > 0.3 * len(head)
    # In a narrow text hardly any line feed has a zero beside it, at an even place.
    feeds = text.count("\n")
    lines = 8 < len(text) <= _LONG_LINE * feeds and "\ufffd" not in text
    # Some damage is found later, when the whole file is read.
    return name if strange <= len(text) // 100 and (many or lines) else ""


def find_encoding(
    path: Path,
    content_type: str,
    named: str,
    check_time: Callable[[], None],
    *,
    guessing: bool = True,
) -> Encoding:
    """Find out which encoding a text is in.

    Parameters
    ----------
    path : Path
        A file for which :func:`encoding_of` named an encoding.
    content_type : str
        As the uploader said; its charset counts where the bytes are no UTF-8.
    named : str
        The contract's ``x-encoding``; then nothing is guessed.
    check_time : callable
        Raises when the invocation ends soon.
    guessing : bool
        Whether bytes that are no UTF-8 may mean an older encoding. JSON is UTF-8 (RFC 8259):
        there, such a byte is damage.

    Returns
    -------
    Encoding
        ``utf-8`` also for a text in which some bytes are damaged.

    Raises
    ------
    ContractError
        When ``named`` names no encoding.
    """
    with path.open("rb") as file:
        head = file.read(HEAD)
    said = codec_named(named)
    if named and not said:
        raise ContractError(f"x-encoding: {named!r} names no encoding that Python knows")
    marked = _marked(head)
    if marked and said and not said.startswith(marked):
        guess = f"read as {marked} by its byte order mark: the contract says {said}"
        return Encoding(marked, guess)
    wide = encoding_of(head)
    if wide not in ("", "utf-8"):
        return Encoding(wide)
    if said:
        return Encoding(said)
    found = _CHARSET.search(content_type)
    charset = codec_named(found[1]) if found else ""
    if _is_utf8(path, check_time):
        return _escaped(head)
    charset = "" if marked or charset == "utf-8" else charset
    if not guessing and not charset:
        return Encoding("utf-8")
    sample = sample_of(path, check_time)
    if charset and decodes(sample, charset):
        return Encoding(charset)
    return guessed(sample) if guessing else Encoding("utf-8")


def _escaped(head: bytes) -> Encoding:
    if _ESCAPED.search(head) and decodes(head[: head.rfind(b"\n") + 1] or head, "iso2022_jp"):
        return Encoding("iso2022_jp", "encoding guessed: iso2022_jp")
    return Encoding("utf-8")


def _is_utf8(path: Path, check_time: Callable[[], None]) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as file:
        try:
            while block := file.read(BLOCK):
                check_time()
                # ASCII is most of what there is, and four times as fast.
                if not block.isascii() or decoder.getstate()[0]:
                    decoder.decode(block)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    return True
