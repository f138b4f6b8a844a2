"""Tables and partitions as the Glue Data Catalog spells them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from store.model import Column, Schema
from store.naming import PARTITION_KEY, RAW_PREFIX, table_prefix

if TYPE_CHECKING:
    from collections.abc import Mapping

    Table = Mapping[str, Any]

#: What a crawler writes for each format; a table that lacks these is not adopted but
#: twinned or marked deprecated (cloud-intelligence-dashboards-data-collection#463).
_FORMATS: dict[str, dict[str, Any]] = {
    "parquet": {
        "parameters": {
            "classification": "parquet",
            "compressionType": "none",
            "typeOfData": "file",
        },
        "storage": {
            "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
            "OutputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
            "Compressed": False,
            "SerdeInfo": {
                "SerializationLibrary": (
                    "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
                ),
                "Parameters": {"serialization.format": "1"},
            },
        },
    },
    "json": {
        "parameters": {
            "classification": "json",
            "compressionType": "gzip",
            "typeOfData": "file",
        },
        "storage": {
            "InputFormat": "org.apache.hadoop.mapred.TextInputFormat",
            "OutputFormat": "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
            "Compressed": True,
            "SerdeInfo": {"SerializationLibrary": "org.openx.data.jsonserde.JsonSerDe"},
        },
    },
}

#: Formats of the lake's by the SerDe that reads them.
_SERDES = {
    form["storage"]["SerdeInfo"]["SerializationLibrary"]: name for name, form in _FORMATS.items()
} | {"org.apache.hive.hcatalog.data.JsonSerDe": "json"}

#: What makes good for what was refused meanwhile.
_THEN = "then `lake reconcile --fix`"

#: The part of GetTable's answer that UpdateTable takes back (AWS Glue API, TableInput).
_TABLE_INPUT = (
    "Name",
    "Description",
    "Owner",
    "Retention",
    "TableType",
    "Parameters",
    "PartitionKeys",
    "StorageDescriptor",
)


def location_of(bucket: str, dataset: str) -> str:
    """Give where a dataset's table has its files."""
    return f"s3://{bucket}/{table_prefix(dataset)}"


def new_table(dataset: str, bucket: str, schema: Schema) -> dict[str, Any]:
    """Describe a table that there is not yet.

    Parameters
    ----------
    dataset : str
        Its name.
    bucket : str
        The processed bucket.
    schema : Schema
        Its columns, without the partition key, and the format of its files.

    Returns
    -------
    dict
        A ``TableInput`` of the Glue API.
    """
    form = _FORMATS[schema.format]
    return {
        "Name": dataset,
        "Description": f"Objects below {RAW_PREFIX}{dataset}/ of the raw bucket.",
        "TableType": "EXTERNAL_TABLE",
        "Parameters": form["parameters"],
        "PartitionKeys": [{"Name": PARTITION_KEY, "Type": "string"}],
        "StorageDescriptor": form["storage"]
        | {"Location": location_of(bucket, dataset), "Columns": _columns(schema, [])},
    }


def changed_table(table: Table, schema: Schema) -> dict[str, Any]:
    """Describe a table that gets other columns; everything else of it stays.

    Parameters
    ----------
    table : mapping
        As GetTable answers.
    schema : Schema
        Its columns from now on.

    Returns
    -------
    dict
        A ``TableInput`` of the Glue API.
    """
    storage = table["StorageDescriptor"]
    # GetTable may answer "" where UpdateTable wants at least a character.
    unchanged = {name: table[name] for name in _TABLE_INPUT if table.get(name)}
    columns = _columns(schema, storage.get("Columns", []))
    return unchanged | {"StorageDescriptor": storage | {"Columns": columns}}


def partition_of(table: Table, date: str) -> dict[str, Any]:
    """Describe a partition of a table.

    It has no columns of its own: Athena then reads its files by the table's, those that it will
    have included.

    Returns
    -------
    dict
        A ``PartitionInput`` of the Glue API.
    """
    storage = table["StorageDescriptor"]
    place = f"{storage['Location'].rstrip('/')}/{PARTITION_KEY}={date}/"
    return {
        "Values": [date],
        "StorageDescriptor": storage | {"Location": place, "Columns": []},
        "Parameters": _FORMATS[format_of(table)]["parameters"],
    }


def why_misplaced(table: Table, partition: Table) -> str:
    """Say where a partition has its files, if not where the lake writes them, and what to do.

    Parameters
    ----------
    table, partition : mapping
        As GetTable and GetPartitions answer.

    Returns
    -------
    str
        For the operator; empty for a partition that is as it should be.
    """
    (date, *_), place = partition["Values"], _storage_of(partition).get("Location", "")
    if _same_place(place, partition_of(table, date)["StorageDescriptor"]["Location"]):
        return ""
    return (
        f"the partition {date} of table {table['Name']} has its files in {place or 'no place'}, "
        f"where the lake does not write. Drop the partition, or set its location back; {_THEN}"
    )


def schema_of(table: Table) -> Schema:
    """Read the columns and the format of a table of the lake's that GetTable answered."""
    return Schema(
        tuple(
            Column(c["Name"], c["Type"], c.get("Comment", ""))
            for c in table["StorageDescriptor"].get("Columns", [])
        ),
        format_of(table),
    )


def format_of(table: Table) -> str:
    """Tell in which of the lake's formats a table's files are; empty for any other."""
    return _SERDES.get(_serde_of(table), "")


def why_foreign(table: Table, bucket: str, dataset: str) -> str:
    """Say why a table is none that the lake may write to, and what to do.

    Parameters
    ----------
    table : mapping
        As GetTable answers.
    bucket : str
        The processed bucket.
    dataset : str
        Whose table it would be.

    Returns
    -------
    str
        For the operator; empty for a table of the lake's.
    """
    place, ours = _storage_of(table).get("Location", ""), location_of(bucket, dataset)
    keys = [(key["Name"], key.get("Type")) for key in table.get("PartitionKeys", [])]
    parameters = table.get("Parameters") or {}
    what = f"Rename or drop it, or upload to another folder of {RAW_PREFIX}"
    if kind := parameters.get("table_type"):
        # Iceberg's own mark (AWS Glue Developer Guide, "Creating Iceberg tables").
        why = f"it is a table of {str(kind).title()}"
    elif table.get("TableType") == "VIRTUAL_VIEW":
        why = "it is a view"
    elif not place:
        why = "it has no location"
    elif not _same_place(place, ours):
        why = f"its files are in {place}, the lake's go to {ours}"
        if place.rstrip("/").endswith(f"/{table_prefix(dataset)}".rstrip("/")):
            # That of a lake, in another bucket.
            what = "Deploy with the Prefix that it was made under, or with a new DatabaseName"
    elif keys != [(PARTITION_KEY, "string")]:
        named = ", ".join(f"{name} {kind}" for name, kind in keys) or "nothing"
        why = f"it is partitioned by {named}, the lake's tables by {PARTITION_KEY} string"
    elif not format_of(table):
        why = f"its files are read by {_serde_of(table) or 'nothing'}, not as Parquet or JSON Lines"
    else:
        return ""
    return f"table {dataset} is not the lake's: {why}. {what}; {_THEN}"


def _storage_of(table: Table) -> Table:
    # A link to a table of another account has none (AWS Lake Formation, "Resource links").
    return table.get("StorageDescriptor") or {}


def _serde_of(table: Table) -> str:
    return str((_storage_of(table).get("SerdeInfo") or {}).get("SerializationLibrary", ""))


def _same_place(one: str, other: str) -> bool:
    return one.rstrip("/") == other.rstrip("/")


def _columns(schema: Schema, before: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Describe columns; what Glue knows of one beyond name and type stays."""
    known = {column["Name"]: column for column in before}
    return [
        known[c.name] | {"Type": c.type}
        if c.name in known
        else {"Name": c.name, "Type": c.type, "Comment": c.comment}
        for c in schema.columns
    ]
