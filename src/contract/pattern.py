r"""Regular expressions of ECMA-262, in two executions that agree.

A ``pattern`` of JSON Schema is ECMA-262 in Unicode mode and may match anywhere. It is parsed here
once, and becomes both the text of an RE2 expression, for DuckDB, and an automaton, for
single records. Nothing is left to what either engine calls ``\d``, ``\s``, ``.`` or ``$``: each is
spelled out as the characters that ECMA-262 means. Only whether there is a match counts, so greedy
and lazy are the same. Neither execution takes more than linear time.
"""

from __future__ import annotations

import string
from dataclasses import dataclass, field

Ranges = tuple[tuple[int, int], ...]

_LAST = 0x10FFFF

#: What RE2 repeats at most, repetitions of repetitions multiplied.
_MAX_REPEAT = 1000

_MAX_STATES = 5000

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
class _Set:
    ranges: Ranges


@dataclass(frozen=True, slots=True)
class _Edge:
    at_end: bool


@dataclass(frozen=True, slots=True)
class _Sequence:
    parts: tuple[_Part, ...]


@dataclass(frozen=True, slots=True)
class _Choice:
    options: tuple[_Part, ...]


@dataclass(frozen=True, slots=True)
class _Repeat:
    part: _Part
    least: int
    most: int | None


_Part = _Set | _Edge | _Sequence | _Choice | _Repeat


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
    return (*found, (start, _LAST)) if start <= _LAST else tuple(found)


_CLASSES = {
    "d": _DIGIT, "D": _without(_DIGIT), "w": _WORD, "W": _without(_WORD),
    "s": _SPACE, "S": _without(_SPACE),
}  # fmt: skip


class _Parser:
    """Recursive descent over the grammar of ECMA-262, 22.2.1, with the flag u."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0

    def parse(self) -> _Part:
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

    def _choice(self, times: int) -> _Part:
        options = [self._sequence(times)]
        while self._take("|"):
            options.append(self._sequence(times))
        return options[0] if len(options) == 1 else _Choice(tuple(options))

    def _sequence(self, times: int) -> _Part:
        parts: list[_Part] = []
        while self._here() not in ("", "|", ")"):
            start = self.at
            part = self._atom(times)
            least, most = self._quantifier()
            if (least, most) != (1, 1):
                if isinstance(part, _Edge):
                    raise PatternError("^ and $ cannot be repeated")
                count = times * max(least, most or 0, 1)
                if count > _MAX_REPEAT:
                    raise PatternError(f"RE2 repeats {_MAX_REPEAT:,} times at most, not {count:,}")
                if count > times:
                    # Only now is it known how often what was read is repeated.
                    end, self.at = self.at, start
                    part, self.at = self._atom(count), end
                part = _Repeat(part, least, most)
            parts.append(part)
        return parts[0] if len(parts) == 1 else _Sequence(tuple(parts))

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

    def _atom(self, times: int) -> _Part:
        character = self._next()
        if character == "^":
            return _Edge(at_end=False)
        if character == "$":
            return _Edge(at_end=True)
        if character == ".":
            return _Set(_without(_LINE_END))
        if character == "[":
            return _Set(self._class())
        if character == "(":
            return self._group(times)
        if character == "\\":
            return _Set(self._escape(inside=False))
        if character in "*+?":
            raise PatternError(f"{character} has nothing to repeat")
        if character in "{}]":
            raise PatternError(f"{character} stands alone: escape it as \\{character}")
        return _Set(((ord(character), ord(character)),))

    def _group(self, times: int) -> _Part:
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
        return _Sequence((found,))

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
            code = self._hex(end - self.at) if end > self.at else _LAST + 1
            self.at += 1
            if code > _LAST:
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


def _re2(part: _Part) -> str:
    match part:
        case _Set(ranges):
            if not ranges:
                return f"[^\\x{{0}}-\\x{{{_LAST:x}}}]"
            return f"[{''.join(f'{_spelled(a)}-{_spelled(b)}' for a, b in ranges)}]"
        case _Edge(at_end):
            return "\\z" if at_end else "\\A"
        case _Sequence(parts):
            return f"(?:{''.join(map(_re2, parts))})"
        case _Choice(options):
            return f"(?:{'|'.join(map(_re2, options))})"
        case _Repeat(inner, least, most):
            return f"(?:{_re2(inner)}){{{least},{'' if most is None else most}}}"


def _spelled(code: int) -> str:
    return chr(code) if chr(code) in string.ascii_letters + string.digits else f"\\x{{{code:x}}}"


@dataclass(slots=True)
class _Automaton:
    """States of a Thompson automaton; sets of them become one state as they are met."""

    accepts: list[Ranges | None] = field(default_factory=list)
    edges: list[bool | None] = field(default_factory=list)
    follow: list[tuple[int, ...]] = field(default_factory=list)

    def add(self, accepts: Ranges | None, edge: bool | None, *follow: int) -> int:
        if len(self.follow) >= _MAX_STATES:
            raise PatternError("it is too large: repeat less")
        self.accepts.append(accepts)
        self.edges.append(edge)
        self.follow.append(follow)
        return len(self.follow) - 1

    def build(self, part: _Part, then: int) -> int:
        match part:
            case _Set(ranges):
                return self.add(ranges, None, then)
            case _Edge(at_end):
                return self.add(None, at_end, then)
            case _Sequence(parts):
                for inner in reversed(parts):
                    then = self.build(inner, then)
                return then
            case _Choice(options):
                return self.add(None, None, *(self.build(option, then) for option in options))
            case _Repeat(inner, least, most):
                if most is None:
                    loop = self.add(None, None)
                    self.follow[loop] = (self.build(inner, loop), then)
                    then = loop
                else:
                    after = then
                    for _ in range(most - least):
                        then = self.add(None, None, self.build(inner, then), after)
                for _ in range(least):
                    then = self.build(inner, then)
                return then

    def closure(self, states: frozenset[int], *, start: bool, end: bool) -> frozenset[int]:
        found, waiting = set(states), list(states)
        while waiting:
            state = waiting.pop()
            if self.accepts[state] is not None:
                continue
            if self.edges[state] is not None and not (end if self.edges[state] else start):
                continue
            new = set(self.follow[state]) - found
            found |= new
            waiting += new
        return frozenset(found)


@dataclass(frozen=True, slots=True)
class Pattern:
    """One regular expression.

    Attributes
    ----------
    source : str
        As the contract has it.
    re2 : str
        The same for RE2.
    """

    source: str
    re2: str
    _automaton: _Automaton
    _start: int
    _seen: dict[tuple[frozenset[int], str], frozenset[int]]

    def search(self, text: str) -> bool:
        """Tell whether the pattern matches anywhere in a text."""
        first = frozenset({self._start})
        states = self._automaton.closure(first, start=True, end=not text)
        for position, character in enumerate(text, 1):
            if 0 in states:
                return True
            if position == len(text):
                reached = self._step(states, character) | first
                return 0 in self._automaton.closure(reached, start=False, end=True)
            following = self._seen.get((states, character))
            if following is None:
                reached = self._step(states, character) | first
                following = self._automaton.closure(reached, start=False, end=False)
                if len(self._seen) < _MAX_SEEN:
                    self._seen[states, character] = following
            states = following
        return 0 in states

    def _step(self, states: frozenset[int], character: str) -> frozenset[int]:
        code, automaton = ord(character), self._automaton
        return frozenset(
            automaton.follow[state][0]
            for state in states
            if any(low <= code <= high for low, high in automaton.accepts[state] or ())
        )


#: Transitions that one pattern remembers.
_MAX_SEEN = 10_000


def compiled(source: str) -> Pattern:
    """Read a pattern.

    Parameters
    ----------
    source : str
        In ECMA-262.

    Returns
    -------
    Pattern
        For DuckDB and for Python.

    Raises
    ------
    PatternError
        When it is no ECMA-262 in Unicode mode, or cannot be matched alike by both.
    """
    try:
        part = _Parser(source).parse()
        automaton = _Automaton()
        end = automaton.add(None, None)
        return Pattern(source, _re2(part), automaton, automaton.build(part, end), {})
    except RecursionError:
        raise PatternError("it nests too deep") from None
