"""Which encoding a text is in, and what of that is guessed."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from charset_normalizer import from_bytes

from engine.open.languages import candidates
from store.errors import ContractError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_BLOCK = 1024 * 1024

#: Enough to tell text from other bytes.
HEAD = 256 * 1024

#: Lines that are no UTF-8, from all over the file, by which the encoding is guessed.
_SAMPLE = 16 * 1024
_OF_A_BLOCK = 4 * 1024

#: Longest first: UTF-32's little-endian mark begins with UTF-16's.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (codecs.BOM_UTF8, "utf-8"),
)

#: Control characters that occur in text: tab, line feed, form feed, carriage return, escape;
#: what Hive and FIX divide fields by (^A to ^C), and ASCII's own four separators.
_TEXT_CONTROLS = {1, 2, 3, 9, 10, 12, 13, 27, 28, 29, 30, 31}
_BINARY = bytes(set(range(32)) - _TEXT_CONTROLS) + b"\x7f"

_OTHER = re.compile(rb"[\x80-\xff]")
_END = re.compile(rb"[\x00-\x2f]")

#: Characters of a line beyond which a text of such lines is none in UTF-16.
_LONG_LINE = 1000

#: Japanese mail and terminals: an escape, then two bytes of ASCII a character.
_ESCAPED = re.compile(rb"\x1b\$[@B]")

_CHARSET = re.compile(r"charset\s*=\s*[\"']?([\w.:+-]+)", re.IGNORECASE)

#: What is written under these names is this, as browsers read it (WHATWG Encoding Standard).
_MEANT = {
    "utf-8-sig": "utf-8",
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "shift_jis": "cp932",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "euc_kr": "cp949",
    "big5": "big5hkscs",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
}

#: Python's own notations, which nobody sends.
_NO_CHARSETS = frozenset({"idna", "punycode", "unicode-escape", "raw-unicode-escape", "undefined"})

#: From here on letters of one language explain nearly every byte (engine.open.languages).
_CERTAIN = 0.95


@dataclass(frozen=True, slots=True)
class Encoding:
    """What a text is in.

    Attributes
    ----------
    name : str
        A Python codec.
    guess : str
        What was guessed, for the ledger and its readers; empty where the bytes, the uploader
        or the contract say it.
    """

    name: str
    guess: str = ""


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
    if head.lstrip(b" \t\r\n").startswith(b"\x1e"):
        # Of a JSON text sequence it begins every record (RFC 7464).
        head = head.replace(b"\x1e", b"")
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
    sample = _sample(path, check_time)
    if charset and _decodes(sample, charset):
        return Encoding(charset)
    return _guessed(sample) if guessing else Encoding("utf-8")


def codec_named(name: str) -> str:
    """Give Python's codec for a name of an encoding; nothing for what is none."""
    try:
        found = codecs.lookup(name)
    except (LookupError, ValueError):
        return ""
    # Some of Python's codecs are for bytes: base64, zlib.
    if found.name in _NO_CHARSETS or not getattr(found, "_is_text_encoding", True):
        return ""
    return _MEANT.get(found.name, found.name)


def _escaped(head: bytes) -> Encoding:
    if _ESCAPED.search(head) and _decodes(head[: head.rfind(b"\n") + 1] or head, "iso2022_jp"):
        return Encoding("iso2022_jp", "encoding guessed: iso2022_jp")
    return Encoding("utf-8")


def _is_utf8(path: Path, check_time: Callable[[], None]) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as file:
        try:
            while block := file.read(_BLOCK):
                check_time()
                # ASCII is most of what there is, and four times as fast.
                if not block.isascii() or decoder.getstate()[0]:
                    decoder.decode(block)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    return True


def _sample(path: Path, check_time: Callable[[], None]) -> bytes:
    """Give words that are not ASCII, from the first places that have some."""
    found, rest = bytearray(), b""
    with path.open("rb") as file:
        while len(found) < _SAMPLE and (block := file.read(_BLOCK)):
            check_time()
            # A word may go on in the next block.
            ends = [end.end() for end in _END.finditer(block, max(len(block) - _OF_A_BLOCK, 0))]
            cut = ends[-1] if ends else len(block)
            found += _words(rest + block[:cut])
            rest = block[cut:]
    found += _words(rest)
    return bytes(found)


def _words(data: bytes) -> bytes:
    """Give words with what ends each: no character of several bytes holds such an end."""
    if data.isascii():
        return b""
    found, position = bytearray(), 0
    while len(found) < _OF_A_BLOCK and (start := _OTHER.search(data, position)):
        before = max(position, start.start() - 200)
        for mark in _END.finditer(data, before, start.start()):
            before = mark.end()
        end = _END.search(data, start.end())
        position = end.end() if end else len(data)
        found += data[before:position][:_OF_A_BLOCK]
    return bytes(found)


def _decodes(sample: bytes, name: str) -> bool:
    try:
        sample.decode(name, "lake-latin-1" if name == "cp1252" else "strict")
    except (UnicodeError, ValueError):
        return False
    return True


def _guessed(sample: bytes) -> Encoding:
    # Sequences of several bytes hardly ever arise by chance: where there are more of them than
    # of others, the file is UTF-8 in which something broke.
    right = sum(c > "\x7f" for c in sample.decode("utf-8", "ignore"))
    if sample.decode("utf-8", "replace").count("\ufffd") <= right:
        return Encoding("utf-8")
    score, name = max(candidates(sample), key=lambda found: found[0], default=(0.0, ""))
    if score < _CERTAIN:
        name = _libraries_guess(sample)
    if not name:
        return Encoding("cp1252", "encoding not known: read as Windows-1252 (cp1252)")
    return Encoding(name, f"encoding guessed: {name}")


def _libraries_guess(sample: bytes) -> str:
    """Ask the library, which knows more languages, where it sees one."""
    best = from_bytes(sample).best()
    known = best is not None and best.coherence > 0.5 and best.chaos < 0.1
    return codec_named(best.encoding) if best and known else ""


def _latin_1(error: UnicodeError) -> tuple[str, int]:
    # Five bytes have no character in Windows' code page: they become those of ISO 8859-1.
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode("latin-1"), error.end


codecs.register_error("lake-latin-1", _latin_1)
