"""Tables and partitions as the Glue Data Catalog spells them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from store.model import Column, Schema
from store.naming import PARTITION_KEY, RAW_PREFIX, home_of, next_table, rebuild_in, table_prefix

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

#: Athena User Guide, "Data types in Amazon Athena".
_TYPE = re.compile(
    r"boolean|tinyint|smallint|int|bigint|float|double|string|date|timestamp"
    r"|decimal\(([1-9]|[12]\d|3[0-8]),([0-9]|[12]\d|3[0-8])\)"
)

#: What makes good for what was refused meanwhile.
_THEN = "then `lake reconcile --fix`"

#: Parameters of a table whose dataset is rebuilt: which rebuild, and since when it is at its step.
_REBUILD, _SINCE = "lake_rebuild", "lake_rebuild_since"

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


def parquet() -> dict[str, Any]:
    """Say how Glue describes files of Parquet: by ``parameters`` and by their ``storage``."""
    return _FORMATS["parquet"]


def location_of(bucket: str, dataset: str) -> str:
    """Give where a dataset's table has its files, unless it was rebuilt."""
    return f"s3://{bucket}/{table_prefix(dataset)}"


def folder_of(table: Table) -> str:
    """Give where in its bucket a table has its files, with a slash at the end."""
    place = str(_storage_of(table).get("Location", "")).removeprefix("s3://")
    return place.partition("/")[2].rstrip("/") + "/"


def rebuild_of(table: Table) -> int:
    """Tell which rebuild of a dataset is under way, by the parameters of its table; 0 for none."""
    return int((table.get("Parameters") or {}).get(_REBUILD, 0))


def since(table: Table) -> float:
    """Tell when the step of a rebuild began that its table is at, in seconds since 1970."""
    return float((table.get("Parameters") or {}).get(_SINCE, 0))


def begun(table: Table, rebuild: int, now: float) -> dict[str, Any]:
    """Describe a table while its dataset is rebuilt: the functions then write to the next one."""
    marks = {_REBUILD: str(rebuild), _SINCE: repr(now)}
    return _unchanged(table) | {"Parameters": _settled(table) | marks}


def next_of(table: Table, bucket: str, rebuild: int, types: Mapping[str, str]) -> dict[str, Any]:
    """Describe the table that a dataset is ingested into while it is rebuilt.

    Parameters
    ----------
    table : mapping
        That of the dataset, as GetTable answers.
    bucket : str
        The processed bucket.
    rebuild : int
        Which rebuild it is, from 1.
    types : mapping of str to str
        Columns that get another type.
    """
    dataset, storage = table["Name"], table["StorageDescriptor"]
    columns = [
        column | {"Type": types.get(column["Name"], column["Type"])}
        for column in storage.get("Columns", [])
    ]
    return _unchanged(table) | {
        "Name": next_table(dataset),
        "Description": f"The next table {dataset}: `lake rebuild {dataset}` is under way.",
        "Parameters": _settled(table),
        "StorageDescriptor": storage
        | {"Location": f"s3://{bucket}/{table_prefix(dataset, rebuild)}", "Columns": columns},
    }


def switched(table: Table, following: Table, now: float) -> dict[str, Any]:
    """Describe a dataset's table once it was rebuilt: columns and files are the next one's."""
    return _unchanged(table) | {
        "Parameters": _settled(table) | {_SINCE: repr(now)},
        "StorageDescriptor": following["StorageDescriptor"],
    }


def settled(table: Table) -> dict[str, Any]:
    """Describe a table of which no rebuild is under way any more."""
    return _unchanged(table) | {"Parameters": _settled(table)}


def _settled(table: Table) -> dict[str, str]:
    parameters = dict(table.get("Parameters") or {})
    return {name: value for name, value in parameters.items() if name not in (_REBUILD, _SINCE)}


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
    columns = _columns(schema, storage.get("Columns", []))
    return _unchanged(table) | {"StorageDescriptor": storage | {"Columns": columns}}


def _unchanged(table: Table) -> dict[str, Any]:
    # GetTable may answer "" where UpdateTable wants at least a character.
    return {name: table[name] for name in _TABLE_INPUT if table.get(name)}


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
        folder_of(table),
    )


def is_like(table: Table, wanted: Table) -> bool:
    """Tell whether a table has the columns, the format and the folder of another one."""
    return schema_of(table) == schema_of(wanted) and folder_of(table) == folder_of(wanted)


def is_type(text: str) -> bool:
    """Tell whether a text is a type without parts that files of the lake can hold."""
    return bool(_TYPE.fullmatch(text))


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
    at_home = place.startswith(f"s3://{bucket}/")
    rebuilt = at_home and rebuild_in(folder_of(table), dataset) is not None
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
    elif place.removeprefix("s3://").partition("/")[2].startswith(home_of(dataset)):
        why = f"it is the table of the model {dataset}, which takes no files"
        what = (
            f"Upload to another folder of {RAW_PREFIX}; or give the model's file another name, "
            "deploy and drop the table"
        )
    elif not rebuilt:
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
