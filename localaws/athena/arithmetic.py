"""Trino's arithmetic, casts and subscripts as DuckDB macros; see :mod:`functions`."""

from __future__ import annotations

from itertools import product

#: Raises when it is evaluated. DuckDB's own ``error`` counts as volatile, which TRY refuses.
_ZERO = "CAST(concat('DIVISION_BY_ZERO: Division by zero', left(CAST(b AS VARCHAR), 0)) AS BIGINT)"

_NO_FLOAT = "typeof(a) NOT IN ('DOUBLE', 'FLOAT') AND typeof(b) NOT IN ('DOUBLE', 'FLOAT')"
_NOT_ZERO = f"CASE WHEN b = 0 AND {_NO_FLOAT} THEN {_ZERO} ELSE b END"
_IS_DECIMAL = f"(typeof(a) LIKE 'DECIMAL%' OR typeof(b) LIKE 'DECIMAL%') AND {_NO_FLOAT}"


def _scale(name: str) -> str:
    found = f"regexp_extract(typeof({name}), 'DECIMAL\\([0-9]+,([0-9]+)\\)', 1)"
    return f"coalesce(TRY_CAST({found} AS INTEGER), 0)"


#: Trino divides decimals to as many places as the longer of them has, and rounds half up: 100.0 / 3
#: is 33.3. What comes out is a double here, since the type of a macro is not its caller's.
_DECIMAL_DIVISION = (
    f"round(CAST(a AS DOUBLE) / CAST({_NOT_ZERO} AS DOUBLE), "
    f"greatest({_scale('a')}, {_scale('b')}))"
)
_DIVISION = (
    f"CASE WHEN {_IS_DECIMAL} THEN {_DECIMAL_DIVISION} WHEN b <> 0 THEN a / b "
    "WHEN a = 0 THEN CAST('nan' AS DOUBLE) "
    "WHEN b = 0 THEN sign(a) * CAST('infinity' AS DOUBLE) END"
)
#: From narrow to wide: the result of a pair is as wide as the wider.
_WHOLE = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")


def _whole(operator: str) -> list[tuple[str, str]]:
    """Write a division of whole numbers for every pair of types, as wide as the wider."""
    zero = f"CASE WHEN b = 0 THEN {_ZERO} ELSE b END"
    return [
        (f"a {one}, b {other}", f"CAST(a {operator} {zero} AS {max(one, other, key=_WHOLE.index)})")
        for one, other in product(_WHOLE, repeat=2)
    ]


def _subscript(valid: str, said: str) -> str:
    """Write an index that raises where there is nothing at it, as Trino's subscript does."""
    wrong = f"concat('INVALID_FUNCTION_ARGUMENT: ', {said})"
    return f"a[CASE WHEN i IS NULL OR a IS NULL OR {valid} THEN i ELSE CAST({wrong} AS BIGINT) END]"


_IS_WHOLE = "a IS NULL OR regexp_full_match(CAST(a AS VARCHAR), '[+-]?[0-9]+')"
_NO_INTEGER = (
    "CAST(CAST(concat('INVALID_CAST_ARGUMENT: Cannot cast ''', a, ''' to ', t) AS BIGINT) "
    "AS HUGEINT)"
)

_IS_MOMENT = (
    "a IS NULL OR regexp_full_match(a, '[-+]?[0-9]{4,}-[0-9]{1,2}-[0-9]{1,2}( "
    "([0-9]{1,2}:[0-9]{1,2}(:[0-9]{1,2}([.][0-9]+)?)?)?\\s*(.+)?)?')"
)
_NO_MOMENT = (
    "CAST(CAST(concat('INVALID_CAST_ARGUMENT: Value cannot be cast to timestamp: ', a) AS BIGINT) "
    "AS VARCHAR)"
)

MACROS: dict[str, list[tuple[str, str]]] = {
    # Whole numbers divide to whole numbers, and not by zero. Every pair is named, or DuckDB could
    # not choose between the ways to widen one side; all else is one macro, or it would make doubles
    # of decimals.
    "divide": [*_whole("//"), ("a, b", _DIVISION)],
    # Of aggregates: whole numbers stay whole where both are, for which DuckDB's own `/` is set.
    "divide_any": [("a, b", f"a / {_NOT_ZERO}")],
    "divide_decimal": [
        ("a, b", f"CASE WHEN {_IS_DECIMAL} THEN {_DECIMAL_DIVISION} ELSE a / b END")
    ],
    "modulus": [*_whole("%"), ("a, b", f"a % {_NOT_ZERO}")],
    "modulus_any": [("a, b", f"a % {_NOT_ZERO}")],
    # DuckDB adds whole numbers up to HUGEINT, which times a decimal would be a double.
    "sum": [
        *((f"a {kind}", "CAST(sum(a) AS BIGINT)") for kind in _WHOLE[:4]),
        ("a", "sum(a)"),
    ],
    "map_subscript": [
        (
            "a, k",
            (
                "a[CASE WHEN k IS NULL OR a IS NULL OR map_contains(a, k) THEN k "
                "ELSE CAST(CAST(concat('INVALID_FUNCTION_ARGUMENT: Key not present in map: ', k) "
                "AS BIGINT) AS VARCHAR) END]"
            ),
        )
    ],
    "subscript": [
        (
            "a, i",
            _subscript(
                "typeof(a) NOT LIKE '%[]' OR (i > 0 AND i <= json_array_length(to_json(a)))",
                "CASE WHEN i = 0 THEN 'SQL array indices start at 1' "
                "WHEN i < 0 THEN concat('Array subscript is negative: ', i) "
                "ELSE concat('Array subscript must be less than or equal to array length: ', "
                "i, ' > ', json_array_length(to_json(a))) END",
            ),
        )
    ],
    # Trino reads a whole number and nothing else, where DuckDB would round a fraction; and it
    # rounds half away from zero, where DuckDB takes the even number.
    "integer": [
        ("a VARCHAR, t", f"CASE WHEN {_IS_WHOLE} THEN CAST(a AS HUGEINT) ELSE {_NO_INTEGER} END"),
        ("a DOUBLE, t", "round(a)"),
        ("a FLOAT, t", "round(a)"),
        *((f"a {kind}, t", "a") for kind in (*_WHOLE, "BOOLEAN")),
        ("a, t", "a"),
    ],
    "integer_any": [
        (
            "a, t",
            (
                f"CASE WHEN {_IS_WHOLE} THEN CAST(CAST(a AS VARCHAR) AS HUGEINT) "
                "WHEN typeof(a) IN ('DOUBLE', 'FLOAT') OR typeof(a) LIKE 'DECIMAL%' "
                "THEN CAST(round(TRY_CAST(CAST(a AS VARCHAR) AS DOUBLE)) AS HUGEINT) "
                "WHEN typeof(a) = 'BOOLEAN' "
                "THEN CAST(TRY_CAST(CAST(a AS VARCHAR) AS BOOLEAN) AS HUGEINT) "
                f"ELSE {_NO_INTEGER} END"
            ),
        )
    ],
    # Trino reads a space between date and time, and no T.
    "timestamp": [
        ("a VARCHAR", f"CAST(CASE WHEN {_IS_MOMENT} THEN a ELSE {_NO_MOMENT} END AS TIMESTAMP)"),
        ("a", "CAST(a AS TIMESTAMP)"),
    ],
    "timestamp_any": [("a", "CAST(a AS TIMESTAMP)")],
    "typeof": [("a", "trino_type(typeof(a))")],
}
