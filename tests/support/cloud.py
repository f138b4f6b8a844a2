"""S3, DynamoDB, Glue, SQS and Athena in memory, behind the methods of boto3's clients.

What the lake relies on is kept: S3 is strongly consistent and keeps versions, conditional writes
compare, queues deliver at least once until a message is acknowledged, table versions lock. Before
and after each call that changes something ``Cloud.on_effect`` is told: there another worker can
run, an answer can be lost, or the worker can die.
"""

from __future__ import annotations

import copy
import json
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING, Any

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

RAW, PROCESSED, CURATED = "raw", "processed", "curated"
LEDGER, DATABASE = "ledger", "lake"
QUEUE, DEAD, CURATE = "queue", "dead", "curate"
START = datetime(2024, 1, 20, 12, tzinfo=UTC).timestamp()

VISIBILITY, MAX_RECEIVES = 1800, 5

#: Seconds of one crawl.
CRAWL = 120


def client_error(code: str, status: int = 400, message: str = "") -> ClientError:
    """As botocore raises it: tests/ports compares."""
    answer: Any = {
        "Error": {"Code": code, "Message": message or code},
        "ResponseMetadata": {"HTTPStatusCode": status, "RetryAttempts": 0},
    }
    return ClientError(answer, "Operation")


@dataclass
class Version:
    id: str
    body: bytes | None
    modified: float

    @property
    def etag(self) -> str:
        return f'"{hash(self.body):x}"'


@dataclass
class Message:
    id: str
    body: str
    visible_at: float
    receives: int = 0
    receipt: str = ""


@dataclass
class Query:
    id: str
    sql: str
    looks: int = 0
    state: str = "RUNNING"
    reason: str = ""
    category: int = 2


class QueryError(Exception):
    """A query fails: its reason, and Athena's category."""


def at_most(length: int, asked: list[Any], code: str = "ValidationException") -> None:
    """A call takes no more than so many of one thing."""
    if len(asked) > length:
        raise client_error(code)


class Pages:
    """A paginator whose pages hold one thing each, as the smallest page may."""

    def __init__(self, pages: Callable[..., Iterator[dict[str, Any]]]) -> None:
        self.paginate = pages


@dataclass
class Cloud:
    """One account."""

    now: float = START
    count: int = 0
    on_effect: Callable[[str], None] = field(default=lambda _: None)
    buckets: dict[str, dict[str, list[Version]]] = field(default_factory=lambda: defaultdict(dict))
    items: dict[str, dict[str, Any]] = field(default_factory=dict)
    tables: dict[str, dict[str, Any]] = field(default_factory=dict)
    partitions: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    queues: dict[str, list[Message]] = field(
        default_factory=lambda: {QUEUE: [], DEAD: [], CURATE: []}
    )
    lose_events: bool = False
    crawls: list[float] = field(default_factory=list)
    #: Athena's queries by their tokens, and what runs one of them.
    queries: dict[str, Query] = field(default_factory=dict)
    execute: Callable[[str], None] = field(default=lambda _: None)

    outputs = {
        "RawBucketName": RAW,
        "ProcessedBucketName": PROCESSED,
        "CuratedBucketName": CURATED,
        "LedgerTableName": LEDGER,
        "GlueDatabaseName": DATABASE,
        "IngestQueueUrl": QUEUE,
        "DeadLetterQueueUrl": DEAD,
        "CurateQueueUrl": CURATE,
    }

    def client(self, service: str) -> Any:
        of = {"s3": S3, "dynamodb": DynamoDB, "glue": Glue, "sqs": Sqs, "athena": Athena}
        return of[service](self)

    def unique(self) -> int:
        self.count += 1
        return self.count

    def drop(self, table: str) -> None:
        """Drop a table, and with it its partitions, as Glue does."""
        self.tables.pop(table)
        for place in [place for place in self.partitions if place[0] == table]:
            self.partitions.pop(place)

    def objects(self, bucket: str) -> dict[str, bytes]:
        """The current objects."""
        return {
            key: versions[-1].body
            for key, versions in self.buckets[bucket].items()
            if versions[-1].body is not None
        }

    def write(self, bucket: str, key: str, body: bytes | None) -> str:
        version = Version(f"v{self.unique()}", body, self.now)
        self.buckets[bucket].setdefault(key, []).append(version)
        if bucket == RAW and body is not None and not self.lose_events:
            self.send(QUEUE, json.dumps(self.event(key, version)))
        return version.id

    def run_query(self, query: Query) -> None:
        """Run a query to its end, unless it has ended."""
        if query.state != "RUNNING":
            return
        query.state = "SUCCEEDED"
        try:
            self.execute(query.sql)
        except QueryError as error:
            query.state = "FAILED"
            query.reason, query.category = error.args

    def event(self, key: str, version: Version) -> dict[str, Any]:
        return {
            "Records": [
                {
                    "eventVersion": "2.1",
                    "eventSource": "aws:s3",
                    "eventName": "ObjectCreated:Put",
                    "s3": {
                        "bucket": {"name": RAW},
                        "object": {
                            "key": key,
                            "versionId": version.id,
                            # Of unequal length, as S3 makes them.
                            "sequencer": f"{int(version.id[1:]):X}".zfill(int(version.id[1:]) % 3),
                        },
                    },
                }
            ]
        }

    def send(self, queue: str, body: str) -> None:
        self.queues[queue].append(Message(f"m{self.unique()}", body, self.now))

    def receive(self, queue: str = QUEUE) -> list[Message]:
        """The messages that SQS would deliver now; those received too often go to their grave."""
        dead = [
            m for m in self.queues[queue] if m.visible_at <= self.now and m.receives >= MAX_RECEIVES
        ]
        for message in dead:
            self.queues[queue].remove(message)
            self.queues[DEAD].append(message)
        return [m for m in self.queues[queue] if m.visible_at <= self.now]

    def deliver(self, message: Message, *, twice: bool = False) -> str:
        """Deliver one message; ``twice``, and it is not hidden from others, as may happen."""
        message.receives += 1
        message.receipt = f"r{self.unique()}"
        if not twice:
            message.visible_at = self.now + VISIBILITY
        return message.receipt

    def acknowledge(self, message: Message) -> None:
        if message in self.queues[QUEUE]:
            self.queues[QUEUE].remove(message)


def effect(method: Callable[..., Any]) -> Callable[..., Any]:
    """A call that changes something: others may act before it, and after it."""

    def wrapped(self: Any, *words: Any, **named: Any) -> Any:
        name = f"{type(self).__name__}.{method.__name__}"
        self.cloud.on_effect(f"before {name}")
        answer = method(self, *words, **named)
        self.cloud.on_effect(f"after {name}")
        return copy.deepcopy(answer)

    return wrapped


def look(method: Callable[..., Any]) -> Callable[..., Any]:
    """A call that only reads: others may act before it."""

    def wrapped(self: Any, *words: Any, **named: Any) -> Any:
        self.cloud.on_effect(f"before {type(self).__name__}.{method.__name__}")
        return copy.deepcopy(method(self, *words, **named))

    return wrapped


@dataclass
class S3:
    cloud: Cloud

    def _current(self, bucket: str, key: str) -> Version:
        versions = self.cloud.buckets[bucket].get(key)
        if not versions or versions[-1].body is None:
            raise client_error("404", 404, "Not Found")
        return versions[-1]

    @look
    def head_object(self, Bucket: str, Key: str) -> dict[str, Any]:
        return self._described(self._current(Bucket, Key))

    def _described(self, found: Version) -> dict[str, Any]:
        return {
            "VersionId": found.id,
            "ETag": found.etag,
            "ContentLength": len(found.body or b""),
            "LastModified": datetime.fromtimestamp(found.modified, UTC),
        }

    @look
    def get_object(self, Bucket: str, Key: str) -> dict[str, Any]:
        try:
            found = self._current(Bucket, Key)
        except ClientError:
            raise client_error("NoSuchKey", 404) from None
        return {**self._described(found), "Body": Body(found.body or b"")}

    @effect
    def put_object(
        self,
        Bucket: str,
        Key: str,
        Body: IO[bytes] | bytes,
        IfMatch: str = "",
        IfNoneMatch: str = "",
    ) -> None:
        there = self.cloud.buckets[Bucket].get(Key)
        found = there[-1].etag if there and there[-1].body is not None else ""
        if (IfMatch and IfMatch != found) or (IfNoneMatch and found):
            raise client_error("PreconditionFailed", 412)
        self.cloud.write(Bucket, Key, Body if isinstance(Body, bytes) else Body.read())

    @effect
    def delete_objects(self, Bucket: str, Delete: dict[str, Any]) -> dict[str, Any]:
        at_most(1000, Delete["Objects"], "MalformedXML")
        for one in Delete["Objects"]:
            if one["Key"] in self.cloud.buckets[Bucket]:
                self.cloud.write(Bucket, one["Key"], None)
        return {}

    def get_paginator(self, operation: str) -> Pages:
        return Pages(
            {"list_objects_v2": self._list, "list_object_versions": self._versions}[operation]
        )

    def _list(self, Bucket: str, Prefix: str = "", Delimiter: str = "") -> Iterator[dict[str, Any]]:
        if Delimiter:
            rest = (
                key[len(Prefix) :] for key in self.cloud.objects(Bucket) if key.startswith(Prefix)
            )
            folders = sorted({one.partition("/")[0] for one in rest if "/" in one})
            yield {"CommonPrefixes": [{"Prefix": f"{Prefix}{folder}/"} for folder in folders]}
            return
        for key, body in sorted(self.cloud.objects(Bucket).items()):
            if key.startswith(Prefix):
                yield {"Contents": [{"Key": key, "Size": len(body)}]}
                self.cloud.on_effect("before S3.list_objects_v2")

    def _versions(self, Bucket: str, Prefix: str = "") -> Iterator[dict[str, Any]]:
        for key, versions in sorted(self.cloud.buckets[Bucket].items()):
            if key.startswith(Prefix):
                yield {
                    "Versions": [
                        {
                            "Key": key,
                            "VersionId": v.id,
                            "ETag": v.etag,
                            "IsLatest": v is versions[-1],
                            "LastModified": datetime.fromtimestamp(v.modified, UTC),
                        }
                        for v in versions
                        if v.body is not None
                    ]
                }
                self.cloud.on_effect("before S3.list_object_versions")


@dataclass
class Body:
    content: bytes

    def read(self) -> bytes:
        return self.content

    def iter_chunks(self, size: int) -> Iterator[bytes]:
        for start in range(0, len(self.content), size):
            yield self.content[start : start + size]

    def close(self) -> None:
        """Nothing is held."""


def _size(value: dict[str, Any]) -> int:
    """Bytes of an attribute's value, as DynamoDB counts them, about."""
    ((kind, content),) = value.items()
    if kind == "L":
        return 3 + sum(1 + _size(one) for one in content)
    if kind == "M":
        return 3 + sum(1 + len(name) + _size(one) for name, one in content.items())
    return len(content) if kind == "B" else len(str(content).encode())


def item_size(item: dict[str, Any]) -> int:
    """Bytes of an item, as DynamoDB counts them, about."""
    return sum(len(name) + _size(value) for name, value in item.items())


@dataclass
class DynamoDB:
    cloud: Cloud

    @look
    def get_item(
        self,
        TableName: str,
        Key: dict[str, Any],
        ConsistentRead: bool,
    ) -> dict[str, Any]:
        assert ConsistentRead
        item = self.cloud.items.get(Key["object"]["S"])
        return {"Item": item} if item else {}

    @effect
    def put_item(
        self,
        TableName: str,
        Item: dict[str, Any],
        ConditionExpression: str = "",
        ExpressionAttributeValues: dict[str, Any] | None = None,
        ReturnValuesOnConditionCheckFailure: str = "NONE",
    ) -> None:
        if item_size(Item) > 400 * 1024:
            raise client_error("ValidationException")
        there = self.cloud.items.get(Item["object"]["S"], {})
        present = there.get("revision")
        wanted = (ExpressionAttributeValues or {}).get(":before")
        holds = {
            "": True,
            "attribute_not_exists(revision)": present is None,
            "revision = :before": present == wanted and wanted is not None,
        }[ConditionExpression]
        if not holds:
            error = client_error("ConditionalCheckFailedException")
            if there and ReturnValuesOnConditionCheckFailure == "ALL_OLD":
                answer: Any = error.response
                answer["Item"] = copy.deepcopy(there)
            raise error
        self.cloud.items[Item["object"]["S"]] = copy.deepcopy(Item)

    def get_paginator(self, operation: str) -> Pages:
        pages: dict[str, Any] = {"scan": self._scan, "query": self._query}
        return Pages(pages[operation])

    def _query(
        self,
        TableName: str,
        IndexName: str,
        KeyConditionExpression: str,
        ExpressionAttributeValues: dict[str, Any],
    ) -> Iterator[dict[str, Any]]:
        wanted, *since = ExpressionAttributeValues.values()
        assert len(since) == KeyConditionExpression.count("AND updated_at >= ")
        self.cloud.on_effect("before DynamoDB.query")
        for _, item in sorted(self.cloud.items.items()):
            late = all(item["updated_at"]["S"] >= one["S"] for one in since)
            if item.get("attention") == wanted and late:
                yield {"Items": [copy.deepcopy(item)]}

    def _scan(self, TableName: str, ConsistentRead: bool) -> Iterator[dict[str, Any]]:
        assert ConsistentRead
        for name in sorted(self.cloud.items):
            yield {"Items": [copy.deepcopy(self.cloud.items[name])]}
            self.cloud.on_effect("before DynamoDB.scan")


@dataclass
class Glue:
    cloud: Cloud

    @look
    def get_table(self, DatabaseName: str, Name: str) -> dict[str, Any]:
        return {"Table": self._table(Name)}

    def _table(self, name: str) -> dict[str, Any]:
        if name not in self.cloud.tables:
            raise client_error("EntityNotFoundException")
        return self.cloud.tables[name]

    @effect
    def create_table(self, DatabaseName: str, TableInput: dict[str, Any]) -> None:
        if TableInput["Name"] in self.cloud.tables:
            raise client_error("AlreadyExistsException")
        self.cloud.tables[TableInput["Name"]] = copy.deepcopy(TableInput) | {
            "VersionId": "0",
            # Glue tells it in seconds.
            "CreateTime": datetime.fromtimestamp(int(self.cloud.now), UTC),
        }

    @effect
    def update_table(
        self,
        DatabaseName: str,
        TableInput: dict[str, Any],
        VersionId: str,
        SkipArchive: bool,
    ) -> None:
        present = self._table(TableInput["Name"])
        if present["VersionId"] != VersionId:
            raise client_error("ConcurrentModificationException")
        version = str(int(VersionId) + 1)
        self.cloud.tables[TableInput["Name"]] = copy.deepcopy(TableInput) | {
            "VersionId": version,
            "CreateTime": present["CreateTime"],
        }

    @effect
    def delete_table(self, DatabaseName: str, Name: str) -> None:
        self._table(Name)
        self.cloud.drop(Name)

    @effect
    def batch_delete_partition(
        self, DatabaseName: str, TableName: str, PartitionsToDelete: list[dict[str, Any]]
    ) -> dict[str, Any]:
        at_most(25, PartitionsToDelete)
        self._table(TableName)
        gone = {"ErrorCode": "EntityNotFoundException"}
        return {
            "Errors": [
                {"PartitionValues": one["Values"], "ErrorDetail": gone}
                for one in PartitionsToDelete
                if self.cloud.partitions.pop((TableName, one["Values"][0]), None) is None
            ]
        }

    @effect
    def batch_create_partition(
        self,
        DatabaseName: str,
        TableName: str,
        PartitionInputList: list[dict[str, Any]],
    ) -> dict[str, Any]:
        at_most(100, PartitionInputList)
        errors = []
        keys = self._table(TableName).get("PartitionKeys", [])
        for one in PartitionInputList:
            if len(one["Values"]) != len(keys):
                raise client_error("InvalidInputException")
            place = (TableName, one["Values"][0])
            if place in self.cloud.partitions:
                code = {"ErrorCode": "AlreadyExistsException"}
                errors.append({"PartitionValues": one["Values"], "ErrorDetail": code})
            else:
                self.cloud.partitions[place] = copy.deepcopy(one)
        return {"Errors": errors}

    @look
    def batch_get_partition(
        self, DatabaseName: str, TableName: str, PartitionsToGet: list[dict[str, Any]]
    ) -> dict[str, Any]:
        at_most(1000, PartitionsToGet)
        self._table(TableName)
        places = [(TableName, one["Values"][0]) for one in PartitionsToGet]
        found = [self.cloud.partitions[place] for place in places if place in self.cloud.partitions]
        return {"Partitions": copy.deepcopy(found), "UnprocessedKeys": []}

    @effect
    def batch_update_partition(
        self, DatabaseName: str, TableName: str, Entries: list[dict[str, Any]]
    ) -> dict[str, Any]:
        at_most(100, Entries)
        self._table(TableName)
        errors = []
        for entry in Entries:
            place = (TableName, entry["PartitionValueList"][0])
            if place in self.cloud.partitions:
                self.cloud.partitions[place] = copy.deepcopy(entry["PartitionInput"])
            else:
                code = {"ErrorCode": "EntityNotFoundException"}
                told = {"PartitionValueList": entry["PartitionValueList"], "ErrorDetail": code}
                errors.append(told)
        return {"Errors": errors}

    @look
    def get_crawler(self, Name: str) -> dict[str, Any]:
        ended = [start for start in self.cloud.crawls if start + CRAWL <= self.cloud.now]
        state = "READY" if len(ended) == len(self.cloud.crawls) else "RUNNING"
        last = {"LastCrawl": {"StartTime": datetime.fromtimestamp(ended[-1], UTC)}} if ended else {}
        return {"Crawler": {"Name": Name, "State": state, **last}}

    @effect
    def start_crawler(self, Name: str) -> None:
        if self.get_crawler(Name)["Crawler"]["State"] != "READY":
            raise client_error("CrawlerRunningException")
        self.cloud.crawls.append(self.cloud.now)

    def get_paginator(self, operation: str) -> Pages:
        pages: dict[str, Callable[..., Iterator[dict[str, Any]]]] = {
            "get_tables": self._tables,
            "get_partitions": self._partitions,
        }
        return Pages(pages[operation])

    def _tables(self, DatabaseName: str) -> Iterator[dict[str, Any]]:
        for name in sorted(self.cloud.tables):
            if name in self.cloud.tables:
                yield {"TableList": [copy.deepcopy(self.cloud.tables[name])]}
            self.cloud.on_effect("before Glue.get_tables")

    def _partitions(
        self, DatabaseName: str, TableName: str, ExcludeColumnSchema: bool
    ) -> Iterator[dict[str, Any]]:
        self._table(TableName)
        for place in sorted(self.cloud.partitions):
            if place[0] == TableName and place in self.cloud.partitions:
                yield {"Partitions": [copy.deepcopy(self.cloud.partitions[place])]}
                self.cloud.on_effect("before Glue.get_partitions")


@dataclass
class Sqs:
    cloud: Cloud

    @effect
    def change_message_visibility(
        self,
        QueueUrl: str,
        ReceiptHandle: str,
        VisibilityTimeout: int,
    ) -> None:
        for message in self.cloud.queues[QueueUrl]:
            if message.receipt == ReceiptHandle:
                message.visible_at = self.cloud.now + VisibilityTimeout
                return
        raise client_error(
            "InvalidParameterValue",
            message=f"Value {ReceiptHandle} for parameter ReceiptHandle is invalid. "
            "Reason: Message does not exist or is not available for visibility timeout change.",
        )

    @effect
    def send_message_batch(self, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:
        at_most(10, Entries, "AWS.SimpleQueueService.TooManyEntriesInBatchRequest")
        for entry in Entries:
            self.cloud.send(QueueUrl, entry["MessageBody"])
        return {}

    def get_queue_attributes(self, QueueUrl: str, AttributeNames: list[str]) -> dict[str, Any]:
        return {"Attributes": {"QueueArn": QueueUrl}}

    def start_message_move_task(self, SourceArn: str) -> None:
        for message in self.cloud.queues[SourceArn]:
            self.cloud.send(QUEUE, message.body)
        self.cloud.queues[SourceArn].clear()

    def list_message_move_tasks(self, SourceArn: str, MaxResults: int) -> dict[str, Any]:
        return {"Results": [{"Status": "COMPLETED", "ApproximateNumberOfMessagesMoved": 1}]}


@dataclass
class Athena:
    """Queries that read and write when somebody looks at them for the second time."""

    cloud: Cloud

    @effect
    def start_query_execution(
        self,
        QueryString: str,
        ClientRequestToken: str,
        WorkGroup: str,
        QueryExecutionContext: dict[str, Any],
    ) -> dict[str, Any]:
        assert 32 <= len(ClientRequestToken) <= 128
        if not QueryString.startswith(("SELECT ", "UNLOAD ", "CREATE ", "DROP ")):
            raise client_error("InvalidRequestException", message="line 1:1: mismatched input")
        known = self.cloud.queries.get(ClientRequestToken)
        if known is None:
            known = Query(f"q{self.cloud.unique()}", QueryString)
            self.cloud.queries[ClientRequestToken] = known
        elif known.sql != QueryString:
            raise client_error(
                "InvalidRequestException", message="Idempotent parameters do not match"
            )
        return {"QueryExecutionId": known.id}

    @look
    def get_query_execution(self, QueryExecutionId: str) -> dict[str, Any]:
        (query,) = (q for q in self.cloud.queries.values() if q.id == QueryExecutionId)
        query.looks += 1
        if query.looks > 1:
            self.cloud.run_query(query)
        status: dict[str, Any] = {"State": query.state}
        if query.state == "FAILED":
            status["StateChangeReason"] = f"{query.reason}: it failed"
            status["AthenaError"] = {"ErrorCategory": query.category, "Retryable": False}
        statistics = {"DataScannedInBytes": 100}
        return {"QueryExecution": {"Status": status, "Statistics": statistics}}
