"""Whether a text is JSON: lines of it, a document, or something that only begins like it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from engine.convert.jsontext import SEPARATOR, NotJsonError, loads
from engine.open.dialect import TEXTS
from engine.open.samples import LINE_END

JSON_LINES = frozenset({"jsonl", "ndjson", "jsonlines", "ldjson", "geojsonl"})
JSON = frozenset({"json", "geojson"})

#: So many lines say what the others are.
_LINES = 200

#: Between documents in one file: white space, commas, and line feeds that somebody escaped.
_BETWEEN = re.compile(r"(?:[ \t\r\n,]|\\[nrt])*")

#: A member of an object with a value, or the beginning of one: text hardly ever has one.
_MEMBER = re.compile(
    r'"(?:[^"\\]|\\.)*"\s*:\s*(?:"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|true|false|null|[{\[])\s*[,}\]{"]'
)

#: How lines begin that are meant as records.
_MEANT = re.compile(r'\s*(?:\{\s*["}]|\[\s*[{\["])')

#: An array of objects.
_OBJECTS = re.compile(r"\s*\[\s*\{")

#: A section of a TOML or INI file, or a footnote, which is an array only by chance.
_SECTION = re.compile(r'\s*\[+[^\[\]{},"]*\]+\s*')

_STRING_CUT = re.compile(r'"(?:[^"\\]|\\.)*\\?', re.DOTALL)
_LITERALS = ("true", "false", "null", "-")

# Digits stay text: Python makes no number of more than 4,300 of them.
_DECODER = json.JSONDecoder(strict=False, parse_int=str)


@dataclass(frozen=True, slots=True)
class _Scan:
    """What was found reading a text as documents that follow each other.

    Attributes
    ----------
    whole : bool
        Whether nothing else is in it, as far as it was looked at.
    members : bool
        Whether the document that ended it had members before it went wrong.
    """

    whole: bool
    members: bool = False


def is_sequence(text: str) -> bool:
    """Tell whether a text begins as a JSON text sequence."""
    return text.lstrip(" \t\r\n").startswith(SEPARATOR)


def lines_of(text: str, *, whole: bool) -> list[str]:
    """Give the lines of a text, or the records of a JSON text sequence.

    Parameters
    ----------
    text : str
        A file's beginning. Nothing but LF, CRLF and CR ends a line.
    whole : bool
        Whether that is all of the file; where it is not, the last line may be cut.
    """
    lines = text.split(SEPARATOR)[1:] if is_sequence(text) else LINE_END.split(text)
    return lines if whole else lines[:-1] or lines


def json_format(lines: list[str], extension: str, *, whole: bool) -> str:
    """Tell which kind of JSON a text is.

    Parameters
    ----------
    lines : list of str
        The file's first lines, at least one of them not blank.
    extension : str
        Of its name, in lower case; it breaks ties.
    whole : bool
        Whether these are all lines of the file.

    Returns
    -------
    str
        ``jsonl`` or ``json``; empty for a text that is none, whatever it begins with.
    """
    # Files that were joined have a byte order mark each.
    lines = [line.removeprefix("\ufeff") for line in lines]
    full = [line for line in lines if line.strip()]
    if extension in TEXTS:
        full = [line for line in full if not _SECTION.fullmatch(line)]
        if not full:
            return ""
    sample = full[:_LINES]
    first = full[0].lstrip()[0]
    named = extension in JSON | JSON_LINES
    if first not in "{[":
        return _lines_after_another(sample, extension)
    values = [_value_of(line) for line in sample]
    records = sum(isinstance(value, (dict, list)) for value in values)
    if (named or 2 * records > len(sample)) and _are_arrays(sample, values):
        # Their elements are records, as those of one array are.
        return "json"
    if records == len(sample):
        # One object on one line may also be a wrapper: the document reader looks.
        return "jsonl" if len(full) > 1 or extension in JSON_LINES else "json"
    scan = _scan("\n".join(lines), whole=whole)
    if scan.whole:
        return "json"
    if 2 * records > len(sample):
        return "jsonl" if len(full) > 1 else "json"
    meant = sum(bool(_MEANT.match(line)) for line in sample)
    if scan.members or (records and 2 * meant > len(sample)):
        # The document reader finds where it is broken, and reads lines where there are some.
        return "json"
    return ("jsonl" if extension in JSON_LINES and records else "json") if named else ""


def _are_arrays(lines: list[str], values: list[Any]) -> bool:
    """Tell whether lines are arrays of objects, as far as they are JSON, and none is an object."""
    if any(line.lstrip().startswith("{") for line in lines):
        return False
    are_objects = all(
        isinstance(value, list) and all(isinstance(one, dict) for one in value)
        for value in values
        if value is not None
    )
    return are_objects and any(_OBJECTS.match(line) for line in lines)


def _lines_after_another(sample: list[str], extension: str) -> str:
    """Judge a text whose first line is no record: one broken line does not make it another."""
    records = sum(_is_record(line) for line in sample)
    if 2 * records > len(sample):
        return "jsonl"
    if extension in JSON_LINES and (records or any(is_json(line) for line in sample)):
        return "jsonl"
    return ""


def first_wrong(text: str) -> str:
    """Say where a text is no JSON.

    Parameters
    ----------
    text : str
        All of a file.

    Returns
    -------
    str
        The place, and what is there; empty where the text, or any line of it, is JSON.
    """
    if is_json(text) or any(is_json(line) for line in text.split("\n")):
        return ""
    try:
        _DECODER.decode(text)
    except json.JSONDecodeError as error:
        found = text[error.pos : error.pos + 20]
        return f"line {error.lineno:,}, column {error.colno:,}: {error.msg}, not {found!r}"
    except RecursionError:
        pass
    return "its values are none of JSON"


def _scan(text: str, *, whole: bool) -> _Scan:
    """Read documents until the text ends or goes wrong."""
    position = 0
    while True:
        between = _BETWEEN.match(text, position)
        position = between.end() if between else position
        if position == len(text):
            return _Scan(True)
        try:
            value, position = _DECODER.raw_decode(text, position)
        except json.JSONDecodeError as error:
            if not whole and _is_cut(text[error.pos :]):
                return _Scan(True)
            return _Scan(False, bool(_MEMBER.search(text, position, error.pos + 1)))
        except RecursionError:
            return _Scan(True)
        if not isinstance(value, (dict, list)):
            return _Scan(False)


def _is_cut(rest: str) -> bool:
    """Tell whether a text ends where it was cut, rather than goes wrong."""
    rest = rest.strip()
    return (
        not rest
        or any(literal.startswith(rest) for literal in _LITERALS)
        or _STRING_CUT.fullmatch(rest) is not None
        or (rest.startswith("\\") and len(rest) < 6)
    )


def _is_record(line: str) -> bool:
    return isinstance(_value_of(line), (dict, list))


def _value_of(line: str) -> Any:
    """Give a line's value; None for a line that is none."""
    try:
        return loads(line)
    except NotJsonError:
        return None


def is_json(text: str) -> bool:
    """Tell whether all of a text is one JSON value."""
    try:
        loads(text)
    except NotJsonError:
        return False
    return True
