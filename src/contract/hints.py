"""What a contract says about files as a whole: the keywords that begin with ``x-``."""

from __future__ import annotations

import codecs
import json
import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

from contract.csv import read_csv
from store.near import near

if TYPE_CHECKING:
    from collections.abc import Callable

PARTITION_COLUMN, FORMAT_HINT, DECIMAL = "x-partition-column", "x-format", "x-decimal"

#: What a dataset's files may be said to be; see :func:`engine.open.detect.detect`.
FORMAT_HINTS = (
    *("jsonl", "json", "csv", "tsv", "psv", "text"),
    *("parquet", "avro", "orc", "xlsx"),
)

#: Codecs of Python that are no charset of a file.
_NO_CHARSETS = frozenset({"idna", "punycode", "raw-unicode-escape", "unicode-escape", "undefined"})

_MEMBER = re.compile(r"""\.([^.\[\]*"'\s]+)|\[("(?:[^"\\]|\\.)*")\]""")

#: What a format of dates may use: what Python and DuckDB read alike. A year has four digits.
DIRECTIVES = "YmdjHIMSfpzbBaA"

_DIRECTIVE = re.compile(r"%(.?)", re.DOTALL)


def format_of(value: Any) -> str:
    """Read ``x-format``.

    Raises
    ------
    ValueError
        When it is none of :data:`FORMAT_HINTS`.
    """
    if not isinstance(value, str) or value not in FORMAT_HINTS:
        raise ValueError(near(str(value), FORMAT_HINTS, f"use one of {', '.join(FORMAT_HINTS)}"))
    return value


def encoding_of(value: Any) -> str:
    """Read ``x-encoding``.

    Returns
    -------
    str
        The codec's own name.

    Raises
    ------
    ValueError
        When Python has no such charset.
    """
    told = "use the name of a charset that Python knows, such as cp1252 or shift_jis"
    if not isinstance(value, str) or "\0" in value:
        raise ValueError(told)  # told alike, whatever is wrong
    try:
        name = codecs.lookup(value).name
        # Codecs that are no charsets, such as hex, refuse to read a text.
        if name.replace("_", "-") in _NO_CHARSETS or not "a".encode(value):
            raise ValueError(f"{value!r} is no charset: {told}")
    except LookupError:
        raise ValueError(f"{value!r} is unknown: {told}") from None
    return name


def records_of(value: Any) -> tuple[str, ...]:
    """Read ``x-records``.

    Returns
    -------
    tuple of str
        The members that lead to the records, from the document on; none for ``$``.

    Raises
    ------
    ValueError
        When it is no path of members.
    """
    told = 'use a path of members, such as $, $.data.items or $["my data"].items'
    if not isinstance(value, str) or not value.startswith("$"):
        raise ValueError(told)
    found, position = [], 1
    while position < len(value):
        member = _MEMBER.match(value, position)
        if member is None:
            raise ValueError(f"{value[position:]!r} is no member: {told}")
        found.append(_name(member, told))
        position = member.end()
    return tuple(found)


def _name(member: re.Match[str], told: str) -> str:
    if member[1] is not None:
        return member[1]
    try:
        return str(json.loads(member[2]))
    except ValueError:
        raise ValueError(f"{member[2]} is no text of JSON: {told}") from None


def date_formats_of(value: Any) -> tuple[str, ...]:
    """Read ``x-date-format``.

    Returns
    -------
    tuple of str
        The formats, in the order in which they are tried.

    Raises
    ------
    ValueError
        When one of them does not give a date.
    """
    formats = [value] if isinstance(value, str) else value
    if not isinstance(formats, list) or not formats:
        raise ValueError('use a format such as "%d/%m/%Y", or a list of formats')
    return tuple(_date_format(text) for text in formats)


def _date_format(text: Any) -> str:
    if not isinstance(text, str):
        raise ValueError('a format is a text such as "%d/%m/%Y"')  # noqa: TRY004  # as above
    used = [letter for letter in _DIRECTIVE.findall(text) if letter != "%"]
    if unknown := [letter for letter in used if letter not in DIRECTIVES or not letter]:
        year = "; a year has four digits, %Y" if "y" in unknown else ""
        allowed = ", ".join(f"%{letter}" for letter in DIRECTIVES)
        raise ValueError(f"{text!r}: %{unknown[0]} is unknown{year}; use {allowed}")
    months = sum(letter in "mbB" for letter in used)
    if used.count("Y") != 1 or not (
        (months == 1 and used.count("d") == 1 and "j" not in used)
        or (not months and "d" not in used and used.count("j") == 1)
    ):
        raise ValueError(f"{text!r}: a date is %Y once, and %m and %d (or %j) once each")
    moment = datetime(2024, 11, 23, 21, 45, 56)  # only its date is looked at
    try:
        read = datetime.strptime(moment.strftime(text), text)  # as above
    except (ValueError, re.error) as error:
        raise ValueError(f"{text!r}: {error}") from error
    if read.date() != moment.date():
        raise ValueError(f"{text!r}: it does not give back the date that it writes")
    return text


def precision_of(value: Any) -> tuple[int, int]:
    """Read ``x-decimal``.

    Returns
    -------
    tuple of (int, int)
        Digits in all, and behind the point.

    Raises
    ------
    ValueError
        When no column can have so many.
    """
    whole = (
        isinstance(value, list)
        and len(value) == 2
        and all(isinstance(n, (int, float)) and not isinstance(n, bool) for n in value)
        and 1 <= value[0] <= 38
        and 0 <= value[1] <= value[0]
        and all(n == int(n) for n in value)
    )
    if not whole:
        raise ValueError(
            "use [digits in all, digits behind the point], such as [18, 2]: 1 to 38, and no "
            "more behind the point than in all"
        )
    return int(value[0]), int(value[1])


#: What is said of files, how it is read, and what a :class:`contract.schema.Contract` calls it.
HINTS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    FORMAT_HINT: ("format_hint", format_of),
    "x-encoding": ("encoding", encoding_of),
    "x-csv": ("csv", read_csv),
    "x-records": ("records", records_of),
    "x-date-format": ("date_formats", date_formats_of),
}
