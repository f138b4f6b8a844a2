"""The grammar of ECMA-262's regular expressions in Unicode mode: text to a tree of parts."""

from __future__ import annotations

import string
from dataclasses import dataclass

Ranges = tuple[tuple[int, int], ...]

LAST = 0x10FFFF

#: What RE2 repeats at most, repetitions of repetitions multiplied.
_MAX_REPEAT = 1000

_DIGIT: Ranges = ((48, 57),)
_WORD: Ranges = ((48, 57), (65, 90), (95, 95), (97, 122))
#: WhiteSpace and LineTerminator (ECMA-262, 12.2 and 12.3).
_SPACE: Ranges = (
    (0x09, 0x0D), (0x20, 0x20), (0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A),
    (0x2028, 0x2029), (0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000), (0xFEFF, 0xFEFF),
)  # fmt: skip
_LINE_END: Ranges = ((0x0A, 0x0A), (0x0D, 0x0D), (0x2028, 0x2029))
_CONTROL = {"t": 9, "n": 10, "v": 11, "f": 12, "r": 13}
_SYNTAX = "^$\\.*+?()[]{}|/"


class PatternError(ValueError):
    """When a pattern is no ECMA-262, or needs what RE2 does not have."""


@dataclass(frozen=True, slots=True)
class Set:
    """One character out of some."""

    ranges: Ranges


@dataclass(frozen=True, slots=True)
class Edge:
    """The beginning or the end of the text."""

    at_end: bool


@dataclass(frozen=True, slots=True)
class Sequence:
    """Parts one after the other."""

    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several parts."""

    options: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """A part several times."""

    part: Part
    least: int
    most: int | None


Part = Set | Edge | Sequence | Choice | Repeat


def _normal(ranges: Ranges) -> Ranges:
    found: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if found and low <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(high, found[-1][1]))
        else:
            found.append((low, high))
    return tuple(found)


def _without(ranges: Ranges) -> Ranges:
    found, start = [], 0
    for low, high in _normal(ranges):
        if start < low:
            found.append((start, low - 1))
        start = high + 1
    return (*found, (start, LAST)) if start <= LAST else tuple(found)


_CLASSES = {
    "d": _DIGIT, "D": _without(_DIGIT), "w": _WORD, "W": _without(_WORD),
    "s": _SPACE, "S": _without(_SPACE),
}  # fmt: skip


class Parser:
    """Recursive descent over the grammar of ECMA-262, 22.2.1, with the flag u."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0

    def parse(self) -> Part:
        """Read the whole text."""
        found = self._choice(1)
        if self.at < len(self.text):
            raise PatternError(f"{self._here()} closes nothing: escape it as \\{self._here()}")
        return found

    def _here(self) -> str:
        return self.text[self.at : self.at + 1]

    def _take(self, text: str) -> bool:
        if self.text.startswith(text, self.at):
            self.at += len(text)
            return True
        return False

    def _next(self) -> str:
        if self.at >= len(self.text):
            raise PatternError("it ends too early")
        self.at += 1
        return self.text[self.at - 1]

    def _choice(self, times: int) -> Part:
        options = [self._sequence(times)]
        while self._take("|"):
            options.append(self._sequence(times))
        return options[0] if len(options) == 1 else Choice(tuple(options))

    def _sequence(self, times: int) -> Part:
        parts: list[Part] = []
        while self._here() not in ("", "|", ")"):
            start = self.at
            part = self._atom(times)
            least, most = self._quantifier()
            if (least, most) != (1, 1):
                if isinstance(part, Edge):
                    raise PatternError("^ and $ cannot be repeated")
                count = times * max(least, most or 0, 1)
                if count > _MAX_REPEAT:
                    raise PatternError(f"RE2 repeats {_MAX_REPEAT:,} times at most, not {count:,}")
                if count > times:
                    # Only now is it known how often what was read is repeated.
                    end, self.at = self.at, start
                    part, self.at = self._atom(count), end
                part = Repeat(part, least, most)
            parts.append(part)
        return parts[0] if len(parts) == 1 else Sequence(tuple(parts))

    def _quantifier(self) -> tuple[int, int | None]:
        if self._take("*"):
            found: tuple[int, int | None] = (0, None)
        elif self._take("+"):
            found = (1, None)
        elif self._take("?"):
            found = (0, 1)
        elif self._take("{"):
            least = self._number()
            most: int | None = least
            if self._take(","):
                most = None if self._here() == "}" else self._number()
            if not self._take("}"):
                raise PatternError("a repetition is {n}, {n,} or {n,m}; else escape { as \\{")
            if most is not None and most < least:
                raise PatternError("a repetition's bounds are out of order")
            if least > _MAX_REPEAT:
                raise PatternError(f"RE2 repeats {_MAX_REPEAT:,} times at most, not {least:,}")
            found = (least, most)
        else:
            return 1, 1
        self._take("?")
        return found

    def _number(self) -> int:
        start = self.at
        while self._here() and self._here() in string.digits:
            self.at += 1
        if start == self.at:
            raise PatternError("a repetition is {n}, {n,} or {n,m}; else escape { as \\{")
        return int(self.text[start : self.at])

    def _atom(self, times: int) -> Part:
        character = self._next()
        if character == "^":
            return Edge(at_end=False)
        if character == "$":
            return Edge(at_end=True)
        if character == ".":
            return Set(_without(_LINE_END))
        if character == "[":
            return Set(self._class())
        if character == "(":
            return self._group(times)
        if character == "\\":
            return Set(self._escape(inside=False))
        if character in "*+?":
            raise PatternError(f"{character} has nothing to repeat")
        if character in "{}]":
            raise PatternError(f"{character} stands alone: escape it as \\{character}")
        return Set(((ord(character), ord(character)),))

    def _group(self, times: int) -> Part:
        if self._take("?") and not self._take(":"):
            for sign in ("=", "!", "<=", "<!"):
                if self._take(sign):
                    raise PatternError("RE2 has no look-ahead or look-behind")
            if not self._take("<"):
                raise PatternError("a group begins with (, (?: or (?<name>")
            while (letter := self._next()) != ">":
                if not (letter.isalnum() or letter in "_$"):
                    raise PatternError("a group's name is made of letters and digits")
        found = self._choice(times)
        if not self._take(")"):
            raise PatternError("a group is not closed")
        # Only an edge that stands alone cannot be repeated.
        return Sequence((found,))

    def _class(self) -> Ranges:
        negated = self._take("^")
        ranges: list[tuple[int, int]] = []
        while not self._take("]"):
            low = self._member()
            if self._here() == "-" and self.text[self.at + 1 : self.at + 2] not in ("]", ""):
                self.at += 1
                high = self._member()
                one = [r[0][0] for r in (low, high) if len(r) == 1 and r[0][0] == r[0][1]]
                if len(one) < 2 or one[0] > one[1]:
                    raise PatternError("a range in [] has no order")
                low = ((one[0], one[1]),)
            ranges += low
        found = _normal(tuple(ranges))
        return _without(found) if negated else found

    def _member(self) -> Ranges:
        character = self._next()
        if character == "\\":
            return self._escape(inside=True)
        return ((ord(character), ord(character)),)

    def _escape(self, *, inside: bool) -> Ranges:
        letter = self._next()
        if letter in _CLASSES:
            return _CLASSES[letter]
        code = self._code(letter, inside=inside)
        return ((code, code),)

    def _code(self, letter: str, *, inside: bool) -> int:
        if letter in _CONTROL:
            return _CONTROL[letter]
        if letter in _SYNTAX or (inside and letter == "-"):
            return ord(letter)
        if inside and letter == "b":
            return 8
        if letter == "0" and self._here() not in tuple(string.digits):
            return 0
        if letter == "c" and self._here() and self._here() in string.ascii_letters:
            return ord(self._next()) % 32
        if letter == "x":
            return self._hex(2)
        if letter == "u":
            return self._unicode()
        raise PatternError(_REFUSED.get(letter, f"\\{letter} is no escape of ECMA-262"))

    def _hex(self, width: int) -> int:
        digits = self.text[self.at : self.at + width]
        if len(digits) < width or not set(digits) <= set(string.hexdigits):
            raise PatternError("an escape lacks hexadecimal digits")
        self.at += width
        return int(digits, 16)

    def _unicode(self) -> int:
        if self._take("{"):
            end = self.text.find("}", self.at)
            code = self._hex(end - self.at) if end > self.at else LAST + 1
            self.at += 1
            if code > LAST:
                raise PatternError("\\u{…} names no character")
            return code
        code = self._hex(4)
        if 0xD800 <= code < 0xDC00 and self._take("\\u"):
            low = self._hex(4)
            if not 0xDC00 <= low < 0xE000:
                raise PatternError("a lone surrogate is no character")
            return 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00)
        return code


_REFUSED = {
    **dict.fromkeys("123456789k", "RE2 has no back-references"),
    **dict.fromkeys("pP", "\\p{…} depends on the Unicode version: list the characters"),
    **dict.fromkeys("bB", "word boundaries are not supported: list the characters around"),
}
