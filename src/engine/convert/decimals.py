"""Decimals under a contract: what SQL is certain of, and which lines it cannot see whole."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from contract.values import decimal_of
from engine.convert.jsontext import DOUBLE_DIGITS
from engine.types.glue import sized
from engine.types.kinds import Array, Kind, Map, Scalar, Struct
from engine.types.sql import duckdb_type, literal

if TYPE_CHECKING:
    from collections.abc import Callable

    from contract.node import Node

#: The shape of a value that is read with its quotes, to prove that it is a string.
QUOTED = Scalar("quoted")

TRUE, FALSE = "true", "false"

_MANY = DOUBLE_DIGITS + 1

#: A number of JSON whose digits may not be those of the double that DuckDB reads it as: it has a
#: point or an exponent and more digits than a double keeps, or no double is so small.
_LONG = "(^|[\\[:, \t\r])-?({})".format(
    "|".join(
        [
            *(f"[0-9]{{{n},}}[.][0-9]{{{_MANY - n},}}" for n in range(1, _MANY)),
            f"[0-9]{{{_MANY},}}[.eE]",
            "[0-9.]+[eE]-[0-9]{3}",
        ]
    )
)


def long_fraction(line_sql: str) -> str:
    """Give SQL over a line of JSON, true where a number in it is not what DuckDB reads.

    DuckDB keeps whole numbers by their digits and reads all others as doubles. So a decimal is
    certain only where no fraction in the line has more digits than a double keeps.
    """
    return f"regexp_matches({line_sql}, {literal(_LONG)})"


def holds_decimals(kind: Kind) -> bool:
    """Tell whether a type is a decimal, or has one in it."""
    match kind:
        case Array(item):
            return holds_decimals(item)
        case Map(_, value):
            return holds_decimals(value)
        case Struct(fields):
            return any(holds_decimals(inner) for _, inner in fields)
    return sized(kind)[0] == "decimal"


def all_of(*tests: str) -> str:
    """Join by AND what is not always true."""
    needed = [test for test in tests if test != TRUE]
    if FALSE in needed:
        return FALSE
    return f"({' AND '.join(needed)})" if needed else TRUE


def decimal_test(node: Node, shape: Kind, kind: Kind, sql: str) -> str:
    """Give the test of a value in a column of decimals.

    Parameters
    ----------
    node : Node
        Its schema.
    shape : Kind
        How the value was read: :data:`QUOTED` where it is certainly a string, else a number.
    kind : Kind
        The column's type.
    sql : str
        The value.
    """
    if node.decimal is None:
        # Such a contract means doubles.
        return FALSE
    if shape == QUOTED:
        spelled = set(node.checks) & _OF_TEXTS
        return TRUE if node.allows("string") and not spelled else FALSE
    if not node.allows("integer"):
        return FALSE
    tests = [] if node.allows("number") else [f"{sql} = trunc({sql})"]
    for keyword, operand in node.checks.items():
        if keyword in ("enum", "const"):
            tests.append(_among(operand if keyword == "enum" else (operand,), kind, sql))
        elif keyword in _NUMERIC:
            tests.append(_NUMERIC[keyword](sql, kind, operand))
    return all_of(*tests)


_OF_TEXTS = frozenset({"enum", "const", "minLength", "maxLength", "pattern", "format"})


def _scaled(number: Any, kind: Kind) -> Fraction:
    """Give a number in units of a type's last digit."""
    units: Fraction = Fraction(decimal_of(number)) * 10 ** sized(kind)[2]
    return units


def _constant(units: int, kind: Kind) -> str | None:
    """Give the SQL of so many units of a type's last digit; None where it cannot hold them."""
    _, size, scale = sized(kind)
    if abs(units) >= 10**size:
        return None
    digits = f"{abs(units):0{scale + 1}d}"
    whole, fraction = digits[: len(digits) - scale], digits[len(digits) - scale :]
    text = ("-" if units < 0 else "") + whole + (f".{fraction}" if scale else "")
    return f"CAST('{text}' AS {duckdb_type(kind)})"


def _among(allowed: tuple[Any, ...], kind: Kind, sql: str) -> str:
    found = []
    for value in allowed:
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            units = _scaled(value, kind)
            if units.denominator == 1 and (constant := _constant(int(units), kind)):
                found.append(constant)
    return f"{sql} IN ({', '.join(found)})" if found else FALSE


def _bound(*, low: bool, strict: bool) -> Callable[[str, Kind, Any], str]:
    def test(sql: str, kind: Kind, bound: Any) -> str:
        exact = _scaled(bound, kind)
        # The nearest value of the type that is allowed.
        limit = math.ceil(exact) if low else math.floor(exact)
        if strict and limit == exact:
            limit += 1 if low else -1
        constant = _constant(limit, kind)
        if constant is None:
            return TRUE if (limit < 0) == low else FALSE
        return f"{sql} {'>=' if low else '<='} {constant}"

    return test


def _multiple(sql: str, kind: Kind, unit: Any) -> str:
    # n units are a multiple of w / s of them exactly if n is one of w.
    step = _scaled(unit, kind).numerator
    if step == 1:
        return TRUE
    if step >= 2**126:
        return f"{sql} = 0"
    units = f"CAST(replace(CAST({sql} AS VARCHAR), '.', '') AS HUGEINT)"
    return f"{units} % CAST('{step}' AS HUGEINT) = 0"


_NUMERIC: dict[str, Callable[[str, Kind, Any], str]] = {
    "minimum": _bound(low=True, strict=False),
    "maximum": _bound(low=False, strict=False),
    "exclusiveMinimum": _bound(low=True, strict=True),
    "exclusiveMaximum": _bound(low=False, strict=True),
    "multipleOf": _multiple,
}
