"""Where MiniStack's Athena asks, and this package answers.

MiniStack keeps workgroups, named queries, executions and their authorisation; its functions that
start a query, execute it, give its rows and stop it are replaced by name, since their parent looks
them up in the module at each call. A layer in front of the application would have had to repeat
the authorisation, and another service on another port would not be found by any client.

A query runs on a thread of a pool of its own, so that the server answers the calls to Glue and S3
that the query makes, signed by the caller's own credentials.
"""

from __future__ import annotations

import asyncio
import contextvars
import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
from botocore.exceptions import ClientError

from localaws import sessions
from localaws.athena import ddl, dialect, statements, writing
from localaws.athena.catalog import bucket_and_prefix, slashed
from localaws.athena.engine import Engine, Outcome, Request
from localaws.athena.errors import CancelledError, MalformedError, QueryError
from localaws.internals import athena as ministack
from localaws.internals import error_response_json, json_response

if TYPE_CHECKING:
    from collections.abc import Callable

Execution = dict[str, Any]
Response = tuple[int, dict[str, str], bytes]

#: Queries at once; others are QUEUED meanwhile.
_POOL = ThreadPoolExecutor(4, thread_name_prefix="athena")

_start_in_ministack = ministack.start_query_execution
_stop_in_ministack = ministack.stop_query_execution

#: What runs, by the execution's identifier.
_running: dict[str, Engine] = {}

_RUN: dict[type, Callable[[Engine, Any], Outcome]] = {
    statements.Query: lambda engine, statement: engine.select(statement.sql),
    statements.Explain: ddl.explain,
    statements.Rewrite: writing.rewrite,
    statements.Unload: writing.unload,
    statements.CreateTableAs: writing.create_table_as,
    statements.Insert: writing.insert,
    statements.Show: ddl.show,
    statements.CreateView: ddl.create_view,
    statements.DropView: ddl.drop_view,
    statements.Repair: ddl.repair,
    statements.AddPartitions: ddl.add,
    statements.DropPartitions: ddl.drop,
    statements.AlterTable: ddl.alter,
    statements.Database: ddl.database,
    statements.External: ddl.external,
}

#: StatementType and SubstatementType, as GetQueryExecution says them.
_KINDS: dict[type, tuple[str, str]] = {
    statements.Query: ("DML", "SELECT"),
    statements.Unload: ("DML", "UNLOAD"),
    statements.Insert: ("DML", "INSERT"),
    statements.CreateTableAs: ("DDL", "CREATE_TABLE_AS_SELECT"),
    statements.CreateView: ("DDL", "CREATE_VIEW"),
    statements.Show: ("UTILITY", "SHOW"),
    statements.Explain: ("UTILITY", "EXPLAIN"),
    statements.Rewrite: ("DML", ""),
}


def extend() -> None:
    """Put this package in the place of MiniStack's execution of queries."""
    ministack.replace("start_query_execution", _start)
    ministack.replace("execute_query", _execute)
    ministack.replace("get_query_results", _results)
    ministack.replace("stop_query_execution", _stop)


def end() -> None:
    """Stop what runs: else the process would wait for it."""
    _POOL.shutdown(wait=False, cancel_futures=True)
    for engine in list(_running.values()):
        engine.cancel()


def _refused(message: str, code: str | None = None) -> Response:
    extra = {"extra": {"AthenaErrorCode": code}} if code else {}
    answer: Response = error_response_json("InvalidRequestException", message, 400, **extra)
    return answer


def _configuration(workgroup: str) -> dict[str, Any]:
    found = (ministack.workgroups.get(workgroup) or {}).get("Configuration")
    return found or {}


def _is_enforced(configuration: dict[str, Any]) -> bool:
    # What came through CloudFormation may be text.
    return str(configuration.get("EnforceWorkGroupConfiguration")).lower() == "true"


def _start(data: dict[str, Any]) -> Response:
    name = data.get("WorkGroup", "primary")
    workgroup = ministack.workgroups.get(name)
    if workgroup is None:
        return _refused(f"WorkGroup {name} is not found.")
    if workgroup.get("State") == "DISABLED":
        return _refused(f"WorkGroup {name} is disabled.")
    token, sql = data.get("ClientRequestToken"), data.get("QueryString", "")
    for identifier, execution in ministack.executions.items():
        if token and execution.get("_token") == token:
            if execution["_asked"] == data:
                answer: Response = json_response({"QueryExecutionId": identifier})
                return answer
            return _refused("Idempotent parameters do not match")
    try:
        if data.get("ExecutionParameters"):
            sql = statements.with_parameters(sql, data["ExecutionParameters"])
        statement = statements.read(sql)
        if isinstance(inner := getattr(statement, "sql", None), str):
            dialect.parse(inner)
    except MalformedError as error:
        return _refused(error.message, "MALFORMED_QUERY")
    configuration = _configuration(name)
    own = data.get("ResultConfiguration") or {}
    shared = configuration.get("ResultConfiguration") or {}
    enforced = _is_enforced(configuration)
    chosen = shared if enforced or not own.get("OutputLocation") else own
    chosen = {**chosen, "OutputLocation": slashed(chosen.get("OutputLocation") or "")}
    status, headers, body = _start_in_ministack(
        {**data, "QueryString": sql, "ResultConfiguration": chosen}
    )
    if status == 200:
        execution = ministack.executions[json.loads(body)["QueryExecutionId"]]
        kind, sub = _KINDS.get(type(statement), ("DDL", ""))
        suffix = "csv" if kind == "DML" else "txt"
        location = f"{chosen['OutputLocation']}{execution['QueryExecutionId']}.{suffix}"
        execution |= {
            "StatementType": kind,
            "ResultConfiguration": {**chosen, "OutputLocation": location},
            # MiniStack saves an execution as JSON.
            "_token": token,
            "_asked": data,
            "_output": chosen["OutputLocation"],
        }
        if sub:
            execution["SubstatementType"] = sub
    return status, headers, body


async def _execute(identifier: str, sql: str, database: str, _ddl: Any, _catalog: Any) -> None:
    execution = ministack.executions[identifier]
    configuration = _configuration(execution["WorkGroup"])
    cutoff = configuration.get("BytesScannedCutoffPerQuery")
    request = Request(
        identifier,
        sql,
        (database or "default").lower(),
        execution["_output"],
        enforced=_is_enforced(configuration),
        cutoff=int(cutoff) if cutoff else None,
    )
    session = sessions.of_caller()
    context = contextvars.copy_context()
    await asyncio.get_running_loop().run_in_executor(
        _POOL, context.run, _run, execution, request, session
    )


def _run(execution: Execution, request: Request, session: sessions.Session) -> None:
    status, started = execution["Status"], time.monotonic()
    if status["State"] == "CANCELLED":
        return
    status["State"] = "RUNNING"
    failure: QueryError | None = QueryError("GENERIC_INTERNAL_ERROR", "see the log", 1)
    scanned = 0
    try:
        with Engine(request, session) as engine:
            _running[request.identifier] = engine
            try:
                statement = statements.read(request.sql)
                outcome = _RUN[type(statement)](engine, statement)
                _save(execution, request, engine, outcome)
                failure = None
            except QueryError as error:
                failure = error
            except duckdb.Error as error:
                failure = engine.failure(error)
            except ClientError as error:
                failure = _of_aws(error)
            finally:
                scanned = engine.scanned
                _running.pop(request.identifier, None)
    finally:
        _finish(execution, failure, started, scanned)


def _of_aws(error: ClientError) -> QueryError:
    told = error.response.get("Error", {})
    code, message = told.get("Code", ""), told.get("Message", str(error))
    if code in ("AccessDenied", "AccessDeniedException", "403"):
        return QueryError(
            "PERMISSION_DENIED", f"Insufficient permissions to execute the query. {message}"
        )
    if code == "NoSuchBucket":
        return QueryError("HIVE_FILESYSTEM_ERROR", message)
    return QueryError("HIVE_METASTORE_ERROR", f"{code}: {message}")


def _finish(execution: Execution, failure: QueryError | None, started: float, scanned: int) -> None:
    status, statistics = execution["Status"], execution["Statistics"]
    elapsed = int((time.monotonic() - started) * 1000)
    statistics |= {
        "DataScannedInBytes": scanned,
        "EngineExecutionTimeInMillis": elapsed,
        "TotalExecutionTimeInMillis": elapsed + 1,
        "ServiceProcessingTimeInMillis": 1,
    }
    status["CompletionDateTime"] = time.time()
    if status["State"] == "CANCELLED":
        return
    if failure is None:
        status["State"] = "SUCCEEDED"
        return
    cancelled = isinstance(failure, CancelledError)
    status["StateChangeReason"] = failure.message if cancelled else str(failure)
    status["AthenaError"] = {
        "ErrorCategory": failure.category,
        "Retryable": False,
        "ErrorMessage": status["StateChangeReason"],
    }
    # Last: who sees the state may read the rest.
    status["State"] = "CANCELLED" if cancelled else "FAILED"


# --- Results ---------------------------------------------------------------------------------


def _quoted(value: str | None) -> str:
    return "" if value is None else '"' + value.replace('"', '""') + '"'


def _save(execution: Execution, request: Request, engine: Engine, outcome: Outcome) -> None:
    _kept(request.identifier).write_text(json.dumps(asdict(outcome)), encoding="utf-8")
    location = execution["ResultConfiguration"]["OutputLocation"]
    names = [name for name, *_ in outcome.columns]
    if execution["StatementType"] == "DML":
        lines = [",".join(map(_quoted, row)) for row in ([names] if names else []) + outcome.rows]
    else:
        lines = ["\t".join(value or "" for value in row) for row in outcome.rows]
    _put(engine, location, "".join(f"{line}\n" for line in lines))
    # As MiniStack writes it; Athena's own is an undocumented binary.
    kinds = ",".join(kind for _, kind, *_ in outcome.columns)
    _put(engine, f"{location}.metadata", ",".join(names) + "\n" + kinds)
    if outcome.manifest:
        manifest = f"{request.output}{request.identifier}-manifest.csv"
        _put(engine, manifest, "".join(f"{one}\n" for one in outcome.manifest))
        execution["Statistics"]["DataManifestLocation"] = manifest


def _put(engine: Engine, location: str, text: str) -> None:
    bucket, key = bucket_and_prefix(location)
    engine.s3.put_object(Bucket=bucket, Key=key, Body=text.encode())


def _kept(identifier: str) -> Path:
    """Give the file of a result, for GetQueryResults: on disk, as all that is large is."""
    folder = Path(os.environ["STATE_DIR"]) / "results"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{identifier}.json"


@lru_cache(maxsize=4)
def _outcome(identifier: str) -> Outcome:
    return Outcome(**json.loads(_kept(identifier).read_text(encoding="utf-8")))


def _results(data: dict[str, Any]) -> Response:
    identifier = data.get("QueryExecutionId")
    execution = ministack.executions.get(identifier)
    if execution is None:
        return _refused(f"QueryExecution {identifier} was not found")
    state = execution["Status"]["State"]
    if state in ("QUEUED", "RUNNING"):
        return _refused(f"Query has not yet finished. Current state: {state}")
    if state != "SUCCEEDED":
        return _refused(f"Query did not finish successfully. Final query state: {state}")
    outcome = _outcome(str(identifier))
    names: list[str | None] = [name for name, *_ in outcome.columns]
    rows = outcome.rows
    if execution["StatementType"] == "DML" and names:
        # Only a query's first page begins with the names of the columns.
        rows = [names, *rows]
    start = int(data.get("NextToken") or 0)
    end = start + int(data.get("MaxResults") or 1000)
    answer: dict[str, Any] = {
        "UpdateCount": outcome.updated,
        "ResultSet": {
            "Rows": [
                {"Data": [{} if v is None else {"VarCharValue": v} for v in row]}
                for row in rows[start:end]
            ],
            "ResultSetMetadata": {
                "ColumnInfo": [
                    {
                        "CatalogName": "hive",
                        "SchemaName": "",
                        "TableName": "",
                        "Name": name,
                        "Label": name,
                        "Type": kind,
                        "Precision": precision,
                        "Scale": scale,
                        "Nullable": "UNKNOWN",
                        "CaseSensitive": kind in ("varchar", "char", "json"),
                    }
                    for name, kind, precision, scale in outcome.columns
                ]
            },
        },
    }
    if end < len(rows):
        answer["NextToken"] = str(end)
    response: Response = json_response(answer)
    return response


def _stop(data: dict[str, Any]) -> Response:
    response: Response = _stop_in_ministack(data)
    engine = _running.get(str(data.get("QueryExecutionId")))
    if engine is not None:
        engine.cancel()
    return response
