"""GeoParquet whose metadata lacks what DuckDB 1.5.6 insists on, such as that of its versions 0.x.

The geometries are WKB all the same (geoparquet.org, "File metadata"). DuckDB refuses such a file
before anything is read of it, so a copy whose footer says what is missing takes its place.
"""

from __future__ import annotations

import json
from typing import Any

from engine.read.footer import Compact
from engine.read.varint import varint_bytes

#: The key in a KeyValue of FileMetaData, and what begins the value, as Thrift writes them.
_GEO = b"\x18\x03geo\x18"


def with_metadata(footer: bytes) -> bytes:
    """Give a footer whose metadata of geometries DuckDB takes; itself where nothing is missing."""
    place = footer.rfind(_GEO)
    if place < 0:
        return footer
    begin = place + len(_GEO)
    reader = Compact(footer, begin)
    try:
        metadata = json.loads(reader.binary())
    except (IndexError, ValueError, RecursionError):
        # Damaged, or no JSON: DuckDB says what it is.
        return footer
    if _is_complete(metadata):
        return footer
    text = json.dumps(_completed(metadata)).encode()
    value = varint_bytes(len(text)) + text
    return footer[:begin] + value + footer[reader.at :]


def _is_complete(metadata: Any) -> bool:
    match metadata:
        case {"version": str(), "columns": dict() as columns}:
            return all(_is_complete_column(column) for column in columns.values())
    return False


def _is_complete_column(column: Any) -> bool:
    match column:
        case {"encoding": str(), "geometry_types": list()}:
            return True
    return False


def _completed(metadata: Any) -> dict[str, Any]:
    given = metadata.get("columns") if isinstance(metadata, dict) else None
    columns = given.items() if isinstance(given, dict) else ()
    return {
        "version": "1.0.0",
        "columns": {
            name: {"encoding": "WKB", "geometry_types": []}
            for name, column in columns
            if isinstance(column, dict) and column.get("encoding", "WKB") == "WKB"
        },
    }
