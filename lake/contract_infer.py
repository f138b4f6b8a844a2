"""Propose a contract from what a table holds: one that every row of it satisfies."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from contract.keywords import DIALECT
from contract.schema import parse
from lake import query as athena
from lake.contract_dates import dates_of
from lake.errors import LakeCommandError
from lake.trouble import aws_said
from store.naming import normalise

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lake.contract_dates import Dates
    from lake.target import Target

#: A column of text with at most so many values is shown with them.
_EXAMPLES = 20

#: With more rescued values than this, no column's type is proposed.
_RESCUED = 1000

#: What the function adds to each row.
_LINEAGE = frozenset({"_source_key", "_source_version", "_rescued_data"})

_JSON_TYPES = {
    **dict.fromkeys(("tinyint", "smallint", "int", "integer", "bigint"), "integer"),
    **dict.fromkeys(("float", "real", "double"), "number"),
    "boolean": "boolean",
    "string": "string",
}

#: A text that a source may as well have sent as a number, true, false, an array or an object.
_AMBIGUOUS = (
    "TRY_CAST({0} AS DOUBLE) IS NOT NULL OR {0} IN ('true', 'false') "
    "OR {0} LIKE '{{%' OR {0} LIKE '[%'"
)


def infer(target: Target, dataset: str) -> dict[str, Any]:
    """Propose a contract.

    Parameters
    ----------
    target : Target
        The lake.
    dataset : str
        Whose table is read.

    Returns
    -------
    dict
        A contract that every row that the table holds satisfies.

    Raises
    ------
    LakeCommandError
        When there is no such table, or Athena fails.
    """
    columns = _columns(target, dataset)
    seen = _seen(target, dataset, columns)
    rescued = _rescued(target, dataset)
    dates = dates_of(target, dataset, [(name, kind) for name, kind, _ in columns])
    properties: dict[str, Any] = {}
    required = []
    twice = _twice(columns)
    for name, kind, original in columns:
        if normalise(original) in twice:
            # Both fields are this property.
            properties.setdefault(
                twice[normalise(original)], {"$comment": "Several fields are called so."}
            )
            continue
        if rescued is None or any(r == original or r.startswith(f"{original}.") for r in rescued):
            properties[original] = {"$comment": "Some values did not fit the column."}
            continue
        facts = seen[name]
        properties[original] = _property(target, dataset, name, kind, facts)
        if facts["rows"] and facts["filled"] == facts["rows"]:
            required.append(original)
    proposed: dict[str, Any] = {"$schema": DIALECT, "type": "object", "properties": properties}
    if required:
        proposed["required"] = required
    proposed |= _dating(properties, {original: dates.get(n) for n, _, original in columns})
    parse(dataset, proposed)
    return proposed


def _twice(columns: list[tuple[str, str, str]]) -> dict[str, str]:
    """Give the names that several columns come from, by how they are normalised."""
    found: dict[str, list[str]] = {}
    for _, _, original in columns:
        found.setdefault(normalise(original), []).append(original)
    return {name: originals[0] for name, originals in found.items() if len(originals) > 1}


def _dating(properties: dict[str, Any], dates: dict[str, Dates | None]) -> dict[str, Any]:
    """Propose the column that dates records, and how its texts are to be read."""
    found = {
        name: seen for name, seen in dates.items() if seen and "type" in properties.get(name, {})
    }
    for name, seen in found.items():
        if seen.unclear:
            properties[name]["$comment"] = "Day or month first? Say it in x-date-format."
    if dating := next((name for name, seen in found.items() if seen.dates), None):
        return {"x-partition-column": dating}
    if dating := next((name for name, seen in found.items() if seen.format), None):
        seen = found[dating]
        return {"x-partition-column": dating, "x-date-format": seen.format}
    return {}


def _columns(target: Target, dataset: str) -> list[tuple[str, str, str]]:
    """Give name, type and original name of each column that the data brought."""
    database = target.outputs["GlueDatabaseName"]
    try:
        table = target.client("glue").get_table(DatabaseName=database, Name=dataset)["Table"]
    except ClientError as error:
        raise LakeCommandError(f"No table {dataset} in {database}: {aws_said(error)}") from error
    return [
        (c["Name"], c["Type"], c.get("Comment") or c["Name"])
        for c in table["StorageDescriptor"]["Columns"]
        if c["Name"] not in _LINEAGE
    ]


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _row(target: Target, sql: str) -> dict[str, str | None]:
    result = athena.run(target, sql)
    return dict(zip(result.columns, result.rows[0], strict=True))


def _seen(
    target: Target, dataset: str, columns: list[tuple[str, str, str]]
) -> dict[str, dict[str, Any]]:
    """Ask for every column at once what its values are."""
    asked = ["count(*) AS rows_"]
    for number, (name, kind, _) in enumerate(columns):
        column = _quoted(name)
        asked.append(f"count({column}) AS filled_{number}")
        if kind == "string":
            asked.append(f"count(DISTINCT {column}) AS distinct_{number}")
            doubtful = _AMBIGUOUS.format(column)
            asked.append(f"sum(CASE WHEN {doubtful} THEN 1 ELSE 0 END) AS doubtful_{number}")
        elif _JSON_TYPES.get(kind) in ("integer", "number"):
            asked += [f"min({column}) AS least_{number}", f"max({column}) AS most_{number}"]
    row = _row(target, f"SELECT {', '.join(asked)} FROM {_quoted(dataset)}")  # noqa: S608  # names are quoted
    return {
        name: {
            "rows": int(row["rows_"] or 0),
            "filled": int(row[f"filled_{number}"] or 0),
            "distinct": int(row.get(f"distinct_{number}") or 0),
            "doubtful": int(row.get(f"doubtful_{number}") or 0),
            "least": row.get(f"least_{number}"),
            "most": row.get(f"most_{number}"),
        }
        for number, (name, _, _) in enumerate(columns)
    }


def _rescued(target: Target, dataset: str) -> set[str] | None:
    """Name what did not fit its column somewhere; None where that is too much to tell."""
    result = athena.run(
        target,
        f"SELECT _rescued_data FROM {_quoted(dataset)} WHERE _rescued_data IS NOT NULL "  # noqa: S608  # as above
        f"LIMIT {_RESCUED + 1}",
    )
    if len(result.rows) > _RESCUED:
        return None
    return {path for (text,) in result.rows if text for path in json.loads(text)}


def _property(
    target: Target, dataset: str, name: str, kind: str, facts: dict[str, Any]
) -> dict[str, Any]:
    found = _schema(kind)
    if facts["doubtful"]:
        del found["type"]
        found["$comment"] = "Some values look like numbers or JSON: were they sent as strings?"
    elif facts["filled"] == facts["rows"] > 0:
        found |= {"type": found["type"][0]} if "type" in found else {}
    if facts["least"] is not None:
        found["$comment"] = f"Seen: {facts['least']} to {facts['most']}."
    if kind == "string" and 0 < facts["distinct"] <= _EXAMPLES:
        column = _quoted(name)
        result = athena.run(
            target,
            f"SELECT DISTINCT {column} FROM {_quoted(dataset)} "  # noqa: S608  # as above
            f"WHERE {column} IS NOT NULL ORDER BY 1",
        )
        found["examples"] = [value for (value,) in result.rows]
    return found


def _schema(kind: str) -> dict[str, Any]:
    """Write a type of the table as a schema; null is allowed everywhere."""
    words = iter(re.findall(r"decimal\([^)]*\)|[^<>,:\s]+|[<>,:]", kind.lower()))
    return _one(words, next(words))


def _one(words: Iterator[str], word: str) -> dict[str, Any]:
    if word == "array":
        next(words)
        items = _one(words, next(words))
        next(words)
        return {"type": ["array", "null"], "items": items}
    if word == "struct":
        fields = {}
        mark = next(words)
        while mark != ">":
            name = next(words)
            next(words)
            fields[name] = _one(words, next(words))
            mark = next(words)
        return {"type": ["object", "null"], "properties": fields}
    if word == "map":
        depth = 0
        for part in words:
            depth += (part == "<") - (part == ">")
            if not depth:
                break
        return {}
    if word == "date":
        return {"type": ["string", "null"], "format": "date"}
    if word.startswith("decimal"):
        # Without digits it is decimal(10,0), with one number it has none behind the point.
        size, scale, *_ = (*map(int, re.findall(r"\d+", word) or [10]), 0)
        return {"type": ["number", "null"], "x-decimal": [size, scale]}
    return {"type": [_JSON_TYPES[word], "null"]} if word in _JSON_TYPES else {}
