r"""Regular expressions of ECMA-262, in two executions that agree.

A ``pattern`` of JSON Schema is ECMA-262 in Unicode mode and may match anywhere. It is parsed once,
and becomes both the text of an RE2 expression, for DuckDB, and an automaton, for single records.
Nothing is left to what either engine calls ``\d``, ``\s``, ``.`` or ``$``: each is spelled out as
the characters that ECMA-262 means. Only whether there is a match counts, so greedy and lazy are the
same. Neither execution takes more than linear time.
"""

from __future__ import annotations

import string
from dataclasses import dataclass, field

from contract.grammar import (
    LAST,
    Choice,
    Edge,
    Parser,
    Part,
    PatternError,
    Ranges,
    Repeat,
    Sequence,
    Set,
)

_MAX_STATES = 5000


def _re2(part: Part) -> str:
    match part:
        case Set(ranges):
            if not ranges:
                return f"[^\\x{{0}}-\\x{{{LAST:x}}}]"
            return f"[{''.join(f'{_spelled(a)}-{_spelled(b)}' for a, b in ranges)}]"
        case Edge(at_end):
            return "\\z" if at_end else "\\A"
        case Sequence(parts):
            return f"(?:{''.join(map(_re2, parts))})"
        case Choice(options):
            return f"(?:{'|'.join(map(_re2, options))})"
        case Repeat(inner, least, most):
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

    def build(self, part: Part, then: int) -> int:
        match part:
            case Set(ranges):
                return self.add(ranges, None, then)
            case Edge(at_end):
                return self.add(None, at_end, then)
            case Sequence(parts):
                for inner in reversed(parts):
                    then = self.build(inner, then)
                return then
            case Choice(options):
                return self.add(None, None, *(self.build(option, then) for option in options))
            case Repeat(inner, least, most):
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
        part = Parser(source).parse()
        automaton = _Automaton()
        end = automaton.add(None, None)
        return Pattern(source, _re2(part), automaton, automaton.build(part, end), {})
    except RecursionError:
        raise PatternError("it nests too deep") from None
