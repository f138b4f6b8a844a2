"""What a Glue crawler's built-in classifiers find in an object: format, compression, columns."""

from __future__ import annotations

import tempfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from localaws.athena.types import literal, quoted

if TYPE_CHECKING:
    from collections.abc import Iterable

_TEXT = (
    "org.apache.hadoop.mapred.TextInputFormat",
    "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
)
_PARQUET = (
    "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
    "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
)

#: A crawler looks at the beginning of a text file only.
_SAMPLE = 4 * 1024 * 1024

#: More than the footer of nearly every Parquet file.
_FOOTER = 64 * 1024

_MAGIC = ((b"PAR1", "parquet"), (b"\x1f\x8b", "gzip"), (b"BZh", "bzip2"))

_TO_HIVE = {
    "BOOLEAN": "boolean",
    "TINYINT": "tinyint",
    "UTINYINT": "smallint",
    "SMALLINT": "smallint",
    "USMALLINT": "int",
    "INTEGER": "int",
    "UINTEGER": "bigint",
    "BIGINT": "bigint",
    "UBIGINT": "bigint",
    "FLOAT": "float",
    "DOUBLE": "double",
    "HUGEINT": "double",
    "BLOB": "binary",
    "DATE": "date",
}

_WIDER = ("tinyint", "smallint", "int", "bigint", "float", "double")


@dataclass(frozen=True)
class Found:
    """What an object is.

    Attributes
    ----------
    classification, compression : str
        As a crawler writes them into a table's parameters.
    columns : tuple of (str, str)
        Names in lower case and Hive types.
    rows : int
        As far as known without reading all of it.
    properties : dict
        Further parameters of the table.
    """

    classification: str
    compression: str
    columns: tuple[tuple[str, str], ...]
    rows: int
    properties: dict[str, str] = field(default_factory=dict, hash=False)

    @property
    def input_format(self) -> str:
        """Give Hive's input format."""
        return (_PARQUET if self.classification == "parquet" else _TEXT)[0]

    @property
    def output_format(self) -> str:
        """Give Hive's output format."""
        return (_PARQUET if self.classification == "parquet" else _TEXT)[1]

    @property
    def serde(self) -> str:
        """Give Hive's serialisation library."""
        return {
            "parquet": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe",
            "json": "org.openx.data.jsonserde.JsonSerDe",
        }.get(self.classification, "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe")


def serde_parameters(found: Found, columns: list[dict[str, str]]) -> dict[str, str]:
    """Give the SerDe's parameters that a crawler writes."""
    if found.classification == "json":
        return {"paths": ",".join(sorted(column["Name"] for column in columns))}
    if found.classification == "csv":
        return {"field.delim": found.properties["delimiter"]}
    return {"serialization.format": "1"}


def merged(found: Iterable[Found], without: set[str]) -> list[dict[str, str]]:
    """Give the columns of several objects as one table's.

    Parameters
    ----------
    found : iterable of Found
        The objects' schemas.
    without : set of str
        Names that partition keys have.

    Returns
    -------
    list of dict
        In the order in which they were met; types that differ become one that holds both.
    """
    kinds: dict[str, str] = {}
    for name, kind in (column for one in found for column in one.columns):
        if name not in without:
            kinds[name] = _wider(kinds.get(name, kind), kind)
    return [{"Name": name, "Type": kind} for name, kind in kinds.items()]


def _wider(one: str, other: str) -> str:
    if one == other:
        return one
    if one in _WIDER and other in _WIDER:
        return max(one, other, key=_WIDER.index)
    return "string"


def read(s3: Any, bucket: str, key: str, size: int) -> Found | None:
    """Find out what an object is.

    Parameters
    ----------
    s3 : client
        In the name of the crawler's role.
    bucket, key : str
        The object.
    size : int
        Its size.

    Returns
    -------
    Found or None
        None where no classifier knows it.
    """

    def part(first: int, last: int) -> bytes:
        last = min(last, size - 1)
        answer = s3.get_object(Bucket=bucket, Key=key, Range=f"bytes={first}-{last}")
        return bytes(answer["Body"].read())

    head = part(0, 3)
    kind = next((name for magic, name in _MAGIC if head.startswith(magic)), "none")
    with tempfile.TemporaryDirectory(prefix="crawl-") as folder:
        path = Path(folder) / "object"
        with duckdb.connect(config={"threads": 1}) as connection:
            try:
                if kind == "parquet":
                    _sparse(path, size, part)
                    return _parquet(connection, path)
                if kind == "bzip2":
                    return None
                sample = part(0, _SAMPLE - 1)
                path.write_bytes(_unpacked(sample) if kind == "gzip" else sample)
                return _text(connection, path, kind, cut=size > _SAMPLE)
            except (duckdb.Error, zlib.error):
                # Content that DuckDB cannot read is content that no classifier knows.
                return None


def _unpacked(data: bytes) -> bytes:
    """Undo gzip, as far as the data goes, member after member."""
    made = b""
    while data:
        member = zlib.decompressobj(wbits=31)
        made += member.decompress(data)
        data = member.unused_data
    return made


def _sparse(path: Path, size: int, part: Any) -> None:
    """Write a Parquet file's beginning and footer at their places, and nothing between."""
    tail = part(max(0, size - _FOOTER), size - 1)
    length = int.from_bytes(tail[-8:-4], "little") + 8
    if length > len(tail):
        tail = part(max(0, size - length), size - 1)
    with path.open("wb") as file:
        file.write(b"PAR1")
        file.truncate(size)
        file.seek(size - len(tail))
        file.write(tail)


def _parquet(connection: duckdb.DuckDBPyConnection, path: Path) -> Found:
    described = connection.execute(f"DESCRIBE FROM read_parquet({literal(str(path))})")
    columns = tuple((row[0].lower(), _hive(row[1])) for row in described.fetchall())
    counted = connection.execute(
        "SELECT num_rows FROM parquet_file_metadata($1)", [str(path)]
    ).fetchone()
    return Found("parquet", "none", columns, counted[0] if counted else 0)


def _text(
    connection: duckdb.DuckDBPyConnection, path: Path, compression: str, *, cut: bool
) -> Found | None:
    name = literal(str(path))
    connection.execute(
        f"CREATE TABLE lines AS SELECT line FROM read_csv({name}, header = false, "
        "columns = {'line': 'VARCHAR'}, delim = '\\0', quote = '', escape = '', "
        "auto_detect = false, strict_mode = false, "
        f"ignore_errors = {str(cut).lower()}) WHERE trim(line) <> ''"
    )
    # Of a file that was cut the last line is not whole.
    if cut:
        connection.execute("DELETE FROM lines WHERE rowid = (SELECT max(rowid) FROM lines)")
    ((count, objects),) = connection.execute(
        "SELECT count(*), count(*) FILTER (CASE WHEN json_valid(line) "
        "THEN json_type(line) = 'OBJECT' ELSE false END) "
        "FROM lines"
    ).fetchall()
    if not count:
        return None
    if objects == count:
        return _json(connection, compression, count)
    return _csv(connection, path, compression, count)


def _json(connection: duckdb.DuckDBPyConnection, compression: str, count: int) -> Found:
    ((structure,),) = connection.execute(
        "SELECT json_group_structure(CAST(line AS JSON)) FROM lines"
    ).fetchall()
    rows = connection.execute("SELECT key, value FROM json_each($1)", [structure]).fetchall()
    columns = []
    for key, value in rows:
        kind = _of_structure(connection, value)
        if kind == "bigint":
            kind = _smallest(connection, key)
        columns.append((key.lower(), kind))
    return Found("json", compression, tuple(columns), count)


def _smallest(connection: duckdb.DuckDBPyConnection, key: str) -> str:
    """Give int where every value is one, as a crawler does."""
    path = "$." + quoted(key)
    ((fits,),) = connection.execute(
        "SELECT coalesce(bool_and(TRY_CAST(line ->> $1 AS INTEGER) IS NOT NULL), true) FROM lines "
        "WHERE line ->> $1 IS NOT NULL",
        [path],
    ).fetchall()
    return "int" if fits else "bigint"


def _of_structure(connection: duckdb.DuckDBPyConnection, structure: str) -> str:
    """Translate DuckDB's description of JSON to a Hive type."""
    ((kind,),) = connection.execute("SELECT json_type($1)", [structure]).fetchall()
    if kind == "OBJECT":
        parts = connection.execute("SELECT key, value FROM json_each($1)", [structure]).fetchall()
        inner = ",".join(f"{k.lower()}:{_of_structure(connection, v)}" for k, v in parts)
        return f"struct<{inner}>" if inner else "string"
    if kind == "ARRAY":
        parts = connection.execute("SELECT value FROM json_each($1)", [structure]).fetchall()
        return f"array<{_of_structure(connection, parts[0][0])}>"
    return {"UBIGINT": "bigint", "BIGINT": "bigint", "DOUBLE": "double", "BOOLEAN": "boolean"}.get(
        structure.strip('"'), "string"
    )


def _csv(
    connection: duckdb.DuckDBPyConnection, path: Path, compression: str, count: int
) -> Found | None:
    name = literal(str(path))
    ((delimiter, header, columns),) = connection.execute(
        f"SELECT Delimiter, HasHeader, Columns FROM sniff_csv({name})"
    ).fetchall()
    if len(columns) < 2:
        return None
    kinds = {"BIGINT": "bigint", "DOUBLE": "double"}
    found = tuple(
        (
            column["name"].lower() if header else f"col{index}",
            kinds.get(column["type"], "string"),
        )
        for index, column in enumerate(columns)
    )
    properties = {"areColumnsQuoted": "false", "columnsOrdered": "true", "delimiter": delimiter}
    if header:
        properties["skip.header.line.count"] = "1"
    return Found("csv", compression, found, count - header, properties)


def _hive(duckdb_type: str) -> str:
    """Translate a type that DuckDB reads from Parquet."""
    kind = duckdb_type.strip()
    if kind.endswith("[]"):
        return f"array<{_hive(kind[:-2])}>"
    if kind.startswith("STRUCT("):
        fields = (_named(one) for one in _split(kind[7:-1]))
        return "struct<" + ",".join(f"{name}:{_hive(of)}" for name, of in fields) + ">"
    if kind.startswith("MAP("):
        key, value = _split(kind[4:-1])
        return f"map<{_hive(key)},{_hive(value)}>"
    if kind.startswith("DECIMAL"):
        return kind.lower()
    if kind.startswith("TIMESTAMP"):
        return "timestamp"
    return _TO_HIVE.get(kind, "string")


def _named(field_of_struct: str) -> tuple[str, str]:
    text = field_of_struct.strip()
    if text.startswith('"'):
        end = text.index('"', 1)
        return text[1:end].lower(), text[end + 1 :]
    name, _, kind = text.partition(" ")
    return name.lower(), kind


def _split(text: str) -> list[str]:
    parts, depth, start = [], 0, 0
    for index, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            parts.append(text[start:index])
            start = index + 1
    return [*parts, text[start:]]
