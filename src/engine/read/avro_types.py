"""What the values of an Avro schema are, and how they are read."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from engine.read.jsontypes import (
    DAYS,
    MICROS,
    MILLIS,
    NANOS,
    TEXT,
    Read,
    array_of,
    map_of,
    nanosecond_text,
    plain,
    struct_of,
    time_of_day,
)
from engine.types.glue import writable
from engine.types.kinds import (
    BIGINT,
    BOOLEAN,
    DOUBLE,
    NULL,
    STRING,
    Kind,
    Scalar,
    Struct,
    merged,
)

_PLAIN: dict[str, Kind] = {
    "null": NULL,
    "boolean": BOOLEAN,
    "int": BIGINT,
    "long": BIGINT,
    "float": DOUBLE,
    "double": DOUBLE,
}

#: Logical types that are counts, which fastavro need not make objects of.
_COUNTS: dict[str, tuple[str, Read]] = {
    "date": ("int", DAYS),
    "time-millis": ("int", time_of_day("({0} * 1000)")),
    "time-micros": ("long", time_of_day("{0}")),
    **{
        f"{local}timestamp-{unit}": ("long", read)
        for local in ("", "local-")
        for unit, read in (("millis", MILLIS), ("micros", MICROS), ("nanos", NANOS))
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
                return replace(plain(_PLAIN[schema]), schema=schema)
            case str():
                # A record within itself is text: JSON.
                return self._named.get(_full(schema, space), replace(TEXT, schema=schema))
            case list():
                return self._union(schema, depth, space)
            case {"type": "array", "items": items}:
                item = self.read(items, depth + 1, space)
                return replace(array_of(item, depth), schema={**schema, "items": item.schema})
            case {"type": "map", "values": values}:
                item = self.read(values, depth + 1, space)
                return replace(map_of(item, depth), schema={**schema, "values": item.schema})
            case {"type": "record" | "error"}:
                return self._record(schema, depth, space)
            case {"logicalType": "decimal", "precision": int() as precision, **rest}:
                kind = Scalar(f"decimal({precision},{rest.get('scale', 0)})")
                read = plain(kind) if writable(kind) else TEXT
                return self._remember(schema, space, replace(read, schema=schema))
            case {"type": "enum" | "fixed"}:
                return self._remember(schema, space, replace(TEXT, schema=schema))
            case {"type": str() as inner, "logicalType": str() as logical} if (
                logical in _COUNTS and _COUNTS[logical][0] in (inner, "int")
            ):
                return _count(logical, inner, depth)
            case {"type": (dict() | list() | str()) as inner}:
                return self.read(inner, depth, space)
        return replace(TEXT, schema=schema)

    def _remember(self, schema: Any, space: str, read: Read) -> Read:
        if name := schema.get("name"):
            full = _full(name, schema.get("namespace", space))
            # Its next use is by name alone.
            self._named[full] = replace(read, schema=full)
        return read

    def _union(self, branches: list[Any], depth: int, space: str) -> Read:
        reads = [self.read(branch, depth, space) for branch in branches]
        given = [read.schema for read in reads]
        some = [read for read in reads if read.kind != NULL]
        if len(some) == 1:
            return replace(some[0], schema=given)
        kind = merged(read.kind for read in some)
        if kind == DOUBLE and "long" in given:
            # A double does not hold every long: the digits are read as text.
            return Read(DOUBLE if depth <= 1 else STRING, "VARCHAR", schema=given)
        if all(read.stored for read in some) and kind not in (STRING, NULL):
            return replace(plain(kind), schema=given)
        # Of several kinds: JSON text, in which fastavro's own moments are spelled out.
        given = [
            branch if isinstance(read.schema, str) else read.schema
            for branch, read in zip(branches, reads, strict=True)
        ]
        return Read(STRING if some else NULL, "VARCHAR", schema=given)

    def _record(self, schema: Any, depth: int, space: str) -> Read:
        full = _full(schema["name"], schema.get("namespace", space))
        inside = full.rpartition(".")[0]
        fields = [(f["name"], self.read(f["type"], depth + 1, inside)) for f in schema["fields"]]
        typed = [{"name": name, "type": read.schema} for name, read in fields]
        given = {**schema, "fields": typed}
        if not depth:
            kind = Struct(tuple((name, read.kind) for name, read in fields))
            return Read(kind, "", schema=given, fields=tuple(fields))
        return self._remember(schema, space, replace(struct_of(fields, depth), schema=given))


def _count(logical: str, inner: str, depth: int) -> Read:
    read = _COUNTS[logical][1]
    if read is NANOS and depth > 1:
        # Within a value nothing stands beside it that keeps what a timestamp does not.
        read = Read(STRING, "BIGINT", nanosecond_text, stored=False)
    return replace(read, schema=inner)


def _full(name: str, space: str) -> str:
    return name if "." in name or not space else f"{space}.{name}"
