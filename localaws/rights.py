"""Over which action, resource and keys IAM decides, where MiniStack has AWS's wrong.

- A batch of SQS is the single call on the same queue (Amazon SQS documentation, "API permissions").
- What Athena knows by an identifier belongs to its workgroup.
- Glue asks for the table, its database and the catalog, all of them (Glue documentation,
  "Specifying resource ARNs", Data Catalog).
- ``dynamodb:LeadingKeys`` are the values of the partition key in a request (DynamoDB
  documentation, "Using IAM policy conditions for fine-grained access control").
- A variable in a resource, such as ``${aws:PrincipalTag/team}``, is what the request has of that
  name; where it has none, the resource is none (IAM User Guide, "IAM policy elements: Variables
  and tags").
- Objects and messages that a key of KMS encrypts need rights to it, too (`keys.py`).
- MiniStack takes the name in a call about a crawler or a database for a table's, and ends a log
  group's ARN without its streams.

The rest of the decision is MiniStack's.
"""

from __future__ import annotations

import json
import re
from contextvars import ContextVar
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from localaws import keys
from localaws.internals import athena, dynamodb, evaluator, iam_actions

if TYPE_CHECKING:
    from collections.abc import Iterator

#: As their denials in AWS name the resource.
_OF_STREAMS = ("CreateLogGroup", "CreateLogStream", "FilterLogEvents", "PutLogEvents")

#: Calls of Athena that mean the workgroup "primary" where they name none.
_OF_PRIMARY = (
    "CreateNamedQuery", "ListNamedQueries", "ListQueryExecutions", "StartQueryExecution",
)  # fmt: skip

_VARIABLE = re.compile(r"\$\{([^}]+)\}")

_EQUALITY = re.compile(r"(?<![\w#.-])(#?[\w.-]+)\s*=\s*(:\w+)")

Words = dict[str, Any]

#: The request that is decided about.
_request: ContextVar[Words] = ContextVar("request")


def extend() -> None:
    """Have MiniStack ask IAM as AWS does."""
    action_of, resource_of = iam_actions.extract_iam_action, iam_actions.extract_resource_arn
    context_of, enforce = iam_actions.dynamodb_service_context, evaluator.enforce
    match = evaluator.first_match

    def action(service: str, *request: Any) -> str | None:
        found: str | None = action_of(service, *request)
        return found.removesuffix("Batch") if found and service == "sqs" else found

    def resource(
        service: str,
        method: str,
        path: str,
        headers: dict[str, str],
        body: bytes,
        query_params: Words,
        region: str,
        account_id: str,
    ) -> str:
        _request.set({"method": method, "headers": headers, "query": query_params})
        call = headers.get("x-amz-target", "").rpartition(".")[2]
        at = f"arn:aws:{service}:{region}:{account_id}"
        if service == "glue" and (named := _of_glue(call, _words(body))):
            return f"{at}:{named}"
        if service == "athena" and (workgroup := _workgroup(call, _words(body))):
            return f"{at}:workgroup/{workgroup}"
        found = str(
            resource_of(service, method, path, headers, body, query_params, region, account_id)
        )
        if service == "logs" and call in _OF_STREAMS:
            return f"{found}:log-stream:{_words(body).get('logStreamName', '')}"
        return found

    def context(body: bytes) -> Words:
        words = _words(body)
        keys = [str(one) for one in _leading_keys(words)]
        return {**context_of(body), **({"dynamodb:LeadingKeys": keys} if keys else {})}

    def enforced(
        key: str, action: str, service: str, region: str, resource_arn: str = "*", **more: Any
    ) -> Any:
        for one in _with_parents(service, resource_arn):
            if denied := enforce(key, action, service, region, resource_arn=one, **more):
                return denied

        def ask(of_kms: str, arn: str) -> Any:
            via = {"kms:ViaService": f"{service}.{region}.amazonaws.com"}
            return enforce(key, of_kms, "kms", region, resource_arn=arn, service_context=via)

        return keys.refusal(service, action, resource_arn, _request.get({}), ask)

    def matched(request: Any, statements: list[Any], effect: str) -> Any:
        filled = [one for statement in statements for one in _filled(statement, request)]
        return match(request, filled, effect)

    iam_actions.extract_iam_action = action
    iam_actions.extract_resource_arn = resource
    iam_actions.dynamodb_service_context = context
    evaluator.replace("enforce", enforced)
    evaluator.replace("first_match", matched)


def _words(body: bytes) -> Words:
    try:
        told = json.loads(body or b"{}")
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


# --- Variables -------------------------------------------------------------------------------


def _filled(statement: Any, request: Any) -> Iterator[Any]:
    """Give a statement with what variables stand for; nothing where no resource is left."""
    if not any("${" in one for one in statement.resources):
        yield statement
        return
    found = [
        _VARIABLE.sub(lambda name: str(evaluator.resolve_condition_key(name[1], request)), one)
        for one in statement.resources
        if all(
            evaluator.resolve_condition_key(name, request) is not None
            for name in _VARIABLE.findall(one)
        )
    ]
    if found:
        yield replace(statement, resources=found)


# --- Resources -------------------------------------------------------------------------------


def _of_glue(call: str, words: Words) -> str | None:
    """Name what a call of Glue is about; None where MiniStack knows it."""
    name, database = words.get("Name"), words.get("DatabaseName")
    if call.endswith("Crawler") and name:
        return f"crawler/{name}"
    if call.endswith("Database"):
        made = words.get("DatabaseInput") or {}
        return f"database/{name or made.get('Name')}"
    table = words.get("TableName") or name or (words.get("TableInput") or {}).get("Name")
    return f"table/{database}/{table}" if database and table else None


def _with_parents(service: str, resource: str) -> Iterator[str]:
    """Give what a call needs rights to, the largest first."""
    found = re.fullmatch(r"(arn:aws:glue:.*?:.*?):(?:table|database)/([^/]+)(/.+)?", resource)
    if service == "glue" and found:
        at, database, table = found.groups()
        yield f"{at}:catalog"
        if table:
            yield f"{at}:database/{database}"
    yield resource


def _workgroup(call: str, words: Words) -> str | None:
    """Name the workgroup that a call of Athena is about; None where MiniStack knows it."""
    if words.get("WorkGroup"):
        return None
    if call in _OF_PRIMARY:
        return "primary"
    known = athena.executions.get(words.get("QueryExecutionId")) or athena.named_queries.get(
        words.get("NamedQueryId")
    )
    return known["WorkGroup"] if known else None


# --- Keys ------------------------------------------------------------------------------------


def _leading_keys(words: Words) -> Iterator[Any]:
    """Give the values of partition keys in a request, of all of its tables."""
    for table, item in _items(words):
        yield from _values([item.get(_partition_key(table))])
    key = _partition_key(words.get("TableName", ""), words.get("IndexName"))
    if conditions := words.get("KeyConditions"):
        yield from _values(conditions.get(key, {}).get("AttributeValueList", []))
    names = words.get("ExpressionAttributeNames") or {}
    values = words.get("ExpressionAttributeValues") or {}
    for name, value in _EQUALITY.findall(words.get("KeyConditionExpression") or ""):
        if names.get(name, name) == key:
            yield from _values([values.get(value)])


def _values(told: list[Any]) -> Iterator[Any]:
    for one in told:
        # Each by the name of its type.
        yield from (one or {}).values()


def _items(words: Words) -> Iterator[tuple[str, Words]]:
    """Give the items and keys of a request, each with its table."""
    if "TableName" in words:
        for member in ("Key", "Item"):
            if member in words:
                yield words["TableName"], words[member]
    for table, asked in (words.get("RequestItems") or {}).items():
        # BatchGetItem has one description of keys for a table, BatchWriteItem a list of requests.
        if isinstance(asked, dict):
            yield from ((table, key) for key in asked.get("Keys", []))
        else:
            for request in asked:
                for member in request.values():
                    yield table, member.get("Key") or member.get("Item") or {}
    for member in words.get("TransactItems") or []:
        for request in member.values():
            yield from _items(request)


def _partition_key(table: str, index: str | None = None) -> str:
    """Name a table's or index's partition key; an empty name where there is no such table."""
    found = dynamodb.tables.get(table.rpartition("table/")[2])
    if found is None:
        return ""
    indices = [*found["GlobalSecondaryIndexes"], *found["LocalSecondaryIndexes"]]
    for one in indices if index else ():
        if one["IndexName"] == index:
            found = one
    (name,) = [key["AttributeName"] for key in found["KeySchema"] if key["KeyType"] == "HASH"]
    return str(name)
