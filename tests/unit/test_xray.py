"""Each step of the work is a subsegment, cheap, and no word of a record is in it."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import aws_xray_sdk
import pytest
from aws_lambda_powertools import Tracer
from aws_xray_sdk.core import xray_recorder

from aws.xray import steps
from curator.refresh import Invocation, Told
from engine.duck import DuckEngine
from engine.options import Options
from processor.ingest.preparation import Delivery
from processor.ingest.protocol import Ingest
from store.model import ObjectEvent
from store.touch import Touch
from tests.support.curation import DAILY, Zone
from tests.support.memory import (
    MemoryCatalog,
    MemoryCuration,
    MemoryLedger,
    MemoryOutputStore,
    MemoryRawStore,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Traced:
    """X-Ray's own recorder, as Lambda would have it, with what it would send."""

    def __init__(self) -> None:
        self.tracer = Tracer(auto_patch=False)
        # What the first tracer of a process was told holds for all of them.
        self.tracer.disabled = False
        aws_xray_sdk.global_sdk_config.set_sdk_enabled(True)
        self.segment = xray_recorder.begin_segment("function", sampling=1)

    @property
    def steps(self) -> list[str]:
        return [one.name for one in self.segment.subsegments]

    def document(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self.segment.serialize())
        return told


@pytest.fixture
def traced(monkeypatch: pytest.MonkeyPatch) -> Iterator[Traced]:
    # Nothing is sent, and what ended is kept, to be looked at.
    monkeypatch.setattr(xray_recorder, "stream_subsegments", lambda: None)
    monkeypatch.setattr(xray_recorder.emitter, "send_entity", lambda _: None)
    traced = Traced()
    yield traced
    xray_recorder.clear_trace_entities()
    aws_xray_sdk.global_sdk_config.set_sdk_enabled(False)


@pytest.fixture
def ingest(traced: Traced, tmp_path: Path) -> Ingest:
    return Ingest(
        MemoryRawStore(),
        MemoryOutputStore(),
        MemoryCatalog(),
        MemoryLedger(),
        DuckEngine(Options()),
        MemoryCuration("orders"),
        1e9,
        work_root=tmp_path,
        step=steps(traced.tracer),
    )


def test_each_step_of_an_ingestion_is_seen(traced: Traced, ingest: Ingest) -> None:
    for body in (b'{"id": 1}', b'{"id": 2}'):
        ingest.raw.write("raw", "data/orders/a.json", body)  # type: ignore[attr-defined]  # of the double
        ingest(ObjectEvent("raw", "data/orders/a.json"), Delivery("m", lambda: 300, 300))
    prepared = ["claim", "download", "read the table", "convert", "register"]
    once = [*prepared, "announce", "write", "commit"]
    assert traced.steps == [*once, "tell", *once, "delete", "tell"]


def test_a_step_that_fails_is_marked_and_quotes_nothing(traced: Traced) -> None:
    step = steps(traced.tracer)

    def fail() -> None:
        with step("convert"):
            raise ValueError("secret-4111")

    with pytest.raises(ValueError, match="secret"):
        fail()
    (subsegment,) = traced.segment.subsegments
    assert (subsegment.name, subsegment.fault, subsegment.in_progress) == ("convert", True, False)
    assert "4111" not in json.dumps(traced.document())


def test_each_step_of_a_refresh_is_seen(traced: Traced) -> None:
    zone = Zone()
    curator = replace(zone.curator(), step=steps(traced.tracer))
    zone.commit("2024-01-15", [1])
    touch = Touch("orders", dates=frozenset({"2024-01-15"}))
    curator.take([Told("m", zone.cloud.now, touch)])
    taken = len(traced.steps)
    assert traced.steps == ["take"] * taken
    curator.refresh(zone.models[DAILY], Invocation("w", lambda: 300))
    assert traced.steps[taken:] == ["claim", "begin", "query", "publish", "tell"]
    zone.close()


def test_ten_steps_cost_a_small_object_next_to_nothing(traced: Traced) -> None:
    step = steps(traced.tracer)

    def seconds() -> float:
        began = time.thread_time()
        for _ in range(100):
            with step("step"):
                pass
        return time.thread_time() - began

    # Ten of them take a hundredth of the 40 ms that a small object takes.
    assert min(seconds() for _ in range(3)) < 0.05
