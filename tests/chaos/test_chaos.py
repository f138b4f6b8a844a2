"""A lake on this machine under load and under fire; `make test-chaos` runs it."""

from __future__ import annotations

import json
import os
import random
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus

import pytest

from tests.conftest import lake_up, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import LocalLake

pytestmark = pytest.mark.chaos


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalLake]:
    with lake_up(tmp_path_factory.mktemp("chaos") / "state") as up:
        yield up


def upload(lake: LocalLake, bodies: dict[str, bytes]) -> None:
    s3, bucket = lake.client("s3"), lake.outputs["RawBucketName"]
    with ThreadPoolExecutor(4) as threads:
        list(
            threads.map(
                lambda one: s3.put_object(Bucket=bucket, Key=one[0], Body=one[1]), bodies.items()
            )
        )


def drained(lake: LocalLake) -> bool:
    if lake.messages():
        return False
    # SQS counts what it has about right: twice in a row is sure.
    time.sleep(1)
    return lake.messages() == 0


def body(number: int, rows: int, date: str) -> bytes:
    return b"".join(
        json.dumps({"n": number * 1000 + row, "date": date}).encode() + b"\n" for row in range(rows)
    )


def agree(lake: LocalLake) -> dict[str, Any]:
    done = lake.command("lake", "reconcile", "--grace", "0", "--json", expect=None)
    found: dict[str, Any] = json.loads(done.stdout)
    return {name: keys for name, keys in found.items() if name != "objects" and keys}


def test_a_burst_of_two_thousand_objects_drains_and_nothing_dies(lake: LocalLake) -> None:
    count = 2000
    upload(lake, {f"data/burst/{n}.json": body(n, 1, "2024-01-15") for n in range(count)})
    until("the queue is empty", lambda: drained(lake), 600)
    assert lake.messages("DeadLetterQueueUrl") == 0
    assert lake.query("SELECT count(*) AS c, sum(n) AS s FROM burst") == [
        {"c": count, "s": 1000 * count * (count - 1) // 2}
    ]
    done = lake.command("lake", "files", "--dataset", "burst", "--limit", "5000", "--json")
    assert [item["status"] for item in json.loads(done.stdout)] == ["DONE"] * count
    assert agree(lake) == {}


class Killer(threading.Thread):
    """Kills the function's worker processes, one after the other, by chance.

    Only children of the lake's own server: it starts nothing but these.
    """

    def __init__(self, lake: LocalLake) -> None:
        super().__init__(daemon=True)
        self.server = json.loads((lake.state / "state.json").read_text())["pid"]
        self.killed, self.ended = 0, threading.Event()

    def run(self) -> None:
        chance = random.Random(7)
        while not self.ended.wait(chance.uniform(0.05, 0.4)):
            if workers := self._workers():
                with suppress(ProcessLookupError):
                    os.kill(chance.choice(workers), signal.SIGKILL)
                    self.killed += 1

    def _workers(self) -> list[int]:
        found = []
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with suppress(FileNotFoundError, ProcessLookupError):
                fields = stat.read_text(errors="replace").rpartition(")")[2].split()
                if fields[0] != "Z" and int(fields[1]) == self.server:
                    found.append(int(stat.parent.name))
        return found


def test_whoever_is_killed_and_whatever_comes_twice_the_answer_is_the_oracles(
    lake: LocalLake,
) -> None:
    # A short life, so that what the killed left is taken up within this test.
    function, sqs = lake.client("lambda"), lake.client("sqs")
    name = lake.outputs["ProcessorFunctionName"]
    function.update_function_configuration(FunctionName=name, Timeout=15)
    (mapping,) = function.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
    function.update_event_source_mapping(
        UUID=mapping["UUID"], ScalingConfig={"MaximumConcurrency": 8}
    )
    queue, bucket = lake.outputs["IngestQueueUrl"], lake.outputs["RawBucketName"]
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": "20"})
    chance = random.Random(42)
    killer = Killer(lake)
    killer.start()
    newest: dict[str, bytes] = {}
    try:
        # A fast machine has done with a version before anybody was killed.
        for version in range(30):
            if version > 2 and killer.killed >= 20:
                break
            keys = [
                f"data/chaos/{n}.json" for n in range(60) if version == 0 or chance.random() < 0.5
            ]
            date = f"2024-02-0{version % 9 + 1}"
            fresh = {key: body(chance.randrange(10**6), chance.randint(1, 9), date) for key in keys}
            upload(lake, fresh)
            newest |= fresh
            again = [key for key in keys for _ in range(chance.randint(0, 2))]
            chance.shuffle(again)
            for key in again:
                event = {
                    "eventSource": "aws:s3",
                    "eventName": "ObjectCreated:Put",
                    "s3": {"bucket": {"name": bucket}, "object": {"key": quote_plus(key)}},
                }
                sqs.send_message(QueueUrl=queue, MessageBody=json.dumps({"Records": [event]}))
            time.sleep(2)
    finally:
        killer.ended.set()
        killer.join()
    assert killer.killed >= 20
    deadline = time.monotonic() + 500
    while not drained(lake) or lake.messages("DeadLetterQueueUrl"):
        assert time.monotonic() < deadline, "the lake does not come to rest"
        if lake.messages("DeadLetterQueueUrl"):
            lake.command("lake", "redrive", "--yes")
        time.sleep(1)
    rows = [json.loads(line) for one in newest.values() for line in one.splitlines()]
    assert lake.query("SELECT count(*) AS c, sum(n) AS s FROM chaos") == [
        {"c": len(rows), "s": sum(row["n"] for row in rows)}
    ]
    assert agree(lake) == {}
