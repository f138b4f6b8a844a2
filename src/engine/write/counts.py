"""What was written, counted where it lies: by other code than that which wrote it."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.convert.layout import RESCUED
from engine.types.sql import literal, quoted
from store.errors import MiscountedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from engine.job import Job
    from store.model import OutputFile

_BLOCK = 1024 * 1024

#: Paths that are looked at, and characters of an example that are told.
_PATHS, _TOLD = 1000, 60

#: Bytes of a row that JSON output may have.
_LONGEST = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Rescued:
    """What did not fit its column.

    Attributes
    ----------
    rows : int
        Rows with something rescued.
    paths : dict
        How many rows, and one value as text, by the path of the value in the record.
    """

    rows: int = 0
    paths: dict[str, tuple[int, str]] = field(default_factory=dict)


def rows_in(job: Job, files: Iterable[OutputFile]) -> int:
    """Count the rows of finished files: by the footers of Parquet, by the lines of JSON."""
    parquet, rows = [], 0
    for file in files:
        if file.path.suffix == ".parquet":
            parquet.append(literal(str(file.path)))
        else:
            rows += lines_in(file.path)
    if parquet:
        ((footers,),) = job.run(
            f"SELECT sum(num_rows) FROM parquet_file_metadata([{', '.join(parquet)}])"
        )
        rows += int(footers)
    return rows


def lines_in(path: Path) -> int:
    """Count the lines of a gzipped file."""
    with gzip.open(path) as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(_BLOCK), b""))


def prove(read: int, accepted: int, quarantined: int) -> None:
    """Hold three counts, each made by other code, to each other.

    Raises
    ------
    MiscountedError
        When records were lost or made up.
    """
    if read != accepted + quarantined:
        raise MiscountedError(
            f"{read:,} records were counted in the object, {accepted:,} in the files written and "
            f"{quarantined:,} in the quarantine: a defect of the lake, nothing was committed",
            abs(read - accepted - quarantined),
        )


def rescued_in(job: Job, files: Iterable[OutputFile]) -> Rescued:
    """Look up what was rescued in finished files."""
    rows = 0
    found: dict[str, tuple[int, str]] = {}
    for texts in filled(files, RESCUED):
        ((count,),) = job.run(f"SELECT count(*) FROM ({texts})")
        rows += count
        for path, times, text in job.run(
            f"SELECT path, count(*), any_value(t) FROM (SELECT unnest(json_keys(t)) AS path, t "
            f"FROM ({texts})) GROUP BY path ORDER BY count(*) DESC, path LIMIT {_PATHS}"
        ):
            before, example = found.get(path, (0, _example(text, path)))
            found[path] = (before + times, example)
    return Rescued(rows, found)


def filled(files: Iterable[OutputFile], column: str) -> Iterator[str]:
    """Give a query for the files of each format: what is in a column, as ``t``, but for nulls."""
    paths = [file.path for file in files]
    parquet = [literal(str(path)) for path in paths if path.suffix == ".parquet"]
    lines = [literal(str(path)) for path in paths if path.suffix != ".parquet"]
    name = quoted(column)
    query = f"SELECT CAST({name} AS VARCHAR) AS t FROM {{}} WHERE {name} IS NOT NULL"
    if parquet:
        yield query.format(f"read_parquet([{', '.join(parquet)}], hive_partitioning = false)")
    if lines:
        yield query.format(
            f"read_json([{', '.join(lines)}], format = 'newline_delimited', records = true, "
            f"columns = {{{name}: 'VARCHAR'}}, maximum_object_size = {_LONGEST})"
        )


def _example(text: str, path: str) -> str:
    value = json.loads(text)[path]
    return shortened(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def shortened(text: str) -> str:
    """Give a value of the data as it is told: in one line, which is not long."""
    shown = " ".join(text.split())
    return shown if len(shown) <= _TOLD else f"{shown[: _TOLD - 1]}…"
