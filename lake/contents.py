"""What a table holds: what is known of it, a sample of its rows, a profile of its columns."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lake import models, overview, query, render
from lake.errors import LakeCommandError
from lake.layout import is_numeric
from lake.project import contracts_folder, project_root
from lake.result import LINEAGE
from lake.statement import quoted
from store.naming import PARTITION_KEY

if TYPE_CHECKING:
    from collections.abc import Sequence

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


@dataclass(frozen=True)
class Profile:
    """What Athena says of the columns of a table.

    Attributes
    ----------
    rows : int
        That were read.
    columns : list of dict
        ``name``, ``type``, ``nulls``, ``min`` and ``max`` of each.
    queries, scanned : int
        How many were asked, and the bytes that they read.
    """

    rows: int
    columns: list[dict[str, Any]]
    queries: int
    scanned: int

    @property
    def lines(self) -> list[list[object]]:
        """Give a line for each column: name, type, nulls, their share, the least, the greatest."""
        return [
            [
                column["name"],
                column["type"],
                f"{column['nulls']:,}",
                share(column["nulls"], self.rows),
                column["min"],
                column["max"],
            ]
            for column in self.columns
        ]

    @property
    def footer(self) -> str:
        """Say how much was read, and what it costs in AWS."""
        price = models.dollars(self.queries, self.scanned)
        return (
            f"{self.rows:,} row{'s'[: self.rows != 1]} profiled, {render.size(self.scanned)} read: "
            f"about ${price:.5f} in AWS"
        )


def share(nulls: int, rows: int) -> str:
    """Give nulls in percent; nothing where there is no row."""
    return f"{100 * nulls / rows:.1f}" if rows else ""


def told(one: Overview) -> dict[str, Any]:
    """Give what programs are shown of a table."""
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


def more(one: Overview) -> dict[str, Any]:
    """Give what programs are shown of a table that is described: columns, contract, models."""
    root = project_root(Path.cwd())
    contract = contracts_folder(root) / f"{one.name}.schema.json"
    named = contract.relative_to(root) if contract.is_relative_to(root) else contract
    readers = [
        model.name for model in models.known() if one.name in {s.name for s in model.sources}
    ]
    columns = [
        {"name": name, "type": kind, "comment": comment, "partition": False}
        # Those of the data first: what came later is behind the lake's own in the table.
        for name, kind, comment in sorted(
            overview.columns_of(one.table), key=lambda column: column[0] in LINEAGE
        )
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


def lines(one: Overview, known: dict[str, Any]) -> list[tuple[str, str]]:
    """Say what is known of a table, for people."""
    dated = ", ".join(
        f"{name} ({count:,} object{'s'[: count != 1]})"
        for name, count in sorted(one.date_columns.items())
    )
    said = [
        ("table", f"{one.name} ({one.kind})"),
        ("about", known["description"]),
        ("rows", facts(one)),
        ("files", " in ".join(filter(None, (known["format"], known["location"])))),
        ("contract", known["contract"] or ("none" if one.kind == overview.DATASET else None)),
        ("dated by", dated),
        ("read by", ", ".join(f"model {name}" for name in known["models"])),
    ]
    return [(label, text) for label, text in said if text]


def facts(one: Overview) -> str:
    """Say in a line how much is in a table."""
    first, last = one.span
    parts = ["" if one.rows is None else f"{one.rows:,} row{'s'[: one.rows != 1]}"]
    if one.partitions:
        between = f"{first}" if first == last else f"{first} to {last}"
        parts.append(f"{one.partitions:,} partition{'s'[: one.partitions != 1]} ({between})")
    parts.append("" if one.size is None else render.size(one.size))
    parts.append(f"last load {minute(one.loaded)} UTC" if one.loaded else "")
    return ", ".join(filter(None, parts))


def newest(target: Target, one: Overview, rows: int, date: str | None = None) -> Result:
    """Ask for rows of the newest partitions, of as few as hold enough; or of one date."""
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


def profiled(
    target: Target,
    one: Overview,
    columns: str | None = None,
    first: str | None = None,
    last: str | None = None,
    *,
    lineage: bool = False,
) -> Profile:
    """Ask for nulls, the least and the greatest value of each column.

    Parameters
    ----------
    target : Target
        The lake.
    one : Overview
        The table.
    columns : str, optional
        Names with commas between; else all.
    first, last : str, optional
        Dates between which rows are read.
    lineage : bool
        Also of the columns of lineage.
    """
    chosen = _chosen(one, columns, lineage=lineage)
    where = _where(one, first, last)
    results = [
        query.run(target, _profiling(one.name, chosen[at : at + _AT_ONCE], where))
        for at in range(0, max(len(chosen), 1), _AT_ONCE)
    ]
    count = int(results[0].rows[0][0] or 0)
    found = _columns(chosen, count, [_values(one) for one in results])
    return Profile(count, found, len(results), sum(one.scanned for one in results))


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


def minute(instant: str) -> str:
    """Give an instant of ISO 8601 as people read it."""
    return instant[:16].replace("T", " ")
