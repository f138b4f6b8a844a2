"""One record at a time: the exact reading that the vectorised one must agree with."""

from __future__ import annotations

import json
import math
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from processor.contract.values import Digits
from processor.engine.kinds import (
    BIGINT,
    BOOLEAN,
    DATE,
    DOUBLE,
    STRING,
    TIMESTAMP,
    Array,
    Kind,
    Struct,
)
from processor.naming import normalise

_JSON_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?")


class Repeated(dict[str, Any]):
    """An object that had a key more than once.

    Attributes
    ----------
    repeated : dict
        Every value of each such key, in order.
    """

    repeated: dict[str, list[Any]]


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
        value = json.loads(
            text,
            parse_int=_integer,
            parse_float=_fraction,
            parse_constant=_refuse,
            object_pairs_hook=_object,
        )
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode()
    except RecursionError:
        raise NotJsonError("nested too deep") from None
    except UnicodeEncodeError:
        raise NotJsonError("a lone surrogate is no character") from None
    except ValueError as error:
        raise NotJsonError(str(error)) from error
    return value


def _integer(digits: str) -> int | Digits:
    # Longer than any type here holds; Python itself refuses to convert over 4,300.
    return int(digits) if len(digits) <= 40 else Digits(digits)


def _fraction(digits: str) -> float | Digits:
    # A number with a fraction or an exponent is a double, as RFC 8259 (6) has its readers
    # expect; one that no double is near to is kept by its digits.
    number = float(digits)
    return number if math.isfinite(number) else Digits(digits)


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON value")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    plain = dict(pairs)
    if len(plain) == len(pairs):
        return plain
    found = Repeated(plain)
    values: dict[str, list[Any]] = {}
    for key, value in pairs:
        values.setdefault(key, []).append(value)
    found.repeated = {key: every for key, every in values.items() if len(every) > 1}
    return found


def text_of(value: Any) -> str:
    """Write a value as a string column holds it: a string as it is, all else as JSON."""
    if isinstance(value, str):
        return str(value)
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


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
    if isinstance(value, Repeated):
        for key, every in value.repeated.items():
            rescued[f"{path}.{key}"] = every[:-1]
    try:
        return _exact(value, kind, path, rescued)
    except MisfitError:
        rescued[path] = value
        return None


def _exact(value: Any, kind: Kind, path: str, rescued: dict[str, Any]) -> Any:
    if value is None:
        return None
    match kind:
        case Struct(fields):
            return _struct(value, fields, path, rescued)
        case Array(item):
            return _array(value, item, path)
    if kind == STRING:
        return text_of(value)
    if kind == BOOLEAN and isinstance(value, bool):
        return value
    if kind == BIGINT:
        return _bigint(value)
    if kind == DOUBLE:
        return _double(value)
    if kind in (TIMESTAMP, DATE) and isinstance(value, str):
        return _instant(value, kind)
    raise MisfitError


def _struct(
    value: Any, fields: tuple[tuple[str, Kind], ...], path: str, rescued: dict[str, Any]
) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise MisfitError
    by_name = {normalise(key): key for key in value}
    if len(by_name) < len(value):
        raise MisfitError
    known = {name for name, _ in fields}
    rescued |= {f"{path}.{k}": value[k] for n, k in by_name.items() if n not in known}
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


def _bigint(value: Any) -> int:
    if isinstance(value, str) and not isinstance(value, Digits):
        if not re.fullmatch(r"-?(0|[1-9]\d{0,18})", value):
            raise MisfitError
        value = int(value)
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63:
        return value
    raise MisfitError


def _double(value: Any) -> float:
    if isinstance(value, str) and not isinstance(value, Digits):
        if not _JSON_NUMBER.fullmatch(value):
            raise MisfitError
        number = float(value)
        if not math.isfinite(number) or Decimal(repr(number)) != Decimal(value):
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
        if re.search(r"\.\d{7}", value):
            raise MisfitError
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise MisfitError from None
    if moment.tzinfo:
        moment = moment.astimezone(UTC).replace(tzinfo=None)
    return moment.isoformat(sep=" ")


def read_text(text: str, kind: Kind) -> Any:
    """Read a field of a delimited file as a kind, without loss.

    Parameters
    ----------
    text : str
        The field.
    kind : Kind
        The column's type.

    Returns
    -------
    Any
        As of :func:`conform`.

    Raises
    ------
    MisfitError
        When it is not exactly one of that kind.
    """
    if kind == BOOLEAN:
        if text.lower() not in ("true", "false"):
            raise MisfitError
        return text.lower() == "true"
    return _exact(text, kind, "", {})
