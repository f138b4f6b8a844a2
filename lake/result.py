"""The rows of a query, as a command shows them."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import click

from lake import render
from lake.context import err, out

if TYPE_CHECKING:
    from collections.abc import Callable

    from lake.query import Result

#: Columns of each dataset that say where a row is from, and what did not fit.
LINEAGE = ("_source_key", "_source_version", "_rescued_data")

#: So many rows are worth reading on a terminal.
_ROWS = 40

#: So many rows are counted where fewer are shown: a thousand take Athena about a third of a second.
_COUNTED = 100_000


@dataclass(frozen=True)
class Shown:
    """How the rows of a query are shown.

    Attributes
    ----------
    form : str
        ``table``, ``csv`` or ``json``.
    limit : int or None
        So many rows, 0 for all; None for what is usual: 40 on a terminal, all into a pipe.
    lineage : bool
        Whether a terminal shows the columns of lineage, too.
    named : str
        The query: what it names is shown.
    """

    form: str = "table"
    limit: int | None = None
    lineage: bool = False
    named: str = ""

    @property
    def rows(self) -> int | None:
        """Say how many rows are shown; None for all."""
        if self.limit is not None:
            return self.limit or None
        return _ROWS if self.form == "table" and out.is_terminal else None

    @property
    def most(self) -> int | None:
        """Say how many rows are worth fetching, to count them; None for all."""
        return None if self.rows is None else max(self.rows, _COUNTED)


def bounded(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that say how much of a result is shown."""
    for option in (
        click.option(
            "--lineage",
            is_flag=True,
            help=f"Show {', '.join(LINEAGE)} on a terminal, too.",
        ),
        click.option(
            "--limit",
            type=click.IntRange(0),
            help=f"Rows that are shown, 0 for all; else {_ROWS} on a terminal and all in a pipe.",
        ),
    ):
        command = option(command)
    return command


def print_result(result: Result, shown: Shown | None = None) -> None:
    """Print rows as asked, and say how many there are."""
    shown = shown or Shown()
    count, limit = len(result.rows), shown.rows
    part = f" ({limit:,} shown)" if limit is not None and (limit < count or result.more) else ""
    more = "more than " if result.more else ""
    result = replace(result, rows=result.rows[:limit])
    read = f", {render.size(result.scanned)} read" if result.scanned else ""
    footer = f"{more}{count:,} row{'s'[: count != 1]}{part} in {result.seconds:.1f} s{read}"
    if shown.form == "table":
        kept, hidden = _kept(result, shown)
        said = "; ".join([footer, *_about(result, hidden)])
        columns = [result.columns[at] for at in kept]
        numeric = [result.numeric[at] for at in kept]
        render.show_table(
            out, columns, [[row[at] for at in kept] for row in result.rows], numeric, said
        )
        return
    if shown.form == "json":
        sys.stdout.write(render.as_json(result) + "\n")
    else:
        text = render.as_csv(result)
        # A program gets every character as it is; a terminal would obey some.
        sys.stdout.write(render.plain(text) if sys.stdout.isatty() else text)
    err.print(footer, style="dim")


def _kept(result: Result, shown: Shown) -> tuple[list[int], list[int]]:
    """Say which columns are shown, and which are not."""
    every = range(len(result.columns))
    if shown.lineage or not out.is_terminal:
        return [*every], []
    unasked = [name for name in LINEAGE if name not in shown.named]
    hidden = [at for at in every if result.columns[at] in unasked]
    return [at for at in every if at not in hidden], hidden


def _about(result: Result, hidden: list[int]) -> list[str]:
    """Say what is not seen of the rows."""
    names = [result.columns[at] for at in hidden]
    said = [f"--lineage shows {', '.join(names)}, too"] if names else []
    if LINEAGE[2] in names:
        at = hidden[names.index(LINEAGE[2])]
        if some := sum(row[at] is not None for row in result.rows):
            said.insert(0, f"{some:,} with values in {LINEAGE[2]}")
    return said
