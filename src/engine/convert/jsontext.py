"""JSON text, read strictly and without loss."""

from __future__ import annotations

import json
import math
import re
from decimal import Decimal
from typing import Any

from contract.values import Digits, Spelled, exactly

#: Begins each record of a JSON text sequence (RFC 7464); to Python it is white space.
SEPARATOR = "\x1e"

#: So many decimal digits every double keeps, and every float (IEEE 754-2019, 5.12.2).
DOUBLE_DIGITS, FLOAT_DIGITS = 15, 6


#: Values nested deeper are refused: readers differ in how deep they follow them, and some of them
#: crash.
MAX_DEPTH = 400


class Repeated(dict[str, Any]):
    """An object that had a key more than once; as a dict it holds the last value of each.

    Attributes
    ----------
    pairs : list of tuple
        Every key and value, in order.
    """

    pairs: list[tuple[str, Any]]

    @property
    def earlier(self) -> dict[str, list[Any]]:
        """Give the values of each such key but the last, in order."""
        found: dict[str, list[Any]] = {}
        for key, value in self.pairs:
            found.setdefault(key, []).append(value)
        return {key: every[:-1] for key, every in found.items() if len(every) > 1}


class NotJsonError(ValueError):
    """When a text is not one JSON value."""


def loads(text: str) -> Any:
    """Parse one JSON value strictly and without loss.

    Parameters
    ----------
    text : str
        The whole text of the value.

    Returns
    -------
    Any
        As :func:`json.loads`, but numbers that Python would round, or that are absurdly
        long, are :class:`Digits`, and objects with repeated keys are :class:`Repeated`.

    Raises
    ------
    NotJsonError
        When it is not JSON (RFC 8259), nests too deep, or cannot be written as UTF-8.
    """
    try:
        if text.count("[") + text.count("{") > MAX_DEPTH:
            _check_depth(text)
        value = _DECODER.decode(text)
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise NotJsonError("a lone surrogate is no character") from None
    except ValueError as error:
        raise NotJsonError(str(error)) from error
    return value


def dumps(value: Any) -> str:
    """Write what :func:`loads` gave as compact JSON, objects with all values of each key."""
    if _repeats(value):
        return _dumped(value)
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _repeats(value: Any) -> bool:
    """Tell whether an object within a value had a key more than once."""
    if isinstance(value, dict):
        return isinstance(value, Repeated) or any(map(_repeats, value.values()))
    return isinstance(value, list) and any(map(_repeats, value))


def _dumped(value: Any) -> str:
    if isinstance(value, dict):
        pairs = value.pairs if isinstance(value, Repeated) else value.items()
        return "{" + ",".join(f"{dumps(key)}:{_dumped(item)}" for key, item in pairs) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_dumped, value)) + "]"
    return dumps(value)


_MARK = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\[\]{}]', re.DOTALL)


def _check_depth(text: str) -> None:
    depth = 0
    for mark in _MARK.finditer(text):
        first = mark.group()[0]
        depth += (first in "[{") - (first in "]}")
        if depth > MAX_DEPTH:
            raise NotJsonError(f"nested more than {MAX_DEPTH} deep at character {mark.start():,}")


def _integer(digits: str) -> int | Digits:
    # Longer than any type here holds; Python itself refuses to convert over 4,300.
    return int(digits) if len(digits) <= 40 else Digits(digits)


def _fraction(digits: str) -> float | Digits:
    # A number with a fraction or an exponent is a double, as RFC 8259 (6) has its readers
    # expect; one that no double is near to is kept by its digits.
    number = float(digits)
    if not math.isfinite(number):
        return Digits(digits)
    if _loses(digits, number):
        number = Spelled(number)
        number.digits = digits
    return number


def _loses(digits: str, number: float) -> bool:
    """Tell whether a double may not give back the digits that it was read from."""
    if len(digits) > DOUBLE_DIGITS:
        return len(repr(number)) > DOUBLE_DIGITS or Decimal(repr(number)) != exactly(digits)
    # So small that no double is near: 1e-400.
    return not number and exactly(digits) != 0


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON value")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    plain = dict(pairs)
    if len(plain) == len(pairs):
        return plain
    found = Repeated(plain)
    found.pairs = pairs
    # The object itself holds the last of them only.
    json.dumps([value for _, value in pairs], ensure_ascii=False).encode()
    return found


_DECODER = json.JSONDecoder(
    parse_int=_integer,
    parse_float=_fraction,
    parse_constant=_refuse,
    object_pairs_hook=_object,
)
