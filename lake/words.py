"""Sentences and commands, as people are shown them: counts, quotes, lines that fit a terminal."""

from __future__ import annotations

import re
import shlex
import textwrap

#: A space that no line may be broken at, until the text is printed.
FIXED = "\0"


def wrapped(text: str, width: int, first: str = "  ", others: str = "    ") -> str:
    """Break a sentence or a command at its spaces, so that a terminal shows all of it.

    Parameters
    ----------
    text : str
        One line. A command may be broken within its quoted SQL, where a line feed is a space.
    width : int
        Columns; 0 for one line, however long.
    first, others : str
        What stands before the first and before the other lines.
    """
    if not width:
        return loose(f"{first}{text}")
    broken = textwrap.fill(
        text,
        width,
        initial_indent=first,
        subsequent_indent=others,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return loose(broken)


def loose(text: str) -> str:
    """Give a text for where nothing is broken: with a space for each that may not be."""
    return text.replace(FIXED, " ")


def unbroken(command: str) -> str:
    """Give a command as it stands within a sentence, which is not broken there."""
    return f"`{command}`".replace(" ", FIXED)


def in_quotes(text: str) -> str:
    """Quote for a shell, by the plainest quotes that do."""
    return shlex.quote(text) if re.search(r'["$`\\!]', text) else f'"{text}"'


def count(number: int, noun: str) -> str:
    """Count something in words."""
    return f"{number:,} {noun}{'s'[: number != 1]}"
