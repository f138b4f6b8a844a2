"""Ask Athena, in the lake's workgroup."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from lake.errors import LakeCommandError

if TYPE_CHECKING:
    from lake.target import Target

_NUMBERS = frozenset(
    {"tinyint", "smallint", "integer", "int", "bigint", "float", "real", "double", "decimal"}
)


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
    """

    columns: list[str]
    types: list[str]
    rows: list[list[str | None]]
    seconds: float

    @property
    def numeric(self) -> list[bool]:
        """Tell which columns hold numbers."""
        return [kind.lower() in _NUMBERS for kind in self.types]


def run(target: Target, sql: str, timeout: float = 1800) -> Result:
    """Run one statement and wait for its rows.

    Parameters
    ----------
    target : Target
        The lake.
    sql : str
        In Athena's dialect.
    timeout : float
        Seconds to wait; half an hour is Athena's own limit for a query.

    Returns
    -------
    Result
        Without rows for a statement that gives none.

    Raises
    ------
    LakeCommandError
        With Athena's reason when the query fails.
    """
    athena, outputs, started = target.client("athena"), target.outputs, time.monotonic()
    try:
        execution = athena.start_query_execution(
            QueryString=sql,
            WorkGroup=outputs["AthenaWorkGroupName"],
            QueryExecutionContext={"Database": outputs["GlueDatabaseName"]},
        )["QueryExecutionId"]
        wait = 0.05
        while True:
            status = athena.get_query_execution(QueryExecutionId=execution)["QueryExecution"][
                "Status"
            ]
            if status["State"] == "SUCCEEDED":
                break
            if status["State"] in ("FAILED", "CANCELLED"):
                reason = status.get("StateChangeReason", "no reason given")
                raise LakeCommandError(f"The query {status['State'].lower()}: {reason}")
            if time.monotonic() - started > timeout:
                athena.stop_query_execution(QueryExecutionId=execution)
                raise LakeCommandError(f"The query was stopped after {timeout:.0f} s.")
            time.sleep(wait)
            wait = min(wait * 1.5, 1)
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
                [cell.get("VarCharValue") for cell in row["Data"]]
                for row in page["ResultSet"]["Rows"]
            ]
    except ClientError as error:
        raise LakeCommandError(f"Athena refused: {error}") from error
    # The first row of a SELECT repeats the names of its columns.
    if rows and rows[0] == columns:
        rows = rows[1:]
    return Result(columns, types, rows, time.monotonic() - started)
