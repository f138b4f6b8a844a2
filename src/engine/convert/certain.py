"""SQL over typed values that is true only where a value certainly satisfies its schema."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from contract.formats import FORMATS
from contract.values import decimal_of
from engine.convert.decimals import FALSE, QUOTED, TRUE, all_of, decimal_test
from engine.types.glue import sized
from engine.types.kinds import BIGINT, BOOLEAN, DATE, DOUBLE, STRING, Array, Kind, Struct
from engine.types.sql import literal, quoted
from store.naming import normalise

if TYPE_CHECKING:
    from collections.abc import Callable

    from contract.node import Node

_JSON_TYPES: dict[Kind, str] = {
    BOOLEAN: "boolean",
    BIGINT: "integer",
    DOUBLE: "number",
    STRING: "string",
    DATE: "string",
}

Members = dict[str, tuple[Kind, Kind, str]]


def object_test(node: Node) -> str:
    """Give the test of an object as a whole; one among constants is left to the exact way."""
    wrong = not node.allows("object") or "enum" in node.checks or "const" in node.checks
    return FALSE if wrong else TRUE


def members_test(node: Node, members: Members, nulls: bool, *, told: bool, scanned: bool) -> str:
    """Give the tests of an object's properties.

    Parameters
    ----------
    node : Node
        Its schema.
    members : dict
        Shape, type and SQL of each property that the file has.
    nulls : bool
        As of :class:`Rules`.
    told : bool
        Whether a null is known to be there, where it may be.
    scanned : bool
        Whether even a property that no column holds is known to be there.
    """
    tests = []
    for name, (shape, kind, sql) in members.items():
        inner = node.property(name)
        # Of an optional property null stands for absent, where it is not allowed itself.
        nullable = not node.requires(name) or (told and inner.allows_null())
        tests.append(_nullable(inner, shape, kind, sql, nulls, nullable=nullable))
    for name in node.missing(members):
        if not (scanned and node.property(name).allows_null()):
            return FALSE
    return all_of(*tests)


def _nullable(
    node: Node,
    shape: Kind,
    kind: Kind,
    sql: str,
    nulls: bool,
    *,
    nullable: bool,
) -> str:
    test = _value(node, shape, kind, sql, nulls)
    if not nullable:
        return all_of(f"{sql} IS NOT NULL", test)
    return TRUE if test == TRUE else f"({sql} IS NULL OR {test})"


def _value(node: Node, shape: Kind, kind: Kind, sql: str, nulls: bool) -> str:
    """Give the test of a value that is not null."""
    if node.trivial:
        return TRUE
    match shape, kind:
        case Struct(fields), Struct():
            members = {
                name: (inner, target, f"{sql}.{quoted(normalise(name))}")
                for name, inner in fields
                if (target := kind.get(normalise(name))) is not None
            }
            inside = members_test(node, members, nulls, told=nulls, scanned=False)
            return all_of(object_test(node), inside)
        case Array(item), Array(target):
            return _array(node, item, target, sql, nulls)
    if kind == STRING and shape != QUOTED:
        return FALSE
    if sized(kind)[0] == "decimal":
        return decimal_test(node, shape, kind, sql)
    name = _JSON_TYPES.get(kind, "")
    whole = kind == DOUBLE and not node.allows("number") and node.allows("integer")
    if not name or not (node.allows(name) or whole):
        return FALSE
    tests = [f"{sql} = trunc({sql})"] if whole else []
    text = f"CAST({sql} AS VARCHAR)" if kind == DATE else sql
    if kind == DOUBLE:
        tests.append(f"isfinite({sql})")
    for keyword, operand in node.checks.items():
        if keyword in ("enum", "const"):
            tests.append(_among(operand if keyword == "enum" else (operand,), kind, text))
        elif keyword in _NUMERIC and kind in (BIGINT, DOUBLE):
            tests.append(_NUMERIC[keyword](sql, kind, operand))
        elif keyword in _TEXTUAL and name == "string":
            tests.append(_TEXTUAL[keyword](text, operand))
    return all_of(*tests)


def _array(node: Node, shape: Kind, kind: Kind, sql: str, nulls: bool) -> str:
    if not node.allows("array") or "enum" in node.checks or "const" in node.checks:
        return FALSE
    tests = []
    if least := node.checks.get("minItems"):
        tests.append(f"len({sql}) >= {least}")
    if (most := node.checks.get("maxItems")) is not None:
        tests.append(f"len({sql}) <= {most}")
    if node.items is not None:
        element = f"e{len(sql)}"
        nullable = node.items.allows_null()
        inside = _nullable(node.items, shape, kind, element, nulls, nullable=nullable)
        if inside == FALSE:
            tests.append(f"len({sql}) = 0")
        elif inside != TRUE:
            tests.append(
                f"NOT list_contains(list_transform({sql}, lambda {element}: ({inside}) IS TRUE), "
                "false)"
            )
    return all_of(*tests)


def _among(allowed: tuple[Any, ...], kind: Kind, sql: str) -> str:
    found = []
    for value in allowed:
        if kind == BOOLEAN and isinstance(value, bool):
            found.append(TRUE if value else FALSE)
        elif kind in (STRING, DATE) and isinstance(value, str):
            found.append(literal(value))
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            if kind == BIGINT and value == int(value) and -(2**63) < value < 2**63:
                found.append(f"CAST({int(value)} AS BIGINT)")
            elif kind == DOUBLE and abs(value) < 2**1000 and float(value) == value:
                found.append(_double(float(value)))
    return f"{sql} IN ({', '.join(found)})" if found else FALSE


def _double(value: float) -> str:
    return f"CAST('{value!r}' AS DOUBLE)"


def _bound(*, low: bool, strict: bool) -> Callable[[str, Kind, Any], str]:
    def test(sql: str, kind: Kind, bound: float) -> str:
        if kind == BIGINT:
            # The nearest integer that is allowed.
            limit = math.ceil(bound) if low else math.floor(bound)
            if strict and limit == bound:
                limit += 1 if low else -1
            if not -(2**63) < limit < 2**63:
                return TRUE if (limit < 0) == low else FALSE
            return f"{sql} {'>=' if low else '<='} {limit}"
        # The nearest double that is allowed: no double lies between it and the bound.
        nearest = float(bound)
        exact = nearest == bound
        if not exact and (nearest < bound) == low:
            nearest = math.nextafter(nearest, math.inf if low else -math.inf)
        sign = (">" if low else "<") + ("" if strict and exact else "=")
        return f"{sql} {sign} {_double(nearest)}"

    return test


def _multiple(sql: str, kind: Kind, unit: float) -> str:
    """Give SQL that is true for multiples only, and for all of up to fifteen digits."""
    sign, digits, exponent = decimal_of(unit).normalize().as_tuple()
    del sign
    whole, scale = int("".join(map(str, digits))), -int(exponent)
    if scale < 0:
        whole, scale = whole * 10**-scale, 0
    if whole >= 10**15 or scale > 15:
        return FALSE
    if kind == BIGINT:
        # n is a multiple of w / s exactly if it is one of w / gcd(w, s).
        return f"{sql} % {whole // math.gcd(whole, 10**scale)} = 0"
    # Fifteen digits are the same decimal before and after they were a double.
    count = f"round({sql} * 1e{scale})"
    return (
        f"(abs({sql}) < 1e{15 - scale} AND {count} / 1e{scale} = {sql} AND "
        f"CAST({count} AS BIGINT) % {whole} = 0)"
    )


_NUMERIC: dict[str, Callable[[str, Kind, Any], str]] = {
    "minimum": _bound(low=True, strict=False),
    "maximum": _bound(low=False, strict=False),
    "exclusiveMinimum": _bound(low=True, strict=True),
    "exclusiveMaximum": _bound(low=False, strict=True),
    "multipleOf": _multiple,
}

_TEXTUAL: dict[str, Callable[[str, Any], str]] = {
    "minLength": lambda sql, least: f"length({sql}) >= {least}",
    "maxLength": lambda sql, most: f"length({sql}) <= {most}",
    "pattern": lambda sql, pattern: f"regexp_matches({sql}, {literal(pattern.re2)})",
    "format": lambda sql, name: f"regexp_matches({sql}, {literal(FORMATS[name].pattern.re2)})",
}
