"""What Glue knows of a table, and which folders Athena therefore reads."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, field
from itertools import product
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from localaws.athena.errors import QueryError

if TYPE_CHECKING:
    from collections.abc import Iterator

#: How many partitions a projection may have here; more is surely a mistake in its range.
_MOST_PROJECTED = 200_000

#: Hive's folder for a null, and what Glue keeps as the value.
NULL_PARTITION = "__HIVE_DEFAULT_PARTITION__"


@dataclass(frozen=True)
class Column:
    """A column as Glue has it.

    Attributes
    ----------
    name : str
        In lower case.
    type : str
        Hive's type.
    """

    name: str
    type: str


@dataclass(frozen=True)
class Partition:
    """A folder with a value for each partition key.

    Attributes
    ----------
    values : tuple of str
        In the order of the table's keys.
    location : str
        S3 address, ending with a slash.
    """

    values: tuple[str, ...]
    location: str


@dataclass(frozen=True)
class Table:
    """A table or view of the catalog.

    Attributes
    ----------
    raw : dict
        What GetTable answered.
    """

    raw: dict[str, Any] = field(hash=False)

    @property
    def database(self) -> str:
        """Give the database's name."""
        return str(self.raw["DatabaseName"])

    @property
    def name(self) -> str:
        """Give the table's name."""
        return str(self.raw["Name"])

    @property
    def storage(self) -> dict[str, Any]:
        """Give the storage descriptor."""
        return self.raw.get("StorageDescriptor") or {}

    @property
    def parameters(self) -> dict[str, str]:
        """Give the table's properties."""
        return self.raw.get("Parameters") or {}

    @property
    def columns(self) -> list[Column]:
        """Give the columns that files hold."""
        found = self.storage.get("Columns") or []
        return [Column(c["Name"].lower(), c.get("Type", "string")) for c in found]

    @property
    def keys(self) -> list[Column]:
        """Give the partition keys."""
        found = self.raw.get("PartitionKeys") or []
        return [Column(c["Name"].lower(), c.get("Type", "string")) for c in found]

    @property
    def location(self) -> str:
        """Give the S3 address of the data, ending with a slash."""
        return slashed(self.storage.get("Location") or "")

    @property
    def is_view(self) -> bool:
        """Tell whether it is a view."""
        return self.raw.get("TableType") == "VIRTUAL_VIEW"

    @property
    def is_iceberg(self) -> bool:
        """Tell whether its files are described by Iceberg's metadata, and not by Glue."""
        return self.parameters.get("table_type", "").upper() == "ICEBERG"

    @property
    def format(self) -> str:
        """Give what reads its files: parquet, json, csv, or else the SerDe's name."""
        library = (self.storage.get("SerdeInfo") or {}).get("SerializationLibrary") or ""
        classes = f"{self.storage.get('InputFormat', '')} {library}".lower()
        for name in ("parquet", "json", "orc", "avro"):
            if name in classes:
                return name
        return "csv"

    @property
    def is_projected(self) -> bool:
        """Tell whether partitions are computed, so that registered ones do not count."""
        return self.parameters.get("projection.enabled", "").lower() == "true"


def slashed(location: str) -> str:
    """End an S3 address with a slash."""
    return location if not location or location.endswith("/") else location + "/"


def bucket_and_prefix(location: str) -> tuple[str, str]:
    """Take an S3 address apart."""
    parts = urlsplit(re.sub("^s3a?n?:", "s3:", location))
    return parts.netloc, location.partition("://")[2].partition("/")[2]


@dataclass(frozen=True)
class Catalog:
    """Glue, as a query sees it.

    Attributes
    ----------
    glue : client
        In the name of the caller.
    """

    glue: Any

    def table(self, database: str, name: str) -> Table | None:
        """Give a table, or None where there is none."""
        try:
            answer = self.glue.get_table(DatabaseName=database.lower(), Name=name.lower())
        except self.glue.exceptions.EntityNotFoundException:
            return None
        return Table(answer["Table"])

    def partitions(self, table: Table) -> list[Partition]:
        """Give the partitions that Athena knows: registered or, where enabled, projected."""
        if table.is_projected:
            return list(projected(table, dt.datetime.now(dt.UTC)))
        pages = self.glue.get_paginator("get_partitions").paginate(
            DatabaseName=table.database, TableName=table.name
        )
        return [
            Partition(tuple(one["Values"]), slashed(one["StorageDescriptor"]["Location"]))
            for page in pages
            for one in page["Partitions"]
        ]


# --- Partition projection --------------------------------------------------------------------

_JAVA_DATE = (
    ("yyyy", "%Y"), ("MM", "%m"), ("dd", "%d"), ("HH", "%H"), ("mm", "%M"), ("ss", "%S"),
)  # fmt: skip
_NOW = re.compile(r"NOW(?:\s*([+-])\s*(\d+)\s*([A-Z]+?)S?)?", re.IGNORECASE)
_SECONDS = {"SECOND": 1, "MINUTE": 60, "HOUR": 3600, "DAY": 86400, "WEEK": 604800}


def projected(table: Table, now: dt.datetime) -> Iterator[Partition]:
    """Compute a table's partitions from its properties.

    Parameters
    ----------
    table : Table
        With ``projection.enabled``.
    now : datetime
        What NOW means.

    Raises
    ------
    QueryError
        ``INVALID_TABLE_PROPERTY`` where a key's projection is not described.
    """
    names = [key.name for key in table.keys]
    ranges = [_values(table, name, now) for name in names]
    total = 1
    for one in ranges:
        total *= len(one)
    if total > _MOST_PROJECTED:
        raise QueryError(
            "INVALID_TABLE_PROPERTY", f"Table {table.name} projects {total} partitions"
        )
    template = table.parameters.get("storage.location.template") or table.location + "".join(
        f"{name}=${{{name}}}/" for name in names
    )
    for combination in product(*ranges):
        values, location = tuple(combination), template
        for name, value in zip(names, values, strict=True):
            location = location.replace(f"${{{name}}}", value)
        yield Partition(values, slashed(location))


def _values(table: Table, key: str, now: dt.datetime) -> list[str]:
    properties, prefix = table.parameters, f"projection.{key}."

    def told(what: str) -> str:
        try:
            return properties[prefix + what]
        except KeyError:
            raise QueryError(
                "INVALID_TABLE_PROPERTY",
                f"Table {table.database}.{table.name} is configured for partition projection, "
                f"but '{prefix}{what}' is missing",
            ) from None

    kind = told("type").lower()
    if kind == "enum":
        return [one.strip() for one in told("values").split(",")]
    if kind == "integer":
        first, last = (int(one) for one in told("range").split(","))
        step = int(properties.get(prefix + "interval", "1"))
        digits = int(properties.get(prefix + "digits", "0"))
        return [str(n).zfill(digits) for n in range(first, last + 1, step)]
    if kind == "date":
        return _dates(told("format"), told("range"), properties, prefix, now)
    raise QueryError("NOT_SUPPORTED", f"The local lake has no projection of type {kind}")


def _dates(
    pattern: str, told: str, properties: dict[str, str], prefix: str, now: dt.datetime
) -> list[str]:
    form = pattern.replace("'", "")
    for letters, code in _JAVA_DATE:
        form = form.replace(letters, code)

    def moment(text: str) -> dt.datetime:
        if found := _NOW.fullmatch(text.strip()):
            if not found[1]:
                return now
            return _moved(now, int(found[1] + found[2]), found[3].upper())
        return dt.datetime.strptime(text.strip(), form).replace(tzinfo=dt.UTC)

    first, last = (moment(one) for one in told.split(","))
    fine = "%H" in form or "%M" in form
    unit = properties.get(prefix + "interval.unit", "HOURS" if fine else "DAYS").upper()
    if "%d" not in form and "interval.unit" not in properties:
        unit = "MONTHS" if "%m" in form else "YEARS"
    step = int(properties.get(prefix + "interval", "1"))
    if not fine:
        first = first.replace(hour=0, minute=0, second=0, microsecond=0)
    made: list[str] = []
    while first <= last:
        made.append(first.strftime(form))
        first = _moved(first, step, unit.removesuffix("S"))
    return made


def _moved(moment: dt.datetime, count: int, unit: str) -> dt.datetime:
    if unit in _SECONDS:
        return moment + dt.timedelta(seconds=count * _SECONDS[unit])
    months = moment.year * 12 + moment.month - 1 + count * (12 if unit == "YEAR" else 1)
    return moment.replace(year=months // 12, month=months % 12 + 1, day=min(moment.day, 28))


def folder_values(folder: str) -> dict[str, str]:
    """Read ``key=value`` parts of a path."""
    parts = (part.partition("=") for part in folder.split("/") if "=" in part)
    return {key.lower(): unquote(value) for key, _, value in parts}
