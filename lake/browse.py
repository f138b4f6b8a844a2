"""The commands `lake tables`, `describe`, `sample` and `profile`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from lake import contents, overview, render
from lake.completion import DATASET
from lake.context import err, out
from lake.files import Day
from lake.result import LINEAGE, Shown, print_result

if TYPE_CHECKING:
    from lake.context import Choice


@click.command()
@render.json_option
@render.listing
@click.pass_obj
def tables(choice: Choice, as_json: bool) -> None:
    """List the tables: what each is, its rows, partitions, bytes, and when it last changed.

    Rows are counted by the ledger, and no table is read.
    """
    target = choice.target()
    with err.status("Looking…"):
        found = overview.look(target)
    if as_json:
        render.show_json([contents.told(one) for one in found])
        return
    rows: list[list[object]] = [
        [
            one.name,
            one.kind,
            "" if one.rows is None else f"{one.rows:,}",
            "" if one.partitions is None else f"{one.partitions:,}",
            "" if one.size is None else render.size(one.size),
            contents.minute(one.loaded),
        ]
        for one in found
    ]
    heads = ["table", "kind", "rows", "partitions", "size", "last load (UTC)"]
    render.show_table(out, heads, rows, [False, False, True, True, True, False])


@click.command()
@click.argument("table", type=DATASET)
@render.json_option
@render.listing
@click.pass_obj
def describe(choice: Choice, table: str, as_json: bool) -> None:
    """Say what TABLE is: columns, partitions, files, contract, and the models that read it.

    Of a model this is its table. `lake models NAME` says how fresh that is, and `lake model show
    NAME` what the model's file says.
    """
    target = choice.target()
    with err.status("Looking…"):
        (one,) = overview.look(target, table)
    known = contents.told(one) | contents.more(one)
    if as_json:
        render.show_json(known)
        return
    for label, said in contents.lines(one, known):
        render.paragraph(out, f"{label:<12}", said)
    out.print()
    data, own = list[list[object]](), list[list[object]]()
    for column in known["columns"]:
        part = own if column["partition"] or column["name"] in LINEAGE else data
        part.append([column["name"], column["type"], column["comment"]])
    apart: list[list[object]] = [[]] if data and own else []
    render.show_table(out, ["column", "type", "comment"], [*data, *apart, *own], [False] * 3)


@click.command()
@click.argument("table", type=DATASET)
@click.option("-n", "--rows", type=click.IntRange(1), default=10, show_default=True, help="Rows.")
@click.option("--date", type=Day(), help="Of this date_partition; else the newest come first.")
@click.option("--lineage", is_flag=True, help=f"Show {', '.join(LINEAGE)} on a terminal, too.")
@render.json_option
@render.listing
@click.pass_obj
def sample(
    choice: Choice, table: str, rows: int, date: str | None, lineage: bool, as_json: bool
) -> None:
    """Show a few rows of TABLE, those of the newest dates first."""
    target = choice.target()
    with err.status("Asking…"):
        (one,) = overview.look(target, table)
        result = contents.newest(target, one, rows, date)
    print_result(result, Shown("json" if as_json else "table", 0, lineage=lineage))


@click.command()
@click.argument("table", type=DATASET)
@click.option("--columns", metavar="A,B,…", help="Only these columns: others are not read.")
@click.option("--from", "first", type=Day(), help="Only this date_partition and later ones.")
@click.option("--to", "last", type=Day(), help="Only this date_partition and earlier ones.")
@click.option("--lineage", is_flag=True, help=f"Also {', '.join(LINEAGE)}.")
@render.json_option
@render.listing
@click.pass_obj
def profile(
    choice: Choice,
    table: str,
    columns: str | None,
    first: str | None,
    last: str | None,
    lineage: bool,
    as_json: bool,
) -> None:
    """Say of each column of TABLE how many nulls it has, its least and its greatest value.

    Athena reads the whole columns. --columns, --from and --to bound what that costs, and how many
    bytes it read is said at the end.
    """
    target = choice.target()
    with err.status("Asking…"):
        (one,) = overview.look(target, table)
        found = contents.profiled(target, one, columns, first, last, lineage=lineage)
    known = contents.told(one) | {
        "profiled": {
            "rows": found.rows,
            "from": first,
            "to": last,
            "bytes_scanned": found.scanned,
        },
        "columns": found.columns,
    }
    if as_json:
        render.show_json(known)
        return
    footer = f"{found.footer}; the table: {contents.facts(one)}"
    heads = ["column", "type", "nulls", "%", "min", "max"]
    render.show_table(out, heads, found.lines, [False, False, True, True, False, False], footer)
