"""What encoding a text is in that does not say it, by the letters of its words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.open.charsets import codec_named, decoded
from engine.open.likelihood import candidates

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

BLOCK = 1024 * 1024

#: Lines that are no UTF-8, from all over the file, by which the encoding is guessed.
_SAMPLE = 16 * 1024
_OF_A_BLOCK = 4 * 1024

#: Bits for each byte beyond ASCII, and for all: with more, no language explains the text.
_CERTAIN, _SLACK = 6.5, 5.0

_OTHER = re.compile(rb"[\x80-\xff]")
_END = re.compile(rb"[\x00-\x2f]")
_WORD = re.compile(rb"[^\x00-\x2f]*[\x00-\x2f]?")


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


def sample_of(path: Path, check_time: Callable[[], None]) -> bytes:
    """Give words that are not ASCII, from the first places that have some.

    The last may end within a character.
    """
    found, rest = bytearray(), b""
    with path.open("rb") as file:
        while len(found) < _SAMPLE:
            check_time()
            block = file.read(BLOCK)
            # A word may go on in the next block.
            ends = [end.end() for end in _END.finditer(block, max(len(block) - _OF_A_BLOCK, 0))]
            cut = ends[-1] if ends else len(block)
            found += _words(rest + block[:cut])
            rest = block[cut:]
            # A word that was cut may end within a character: nothing can follow it.
            if not block or found[-1:] > b"/":
                break
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


def decodes(sample: bytes, name: str) -> bool:
    """Tell whether a codec reads all of a sample."""
    try:
        decoded(sample, name)
    except (UnicodeError, ValueError):
        return False
    return True


def guessed(sample: bytes) -> Encoding:
    """Say which encoding a sample is most likely in, and that this is a guess."""
    # Sequences of several bytes hardly ever arise by chance: where there are more of them than
    # of others, the file is UTF-8 in which something broke.
    right = sum(c > "\x7f" for c in sample.decode("utf-8", "ignore"))
    if sample.decode("utf-8", "replace").count("\ufffd") <= right:
        return Encoding("utf-8")
    # A word that comes again tells nothing new.
    words = b"".join(dict.fromkeys(_WORD.findall(sample)))
    bits, name = min(candidates(words), key=lambda found: found[0])
    # Of some East Asian characters the second byte is one of ASCII.
    beyond = len(words) - sum(char <= "\x7f" for char in decoded(words, name))
    if bits > _CERTAIN * beyond + _SLACK:
        name = _libraries_guess(sample)
    if not name:
        return Encoding("cp1252", "encoding not known: read as Windows-1252 (cp1252)")
    return Encoding(name, f"encoding guessed: {name}")


def _libraries_guess(sample: bytes) -> str:
    """Ask the library, which knows more languages, where it sees one."""
    # Few files need it, and a cold start would have to wait for it.
    from charset_normalizer import from_bytes

    best = from_bytes(sample).best()
    known = best is not None and best.coherence > 0.5 and best.chaos < 0.1
    return codec_named(best.encoding) if best and known else ""
