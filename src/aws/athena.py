"""Athena: queries that write, begun once each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from aws.errors import code_of, translated
from store.errors import ModelFailedError
from store.refresh import Query

if TYPE_CHECKING:
    from mypy_boto3_athena import AthenaClient

#: What Athena answers to a statement that it cannot read (Athena API, InvalidRequestException).
_REFUSED = "InvalidRequestException"

#: What it answers where a token began another statement: one of an older curator, which a
#: deployment replaced in the middle of a run. The next run has tokens of its own.
_OTHER_STATEMENT = "Idempotent parameters do not match"

#: An error of the system by Athena's categories; 2 is the user's, 3 others' (Athena API,
#: AthenaError).
_SYSTEMS = 1

#: Errors of files that were replaced or deleted after a query had planned to read them, and of
#: the service, whatever category it gives them.
_PASSING = (
    # Athena tries some queries again by itself, and leaves what a try had written (Athena API,
    # QueryExecutionStatus; Athena User Guide, "UNLOAD"). The next run has another folder.
    "HIVE_PATH_ALREADY_EXISTS",
    "HIVE_CANNOT_OPEN_SPLIT",
    "HIVE_CURSOR_ERROR",
    "HIVE_FILESYSTEM_ERROR",
    "HIVE_METASTORE_ERROR",
    "GENERIC_INTERNAL_ERROR",
    "INTERNAL_ERROR",
)


@dataclass(frozen=True, slots=True)
class Athena:
    """Runs queries in one workgroup and database."""

    client: AthenaClient
    workgroup: str
    database: str

    def start(self, sql: str, token: str) -> str:
        """See :class:`curator.ports.Queries`."""
        try:
            with translated("beginning a query"):
                answer = self.client.start_query_execution(
                    QueryString=sql,
                    ClientRequestToken=token,
                    WorkGroup=self.workgroup,
                    QueryExecutionContext={"Database": self.database},
                )
        except ClientError as error:
            if code_of(error) != _REFUSED:
                raise
            why = error.response["Error"]["Message"]
            passing = _OTHER_STATEMENT in why
            raise ModelFailedError("REFUSED", why, permanent=not passing) from error
        return answer["QueryExecutionId"]

    def look(self, query: str) -> Query:
        """See :class:`curator.ports.Queries`."""
        with translated(f"asking for query {query}"):
            found = self.client.get_query_execution(QueryExecutionId=query)["QueryExecution"]
        status, statistics = found["Status"], found.get("Statistics", {})
        scanned = statistics.get("DataScannedInBytes", 0)
        if status["State"] in ("QUEUED", "RUNNING"):
            return Query(ended=False)
        if status["State"] == "SUCCEEDED":
            return Query(ended=True, succeeded=True, scanned=scanned)
        said = status.get("StateChangeReason", "")
        told = status.get("AthenaError", {})
        reason = said.partition(":")[0]
        reason = reason if reason.isupper() and " " not in reason else status["State"]
        # One that was cancelled was too long or too dear: it would be again.
        passing = told.get("Retryable") or reason in _PASSING
        system = told.get("ErrorCategory") == _SYSTEMS and status["State"] == "FAILED"
        permanent = not (passing or system)
        detail = f"{said.removeprefix(f'{reason}: ')} (query {query})"
        return Query(ended=True, reason=reason, detail=detail, permanent=permanent, scanned=scanned)
