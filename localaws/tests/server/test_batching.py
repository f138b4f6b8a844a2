"""A queue's messages come to a function in the batches that its mapping asks for."""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from localaws.tests.server.conftest import Server, free_port, running, until
from localaws.tests.server.functions import deploy
from localaws.tests.server.test_lasting import saved

if TYPE_CHECKING:
    from pathlib import Path


@dataclass
class Mapped:
    """A queue, and a function that notes the batches it gets."""

    server: Server
    folder: Path
    queue: str
    mapping: str

    def send(self, numbers: range, **more: Any) -> float:
        """Send a message for each number; give the time of the first."""
        began, sqs = time.time(), self.server.client("sqs")
        for n in numbers:
            body = json.dumps({"folder": str(self.folder), "n": n, **more})
            sqs.send_message(QueueUrl=self.queue, MessageBody=body)
        return began

    def batches(self, count: int, timeout: float = 20) -> list[dict[str, Any]]:
        """Wait for so many batches; give them in the order of their delivery."""
        until(f"{count} batches came", lambda: len(self.files()) >= count, timeout)
        return sorted((json.loads(f.read_text()) for f in self.files()), key=lambda b: b["began"])

    def files(self) -> list[Path]:
        return list(self.folder.glob("*.json"))

    def counted(self) -> tuple[str, str]:
        """How many messages are visible, and how many are in flight."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = self.server.client("sqs").get_queue_attributes(
            QueueUrl=self.queue, AttributeNames=names
        )
        return answer["Attributes"][names[0]], answer["Attributes"][names[1]]


def mapped(server: Server, folder: Path, **told: Any) -> Mapped:
    name = f"b-{uuid.uuid4().hex[:8]}"
    deploy(server, name, memory=512)
    sqs = server.client("sqs")
    queue = sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "60"})["QueueUrl"]
    named = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]
    made = server.client("lambda").create_event_source_mapping(
        FunctionName=name, EventSourceArn=named["QueueArn"], **told
    )
    (folder / name).mkdir()
    return Mapped(server, folder / name, queue, made["UUID"])


def test_a_batch_is_what_comes_within_the_window(aws: Server, tmp_path: Path) -> None:
    one = mapped(aws, tmp_path, BatchSize=10, MaximumBatchingWindowInSeconds=8)
    began = one.send(range(2))
    time.sleep(1)
    one.send(range(2, 3))
    until("the messages are in flight", lambda: one.counted() == ("0", "3"), 6)
    (batch,) = one.batches(1)
    assert (batch["numbers"], batch["received"]) == ([0, 1, 2], [1, 1, 1])
    # A worker's start is in it, too.
    assert 8 <= batch["began"] - began < 30
    until("they are gone", lambda: one.counted() == ("0", "0"))
    # The next message begins a window of its own.
    again = one.send(range(3, 4))
    assert one.batches(2)[1]["began"] - again >= 8


def test_a_batch_that_is_full_does_not_wait(aws: Server, tmp_path: Path) -> None:
    one = mapped(aws, tmp_path, BatchSize=25, MaximumBatchingWindowInSeconds=30)
    one.send(range(60))
    # Two workers may begin in either order.
    numbers = sorted(batch["numbers"] for batch in one.batches(2, timeout=10))
    assert numbers == [list(range(25)), list(range(25, 50))]
    until("the others wait in flight", lambda: one.counted() == ("0", "10"))


def test_a_batch_has_no_more_than_a_payload_holds(aws: Server, tmp_path: Path) -> None:
    one = mapped(aws, tmp_path, BatchSize=100, MaximumBatchingWindowInSeconds=5)
    one.send(range(30), ballast="x" * 250_000)
    # 25 are 6.25 MB, and 26 more than the 6,291,456 bytes of an invocation.
    numbers = sorted(batch["numbers"] for batch in one.batches(2))
    assert numbers == [list(range(25)), list(range(25, 30))]


def test_a_batch_of_a_stream_is_what_comes_within_the_window(aws: Server, tmp_path: Path) -> None:
    name = f"s-{uuid.uuid4().hex[:8]}"
    deploy(aws, name, memory=512)
    folder = tmp_path / name
    folder.mkdir()
    table = aws.client("dynamodb")
    stream = table.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )["TableDescription"]["LatestStreamArn"]
    mapping = aws.client("lambda").create_event_source_mapping(
        FunctionName=name, EventSourceArn=stream, StartingPosition="TRIM_HORIZON",
        BatchSize=5, MaximumBatchingWindowInSeconds=5,
    )["UUID"]  # fmt: skip
    one = Mapped(aws, folder, "", mapping)

    def write(numbers: range) -> float:
        began = time.time()
        for n in numbers:
            body = json.dumps({"folder": str(folder), "n": n})
            table.put_item(TableName=name, Item={"k": {"S": str(n)}, "body": {"S": body}})
        return began

    began = write(range(2))
    time.sleep(1)
    write(range(2, 3))
    (batch,) = one.batches(1)
    assert batch["numbers"] == [0, 1, 2]
    assert batch["began"] - began >= 5
    # Who reads the stream himself waits for nothing, and a full batch does not either.
    began = write(range(3, 10))
    reader = aws.client("dynamodbstreams")
    (shard,) = reader.describe_stream(StreamArn=stream)["StreamDescription"]["Shards"]
    start = reader.get_shard_iterator(
        StreamArn=stream, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    assert len(reader.get_records(ShardIterator=start)["Records"]) == 10
    full, rest = one.batches(3)[1:]
    assert (full["numbers"], rest["numbers"]) == ([3, 4, 5, 6, 7], [8, 9])
    assert full["began"] - began < 5 <= rest["began"] - began
    aws.client("lambda").delete_event_source_mapping(UUID=mapping)


def test_without_a_window_nothing_waits(aws: Server, tmp_path: Path) -> None:
    one, waits = mapped(aws, tmp_path), []
    for n in range(4):
        began = one.send(range(n, n + 1))
        waits.append(one.batches(n + 1)[n]["began"] - began)
    # The first waits for the worker to start, and any may wait for the machine; no window is
    # shorter than a second.
    assert min(waits[1:]) < 1


def test_no_more_batches_at_once_than_the_mapping_allows(aws: Server, tmp_path: Path) -> None:
    scaling = {"MaximumConcurrency": 2}
    one = mapped(aws, tmp_path, BatchSize=2, MaximumBatchingWindowInSeconds=1,
                 ScalingConfig=scaling)  # fmt: skip
    one.send(range(8), takes=1)
    batches = one.batches(4)
    assert sorted(n for batch in batches for n in batch["numbers"]) == list(range(8))
    at_once = [
        sum(other["began"] <= batch["began"] < other["ended"] for other in batches)
        for batch in batches
    ]
    assert max(at_once) == 2


def test_a_window_begins_anew_when_the_server_does(tmp_path: Path) -> None:
    with running(tmp_path / "server") as server:
        one = mapped(server, tmp_path, BatchSize=10, MaximumBatchingWindowInSeconds=5)
        one.send(range(2))
        until("the messages are in flight", lambda: one.counted() == ("0", "2"), 3)
        saved(server)
        server.end(kill=True)
        old, server.port = server.port, free_port()
        began = time.time()
        server.start()
        one.queue = one.queue.replace(str(old), str(server.port))
        one.send(range(2, 3))
        (batch,) = one.batches(1)
        assert batch["numbers"] == [0, 1, 2]
        assert batch["began"] - began >= 5


def test_a_large_batch_needs_a_window(aws: Server, tmp_path: Path) -> None:
    one = mapped(aws, tmp_path)
    client = aws.client("lambda")
    with pytest.raises(ClientError, match="batch window"):
        mapped(aws, tmp_path, BatchSize=11)
    with pytest.raises(ClientError, match="batch window"):
        client.update_event_source_mapping(UUID=one.mapping, BatchSize=11)
    client.update_event_source_mapping(
        UUID=one.mapping, BatchSize=1000, MaximumBatchingWindowInSeconds=1
    )
    with pytest.raises(ClientError, match="batch window"):
        client.update_event_source_mapping(UUID=one.mapping, MaximumBatchingWindowInSeconds=0)
    one.send(range(12))
    assert [len(batch["numbers"]) for batch in one.batches(1)] == [12]
