"""What the values of an Avro schema are, and how DuckDB reads them from JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.types.kinds import (
    BIGINT,
    BOOLEAN,
    DATE,
    DOUBLE,
    NULL,
    STRING,
    TIMESTAMP,
    Array,
    Kind,
    Map,
    Scalar,
    Struct,
    duckdb_type,
    merged,
    quoted,
    writable,
)
from store.naming import normalise

if TYPE_CHECKING:
    from collections.abc import Callable

#: Deeper values are JSON text, as :func:`engine.types.kinds.kind_of` has it.
_MAX_DEPTH = 12


def _same(value: str) -> str:
    return value


@dataclass(frozen=True, slots=True)
class Read:
    """How the values of a schema are read.

    Attributes
    ----------
    kind : Kind
        What they are.
    schema : Any
        Under which fastavro gives them as JSON has them: of moments the number.
    json_type : str
        DuckDB's type for that JSON.
    sql : callable
        Makes of SQL of such a value SQL of one of the kind; null for a number that is no moment.
    stored : bool
        Whether SQL has nothing to do.
    fields : tuple of (str, Read)
        Of a record.
    """

    kind: Kind
    schema: Any
    json_type: str
    sql: Callable[[str], str] = _same
    stored: bool = True
    fields: tuple[tuple[str, Read], ...] = ()


_PLAIN: dict[str, Kind] = {
    "null": NULL,
    "boolean": BOOLEAN,
    "int": BIGINT,
    "long": BIGINT,
    "float": DOUBLE,
    "double": DOUBLE,
}


def _ranged(per_second: int, read: str) -> Callable[[str], str]:
    """Give SQL that reads a number as a moment of the years that ISO 8601 spells: 1 to 9999."""
    least, most = -62_135_596_800 * per_second, 253_402_300_800 * per_second - 1
    if per_second > 1_000_000:
        # Of nanoseconds 64 bits hold less than that.
        least, most = -(2**63) + 1, 2**63 - 1

    def sql(value: str) -> str:
        return f"CASE WHEN {value} BETWEEN {least} AND {most} THEN {read.format(value)} END"

    return sql


def _time(micros: str) -> Callable[[str], str]:
    def sql(value: str) -> str:
        number = micros.format(value)
        return (
            f"CASE WHEN {number} BETWEEN 0 AND 86399999999 THEN "
            f"CAST(CAST(make_timestamp({number}) AS TIME) AS VARCHAR) "
            f"ELSE CAST({value} AS VARCHAR) END"
        )

    return sql


def _day(value: str) -> str:
    return (
        f"CASE WHEN {value} BETWEEN -719162 AND 2932896 "
        f"THEN DATE '1970-01-01' + CAST({value} AS INTEGER) END"
    )


#: Nanoseconds that are no whole microseconds are no moment of a table's.
_NANOS = _ranged(1_000_000_000, "if({0} % 1000 = 0, make_timestamp({0} // 1000), NULL)")

_LOGICAL: dict[str, tuple[str, Kind, Callable[[str], str]]] = {
    "date": ("int", DATE, _day),
    "time-millis": ("int", STRING, _time("({0} * 1000)")),
    "time-micros": ("long", STRING, _time("{0}")),
    **{
        f"{local}timestamp-{unit}": ("long", TIMESTAMP, sql)
        for local in ("", "local-")
        for unit, sql in (
            ("millis", _ranged(1_000, "make_timestamp({0} * 1000)")),
            ("micros", _ranged(1_000_000, "make_timestamp({0})")),
            ("nanos", _NANOS),
        )
    },
}


def has_nanoseconds(schema: Any) -> bool:
    """Tell whether values of a schema's own are counts of nanoseconds."""
    match schema:
        case list():
            return any(has_nanoseconds(branch) for branch in schema)
        case {"logicalType": str() as logical}:
            return logical.endswith("timestamp-nanos")
        case {"type": dict() | list() as inner}:
            return has_nanoseconds(inner)
    return False


def nanosecond_text(value: str) -> str:
    """Give the SQL of a count of nanoseconds as text that has all of them."""
    return f"CAST(make_timestamp_ns({value}) AS VARCHAR)"


class Schemas:
    """Reads one file's schema, with the types that it names."""

    def __init__(self) -> None:
        self._named: dict[str, Read] = {}

    def read(self, schema: Any, depth: int = 0, space: str = "") -> Read:
        """Tell how the values of a schema are read.

        Parameters
        ----------
        schema : Any
            As parsed JSON.
        depth : int
            How deep the values lie in their record.
        space : str
            The namespace of what is around it.
        """
        match schema:
            case str() if schema in _PLAIN:
                return _scalar(_PLAIN[schema], schema)
            case str():
                full = _full(schema, space)
                # A record within itself is text: JSON.
                return self._named.get(full) or Read(STRING, schema, "VARCHAR")
            case list():
                return self._union(schema, depth, space)
            case {"type": "array", "items": items}:
                return self._array(schema, items, depth, space)
            case {"type": "map", "values": values}:
                return self._map(schema, values, depth, space)
            case {"type": "record" | "error"}:
                return self._record(schema, depth, space)
            case {"logicalType": "decimal", "precision": int() as precision, **rest}:
                return self._remember(schema, space, _decimal(schema, precision, rest))
            case {"logicalType": str() as logical, "type": str() as inner} if (
                logical in _LOGICAL and _LOGICAL[logical][0] in (inner, "int")
            ):
                _, kind, sql = _LOGICAL[logical]
                if logical.endswith("nanos") and depth > 1:
                    return Read(STRING, inner, "BIGINT", nanosecond_text, stored=False)
                return Read(kind, inner, "BIGINT", sql, stored=False)
            case {"type": "enum" | "fixed"}:
                return self._remember(schema, space, Read(STRING, schema, "VARCHAR"))
            case {"logicalType": "uuid", "type": "string"}:
                return Read(STRING, "string", "VARCHAR")
            case {"type": (dict() | list() | str()) as inner}:
                return self.read(inner, depth, space)
        return Read(STRING, schema, "VARCHAR")

    def _remember(self, schema: Any, space: str, read: Read) -> Read:
        if name := schema.get("name"):
            full = _full(name, schema.get("namespace", space))
            # Its next use is by name alone.
            self._named[full] = Read(read.kind, full, read.json_type, read.sql, read.stored)
        return read

    def _union(self, branches: list[Any], depth: int, space: str) -> Read:
        reads = [self.read(branch, depth, space) for branch in branches]
        some = [read for read in reads if read.kind != NULL]
        if len(some) == 1:
            (only,) = some
            schema = [read.schema for read in reads]
            return Read(only.kind, schema, only.json_type, only.sql, only.stored)
        kind = merged(read.kind for read in some)
        given = [read.schema for read in reads]
        if kind == DOUBLE and "long" in given:
            # A double does not hold every long: the digits are read as text.
            return Read(DOUBLE if depth <= 1 else STRING, given, "VARCHAR")
        if all(read.stored for read in some) and kind not in (STRING, NULL):
            return Read(kind, given, duckdb_type(kind))
        # Of several kinds: JSON text, in which fastavro's own moments are spelled out.
        given = [
            branch if isinstance(read.schema, str) else read.schema
            for branch, read in zip(branches, reads, strict=True)
        ]
        return Read(STRING if some else NULL, given, "VARCHAR")

    def _array(self, schema: Any, items: Any, depth: int, space: str) -> Read:
        if depth >= _MAX_DEPTH:
            return Read(STRING, schema, "VARCHAR")
        item = self.read(items, depth + 1, space)
        given = {"type": "array", "items": item.schema}

        def sql(value: str) -> str:
            element = f"a{len(value)}"
            return f"list_transform({value}, lambda {element}: {item.sql(element)})"

        kind, json_type = Array(item.kind), f"{item.json_type}[]"
        return Read(kind, given, json_type, _same if item.stored else sql, item.stored)

    def _map(self, schema: Any, values: Any, depth: int, space: str) -> Read:
        if depth >= _MAX_DEPTH:
            return Read(STRING, schema, "VARCHAR")
        item = self.read(values, depth + 1, space)
        given = {"type": "map", "values": item.schema}

        def sql(value: str) -> str:
            entry = f"a{len(value)}"
            return (
                f"map_from_entries(list_transform(map_entries({value}), lambda {entry}: "
                f"struct_pack(key := {entry}.key, value := {item.sql(f'{entry}.value')})))"
            )

        json_type = f"MAP(VARCHAR, {item.json_type})"
        kind = Map(STRING, item.kind)
        return Read(kind, given, json_type, _same if item.stored else sql, item.stored)

    def _record(self, schema: Any, depth: int, space: str) -> Read:
        full = _full(schema["name"], schema.get("namespace", space))
        inside = full.rpartition(".")[0]
        fields = [(f["name"], self.read(f["type"], depth + 1, inside)) for f in schema["fields"]]
        typed = [{"name": name, "type": read.schema} for name, read in fields]
        given = {**schema, "fields": typed}
        names = {normalise(name) for name, _ in fields}
        if not depth:
            return Read(_struct(fields), given, "", fields=tuple(fields))
        if depth > _MAX_DEPTH or len(names) < len(fields) or not fields:
            self._named[full] = Read(STRING, full, "VARCHAR")
            return Read(STRING, given, "VARCHAR")
        types = ", ".join(f"{quoted(name)} {read.json_type}" for name, read in fields)

        def sql(value: str) -> str:
            parts = (f"{quoted(n)} := {r.sql(f'{value}.{quoted(n)}')}" for n, r in fields)
            return f"CASE WHEN {value} IS NOT NULL THEN struct_pack({', '.join(parts)}) END"

        stored = all(read.stored for _, read in fields)
        found = Read(_struct(fields), given, f"STRUCT({types})", _same if stored else sql, stored)
        self._named[full] = Read(found.kind, full, found.json_type, found.sql, stored)
        return found


def _struct(fields: list[tuple[str, Read]]) -> Kind:
    return Struct(tuple((name, read.kind) for name, read in fields))


def _scalar(kind: Kind, schema: Any) -> Read:
    return Read(kind, schema, "VARCHAR" if kind == NULL else duckdb_type(kind))


def _decimal(schema: Any, precision: int, rest: dict[str, Any]) -> Read:
    kind = Scalar(f"decimal({precision},{rest.get('scale', 0)})")
    if not writable(kind):
        return Read(STRING, schema, "VARCHAR")
    return Read(kind, schema, duckdb_type(kind))


def _full(name: str, space: str) -> str:
    return name if "." in name or not space else f"{space}.{name}"
