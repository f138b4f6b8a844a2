"""JSON values as contracts see them: their types, and numbers that are compared exactly."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

#: Exponents of 18 digits and more: Python's decimals hold some of 18, and none of 19.
_BEYOND = re.compile(r"[eE]([+-]?)0*[1-9]\d{17,}$")


class Digits(str):
    """A number that neither 64 bits nor a double can hold, by its digits."""

    __slots__ = ()


class Spelled(float):
    """A fraction whose digits are not those of the double nearest to it, and these digits."""

    __slots__ = ("digits",)

    digits: str


def exactly(digits: str) -> Decimal:
    """Give the number that digits spell.

    Parameters
    ----------
    digits : str
        A number in JSON's grammar.

    Returns
    -------
    Decimal
        Where its exponent is one that no decimal has, a number as good: beyond all that
        contracts and columns can name, or closer to zero.
    """
    return Decimal(_BEYOND.sub(r"e\g<1>99999999999999999", digits))


def type_of(value: Any) -> str:
    """Name the JSON type of a value.

    Parameters
    ----------
    value : Any
        What a JSON parser gave; a number may be :class:`Digits`.

    Returns
    -------
    str
        ``integer`` for every whole number, also one spelled ``1.0`` (JSON Schema
        Validation, 6.1.1).
    """
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case Digits():
            number = exactly(value)
            return "integer" if number == number.to_integral_value() else "number"
        case int():
            return "integer"
        case float():
            return "integer" if value.is_integer() else "number"
        case str():
            return "string"
        case list():
            return "array"
    return "object"


def number_of(value: Any) -> int | float | Decimal:
    """Give a number in the form in which Python compares it exactly."""
    number: int | float | Decimal = exactly(value) if isinstance(value, Digits) else value
    return number


def decimal_of(value: Any) -> Decimal:
    """Give a number as a decimal: a double as the shortest one that reads as it."""
    return Decimal(repr(value) if isinstance(value, float) else number_of(value))


def digits_of(value: Any) -> Any:
    """Give a number by its own digits, as a column of decimals keeps it; all else as it is."""
    if isinstance(value, Spelled):
        return Digits(value.digits)
    return Digits(repr(value)) if isinstance(value, float) else value


def is_multiple(value: Any, of: Any) -> bool:
    """Tell whether a number is a whole multiple of another, in decimal.

    Parameters
    ----------
    value, of : number
        Of any size; 1e400 and 1e-9 take no longer than others.
    """
    number, unit = decimal_of(value).as_tuple(), decimal_of(of).as_tuple()
    whole, part = (int("".join(map(str, n.digits))) for n in (number, unit))
    shift = int(number.exponent) - int(unit.exponent)
    if shift >= 0:
        return whole * pow(10, shift, part) % part == 0
    # A number cannot be divided by ten more often than it has digits.
    return whole == 0 or (-shift <= len(number.digits) and whole % (part * 10**-shift) == 0)


def equal(one: Any, other: Any) -> bool:
    """Compare two values as JSON Schema does: 1 is 1.0, and true is neither."""
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(equal, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(equal(one[key], other[key]) for key in one)
    kinds = {"number" if (t := type_of(v)) == "integer" else t for v in (one, other)}
    if len(kinds) > 1:
        return False
    return bool(number_of(one) == number_of(other)) if kinds == {"number"} else bool(one == other)
