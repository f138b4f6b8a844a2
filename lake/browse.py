"""The commands `lake tables`, `describe`, `sample` and `profile`."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lake import models, overview, query, render
from lake.completion import DATASET
from lake.context import err, out
from lake.errors import LakeCommandError
from lake.files import Day
from lake.layout import is_numeric
from lake.project import contracts_folder, project_root
from lake.result import LINEAGE, Shown, print_result
from lake.statement import quoted
from store.naming import PARTITION_KEY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lake.context import Choice
    from lake.overview import Overview
    from lake.query import Result
    from lake.target import Target

#: So many columns are asked for in one query: each is three expressions.
_AT_ONCE = 150

#: Types, by how they begin, whose values have an order that says something.
_ORDERED = (
    *("boolean", "tinyint", "smallint", "int", "bigint", "float", "real", "double", "decimal"),
    *("string", "varchar", "char", "date", "timestamp"),
)

#: How many of the newest partitions are read for a sample, until they hold enough rows.
_NEWEST = (1, 10, 100)


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
        render.show_json([_told(one) for one in found])
        return
    rows: list[list[object]] = [
        [
            one.name,
            one.kind,
            "" if one.rows is None else f"{one.rows:,}",
            "" if one.partitions is None else f"{one.partitions:,}",
            "" if one.size is None else render.size(one.size),
            _minute(one.loaded),
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
    """Say what TABLE is: columns, partitions, files, contract, and the models that read it."""
    target = choice.target()
    with err.status("Looking…"):
        (one,) = overview.look(target, table)
    known = _told(one) | _more(one)
    if as_json:
        render.show_json(known)
        return
    for label, said in _lines(one, known):
        out.print(render.bold(f"{label:<12}"), said)
    out.print()
    columns: list[list[object]] = [
        [column["name"], column["type"], column["comment"]] for column in known["columns"]
    ]
    render.show_table(out, ["column", "type", "comment"], columns, [False] * 3)


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
        result = _newest(target, one, rows, date)
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
        chosen = _chosen(one, columns, lineage=lineage)
        where = _where(one, first, last)
        results = [
            query.run(target, _profiling(one.name, chosen[at : at + _AT_ONCE], where))
            for at in range(0, max(len(chosen), 1), _AT_ONCE)
        ]
    count = int(results[0].rows[0][0] or 0)
    found = _columns(chosen, count, [_values(one) for one in results])
    scanned = sum(one.scanned for one in results)
    known = _told(one) | {
        "profiled": {"rows": count, "from": first, "to": last, "bytes_scanned": scanned},
        "columns": found,
    }
    if as_json:
        render.show_json(known)
        return
    lines: list[list[object]] = [
        [
            column["name"],
            column["type"],
            f"{column['nulls']:,}",
            f"{100 * column['nulls'] / count:.1f}" if count else "",
            column["min"],
            column["max"],
        ]
        for column in found
    ]
    price = models.dollars(len(results), scanned)
    footer = (
        f"{count:,} row{'s'[: count != 1]} profiled, {render.size(scanned)} read: "
        f"about ${price:.5f} in AWS; "
        f"the table: {_facts(one)}"
    )
    heads = ["column", "type", "nulls", "%", "min", "max"]
    render.show_table(out, heads, lines, [False, False, True, True, False, False], footer)


def _told(one: Overview) -> dict[str, Any]:
    first, last = one.span
    return {
        "table": one.name,
        "kind": one.kind,
        "rows": one.rows,
        "partitions": one.partitions,
        "first_partition": first,
        "last_partition": last,
        "bytes": one.size,
        "last_load": one.loaded or None,
    }


def _more(one: Overview) -> dict[str, Any]:
    root = project_root(Path.cwd())
    contract = contracts_folder(root) / f"{one.name}.schema.json"
    named = contract.relative_to(root) if contract.is_relative_to(root) else contract
    readers = [
        model.name for model in models.known() if one.name in {s.name for s in model.sources}
    ]
    columns = [
        {"name": name, "type": kind, "comment": comment, "partition": False}
        for name, kind, comment in overview.columns_of(one.table)
    ]
    columns += [
        {
            "name": key["Name"],
            "type": key.get("Type", ""),
            "comment": key.get("Comment") or "partition",
            "partition": True,
        }
        for key in one.table.get("PartitionKeys") or []
    ]
    return {
        "description": one.table.get("Description") or None,
        "location": one.location or None,
        "format": one.format or None,
        "contract": str(named) if contract.is_file() else None,
        "date_columns": one.date_columns,
        "models": readers,
        "columns": columns,
    }


def _lines(one: Overview, known: dict[str, Any]) -> list[tuple[str, str]]:
    """Say what is known of a table, for people."""
    dated = ", ".join(
        f"{name} ({count:,} object{'s'[: count != 1]})"
        for name, count in sorted(one.date_columns.items())
    )
    said = [
        ("table", f"{one.name} ({one.kind})"),
        ("about", known["description"]),
        ("rows", _facts(one)),
        ("files", " in ".join(filter(None, (known["format"], known["location"])))),
        ("contract", known["contract"] or ("none" if one.kind == overview.DATASET else None)),
        ("dated by", dated),
        ("read by", ", ".join(f"model {name}" for name in known["models"])),
    ]
    return [(label, text) for label, text in said if text]


def _facts(one: Overview) -> str:
    first, last = one.span
    parts = ["" if one.rows is None else f"{one.rows:,} row{'s'[: one.rows != 1]}"]
    if one.partitions:
        between = f"{first}" if first == last else f"{first} to {last}"
        parts.append(f"{one.partitions:,} partition{'s'[: one.partitions != 1]} ({between})")
    parts.append("" if one.size is None else render.size(one.size))
    parts.append(f"last load {_minute(one.loaded)} UTC" if one.loaded else "")
    return ", ".join(filter(None, parts))


def _newest(target: Target, one: Overview, rows: int, date: str | None) -> Result:
    """Ask for rows of the newest partitions, of as few as hold enough."""
    name = quoted(one.name)
    if date:
        return query.run(target, f"SELECT * FROM {name} {_where(one, date, date)} LIMIT {rows}")
    dates = sorted(one.dates, reverse=True)
    order = f"ORDER BY {PARTITION_KEY} DESC LIMIT {rows}"
    for many in (many for many in _NEWEST if many < len(dates)):
        listed = ", ".join(f"'{one}'" for one in dates[:many])
        sql = f"SELECT * FROM {name} WHERE {PARTITION_KEY} IN ({listed}) {order}"
        result = query.run(target, sql)
        if len(result.rows) == rows:
            return result
    return query.run(target, f"SELECT * FROM {name} {order if dates else f'LIMIT {rows}'}")


def _chosen(one: Overview, named: str | None, *, lineage: bool) -> list[tuple[str, str]]:
    """Give name and type of the columns that are looked at."""
    known = {name: kind for name, kind, _ in overview.columns_of(one.table)}
    if named is None:
        return [(n, kind) for n, kind in known.items() if lineage or n not in LINEAGE]
    names = [name.strip().lower() for name in named.split(",") if name.strip()]
    for name in names:
        if name not in known:
            raise LakeCommandError(f"Table {one.name} has no column {name}: {', '.join(known)}.")
    return [(name, known[name]) for name in names]


def _where(one: Overview, first: str | None, last: str | None) -> str:
    bounds = [
        f"{PARTITION_KEY} {sign} '{date}'" for sign, date in ((">=", first), ("<=", last)) if date
    ]
    if bounds and not any(key["Name"] == PARTITION_KEY for key in one.table["PartitionKeys"]):
        raise LakeCommandError(f"Table {one.name} has no {PARTITION_KEY}: leave the dates out.")
    return f"WHERE {' AND '.join(bounds)}" if bounds else ""


def _profiling(table: str, columns: Sequence[tuple[str, str]], where: str) -> str:
    """Ask for the number of rows, and of each column for its values, its least and its greatest."""
    asked = ["count(*)"]
    for name, kind in columns:
        column = quoted(name)
        asked.append(f"count({column})")
        if kind.startswith(_ORDERED):
            asked += [f"min({column})", f"max({column})"]
        else:
            asked += ["CAST(NULL AS VARCHAR)"] * 2
    return f"SELECT {', '.join(asked)} FROM {quoted(table)} {where}"


def _values(result: Result) -> list[Any]:
    return [_value(*one) for one in zip(result.rows[0][1:], result.types[1:], strict=True)]


def _columns(
    chosen: Sequence[tuple[str, str]], count: int, results: Sequence[Sequence[Any]]
) -> list[dict[str, Any]]:
    values = [value for one in results for value in one]
    return [
        {
            "name": name,
            "type": kind,
            "nulls": count - values[3 * at],
            "min": values[3 * at + 1],
            "max": values[3 * at + 2],
        }
        for at, (name, kind) in enumerate(chosen)
    ]


def _value(text: str | None, kind: str) -> object:
    """Give a value with the type that JSON has for it; a number that would lose digits is text."""
    if text is None:
        return None
    if kind == "boolean":
        return text == "true"
    if not is_numeric(kind):
        return text
    number = Decimal(text)
    if not number.is_finite():
        return text
    if number == number.to_integral_value() and "." not in text and "E" not in text.upper():
        return int(text)
    return float(text) if Decimal(repr(float(text))) == number else text


def _minute(instant: str) -> str:
    return instant[:16].replace("T", " ")
