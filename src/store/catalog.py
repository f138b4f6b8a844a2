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


def new_table(dataset: str, bucket: str, output_format: str, schema: Schema) -> dict[str, Any]:
    """Describe a table that there is not yet.

    Parameters
    ----------
    dataset : str
        Its name.
    bucket : str
        The processed bucket.
    output_format : str
        ``parquet`` or ``json``.
    schema : Schema
        Its columns, without the partition key.

    Returns
    -------
    dict
        A ``TableInput`` of the Glue API.
    """
    form = _FORMATS[output_format]
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


def partition_of(table: Table, date: str, output_format: str) -> dict[str, Any]:
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
        "Parameters": _FORMATS[output_format]["parameters"],
    }


def schema_of(table: Table) -> Schema:
    """Read the columns of a table that GetTable answered."""
    return Schema(
        tuple(
            Column(c["Name"], c["Type"], c.get("Comment", ""))
            for c in table["StorageDescriptor"].get("Columns", [])
        )
    )


def _columns(schema: Schema, before: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Describe columns; what Glue knows of one beyond name and type stays."""
    known = {column["Name"]: column for column in before}
    return [
        known[c.name] | {"Type": c.type}
        if c.name in known
        else {"Name": c.name, "Type": c.type, "Comment": c.comment}
        for c in schema.columns
    ]
