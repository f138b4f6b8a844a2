"""How likely a text is in each of the encodings that its bytes may be in.

All is counted in bits, as many as it takes to say which character comes: few for a frequent
letter of the language, many for a sign, more for what stands where it hardly ever does. The
encoding under which the text takes the fewest is the likeliest.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from functools import cache
from typing import TYPE_CHECKING

from engine.open.charsets import decoded
from engine.open.languages import ALPHABETS, LATIN, SCRIPTS, Language

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Signs that texts of any language hold beside their letters, by where they stand.
_SIGNS = {
    "s": "\xa0°·№、。・「」『』（）：；！？，／～￥※【】《》",
    "p": "’",
    "d": "–—…",
    "b": "«»“”‘›ªºµ",
    "o": "„‚‹¿¡•",
    "n": "€£¥¢§©®™²³¹±×÷½¼¾",
}

#: Bits of a sign, of a letter of another language, of anything else, and of standing wrongly.
_SIGN, _FOREIGN, _STRANGE, _MISPLACED = 5.0, 10.0, 14.0, 8.0

#: Bits of the characters of East Asia: frequent ones, those of the standard's first plane, others.
_KANA, _COMMON, _FIRST_PLANE, _RARE = 6.5, 8.5, 12.0, 18.0

#: What Windows wrote is likelier than what DOS, the Macintosh and the standards did: bits.
_PRIOR = {
    **dict.fromkeys(("cp852", "cp737", "cp866", "cp1125"), 6.0),
    **dict.fromkeys(("mac_roman", "mac_cyrillic"), 6.0),
    **dict.fromkeys(("cp775", "cp857"), 10.0),
    "cp1252": 0.0,
    "cp1250": 2.0,
    "cp1251": 2.0,
    "cp850": 5.0,
}
_OTHERS = 3.0


class _Shapes(dict[int, str]):
    """What kind of character each is, found once."""

    def __missing__(self, code: int) -> str:
        self[code] = found = _shape(chr(code))
        return found


def _shape(char: str) -> str:
    for shape, signs in _SIGNS.items():
        if char in signs:
            return shape
    if char <= "\x7f":
        return "a" if char.islower() else "A" if char.isupper() else "0" if char.isdigit() else "."
    if char.islower():
        return "e"
    if char.isupper():
        return "E"
    return "l" if char.isprintable() else "x"


_SHAPES = _Shapes()

#: What hardly ever stands in a text that is read rightly, in shapes.
_WRONG = "|".join(
    (
        "[ae](?=E)|e(?=A)",  # a capital after a small letter
        "(?<=[AE]{2})e",  # a small letter after capitals
        "(?<![aAeE])E(?=0)",  # a capital alone before a number: a currency
        "(?<![aAeEl0])p(?=[eE])",  # an apostrophe before a word
        "(?<=[ae])d(?=[ae])|(?<=[aAeE])b(?=[aAeEl0])",  # signs within words
        "(?<=[aAeE])[no]|n(?=[aAeEl])",  # signs of numbers beside letters
    )
)

#: Accents seldom follow each other, nor is every second letter one; letters of other alphabets
#: never follow Latin ones.
_WRONG_LATIN = re.compile(_WRONG + r"|(?<=[eE]{3})[eE]|(?<=[eE].[eE].[eE].)[eE]")
_WRONG_ALPHABET = re.compile(_WRONG + "|[aA](?=[eEl])|[eEl](?=[aA])")
_WRONG_SCRIPT = re.compile("(?<=a)[^aA0.]{1,2}(?=a)")

#: Spain's ñ stands before vowels; elsewhere it is Poland's ń misread.
_WRONG_N = re.compile("ñ(?=[b-df-hj-np-tv-xz])", re.IGNORECASE)

_CONTROLS = re.compile("[\x80-\x9f]")


def candidates(sample: bytes) -> Iterator[tuple[float, str]]:
    """Say how well each language and encoding explains a text.

    Parameters
    ----------
    sample : bytes
        Words that hold bytes beyond ASCII.

    Yields
    ------
    tuple of float and str
        Bits, and a Python codec; the likelier languages first.
    """
    texts: dict[str, str] = {}
    for languages, wrong, bits in (
        (LATIN, _WRONG_LATIN, _letter_bits),
        (ALPHABETS, _WRONG_ALPHABET, _letter_bits),
        (SCRIPTS, _WRONG_SCRIPT, _script_bits),
    ):
        counts: dict[str, tuple[dict[str, int], int]] = {}
        for language in languages:
            for codec in language.codecs:
                if codec not in texts:
                    texts[codec] = _text(sample, codec)
                if not (text := texts[codec]):
                    continue
                if codec not in counts:
                    counts[codec] = _counted(text, wrong)
                chars, misplaced = counts[codec]
                found = sum(n * bits(char, language) for char, n in chars.items())
                yield found + misplaced * _MISPLACED + _PRIOR.get(codec, _OTHERS), codec


def _text(sample: bytes, codec: str) -> str:
    try:
        text = decoded(sample, codec)
    except UnicodeDecodeError:
        return ""
    # Nobody writes these control characters: the bytes are letters in another encoding.
    return "" if codec != "cp1252" and _CONTROLS.search(text) else text


def _counted(text: str, wrong: re.Pattern[str]) -> tuple[dict[str, int], int]:
    """Count each character beyond ASCII, and those that stand wrongly."""
    chars = Counter(text.lower())
    misplaced = len(wrong.findall(text.translate(_SHAPES))) + len(_WRONG_N.findall(text))
    return {char: n for char, n in chars.items() if char > "\x7f"}, misplaced


@cache
def _bits_of(letters: str) -> dict[str, float]:
    """Let the first letter be some twenty times as frequent as the last."""
    weights = [math.exp(-3 * n / len(letters)) for n in range(len(letters))]
    total = sum(weights)
    return {char: math.log2(total / w) for char, w in zip(letters, weights, strict=True)}


def _letter_bits(char: str, language: Language) -> float:
    if bits := _bits_of(language.letters).get(char):
        return bits
    shape = _SHAPES[ord(char)]
    return _SIGN if shape in _SIGNS else _FOREIGN if shape in "eE" else _STRANGE


def _script_bits(char: str, language: Language) -> float:
    codec = language.codecs[0]
    if codec == "cp932" and "\u3041" <= char <= "\u30fc":
        return _KANA
    if char in language.letters:
        return _COMMON
    if _SHAPES[ord(char)] in _SIGNS:
        return _SIGN
    # Alone, narrow katakana are the letters of other encodings.
    if _is_first(char, codec) or "\uff66" <= char <= "\uff9f":
        return _FIRST_PLANE
    return _RARE


#: Where the frequent characters of each standard begin and end, by their first byte.
_FIRST = {
    "cp932": ("euc_jp", 0xB0, 0xCF),
    "gb18030": ("gb2312", 0xB0, 0xD7),
    "cp949": ("euc_kr", 0xB0, 0xC8),
    "big5hkscs": ("big5", 0xA4, 0xC6),
}


def _is_first(character: str, codec: str) -> bool:
    standard, low, high = _FIRST[codec]
    try:
        packed = character.encode(standard)
    except UnicodeEncodeError:
        return False
    return len(packed) == 2 and low <= packed[0] <= high
