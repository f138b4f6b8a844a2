"""Results as people and machines read them."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lake.query import Result

_UNBOUNDED = 1_000_000


def show_table(
    console: Console,
    columns: Sequence[str],
    rows: Sequence[Sequence[object]],
    numeric: Sequence[bool],
) -> None:
    """Print rows aligned under their columns, numbers to the right, null as a dim word.

    A value is never cut or folded, so that it can be copied; a line longer than the terminal
    goes on in the next.

    Parameters
    ----------
    console : rich.console.Console
        Where to.
    columns : sequence of str
        Headings.
    rows : sequence of sequences
        Values; None is null.
    numeric : sequence of bool
        Which columns hold numbers.
    """
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
    for name, right in zip(columns, numeric, strict=True):
        table.add_column(plain(name), justify="right" if right else "left", no_wrap=True)
    for row in rows:
        table.add_row(*("[dim]null[/]" if v is None else plain(str(v)) for v in row))
    unbounded = console.options.update(width=_UNBOUNDED)
    wide = Console(file=console.file, width=Measurement.get(console, unbounded, table).maximum)
    wide.print(table, crop=False)


def plain(text: str) -> str:
    """Keep data from being read as the terminal's markup."""
    return text.replace("[", r"\[")


def as_csv(result: Result) -> str:
    """Write a header line and one line a row; null is empty."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(result.columns)
    writer.writerows(result.rows)
    return buffer.getvalue()


def as_json(result: Result) -> str:
    """Write a list of objects; numbers as numbers, null as null."""
    rows = [
        {
            name: json.loads(value) if right and value is not None and _finite(value) else value
            for name, value, right in zip(result.columns, row, result.numeric, strict=True)
        }
        for row in result.rows
    ]
    return json.dumps(rows, indent=2, ensure_ascii=False)


def _finite(value: str) -> bool:
    return value not in ("NaN", "Infinity", "-Infinity", "nan", "inf", "-inf")
