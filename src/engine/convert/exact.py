"""One record at a time: the exact reading that the vectorised one must agree with."""

from __future__ import annotations

import math
import re
import struct
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from contract.values import Digits, Spelled, exactly
from engine.convert.jsontext import FLOAT_DIGITS, Repeated, dumps
from engine.convert.written import Field
from engine.types.glue import sized
from engine.types.kinds import (
    BOOLEAN,
    DATE,
    DOUBLE,
    STRING,
    TIMESTAMP,
    WHOLE_DIGITS,
    Array,
    Kind,
    Map,
    Scalar,
    Struct,
)
from store.naming import normalise

_JSON_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")

#: What programs write beside JSON's numbers: a plus, and a point without digits on one side.
_NUMBER = re.compile(r"([-+]?)(?:(0|[1-9][0-9]*)(?:\.([0-9]*))?|\.([0-9]+))([eE][-+]?[0-9]+)?")


def text_of(value: Any) -> str:
    """Write a value as a string column holds it: a string as it is, all else as JSON."""
    if isinstance(value, str):
        return str(value)
    return dumps(value)


class MisfitError(Exception):  # a signal within this module, not a failure
    """When a value cannot be held by a kind without loss."""


def conform(value: Any, kind: Kind, path: str, rescued: dict[str, Any]) -> Any:
    """Read a value as a kind, without loss.

    Parameters
    ----------
    value : Any
        What :func:`loads` gave.
    kind : Kind
        The column's type.
    path : str
        Where the value lies, for the rescue.
    rescued : dict
        Takes what does not fit, by path.

    Returns
    -------
    Any
        A JSON value that DuckDB reads as exactly this; None where it was rescued.
    """
    try:
        return _exact(value, kind, path, rescued)
    except MisfitError:
        rescue(rescued, path, value.digits if isinstance(value, Spelled) else value)
        return None


class Row(dict[str, Any]):
    """A record that was a row before.

    Attributes
    ----------
    left : dict
        What stays rescued of it, by path.
    """

    left: dict[str, Any]


class Several(list[Any]):
    """Values of one path: of a repeated key, or of two names that give the same path."""


def rescue(rescued: dict[str, Any], path: str, value: Any) -> None:
    """Keep a value by its path, beside what is there already."""
    if path not in rescued:
        rescued[path] = value
        return
    there = rescued[path]
    rescued[path] = Several([*(there if isinstance(there, Several) else [there]), value])


def rescue_earlier(value: Any, path: str, rescued: dict[str, Any]) -> None:
    """Keep the values that repeated keys had before their last, each as one of several."""
    for key, earlier in value.earlier.items() if isinstance(value, Repeated) else ():
        rescued.setdefault(f"{path}{key}", Several())
        for one in earlier:
            rescue(rescued, f"{path}{key}", one)


def _exact(value: Any, kind: Kind, path: str, rescued: dict[str, Any]) -> Any:
    if isinstance(value, Field):
        value = value.meant(kind)
    if value is None:
        return None
    match kind:
        case Struct(fields):
            return _struct(value, fields, path, rescued)
        case Array(item):
            return _array(value, item, path)
        case Map(key, inner):
            return _map(value, key, inner, path, rescued)
        case Scalar():
            return _scalar(value, kind)


def _scalar(value: Any, kind: Scalar) -> Any:
    if kind.name in WHOLE_DIGITS:
        return _whole(value, kind.name)
    if kind == STRING:
        return text_of(value)
    if kind == DOUBLE:
        return _double(value)
    if kind.name == "float":
        return _single(value)
    if kind == BOOLEAN and isinstance(value, bool):
        return value
    if kind in (TIMESTAMP, DATE) and isinstance(value, str):
        return _instant(value, kind)
    family, size, scale = sized(kind)
    if family == "decimal":
        return _decimal(value, size, scale)
    if family:
        return _text(text_of(value), family, size)
    raise MisfitError


def _struct(
    value: Any, fields: tuple[tuple[str, Kind], ...], path: str, rescued: dict[str, Any]
) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise MisfitError
    by_name = {normalise(key): key for key in value}
    if len(by_name) < len(value):
        raise MisfitError
    rescue_earlier(value, f"{path}.", rescued)
    known = {name for name, _ in fields}
    for name, key in by_name.items():
        if name not in known and value[key] is not None:
            rescue(rescued, f"{path}.{key}", value[key])
    return {
        name: conform(value[by_name[name]], inner, f"{path}.{by_name[name]}", rescued)
        for name, inner in fields
        if name in by_name
    }


def _array(value: Any, item: Kind, path: str) -> list[Any]:
    if not isinstance(value, list):
        raise MisfitError
    inside: dict[str, Any] = {}
    items = [conform(element, item, path, inside) for element in value]
    if inside:
        raise MisfitError
    return items


def _map(
    value: Any, key: Scalar, inner: Kind, path: str, rescued: dict[str, Any]
) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise MisfitError
    entries = {text_of(_key(name, key)): name for name in value}
    if len(entries) < len(value):
        raise MisfitError
    rescue_earlier(value, f"{path}.", rescued)
    return {
        entry: conform(value[name], inner, f"{path}.{name}", rescued)
        for entry, name in entries.items()
    }


def _key(text: str, kind: Scalar) -> Any:
    if kind == BOOLEAN:
        if text.lower() not in ("true", "false"):
            raise MisfitError
        return text.lower() == "true"
    return _exact(text, kind, "", {})


_WHOLE_BITS = {"tinyint": 7, "smallint": 15, "int": 31, "bigint": 63}


def _whole(value: Any, name: str) -> int:
    if isinstance(value, str) and not isinstance(value, Digits):
        if not re.fullmatch(r"-?(0|[1-9]\d{0,18})", value):
            raise MisfitError
        value = int(value)
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        value = int(value)
    limit = 2 ** _WHOLE_BITS[name]
    if isinstance(value, int) and not isinstance(value, bool) and -limit <= value < limit:
        return value
    raise MisfitError


def _single(value: Any) -> float:
    number = _double(value)
    try:
        (single,) = struct.unpack("<f", struct.pack("<f", number))
    except OverflowError:
        raise MisfitError from None
    # Below this a float has fewer digits than it promises.
    short = not number or (abs(number) > 1e-37 and float(f"{number:.{FLOAT_DIGITS}g}") == number)
    if single != number and not short:
        raise MisfitError
    return number


def _decimal(value: Any, precision: int, scale: int) -> str:
    digits = _digits(value)
    if not _JSON_NUMBER.fullmatch(digits):
        raise MisfitError
    number = exactly(digits)
    # An exponent beyond these is no number that 38 digits hold, and expensive to write out.
    if number and not -50 < number.adjusted() < 50:
        raise MisfitError
    whole, _, fraction = f"{abs(number):f}".partition(".")
    fraction = fraction.rstrip("0")
    if len(fraction) > scale or len(whole.lstrip("0")) > precision - scale:
        raise MisfitError
    return f"{number:f}"


def _digits(value: Any) -> str:
    match value:
        case str():
            return value
        case Spelled():
            return value.digits
        case bool():
            return ""
        case int() | float():
            return repr(value)
    return ""


def _text(value: str, family: str, size: int) -> str:
    # Athena cuts what is longer, and pads or trims a char.
    if len(value) > size or (family == "char" and value.endswith(" ")):
        raise MisfitError
    return value


def _double(value: Any) -> float:
    if isinstance(value, str) and not isinstance(value, Digits):
        if not _JSON_NUMBER.fullmatch(value):
            raise MisfitError
        number = float(value)
        if not math.isfinite(number) or Decimal(repr(number)) != exactly(value):
            raise MisfitError
        return number
    if isinstance(value, float):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**1000:
        number = float(value)
        if int(number) == value:
            return number
    raise MisfitError


def _instant(value: str, kind: Kind) -> str:
    try:
        if kind == DATE:
            return date.fromisoformat(value).isoformat()
        # fromisoformat drops digits beyond microseconds; a table keeps none of those.
        value = re.sub(r"([.,]\d{6})0+(?!\d)", r"\1", value)
        if re.search(r"[.,]\d{7}", value):
            raise MisfitError
        moment = datetime.fromisoformat(value)
        if moment.tzinfo:
            moment = moment.astimezone(UTC).replace(tzinfo=None)
    except (ValueError, OverflowError):
        raise MisfitError from None
    return moment.isoformat(sep=" ")
