"""A contract as types and as SQL.

What a record must be is said once, by :func:`contract.check.violation`. The SQL here is
the same for whole files: it is true only where a record certainly satisfies the contract, so that
what passes needs no second look; a record for which it is not true is set aside and judged by that
function. So a rule that SQL cannot decide costs time, never correctness.
"""

from __future__ import annotations

import json
import math
import mmap
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from contract.check import Violation, violation
from contract.formats import FORMATS
from contract.schema import ANY, Node
from contract.values import decimal_of
from engine.convert.exact import loads
from engine.convert.written import Field
from engine.types.kinds import (
    BIGINT,
    BINARY,
    BOOLEAN,
    DATE,
    DOUBLE,
    NULL,
    STRING,
    Array,
    Kind,
    Scalar,
    Struct,
    literal,
    quoted,
)
from store.naming import normalise

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from contract.schema import Contract
    from engine.convert.layout import Layout

#: The shape of a value that is read with its quotes, to prove that it is a string.
QUOTED = Scalar("quoted")

_TRUE, _FALSE = "true", "false"

#: A text is a string where it may be nothing else; else it may be a number.
_STRINGS = (frozenset({"string"}), frozenset({"string", "null"}))


# --- Types -----------------------------------------------------------------------------


def given(node: Node, shape: Kind = NULL) -> Kind:
    """Give the type that a contract gives a value, or else the shape that was seen.

    Parameters
    ----------
    node : Node
        The schema of the value.
    shape : Kind
        What values showed; ``null`` where none was seen.

    Returns
    -------
    Kind
        Several types, or none, leave it to the values; so does an array or an object of
        which the contract does not say what is in it.
    """
    match node.column:
        case "array":
            inside = shape.item if isinstance(shape, Array) else NULL
            item = given(node.items or ANY, inside)
            return Array(item) if item != NULL or isinstance(shape, Array) else shape
        case "struct":
            seen = dict(shape.fields) if isinstance(shape, Struct) else {}
            fields = fields_given(node, seen)
            return Struct(tuple(fields.items())) if fields else shape
        case "":
            return shape
    return Scalar(node.column)


def fields_given(node: Node, seen: Mapping[str, Kind]) -> dict[str, Kind]:
    """Give the types of an object's properties, those named by the contract first.

    Parameters
    ----------
    node : Node
        The schema of the object.
    seen : mapping of str to Kind
        What its values showed.

    Returns
    -------
    dict
        Without what the contract does not allow.
    """
    found = {name: given(inner, seen.get(name, NULL)) for name, inner in node.properties.items()}
    found |= {name: given(node.property(name), shape) for name, shape in seen.items()}
    return {
        name: kind
        for name, kind in found.items()
        if not node.property(name).never and (kind != NULL or name in seen)
    }


# --- One reading of one file -----------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Rules:
    """A dataset's contract, for files of one kind.

    Attributes
    ----------
    root : Node
        The schema of a record; ``ANY`` where there is no contract.
    nulls : bool
        Whether the files know nulls but not absence; see
        :func:`contract.check.violation`.
    texts : bool
        Whether the files know nothing but texts, which may be numbers to the contract.
    """

    root: Node = ANY
    nulls: bool = False
    texts: bool = False

    @classmethod
    def of(cls, contract: Contract | None, *, nulls: bool, texts: bool = False) -> Rules:
        """Give the rules of a contract, or none."""
        return cls(contract.root if contract else ANY, nulls, texts)

    def violation(self, value: Any) -> Violation | None:
        """Find the first rule that a record breaks."""
        if self.texts and not self.root.trivial and isinstance(value, dict):
            value = {name: read_field(t, self.root.property(name)) for name, t in value.items()}
        return None if self.root.trivial else violation(self.root, value, nulls=self.nulls)

    def settle(self, shapes: Mapping[str, Kind], table: frozenset[str]) -> bool:
        """Tell whether contract and table leave no column's type to the values."""
        alone = fields_given(self.root, {})
        return not self.root.trivial and all(
            alone.get(field) == kind or field in table
            for field, kind in fields_given(self.root, shapes).items()
        )

    def fields(self, shapes: Mapping[str, Kind]) -> dict[str, Kind]:
        """Give the fields of a file with the types that the contract gives."""
        return fields_given(self.root, shapes)

    def promised(self, shapes: Mapping[str, Kind], layout: Layout) -> dict[str, Kind]:
        """Say how each field is to be read so that its type is proved."""
        kinds = {target.field: target.kind for target in layout.targets}
        return {
            name: shape
            if self.texts and self.root.property(name).types not in _STRINGS
            else _proved(self.root.property(name), shape, kinds.get(name, NULL))
            for name, shape in shapes.items()
        }

    def certain(self, shapes: Mapping[str, Kind], layout: Layout) -> str:
        """Give SQL over a table's columns that is true only where a row satisfies the contract.

        Parameters
        ----------
        shapes : mapping of str to Kind
            How the fields were read.
        layout : Layout
            Which columns they are.

        Returns
        -------
        str
            ``true`` where there is nothing to check.
        """
        if self.root.trivial:
            return _TRUE
        targets = {target.field: target for target in layout.targets if target.written}
        members = {
            name: (shapes[name], target.kind, quoted(target.column))
            for name, target in targets.items()
            if name in shapes
        }
        return _all(
            _object_checks(self.root),
            # In lines of JSON, null was told from absent before: see `suspicious`.
            _members(self.root, members, self.nulls, told=True, scanned=not self.nulls),
        )

    def suspicious(self, shapes: Mapping[str, Kind], line: str, *, null_free: bool) -> str:
        """Give SQL over a line of JSON that is true where null and absent must be told apart.

        Columns hold null for both. The contract minds where a property may be absent and not
        null, or null and not absent.

        Parameters
        ----------
        shapes : mapping of str to Kind
            The fields.
        line : str
            SQL of the line.
        null_free : bool
            Whether there is no null in the whole file.

        Returns
        -------
        str
            Empty where the contract minds nowhere.
        """
        if self.root.trivial:
            return ""
        tests = []
        if not null_free and (names := _not_null(self.root, shapes)):
            keys = "|".join(sorted(_plain_key(name) for name in names))
            # Also any key that is spelled with an escape.
            expression = rf'("({keys})"|\\.[^"]*")[ \t\r]*:[ \t\r]*null'
            tests.append(f"regexp_matches({line}, {literal(expression)})")
        tests += [
            f"NOT coalesce(TRY(json_exists({line}, {literal(_pointer(name))})), false)"
            for name in self.root.required
            if self.root.property(name).allows_null()
        ]
        return " OR ".join(tests)


def mentions_null(path: Path) -> bool:
    """Tell whether the word is anywhere in a file."""
    if not path.stat().st_size:
        return False
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return data.find(b"null") >= 0


def read_field(text: str | None, node: Node) -> Any:
    """Read a field of a delimited file as what its contract says that it is.

    Parameters
    ----------
    text : str or None
        The field.
    node : Node
        Its schema.

    Returns
    -------
    Any
        A boolean or a number where the contract allows one and the text is one, else the
        text itself.
    """
    if text is None:
        return None
    if node.allows("boolean") and text.lower() in ("true", "false"):
        return text.lower() == "true"
    if not node.allows("integer"):
        return str(text)
    number = text.number if isinstance(text, Field) else Field(text).number
    if not text and not node.allows("string"):
        return None
    return loads(number) if number else str(text)


def in_file(layout: Layout, names: Mapping[str, Any] | tuple[str, ...]) -> Layout:
    """Keep a layout's schema and only those targets whose field the file has."""
    return replace(layout, targets=tuple(t for t in layout.targets if t.field in names))


def typed(kind: Kind) -> Kind:
    """Give the shape of values that a file has types for: strings are certainly strings.

    Parameters
    ----------
    kind : Kind
        What the file says; whatever else a column of text gets its text from is none.
    """
    match kind:
        case Array(item):
            return Array(typed(item))
        case Struct(fields):
            return Struct(tuple((name, typed(inner)) for name, inner in fields))
    return QUOTED if kind in (STRING, BINARY, DATE) else kind


def checked(select: str, certain: str, error: str, column: str) -> str:
    """Wrap a query so that it raises at the first row that is not certainly right.

    Parameters
    ----------
    select : str
        The query.
    certain : str
        As of :meth:`Rules.certain`.
    error : str
        SQL that raises.
    column : str
        A column that is read for each row.
    """
    if certain == _TRUE:
        return select
    return (
        f"SELECT * REPLACE (CASE WHEN {certain} THEN {column} ELSE {error} END AS {column}) "
        f"FROM ({select})"
    )


def _plain_key(name: str) -> str:
    spelled = json.dumps(name, ensure_ascii=False)[1:-1]
    return "".join(f"\\x{{{ord(character):x}}}" for character in spelled)


def _pointer(name: str) -> str:
    return "/" + name.replace("~", "~0").replace("/", "~1")


def _not_null(node: Node, shapes: Mapping[str, Kind]) -> set[str]:
    """Name the properties, however deep, that may be absent and may not be null."""
    found = set()
    for name, shape in shapes.items():
        inner = node.property(name)
        if name not in node.required and not inner.allows_null():
            found.add(name)
        while isinstance(shape, Array):
            shape, inner = shape.item, inner.items or ANY
        if isinstance(shape, Struct):
            found |= _not_null(inner, dict(shape.fields))
    return found


def _proved(node: Node, shape: Kind, kind: Kind) -> Kind:
    if node.trivial:
        return shape
    match shape, kind:
        case Struct(fields), Struct():
            return Struct(
                tuple(
                    (name, _proved(node.property(name), inner, kind.get(normalise(name)) or NULL))
                    for name, inner in fields
                )
            )
        case Array(item), Array(target):
            return Array(_proved(node.items or ANY, item, target))
    return QUOTED if kind == STRING else shape


# --- SQL -------------------------------------------------------------------------------

_JSON_TYPES: dict[Kind, str] = {
    BOOLEAN: "boolean",
    BIGINT: "integer",
    DOUBLE: "number",
    STRING: "string",
    DATE: "string",
}

_Members = dict[str, tuple[Kind, Kind, str]]


def _all(*tests: str) -> str:
    """Join by AND what is not always true."""
    needed = [test for test in tests if test != _TRUE]
    if _FALSE in needed:
        return _FALSE
    return f"({' AND '.join(needed)})" if needed else _TRUE


def _object_checks(node: Node) -> str:
    """Give the test of an object as a whole; one among constants is left to the exact way."""
    wrong = not node.allows("object") or "enum" in node.checks or "const" in node.checks
    return _FALSE if wrong else _TRUE


def _members(node: Node, members: _Members, nulls: bool, *, told: bool, scanned: bool) -> str:
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
        nullable = name not in node.required or (told and inner.allows_null())
        tests.append(_nullable(inner, shape, kind, sql, nulls, nullable=nullable))
    for name in node.required:
        if name not in members and not (scanned and node.property(name).allows_null()):
            return _FALSE
    return _all(*tests)


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
        return _all(f"{sql} IS NOT NULL", test)
    return _TRUE if test == _TRUE else f"({sql} IS NULL OR {test})"


def _value(node: Node, shape: Kind, kind: Kind, sql: str, nulls: bool) -> str:
    """Give the test of a value that is not null."""
    if node.trivial:
        return _TRUE
    match shape, kind:
        case Struct(fields), Struct():
            members = {
                name: (inner, target, f"{sql}.{quoted(normalise(name))}")
                for name, inner in fields
                if (target := kind.get(normalise(name))) is not None
            }
            inside = _members(node, members, nulls, told=nulls, scanned=False)
            return _all(_object_checks(node), inside)
        case Array(item), Array(target):
            return _array(node, item, target, sql, nulls)
    if kind == STRING and shape != QUOTED:
        return _FALSE
    name = _JSON_TYPES.get(kind, "")
    whole = kind == DOUBLE and not node.allows("number") and node.allows("integer")
    if not name or not (node.allows(name) or whole):
        return _FALSE
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
    return _all(*tests)


def _array(node: Node, shape: Kind, kind: Kind, sql: str, nulls: bool) -> str:
    if not node.allows("array") or "enum" in node.checks or "const" in node.checks:
        return _FALSE
    tests = []
    if least := node.checks.get("minItems"):
        tests.append(f"len({sql}) >= {least}")
    if (most := node.checks.get("maxItems")) is not None:
        tests.append(f"len({sql}) <= {most}")
    if node.items is not None:
        element = f"e{len(sql)}"
        nullable = node.items.allows_null()
        inside = _nullable(node.items, shape, kind, element, nulls, nullable=nullable)
        if inside == _FALSE:
            tests.append(f"len({sql}) = 0")
        elif inside != _TRUE:
            tests.append(f"len(list_filter({sql}, lambda {element}: ({inside}) IS NOT TRUE)) = 0")
    return _all(*tests)


def _among(allowed: tuple[Any, ...], kind: Kind, sql: str) -> str:
    found = []
    for value in allowed:
        if kind == BOOLEAN and isinstance(value, bool):
            found.append(_TRUE if value else _FALSE)
        elif kind in (STRING, DATE) and isinstance(value, str):
            found.append(literal(value))
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            if kind == BIGINT and value == int(value) and -(2**63) < value < 2**63:
                found.append(f"CAST({int(value)} AS BIGINT)")
            elif kind == DOUBLE and abs(value) < 2**1000 and float(value) == value:
                found.append(_double(float(value)))
    return f"{sql} IN ({', '.join(found)})" if found else _FALSE


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
                return _TRUE if (limit < 0) == low else _FALSE
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
        return _FALSE
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
