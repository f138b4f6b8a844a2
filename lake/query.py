"""Ask Athena, in the lake's workgroup."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from lake import tables
from lake.errors import LakeCommandError
from lake.layout import is_numeric
from lake.statement import explained, prepared

if TYPE_CHECKING:
    from collections.abc import Callable

    from lake.target import Target


_NO_TABLE = re.compile(r"^TABLE_NOT_FOUND: .*Table '(?:[^']*\.)?([^'.]+)' does not exist")


class QueryTimeoutError(LakeCommandError):
    """When a query took longer than the caller waits."""


class QueryStoppedError(LakeCommandError):
    """When the caller does not want the rows any more."""


@dataclass(frozen=True)
class Result:
    """What a query gave.

    Attributes
    ----------
    columns : list of str
        Names.
    types : list of str
        Athena types.
    rows : list of list
        Text of each value, None for null.
    seconds : float
        From asking to having every row.
    scanned : int
        Bytes that Athena read.
    more : bool
        Whether there are rows that were not asked for.
    """

    columns: list[str]
    types: list[str]
    rows: list[list[str | None]]
    seconds: float
    scanned: int = 0
    more: bool = False

    @property
    def numeric(self) -> list[bool]:
        """Tell which columns hold numbers."""
        return [is_numeric(kind) for kind in self.types]


def run(
    target: Target,
    sql: str,
    timeout: float = 1800,
    most: int | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Result:
    """Run one statement and wait for its rows.

    Parameters
    ----------
    target : Target
        The lake.
    sql : str
        In Athena's dialect.
    timeout : float
        Seconds to wait; half an hour is Athena's own limit for a query.
    most : int, optional
        So many rows are enough: Athena gives a thousand at a time.
    stop : callable
        Asked again and again whether nobody wants the rows any more.

    Returns
    -------
    Result
        Without rows for a statement that gives none.

    Raises
    ------
    LakeCommandError
        With Athena's reason when the query fails.
    """
    statement = prepared(sql)
    athena, outputs, started = target.client("athena"), target.outputs, time.monotonic()
    try:
        execution = athena.start_query_execution(
            QueryString=statement,
            WorkGroup=outputs["AthenaWorkGroupName"],
            QueryExecutionContext={"Database": outputs["GlueDatabaseName"]},
        )["QueryExecutionId"]
    except ClientError as error:
        refused = error.response["Error"]
        if refused["Code"] != "InvalidRequestException":
            raise
        said = refused.get("Message", "it gives no reason")
        raise LakeCommandError(explained(sql, statement, said)) from error
    try:
        done = _ended(athena, execution, started + timeout, stop)
    except (KeyboardInterrupt, QueryTimeoutError, QueryStoppedError):
        # Nobody waits for what it reads, and it costs.
        athena.stop_query_execution(QueryExecutionId=execution)
        raise
    status = done["Status"]
    if status["State"] == "CANCELLED":
        raise LakeCommandError(f"Somebody cancelled the query {execution}.")
    if status["State"] == "FAILED":
        reason = str(status.get("StateChangeReason", "it gives no reason"))
        said = explained(sql, statement, reason) + _meant(target, reason)
        raise LakeCommandError(f"{said}\n(query {execution})")
    columns, types, rows = _rows(athena, execution, most)
    scanned = int(done.get("Statistics", {}).get("DataScannedInBytes", 0))
    more = most is not None and len(rows) > most
    return Result(columns, types, rows[:most], time.monotonic() - started, scanned, more)


def _meant(target: Target, reason: str) -> str:
    """Say which table may be meant where Athena knows none of a name."""
    found = _NO_TABLE.search(reason)
    if not found:
        return ""
    close = get_close_matches(found[1], tables.tables_of(target), cutoff=0.6)
    meant = f"Did you mean {' or '.join(close)}?" if close else "`lake tables` lists the tables."
    return f"\n{meant}"


def _ended(
    athena: Any, execution: str, deadline: float, stop: Callable[[], bool]
) -> dict[str, Any]:
    """Wait until a query has ended."""
    wait = 0.05
    while True:
        answer = athena.get_query_execution(QueryExecutionId=execution)
        found: dict[str, Any] = answer["QueryExecution"]
        if found["Status"]["State"] in ("SUCCEEDED", "FAILED", "CANCELLED"):
            return found
        if time.monotonic() > deadline:
            raise QueryTimeoutError(f"The query {execution} took too long, and was stopped.")
        if stop():
            raise QueryStoppedError(f"You stopped the query {execution}.")
        time.sleep(wait)
        wait = min(wait * 1.5, 1)


def _rows(
    athena: Any, execution: str, most: int | None
) -> tuple[list[str], list[str], list[list[str | None]]]:
    columns: list[str] = []
    types: list[str] = []
    rows: list[list[str | None]] = []
    pages = athena.get_paginator("get_query_results").paginate(QueryExecutionId=execution)
    for number, page in enumerate(pages):
        if number == 0:
            info = page["ResultSet"]["ResultSetMetadata"].get("ColumnInfo", [])
            columns = [column["Name"] for column in info]
            types = [column["Type"] for column in info]
        rows += [
            _cells([cell.get("VarCharValue") for cell in row["Data"]], len(columns))
            for row in page["ResultSet"]["Rows"]
        ]
        # One of them may be the names of the columns.
        if most is not None and len(rows) > most + 1:
            break
    # The first row of a SELECT repeats the names of its columns.
    if rows and rows[0] == columns:
        rows = rows[1:]
    return columns, types, rows


def _cells(values: list[str | None], count: int) -> list[str | None]:
    """Give a row one value a column.

    DESCRIBE answers each row as one text with tabs between its columns (github.com/pyathena-dev/
    PyAthena, pull request 264).
    """
    if len(values) == 1 < count and values[0] is not None:
        values = [part.strip() for part in values[0].split("\t")]
    return values[:count] + [None] * (count - len(values))
