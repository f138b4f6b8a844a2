"""What is asked of Athena. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from store.curated import folder_of
from store.naming import PARTITION_KEY, shape_table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from store.models import Model
    from store.refresh import Run

#: The most partitions that UNLOAD writes (Athena User Guide, "UNLOAD", Considerations).
_PARTITIONS = 100


def describing(model: Model, database: str) -> str:
    """Give the statement after which Glue has the model's columns, as those of a view.

    Athena spells the types itself so, nested ones, too, which a query's metadata leaves out.
    """
    view = f"{_quoted(database)}.{_quoted(shape_table(model.name))}"
    return f"CREATE OR REPLACE VIEW {view} AS\n{model.sql}"


def unloading(model: Model, run: Run, bucket: str) -> list[tuple[str, str]]:
    """Give the statements of a run, each with its token.

    A token begins a query once, however often it is asked for (Athena API, StartQueryExecution,
    ``ClientRequestToken``): who goes on with the run of another joins his queries.
    """
    parts: list[tuple[str, ...]] = [
        run.dates[start : start + _PARTITIONS] for start in range(0, len(run.dates), _PARTITIONS)
    ]
    wanted = parts if model.by_date else [()]
    return [
        (_unload(model, run, bucket, dates), f"{run.id}-{number:04}")
        for number, dates in enumerate(wanted)
    ]


def _unload(model: Model, run: Run, bucket: str, dates: Iterable[str]) -> str:
    columns = [_quoted(name) for name, _ in run.columns]
    options = ["format = 'PARQUET'", "compression = 'ZSTD'"]
    where = ""
    if model.by_date:
        # Columns of partitions come last (Athena User Guide, "UNLOAD").
        columns.append(_quoted(PARTITION_KEY))
        options.append(f"partitioned_by = ARRAY['{PARTITION_KEY}']")
        where = f"\nWHERE {PARTITION_KEY} IN ({', '.join(map(_literal, dates))})"
    # The model may end with a comment.
    query = f"SELECT {', '.join(columns)} FROM (\n{model.sql}\n){where}"
    place = f"s3://{bucket}/{folder_of(model.name, run.id)}"
    return f"UNLOAD (\n{query}\n)\nTO '{place}'\nWITH ({', '.join(options)})"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
