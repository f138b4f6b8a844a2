"""The curated zone: where tables of models have their files, and how Glue spells them. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from store.catalog import parquet
from store.naming import PARTITION_KEY, home_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from store.models import Model
    from store.refresh import Run

    Table = Mapping[str, Any]
    Columns = tuple[tuple[str, str], ...]

#: Parameters of a table or a partition: which run wrote it, when that began, by which text.
RUN, BEGAN, TEXT = "lake_run", "lake_began", "lake_text"


_VARCHAR = re.compile(r"varchar(\(\d+\))?")


def folder_of(model: str, run: str) -> str:
    """Give the folder that one run writes to, with its slash."""
    return f"{home_of(model)}{run}/"


def partition_folder(model: str, run: str, date: str) -> str:
    """Give the folder of one date of a run, as UNLOAD calls it, with its slash."""
    return f"{folder_of(model, run)}{PARTITION_KEY}={date}/"


def key_in(location: str, bucket: str) -> str:
    """Give a folder of a bucket by its location, with its slash; empty for another bucket's."""
    place = location.rstrip("/") + "/"
    home = f"s3://{bucket}/"
    return place.removeprefix(home) if place.startswith(home) else ""


def columns_of(table: Table) -> Columns:
    """Give names and types of a table's columns, without the partition key."""
    storage = table.get("StorageDescriptor") or {}
    return tuple((c["Name"], c.get("Type", "")) for c in storage.get("Columns", []))


def columns_in(view: Table) -> Columns:
    """Give the columns that a table gets of a view, as Athena spells its types.

    Text has no length: ``'x'`` is a varchar(1), and with another text of the model, or another
    branch of it, a longer one, which the dates made before would not be of.
    """
    return tuple((n.lower(), _VARCHAR.sub("string", kind)) for n, kind in columns_of(view))


def location_of(table: Table) -> str:
    """Give where a table or a partition has its files."""
    return str((table.get("StorageDescriptor") or {}).get("Location", ""))


def is_projected(table: Table) -> bool:
    """Tell whether a table's partitions follow from its parameters, so that none is registered."""
    return str((table.get("Parameters") or {}).get("projection.enabled")).lower() == "true"


def why_not_ours(table: Table, bucket: str, model: str, *, by_date: bool) -> str:
    """Say why a table is none that a model may publish, and what to do; empty where it may."""
    if not key_in(location_of(table), bucket).startswith(home_of(model)):
        place = location_of(table) or "no place"
        return (
            f"table {model} is not the model's: its files are in {place}. Give the model's "
            "file another name, or drop the table"
        )
    keys = [key["Name"] for key in table.get("PartitionKeys", [])]
    if keys != ([PARTITION_KEY] if by_date else []):
        return (
            f"table {model} was refreshed {'whole' if by_date else 'by date'} before, "
            f'and Glue changes no partition keys: `lake query "DROP TABLE {model}"`, then '
            f"`lake curate {model} --full`"
        )
    return ""


def why_unlike(table: Table, columns: Columns) -> str:
    """Say which column a table has with another type than some dates would get."""
    types = dict(columns_of(table))
    for name, kind in columns:
        if types.get(name, kind) != kind:
            return (
                f"column {name} is {types[name]} in table {table['Name']} and {kind} in the model: "
                f"`lake curate {table['Name']} --full` makes all dates anew"
            )
    return ""


def table_of(model: Model, bucket: str, run: Run, present: Table | None) -> dict[str, Any]:
    """Describe a model's table once a run is published.

    Parameters
    ----------
    model : Model
        Whose.
    bucket : str
        The curated bucket.
    run : Run
        What it wrote.
    present : mapping or None
        The table as GetTable answers; columns that the model has no more stay in it, unless all
        of its dates are made anew.

    Returns
    -------
    dict
        A ``TableInput`` of the Glue API.
    """
    columns = dict(run.columns)
    if present is not None and run.by_date and not run.everything:
        columns = dict(columns_of(present)) | columns
    place = home_of(model.name) if run.by_date else folder_of(model.name, run.id)
    parameters = dict((present or {}).get("Parameters") or {}) | parquet()["parameters"]
    return {
        "Name": model.name,
        "Description": model.header.description,
        "TableType": "EXTERNAL_TABLE",
        "Parameters": parameters | ({} if run.by_date else _told(run)),
        "PartitionKeys": [{"Name": PARTITION_KEY, "Type": "string"}] if run.by_date else [],
        "StorageDescriptor": _storage(bucket, place)
        | {"Columns": [{"Name": name, "Type": kind} for name, kind in columns.items()]},
    }


def partition_of(model: Model, bucket: str, run: Run, date: str) -> dict[str, Any]:
    """Describe a partition that a run has made: a ``PartitionInput`` of the Glue API.

    It has no columns of its own, so that Athena reads its files by the table's.
    """
    return {
        "Values": [date],
        "StorageDescriptor": _storage(bucket, partition_folder(model.name, run.id, date)),
        "Parameters": parquet()["parameters"] | _told(run),
    }


def is_same(table: Table, wanted: Table) -> bool:
    """Tell whether a table is as it should be."""
    return (
        columns_of(table) == columns_of(wanted)
        and location_of(table) == location_of(wanted)
        and table.get("Description", "") == wanted["Description"]
        and (table.get("Parameters") or {}) == wanted["Parameters"]
    )


def _told(run: Run) -> dict[str, str]:
    return {RUN: run.id, BEGAN: f"{run.began:.3f}", TEXT: run.text}


def _storage(bucket: str, folder: str) -> dict[str, Any]:
    storage: dict[str, Any] = parquet()["storage"]
    return storage | {"Location": f"s3://{bucket}/{folder}", "Columns": []}
