"""What MiniStack's Glue lacks of tables: versions, BatchDeletePartition, expressions.

dbt-athena and awswrangler use all three. Versions are kept as Glue keeps them: UpdateTable archives
the one before unless it is told ``SkipArchive``. What a table was made without, GetTable leaves
out: clients give UpdateTable what GetTable gave them, and an empty ``Owner`` is refused. A table
that is not there has no partitions, nor gets any.
"""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import duckdb
import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from localaws.athena.errors import QueryError
from localaws.athena.types import hive_to_duckdb, quoted
from localaws.internals import error_response_json, glue, json_response

if TYPE_CHECKING:
    from collections.abc import Callable

    Response = tuple[int, dict[str, str], bytes]
    Call = Callable[[dict[str, Any]], Response]

#: Partitions that one call deletes (botocore's model of Glue).
_MOST_DELETED = 25

#: Calls that AWS refuses where there is no table (AWS Glue API, EntityNotFoundException).
_OF_A_TABLE = frozenset(
    {
        "BatchCreatePartition",
        "BatchGetPartition",
        "CreatePartition",
        "DeletePartition",
        "GetPartition",
        "GetPartitions",
    }
)

#: Under this name MiniStack saves the versions with everything else of Glue.
_STORE = "table_versions_archived"


def extend() -> None:
    """Teach MiniStack's Glue."""
    # Of the same kind, so that it is told apart by account and region.
    glue.ALL_STATE[_STORE] = type(glue.tables)()
    handle, update = glue.handle_request_sync, glue.update_table

    def handled(method: str, path: str, headers: dict[str, str], body: bytes, query: Any) -> Any:
        name = headers.get("x-amz-target", "").rpartition(".")[2]
        if name in _OF_A_TABLE:
            data = json.loads(body)
            if _key(data, data.get("TableName")) not in glue.tables:
                return _no_table(data)
        call = _CALLS.get(name)
        return call(json.loads(body)) if call else handle(method, path, headers, body, query)

    def updated(data: dict[str, Any]) -> Any:
        key = _key(data, data.get("TableInput", {}).get("Name"))
        before = copy.deepcopy(glue.tables.get(key))
        answer = update(data)
        if answer[0] == 200 and not data.get("SkipArchive"):
            _archive()[key] = [before, *_archive().get(key, [])]
        return answer

    glue.replace("handle_request_sync", handled)
    glue.replace("update_table", updated)


def _archive() -> Any:
    return glue.ALL_STATE[_STORE]


def _key(data: dict[str, Any], table: Any) -> str:
    return f"{data.get('DatabaseName')}/{table}"


def _refused(code: str, message: str) -> Response:
    answer: Response = error_response_json(code, message, 400)
    return answer


def _answer(content: dict[str, Any]) -> Response:
    answer: Response = json_response(content)
    return answer


def _told(table: dict[str, Any]) -> dict[str, Any]:
    """Leave out what a table was made without; MiniStack keeps it as an empty text."""
    return {name: value for name, value in table.items() if value not in ("", None)}


def _get_table(data: dict[str, Any]) -> Response:
    table = glue.tables.get(_key(data, data.get("Name")))
    answer: Response = glue.get_table(data) if table is None else _answer({"Table": _told(table)})
    return answer


def _get_tables(data: dict[str, Any]) -> Response:
    name = data.get("DatabaseName")
    if name not in glue.databases:
        return _refused("EntityNotFoundException", f"Database {name} not found.")
    _, _, body = glue.get_tables(data)
    return _answer({"TableList": [_told(one) for one in json.loads(body)["TableList"]]})


def _versions_of(data: dict[str, Any]) -> list[dict[str, Any]] | None:
    """Give a table's versions, the newest first; None where there is no table."""
    key = _key(data, data.get("TableName"))
    current = glue.tables.get(key)
    if current is None:
        return None
    return [{"Table": _told(one), "VersionId": one["VersionId"]}
            for one in [current, *_archive().get(key, [])]]  # fmt: skip


def _no_table(data: dict[str, Any]) -> Response:
    return _refused("EntityNotFoundException", f"Table {data.get('TableName')} not found.")


def _get_versions(data: dict[str, Any]) -> Response:
    found = _versions_of(data)
    if found is None:
        return _no_table(data)
    start = int(data.get("NextToken") or 0)
    end = start + int(data.get("MaxResults") or 100)
    more = {"NextToken": str(end)} if end < len(found) else {}
    return _answer({"TableVersions": found[start:end], **more})


def _get_version(data: dict[str, Any]) -> Response:
    found = _versions_of(data)
    if found is None:
        return _no_table(data)
    # Without a version the current one is meant.
    wanted = data.get("VersionId", found[0]["VersionId"])
    for one in found:
        if one["VersionId"] == wanted:
            return _answer({"TableVersion": one})
    return _refused("EntityNotFoundException", f"Table version {wanted} not found.")


def _deleted(data: dict[str, Any], version: str) -> tuple[str, str] | None:
    key, found = _key(data, data.get("TableName")), _versions_of(data)
    if found is None or version not in [one["VersionId"] for one in found]:
        return "EntityNotFoundException", f"Table version {version} not found."
    if version == found[0]["VersionId"]:
        return "InvalidInputException", "The current version of a table cannot be deleted."
    _archive()[key] = [one for one in _archive()[key] if one["VersionId"] != version]
    return None


def _delete_version(data: dict[str, Any]) -> Response:
    wrong = _deleted(data, data["VersionId"])
    return _refused(*wrong) if wrong else _answer({})


def _delete_versions(data: dict[str, Any]) -> Response:
    errors = [
        {
            "TableName": data["TableName"],
            "VersionId": version,
            "ErrorDetail": {"ErrorCode": wrong[0], "ErrorMessage": wrong[1]},
        }
        for version in data["VersionIds"]
        if (wrong := _deleted(data, version))
    ]
    return _answer({"Errors": errors})


def _delete_partitions(data: dict[str, Any]) -> Response:
    key = _key(data, data.get("TableName"))
    if key not in glue.tables:
        return _no_table(data)
    wanted = [one["Values"] for one in data["PartitionsToDelete"]]
    if len(wanted) > _MOST_DELETED:
        return _refused(
            "ValidationException",
            f"'partitionsToDelete' must have length less than or equal to {_MOST_DELETED}",
        )
    known = [one["Values"] for one in glue.partitions.get(key, [])]
    gone = {"ErrorCode": "EntityNotFoundException", "ErrorMessage": "Partition not found."}
    for values in wanted:
        if values in known:
            glue.delete_partition({**data, "PartitionValues": values})
    errors = [
        {"PartitionValues": values, "ErrorDetail": gone} for values in wanted if values not in known
    ]
    return _answer({"Errors": errors})


def _get_partitions(data: dict[str, Any]) -> Response:
    """Answer GetPartitions, and keep to its Expression."""
    key, expression = _key(data, data.get("TableName")), data.get("Expression")
    table = glue.tables.get(key)
    if table is None or not expression:
        answer: Response = glue.get_partitions(data)
        return answer
    found = glue.partitions.get(key, [])
    try:
        kept = matching(expression, table.get("PartitionKeys", []), [p["Values"] for p in found])
    except (SqlglotError, QueryError, duckdb.Error) as error:
        return _refused("InvalidInputException", f"Unsupported expression '{expression}': {error}")
    return _answer({"Partitions": [found[index] for index in kept]})


def matching(expression: str, keys: list[dict[str, str]], values: list[list[str]]) -> list[int]:
    """Give the places of the partitions that an expression leaves.

    Parameters
    ----------
    expression : str
        As a WHERE clause (Glue documentation, "GetPartitions").
    keys : list of dict
        ``Name`` and ``Type`` of the partition keys.
    values : list of list
        The partitions'.
    """
    names = {key["Name"].lower() for key in keys}
    tree = sqlglot.parse_one(expression, read="athena")
    if unknown := {c.name.lower() for c in tree.find_all(exp.Column)} - names:
        raise QueryError("COLUMN_NOT_FOUND", f"{min(unknown)} is no partition key")
    items = ", ".join(
        f"CAST(v[{n}] AS {hive_to_duckdb(key['Type'])}) AS {quoted(key['Name'])}"
        for n, key in enumerate(keys, 1)
    )
    with duckdb.connect() as connection:
        rows = connection.execute(
            f"SELECT i FROM (SELECT i, {items} FROM (SELECT unnest($1) AS i, unnest($2) AS v) "  # noqa: S608  # quoted names and a parsed condition
            f"AS r) AS p WHERE {tree.sql('duckdb')} ORDER BY i",
            [list(range(len(values))), values],
        ).fetchall()
    return [index for (index,) in rows]


_CALLS: dict[str, Call] = {
    "GetTable": _get_table,
    "GetTables": _get_tables,
    "GetPartitions": _get_partitions,
    "GetTableVersions": _get_versions,
    "GetTableVersion": _get_version,
    "DeleteTableVersion": _delete_version,
    "BatchDeleteTableVersion": _delete_versions,
    "BatchDeletePartition": _delete_partitions,
}
