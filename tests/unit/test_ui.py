"""What is behind the page of `lake ui`, without a server."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, cast

import pytest

from lake import quarantine, query
from lake.query import QueryStoppedError, Result
from lake.ui.console import Console, shared

if TYPE_CHECKING:
    from collections.abc import Callable

    from lake.target import Target

EMPTY = Result([], [], [], 0.0)


class Session:
    """Makes clients, and notices when two threads have it make one at once."""

    profile_name = region_name = None

    def __init__(self) -> None:
        self.made: list[str] = []
        self._busy = threading.Lock()

    def client(self, service: str, **_: Any) -> object:
        assert self._busy.acquire(blocking=False)
        time.sleep(0.01)
        self.made.append(service)
        self._busy.release()
        return object()


def test_threads_share_the_clients() -> None:
    session = Session()
    target = shared(cast("Target", Fake(session)))
    found: list[object] = []
    threads = [
        threading.Thread(target=lambda: found.append(target.client("glue"))) for _ in range(8)
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(found) == 8
    assert len({id(one) for one in found}) == 1
    assert session.made == ["glue"]


class Fake:
    """What a target is made of."""

    endpoint, stack_name = None, "stack"

    def __init__(self, session: Session) -> None:
        self.session = session


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Athena takes for ever; the event is set once it was told to stop."""
    stopped = threading.Event()

    def run(*_: Any, stop: Callable[[], bool], **__: Any) -> Result:
        while not stop():
            time.sleep(0.01)
        stopped.set()
        raise QueryStoppedError("You stopped it.")

    monkeypatch.setattr(query, "run", run)
    return stopped


def test_the_end_of_the_page_stops_its_queries(slow: threading.Event) -> None:
    console = Console(cast("Target", Fake(Session())))
    threading.Thread(target=ask, args=(console,)).start()
    time.sleep(0.05)
    assert not slow.is_set()
    console.close()
    assert slow.is_set()


def ask(console: Console) -> None:
    with pytest.raises(QueryStoppedError):
        console.ask("SELECT 1", 10, threading.Event())


def test_a_query_is_remembered_once_and_the_newest_comes_first() -> None:
    console = Console(cast("Target", Fake(Session())))
    for sql in ("a", "b", "a", *map(str, range(48))):
        console.remember(sql)
    assert console.asked == [*map(str, reversed(range(48))), "a", "b"]
    console.remember("c")
    assert console.asked[:2] == ["c", "47"]
    assert len(console.asked) == 50


def test_a_refused_record_is_asked_for_by_its_literal_key(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def run(_: Any, sql: str, **__: Any) -> Result:
        asked.append(sql)
        return EMPTY

    monkeypatch.setattr(query, "run", run)
    quarantine.records(cast("Target", None), most=5, key="data/it's.json", reason="X")
    quarantine.records(cast("Target", None), most=5, dates=["2024-01-02", "2024-01-03"])
    sql, dated = asked
    assert "WHERE date_partition IN ('2024-01-02', '2024-01-03') ORDER BY" in dated
    assert "WHERE source_key = 'data/it''s.json' AND reason = 'X' ORDER BY" in sql
    assert sql.endswith("LIMIT 6")
