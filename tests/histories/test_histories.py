"""Whatever happens to the lake, at rest it holds what it should.

A state machine draws histories: uploads, overwrites and deletions, events that are duplicated,
delayed, disordered or lost, workers that run interleaved between any two of their calls, die at
any of them or get faulty answers, replays and repairs. It runs the real use case, adapters and
repair over the cloud in memory. ``EXAMPLES`` says how many histories.
"""

from __future__ import annotations

import gzip
import json
import shutil
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from engine.duck import DuckEngine
from engine.options import Options
from store import naming
from tests.support.chance import examples
from tests.support.cloud import DEAD, QUEUE
from tests.support.engine import convert
from tests.support.lines import DAMAGED, LineEngine
from tests.support.world import World, answer_lost, throttling

#: The last two folders have one name when normalised.
KEYS = ("data/a/x.json", "data/A/x.json", "data/x.json")

#: Most happens to one of them, so that much of it meets.
A_KEY = st.sampled_from([*KEYS[:1] * 4, *KEYS])

#: Calls after which a worker is interrupted; an ingest makes about twenty.
STEPS = st.sampled_from([1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 99, 99])

_SETTINGS: dict[str, Any] = {
    "deadline": None,
    "stateful_step_count": 30,
    "suppress_health_check": [*HealthCheck],
    "database": None,
}


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """Objects of a few records on a few dates, some with new or drifting columns, some bad."""
    if draw(st.integers(0, 9)) == 0:
        return DAMAGED
    lines = []
    for _ in range(draw(st.integers(0, 3))):
        if draw(st.integers(0, 4)) == 0:
            lines.append(f"bad {draw(st.integers(0, 99))}")
            continue
        record: dict[str, Any] = {"id": f"r{draw(st.integers(0, 999))}"}
        record["d"] = f"2024-01-0{draw(st.integers(1, 3))}"
        if extra := draw(st.sampled_from(["", "n", "m"])):
            record[extra] = draw(st.sampled_from([1, "text"]))
        lines.append(json.dumps(record))
    return "\n".join(lines).encode()


class Histories(RuleBasedStateMachine):
    """Every history ends at rest, and there everything is as it should be."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="histories-"))
        self.world = self.new_world()
        self.lost = False

    def new_world(self) -> World:
        return World(self.folder)

    @initialize(remove_deleted=st.booleans())
    def decide(self, remove_deleted: bool) -> None:
        self.world.remove_deleted = remove_deleted

    @rule(key=A_KEY, body=bodies(), event=st.integers(0, 9))
    def upload(self, key: str, body: bytes, event: int) -> None:
        self.world.cloud.lose_events = event == 9
        self.lost |= event == 9
        self.world.upload(key, body)
        self.world.cloud.lose_events = False

    @rule(key=A_KEY)
    def delete(self, key: str) -> None:
        self.world.delete(key)

    @precondition(lambda self: self.world.cloud.receive() and len(self.world.live()) < 3)
    @rule(data=st.data(), twice=st.booleans(), steps=STEPS)
    def deliver(self, data: st.DataObject, twice: bool, steps: int) -> None:
        visible = self.world.cloud.receive()
        index = data.draw(st.integers(0, len(visible) - 1))
        self.world.start(visible[index], twice=twice).step(steps)

    @precondition(lambda self: self.world.live())
    @rule(data=st.data(), steps=STEPS)
    def go_on(self, data: st.DataObject, steps: int) -> None:
        data.draw(st.sampled_from(self.world.live())).step(steps)

    @precondition(lambda self: self.world.live())
    @rule(data=st.data(), what=st.sampled_from(["dies", "throttled", "answer lost"]))
    def trouble(self, data: st.DataObject, what: str) -> None:
        worker = data.draw(st.sampled_from(self.world.live()))
        if what == "dies":
            worker.kill()
        elif worker.takes_messages:  # an operator sees the error and repeats the command
            worker.fault = answer_lost() if what == "answer lost" else throttling()
            worker.fault_at = "after" if what == "answer lost" else "before"
            worker.step(2)

    @precondition(lambda self: self.world.cloud.receive() and len(self.world.live()) < 3)
    @rule(steps=STEPS, deaths=st.integers(1, 5))
    def die_again_and_again(self, steps: int, deaths: int) -> None:
        """A worker is killed at each delivery of a message, at the last one of five, too."""
        message = self.world.cloud.receive()[0]
        while message.receives < 5 and deaths:
            if message.visible_at > self.world.cloud.now:
                self.world.wait(message.visible_at - self.world.cloud.now)
            worker = self.world.start(message)
            worker.step(steps)
            worker.kill()
            deaths -= 1
            if message not in self.world.cloud.queues[QUEUE]:
                return
            self.nothing_is_seen_that_nobody_answers_for()

    @precondition(lambda self: self.world.cloud.queues[DEAD])
    @rule()
    def redrive(self) -> None:
        self.world.redrive()

    @rule(seconds=st.sampled_from([1, 20, 40, 60, 80, 400, 2000]))
    def wait(self, seconds: int) -> None:
        self.world.wait(seconds)

    @precondition(lambda self: len(self.world.live()) < 3)
    @rule(repair=st.booleans(), steps=STEPS)
    def operate(self, repair: bool, steps: int) -> None:
        worker = self.world.reconcile() if repair else self.world.replay()
        worker.step(steps)

    @invariant()
    def nothing_is_lost_and_nothing_comes_back(self) -> None:
        self.world.check_at_any_time()

    @invariant()
    def nothing_is_seen_that_nobody_answers_for(self) -> None:
        self.world.check_what_can_be_seen()

    def teardown(self) -> None:
        try:
            self.world.come_to_rest(repair=self.lost)
            self.world.check_at_any_time()
            self.world.check_at_rest()
        finally:
            self.world.close()
            shutil.rmtree(self.folder)


class CatalogHistories(Histories):
    """The same under hands on the catalog; apart, since each rule makes the others rarer."""

    output_format = "parquet"

    @precondition(lambda self: self.world.cloud.tables)
    @rule(data=st.data(), what=st.sampled_from(["drop", "drop partition", "take over", "format"]))
    def hands_on_the_catalog(self, data: st.DataObject, what: str) -> None:
        cloud = self.world.cloud
        if what == "format":
            self.output_format = "json" if self.output_format == "parquet" else "parquet"
            self.deploy(self.output_format)
        elif what != "drop partition":
            table = data.draw(st.sampled_from(sorted(cloud.tables)))
            self.lost = True
            self.world.drop(table) if what == "drop" else self.world.take_over(table)
        elif cloud.partitions:
            self.lost = True
            self.world.tear(data.draw(st.sampled_from(sorted(cloud.partitions))))

    def deploy(self, output_format: str) -> None:
        """A deployment of another OutputFormat: workers that it meets go on as they were."""
        self.world.warm.clear()
        self.world.engine = LineEngine()
        self.world.engine.output_format = output_format


class RealHistories(CatalogHistories):
    """All of it with the engine that the function has; what one object says, it says alone."""

    def new_world(self) -> World:
        options = Options(date_columns=("d",))
        return World(self.folder, DuckEngine(options), published, partial(alone, options))

    def deploy(self, output_format: str) -> None:
        self.world.warm.clear()
        options = Options(date_columns=("d",), output_format=output_format)
        self.world.engine = DuckEngine(options)


def published(key: str, body: bytes) -> list[dict[str, Any]]:
    if key.endswith(".parquet"):
        rows: list[dict[str, Any]] = pq.read_table(pa.BufferReader(body)).to_pylist()
        return rows
    return [json.loads(line) for line in gzip.decompress(body).splitlines()]


def alone(options: Options, key: str, body: bytes) -> tuple[list[str], list[str]]:
    result = convert(body, key, options=options)
    if result.conversion is None:
        return [], [""]
    return [row["id"] for row in result.rows], [entry["raw"] for entry in result.quarantine]


def run(examples: int, machine: type[RuleBasedStateMachine] = Histories, **more: Any) -> None:
    run_state_machine_as_test(
        machine, settings=settings(max_examples=examples, **_SETTINGS, **more)
    )


def test_every_history_ends_as_it_should() -> None:
    run(examples(100))


def test_and_so_whatever_somebody_does_to_the_tables() -> None:
    run(examples(100) // 2, CatalogHistories)


def test_and_so_with_the_real_engine() -> None:
    run(examples(100) // 20, RealHistories)


@pytest.mark.parametrize("named_by_attempt", [True, False])
def test_a_deleter_that_comes_late_hurts_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named_by_attempt: bool
) -> None:
    """Why names bear the attempt: were they only those of the version, its rows would be lost."""
    if not named_by_attempt:
        named = naming.object_id
        monkeypatch.setattr(naming, "object_id", lambda b, k, v, _generation: named(b, k, v, 0))
    world = World(tmp_path)
    world.upload("data/a/x.json", b'{"id": "r1", "d": "2024-01-01"}')
    (message,) = world.cloud.receive()
    slow = world.start(message, twice=True)
    until_it = "after S3.put_object"
    while not slow.came_to(until_it):
        slow.step()
    slow.fault, slow.fault_at = throttling(), "before"
    while not slow.came_to("before S3.delete_objects"):
        slow.step()
    world.start(message).finish()
    slow.finish()
    try:
        if named_by_attempt:
            world.come_to_rest(repair=False)
            world.check_at_rest()
        else:
            with pytest.raises(AssertionError, match="are gone"):
                world.check_at_any_time()
    finally:
        world.close()
