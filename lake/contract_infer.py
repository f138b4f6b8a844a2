"""Propose a contract from what a table holds: one that every row of it satisfies."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from contract.keywords import DIALECT
from contract.schema import parse
from lake import ledger
from lake import query as athena
from lake.contract_dates import chosen_of, dates_of, dating, proposed_dating
from lake.contract_types import JSON_TYPES, schema_of
from lake.errors import LakeCommandError
from lake.result import LINEAGE
from lake.statement import quoted
from lake.tables import missing, tables_of
from lake.trouble import aws_said
from store.errors import ContractError
from store.naming import normalise

if TYPE_CHECKING:
    from contract.schema import Contract
    from lake.target import Target

#: What a text of digits is called: a field of a delimited file is judged as the number, a string
#: of JSON as the string, and the table does not tell which of them it was.
_DIGITS = "digits"

#: Kinds of JSON values, by what their text is like; the first that fits.
_KINDS = {
    _DIGITS: r'^"-?\d+(\.\d+)?([eE][+-]?\d+)?"$',
    "integer": r"^-?\d+$",
    "number": r"^-?\d",
    "string": '^"',
    "boolean": "^(true|false)$",
    "array": r"^\[",
    "object": r"^\{",
}

#: A text that a source may as well have sent as a number, true, false, an array or an object.
_AMBIGUOUS = (
    "TRY_CAST({0} AS DOUBLE) IS NOT NULL OR {0} IN ('true', 'false') "
    "OR {0} LIKE '{{%' OR {0} LIKE '[%'"
)


def infer(target: Target, dataset: str, date_column: str = "") -> dict[str, Any]:
    """Propose a contract.

    Parameters
    ----------
    target : Target
        The lake.
    dataset : str
        Whose table is read.
    date_column : str, optional
        The column that shall date records.

    Returns
    -------
    dict
        A contract that every row that the table holds satisfies.

    Raises
    ------
    LakeCommandError
        When there is no such table, or Athena fails.
    click.BadParameter
        When there is no such column, or it holds no dates.
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
        if any(path.startswith(f"{original}.") for path in rescued):
            properties[original] = {"$comment": "Some values within did not fit the column."}
            continue
        facts = seen[name]
        properties[original] = _property(kind, facts)
        if original in rescued:
            _widen(properties[original], dataset, name, kind, rescued[original])
        if facts["rows"] and facts["filled"] == facts["rows"]:
            required.append(original)
    proposed: dict[str, Any] = {"$schema": DIALECT, "type": "object", "properties": properties}
    if required:
        proposed["required"] = required
    known = {original: dates.get(n) for n, _, original in columns}
    if date_column:
        chosen = chosen_of(target, dataset, columns, dates, date_column)
        proposed |= dating(chosen, known[chosen])
        # What dates records has a type; a source may have sent digits as texts or as numbers.
        properties[chosen].setdefault("type", ["string", "number", "null"])
    else:
        proposed |= proposed_dating(properties, known)
    return _checked(dataset, proposed | _csv(target, dataset))


def dated(target: Target, contract: Contract, date_column: str) -> dict[str, Any]:
    """Give a contract whose records are dated by one column, and that is the same otherwise.

    Parameters
    ----------
    target : Target
        The lake.
    contract : Contract
        The contract as it is.
    date_column : str
        The column that shall date records.

    Returns
    -------
    dict
        With ``x-partition-column`` and, where its texts are not those of ISO 8601,
        ``x-date-format``.

    Raises
    ------
    LakeCommandError
        When its property has a type that cannot date records.
    click.BadParameter
        When there is no such column, or it holds no dates.
    """
    columns = _columns(target, contract.dataset)
    dates = dates_of(target, contract.dataset, [(name, kind) for name, kind, _ in columns])
    chosen = chosen_of(target, contract.dataset, columns, dates, date_column)
    kinds = {original: kind for _, kind, original in columns}
    names = {original: name for name, _, original in columns}
    document = {**contract.document, "x-date-format": None}
    document |= dating(chosen, dates.get(names[chosen]))
    if document["x-date-format"] is None:
        del document["x-date-format"]
    properties = {**document.get("properties", {})}
    properties.setdefault(chosen, schema_of(kinds[chosen]))
    return _checked(contract.dataset, document | {"properties": properties})


def _twice(columns: list[tuple[str, str, str]]) -> dict[str, str]:
    """Give the names that several columns come from, by how they are normalised."""
    found: dict[str, list[str]] = {}
    for _, _, original in columns:
        found.setdefault(normalise(original), []).append(original)
    return {name: originals[0] for name, originals in found.items() if len(originals) > 1}


def _checked(dataset: str, document: dict[str, Any]) -> dict[str, Any]:
    try:
        parse(dataset, document)
    except ContractError as error:
        raise LakeCommandError(f"No contract can say that: {error.detail}") from error
    return document


def _csv(target: Target, dataset: str) -> dict[str, Any]:
    """Propose how delimited files are written, where that was guessed and all are alike."""
    told = [
        item.csv
        for item in ledger.items(target, ledger.Filter(datasets=(dataset,)))
        if "csv" in item.format and item.accepted
    ]
    return {"x-csv": told[0]} if told and told[0] and all(one == told[0] for one in told) else {}


def _widen(
    found: dict[str, Any], dataset: str, name: str, kind: str, rescued: dict[str, int]
) -> None:
    """Allow what did not fit the column, too."""
    count = sum(rescued.values())
    values = "value" if count == 1 else "values"
    comment = f"{count:,} {values} did not fit the column, which is {kind}."
    if set(rescued) <= {"number", _DIGITS} and JSON_TYPES.get(kind) == "integer":
        comment += f" `lake retype {dataset}.{name} double` makes one of them that holds all."
    if isinstance(found.get("type"), list):
        kinds = [one for one in found["type"] if one != "null"]
        for one in rescued:
            kinds += ["number", "string"] if one == _DIGITS else [one]
        # A number may be a whole one.
        kinds = [one for one in dict.fromkeys(kinds) if one != "integer" or "number" not in kinds]
        found["type"] = [*kinds, "null"]
    elif "type" in found:
        del found["type"]
    for bound in ("format", "x-decimal", "items", "properties"):
        found.pop(bound, None)
    found["$comment"] = comment


def _columns(target: Target, dataset: str) -> list[tuple[str, str, str]]:
    """Give name, type and original name of each column that the data brought."""
    database = target.outputs["GlueDatabaseName"]
    try:
        table = target.client("glue").get_table(DatabaseName=database, Name=dataset)["Table"]
    except ClientError as error:
        if error.response["Error"]["Code"] == "EntityNotFoundException":
            makes = f"`lake put FILE --dataset {dataset}` makes one, and `lake tables` lists all."
            raise missing(dataset, tables_of(target), makes) from error
        raise LakeCommandError(f"No table {dataset} in {database}: {aws_said(error)}") from error
    return [
        (c["Name"], c["Type"], c.get("Comment") or c["Name"])
        for c in table["StorageDescriptor"]["Columns"]
        if c["Name"] not in LINEAGE
    ]


def _row(target: Target, sql: str) -> dict[str, str | None]:
    result = athena.run(target, sql)
    return dict(zip(result.columns, result.rows[0], strict=True))


def _seen(
    target: Target, dataset: str, columns: list[tuple[str, str, str]]
) -> dict[str, dict[str, Any]]:
    """Ask for every column at once what its values are."""
    asked = ["count(*) AS rows_"]
    for number, (name, kind, _) in enumerate(columns):
        column = quoted(name)
        asked.append(f"count({column}) AS filled_{number}")
        if kind == "string":
            doubtful = _AMBIGUOUS.format(column)
            asked.append(f"sum(CASE WHEN {doubtful} THEN 1 ELSE 0 END) AS doubtful_{number}")
        elif JSON_TYPES.get(kind) in ("integer", "number"):
            asked += [f"min({column}) AS least_{number}", f"max({column}) AS most_{number}"]
    row = _row(target, f"SELECT {', '.join(asked)} FROM {quoted(dataset)}")  # noqa: S608  # names are quoted
    return {
        name: {
            "rows": int(row["rows_"] or 0),
            "filled": int(row[f"filled_{number}"] or 0),
            "doubtful": int(row.get(f"doubtful_{number}") or 0),
            "least": row.get(f"least_{number}"),
            "most": row.get(f"most_{number}"),
        }
        for number, (name, _, _) in enumerate(columns)
    }


def _rescued(target: Target, dataset: str) -> dict[str, dict[str, int]]:
    """Count the values that did not fit, by path and by kind of JSON value."""
    values = "UNNEST(CAST(json_parse(_rescued_data) AS map(varchar, json))) AS u (k, v)"
    # Alone, since the table's own columns may be called k and v, too.
    rescued = f"SELECT _rescued_data FROM {quoted(dataset)} WHERE _rescued_data IS NOT NULL"  # noqa: S608  # as above
    texts = f"SELECT k, json_format(v) AS t FROM ({rescued}) CROSS JOIN {values}"  # noqa: S608  # as above
    cases = " ".join(
        f"WHEN regexp_like(t, '{pattern}') THEN '{kind}'" for kind, pattern in _KINDS.items()
    )
    result = athena.run(
        target,
        f"SELECT k, CASE {cases} ELSE 'null' END AS kind, count(*) AS n "  # noqa: S608  # as above
        f"FROM ({texts}) GROUP BY 1, 2 ORDER BY 1, 2",
    )
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for path, kind, count in result.rows:
        found[str(path)][str(kind)] = int(count or 0)
    return found


def _property(kind: str, facts: dict[str, Any]) -> dict[str, Any]:
    found = schema_of(kind)
    if facts["doubtful"]:
        del found["type"]
        found["$comment"] = "Some values look like numbers or JSON: were they sent as strings?"
    elif facts["filled"] == facts["rows"] > 0:
        found |= {"type": found["type"][0]} if "type" in found else {}
    if facts["least"] is not None:
        found["$comment"] = f"Seen: {facts['least']} to {facts['most']}."
    return found
