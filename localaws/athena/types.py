"""The same type in four languages: Hive's (Glue), Athena's, DuckDB's and Parquet's."""

from __future__ import annotations

import datetime as dt
import math
import re
import struct
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from localaws.athena.errors import QueryError

if TYPE_CHECKING:
    from duckdb.sqltypes import DuckDBPyType

_HIVE_TO_DUCKDB = {
    "boolean": "BOOLEAN",
    "tinyint": "TINYINT",
    "smallint": "SMALLINT",
    "int": "INTEGER",
    "integer": "INTEGER",
    "bigint": "BIGINT",
    "float": "FLOAT",
    "real": "FLOAT",
    "double": "DOUBLE",
    "string": "VARCHAR",
    "varchar": "VARCHAR",
    "char": "VARCHAR",
    "binary": "BLOB",
    "varbinary": "BLOB",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
}

_WHOLE = frozenset({"tinyint", "smallint", "int", "integer", "bigint"})

#: What a Parquet file may hold for a column of a Hive type; else Athena answers HIVE_BAD_DATA.
_PARQUET = {
    "boolean": {"BOOLEAN"},
    "tinyint": {"INT32"},
    "smallint": {"INT32"},
    "int": {"INT32"},
    "integer": {"INT32"},
    "bigint": {"INT32", "INT64"},
    "float": {"FLOAT"},
    "real": {"FLOAT"},
    "double": {"DOUBLE"},
    "string": {"BYTE_ARRAY"},
    "varchar": {"BYTE_ARRAY"},
    "char": {"BYTE_ARRAY"},
    "binary": {"BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY"},
    "varbinary": {"BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY"},
    "date": {"INT32"},
    "timestamp": {"INT64", "INT96"},
    "decimal": {"INT32", "INT64", "BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY"},
}


def base_of(hive: str) -> str:
    """Give a Hive type's name without parameters."""
    return hive.strip().lower().partition("(")[0].partition("<")[0].strip()


def _split(text: str) -> list[str]:
    """Split at the commas that stand outside of brackets."""
    parts, depth, start = [], 0, 0
    for index, letter in enumerate(text):
        depth += (letter in "<(") - (letter in ">)")
        if letter == "," and depth == 0:
            parts.append(text[start:index])
            start = index + 1
    return [*parts, text[start:]]


def quoted(name: str) -> str:
    """Quote an identifier for DuckDB."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Quote a string for DuckDB."""
    return "'" + text.replace("'", "''") + "'"


def hive_to_duckdb(hive: str) -> str:
    """Translate the type of a Glue column.

    Raises
    ------
    QueryError
        ``HIVE_INVALID_METADATA`` for a type that there is not.
    """
    kind, base = hive.strip().lower(), base_of(hive)
    if base == "decimal":
        inside = kind.partition("(")[2].rpartition(")")[0]
        return f"DECIMAL({inside})" if inside else "DECIMAL(10, 0)"
    if base == "array":
        return hive_to_duckdb(hive.strip()[6:-1]) + "[]"
    if base == "map":
        key, value = _split(hive.strip()[4:-1])
        return f"MAP({hive_to_duckdb(key)}, {hive_to_duckdb(value)})"
    if base == "struct":
        fields = [field.partition(":") for field in _split(hive.strip()[7:-1])]
        return (
            "STRUCT("
            + ", ".join(f"{quoted(name.strip())} {hive_to_duckdb(of)}" for name, _, of in fields)
            + ")"
        )
    try:
        return _HIVE_TO_DUCKDB[base]
    except KeyError:
        raise QueryError("HIVE_INVALID_METADATA", f"Unsupported Hive type: {hive}") from None


#: Trino's names of DuckDB's types, where they differ.
_TRINO = {
    "timestamp": "timestamp(3)",
    "timestamp with time zone": "timestamp(3) with time zone",
    "float": "real",
    "blob": "varbinary",
    '"null"': "unknown",
}


def duckdb_to_trino(told: str) -> str:
    """Translate what DuckDB's ``typeof`` gives to what Trino's gives."""
    if told.endswith("[]"):
        return f"array({duckdb_to_trino(told[:-2])})"
    base, _, inside = told.partition("(")
    if base not in ("MAP", "STRUCT"):
        return _TRINO.get(told.lower(), told.lower())
    parts = [part.strip() for part in _split(inside[:-1])]
    if base == "MAP":
        return f"map({', '.join(map(duckdb_to_trino, parts))})"
    fields = [found.groups() for part in parts if (found := _FIELD.fullmatch(part))]
    # Trino writes names without quotes.
    named = (name.strip('"') + " " + duckdb_to_trino(of) for name, of in fields)
    return f"row({', '.join(named)})"


_FIELD = re.compile(r'("[^"]*"|\S+) (.*)')


def fits(parquet: str, hive: str) -> bool:
    """Tell whether Athena reads a physical Parquet type as a column of a simple Hive type."""
    allowed = _PARQUET.get(base_of(hive))
    return allowed is None or parquet in allowed


def is_nested(hive: str) -> bool:
    """Tell whether values of the type hold others."""
    return base_of(hive) in ("array", "map", "struct")


def is_whole(hive: str) -> bool:
    """Tell whether the type is one of whole numbers."""
    return base_of(hive) in _WHOLE


_ATHENA = {
    "boolean": ("boolean", 0),
    "tinyint": ("tinyint", 3),
    "utinyint": ("smallint", 5),
    "smallint": ("smallint", 5),
    "usmallint": ("integer", 10),
    "integer": ("integer", 10),
    "uinteger": ("bigint", 19),
    "bigint": ("bigint", 19),
    # Sums and counts, which are BIGINT in Trino.
    "ubigint": ("bigint", 19),
    "hugeint": ("bigint", 19),
    "uhugeint": ("bigint", 19),
    "float": ("float", 17),
    "double": ("double", 17),
    "varchar": ("varchar", 2147483647),
    "json": ("json", 0),
    "uuid": ("uuid", 0),
    "enum": ("varchar", 2147483647),
    "blob": ("varbinary", 1073741824),
    "date": ("date", 0),
    "time": ("time", 3),
    "timestamp": ("timestamp", 3),
    "timestamp_s": ("timestamp", 3),
    "timestamp_ms": ("timestamp", 3),
    "timestamp_ns": ("timestamp", 3),
    "timestamp with time zone": ("timestamp with time zone", 3),
    "interval": ("interval day to second", 0),
    "list": ("array", 0),
    "array": ("array", 0),
    "struct": ("row", 0),
    "map": ("map", 0),
    "null": ("unknown", 0),
    '"null"': ("unknown", 0),
}

_ATHENA_TO_HIVE = {"integer": "int", "varchar": "string", "varbinary": "binary", "json": "string"}


@dataclass(frozen=True)
class ResultType:
    """The type of a column of a result.

    Attributes
    ----------
    of : DuckDBPyType
        As DuckDB says it.
    """

    of: DuckDBPyType

    @property
    def _id(self) -> str:
        # JSON is a VARCHAR by another name.
        return "json" if str(self.of) == "JSON" else str(self.of.id).lower()

    @property
    def athena(self) -> str:
        """Give Athena's name, without parameters, as GetQueryResults does."""
        if self._id == "decimal":
            return "decimal"
        return _ATHENA.get(self._id, ("varchar", 0))[0]

    @property
    def precision_and_scale(self) -> tuple[int, int]:
        """Give what GetQueryResults says of a column's width."""
        if self._id == "decimal":
            (_, precision), (_, scale) = self.of.children
            return int(str(precision)), int(str(scale))
        return _ATHENA.get(self._id, ("", 0))[1], 0

    def hive(self) -> str:
        """Give the type of a Glue column that holds it.

        Raises
        ------
        QueryError
            ``NOT_SUPPORTED`` where Hive has none.
        """
        if self._id == "decimal":
            return "decimal({},{})".format(*self.precision_and_scale)
        nested = self.athena in ("array", "map", "row")
        children = [(name, ResultType(of)) for name, of in self._children()] if nested else []
        if self.athena == "array":
            return f"array<{children[0][1].hive()}>"
        if self.athena == "map":
            return f"map<{children[0][1].hive()},{children[1][1].hive()}>"
        if self.athena == "row":
            return "struct<" + ",".join(f"{name}:{of.hive()}" for name, of in children) + ">"
        if self.athena in ("timestamp with time zone", "time", "unknown", "uuid") or (
            self.athena.startswith("interval")
        ):
            raise QueryError("NOT_SUPPORTED", f"Unsupported Hive type: {self.athena}")
        return _ATHENA_TO_HIVE.get(self.athena, self.athena)

    def storable(self) -> str:
        """Give the DuckDB type in which Athena stores it in Parquet."""
        return hive_to_duckdb(self.hive())

    def _children(self) -> list[tuple[str, Any]]:
        children = [(name, of) for name, of in self.of.children if name != "size"]
        return [(name or f"field{index}", of) for index, (name, of) in enumerate(children)]

    def text(self, value: Any) -> str | None:
        """Write a value as Athena prints it; a null is None."""
        return None if value is None else self._text(value)

    def _text(self, value: Any) -> str:
        if value is None:
            return "null"
        kind = self.athena
        if kind in ("array", "map", "row"):
            return self._nested(kind, value)
        if isinstance(value, bool):
            return "true" if value else "false"
        if kind == "double":
            return java_double(value)
        if kind == "float":
            return java_double(_shortest_float(value))
        if isinstance(value, Decimal):
            return f"{value:f}"
        if isinstance(value, dt.datetime):
            text = f"{value:%Y-%m-%d %H:%M:%S}.{value.microsecond // 1000:03d}"
            return text + " UTC" if value.tzinfo is not None else text
        if isinstance(value, dt.time):
            return f"{value:%H:%M:%S}.{value.microsecond // 1000:03d}"
        if isinstance(value, dt.timedelta):
            rest = value - dt.timedelta(days=value.days)
            return f"{value.days} {dt.datetime.min + rest:%H:%M:%S}.{rest.microseconds // 1000:03d}"
        if isinstance(value, bytes):
            return value.hex(" ")
        return str(value)

    def _nested(self, kind: str, value: Any) -> str:
        children = self._children()
        if kind == "array":
            of = ResultType(children[0][1])
            return "[" + ", ".join(of._text(one) for one in value) + "]"
        if kind == "map":
            key, item = (ResultType(of) for _, of in children)
            pairs = (f"{key._text(k)}={item._text(v)}" for k, v in value.items())
            return "{" + ", ".join(pairs) + "}"
        items = value if isinstance(value, tuple) else tuple(value.values())
        fields = zip(children, items, strict=True)
        return "{" + ", ".join(f"{n}={ResultType(of)._text(v)}" for (n, of), v in fields) + "}"


def java_double(value: float) -> str:
    """Write a number as Java's ``Double.toString``, which Athena uses."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    sign = "-" if math.copysign(1, value) < 0 else ""
    if value == 0:
        return sign + "0.0"
    _, digits, exponent = Decimal(repr(abs(value))).normalize().as_tuple()
    text = "".join(map(str, digits))
    point = len(text) + int(exponent)
    if not 1e-3 <= abs(value) < 1e7:
        return f"{sign}{text[0]}.{text[1:] or '0'}E{point - 1}"
    if point <= 0:
        return f"{sign}0.{'0' * -point}{text}"
    text = text.ljust(point, "0")
    return f"{sign}{text[:point]}.{text[point:] or '0'}"


def _shortest_float(value: float) -> float:
    """Give the double whose digits are the fewest that mean the same 32-bit number."""
    if not math.isfinite(value):
        return value
    packed = struct.pack("f", value)
    candidates = (float(f"{value:.{digits}g}") for digits in range(1, 10))
    return next(one for one in candidates if struct.pack("f", one) == packed)
