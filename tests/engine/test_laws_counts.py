"""Law 1: every record is accepted or quarantined, and an engine that loses some says so."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from engine.convert import optimistic, rows
from engine.job import Job
from engine.read.csvblock import CsvBlock
from engine.read.jsonl import JsonBlock
from engine.read.reading import NUMBER, ExactOnlyError
from engine.read.text import TextBlock
from engine.read.typed import TypedBlock
from engine.write import publish as publishing
from engine.write.quarantine import Quarantine
from store.errors import MiscountedError
from tests.engine.neighbours import ENGINE, FORMATS, Format, Record
from tests.support.engine import convert

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from engine.read.reading import Block, Relation
    from tests.support.engine import Result

Patch = pytest.MonkeyPatch

BLOCKS: tuple[Any, ...] = (JsonBlock, CsvBlock, TextBlock, TypedBlock)

GOOD: list[Record] = [
    {"id": n, "name": f"w{n}", "n": n % 7, "price": 0.25, "timestamp": f"2024-01-{n % 9 + 10}"}
    for n in range(1, 41)
]


def every(form: Format) -> list[Record]:
    """Records, and as many wrong ones as there are kinds, some of them several times."""
    kinds = [record for name, record in form.wrong.items() if name != "blank"]
    return [*GOOD[:20], *kinds * 2, *GOOD[20:]]


def halved(found: Iterable[Any]) -> Iterator[Any]:
    """Every second one is lost."""
    return (one for number, one in enumerate(found) if number % 2)


def _exact(patch: Patch) -> None:
    def relation(_self: object, _plan: object) -> Relation:
        raise ExactOnlyError

    for block in BLOCKS:
        patch.setattr(block, "relation", relation)


def _queries(patch: Patch, module: Any) -> None:
    before = module.publish

    def publish(job: Job, select: str, *more: Any, **named: Any) -> Any:
        half = f"SELECT * FROM ({select}) USING SAMPLE 50% (bernoulli, 7)"
        return before(job, half, *more, **named)

    patch.setattr(module, "publish", publish)


def scan(patch: Patch) -> None:
    _queries(patch, optimistic)


def scan_that_lies(patch: Patch) -> None:
    told = publishing._told

    def publish(*given: Any) -> Any:
        found = told(*given)
        return replace(found, rows=2 * found.rows)

    patch.setattr(publishing, "_told", publish)


def outputs(patch: Patch) -> None:
    before = publishing._told

    def publish(*given: Any) -> Any:
        found = before(*given)
        return replace(found, outputs=found.outputs[1:])

    patch.setattr(publishing, "_told", publish)


def exact_rows(patch: Patch) -> None:
    _exact(patch)
    _queries(patch, rows)


def row_iterator(patch: Patch) -> None:
    _exact(patch)
    before = optimistic._rows
    patch.setattr(optimistic, "_rows", lambda *given: halved(before(*given)))


def records(patch: Patch) -> None:
    _exact(patch)
    for block in BLOCKS:
        _records(patch, block)


def records_set_aside(patch: Patch) -> None:
    for block in BLOCKS:
        _records(patch, block)


def _records(patch: Patch, block: Any) -> None:
    before = block.records
    patch.setattr(block, "records", lambda *given: halved(before(*given)))


def numbers_set_aside(patch: Patch) -> None:
    before = Job.run

    def run(job: Job, query: str) -> list[tuple[Any, ...]]:
        found = before(job, query)
        return list(halved(found)) if query.startswith("SELECT CAST(") else found

    patch.setattr(Job, "run", run)


def relations(patch: Patch) -> None:
    for block in BLOCKS:
        _relation(patch, block)


def _relation(patch: Patch, block: Any) -> None:
    before = block.relation

    def relation(self: Block, plan: Any) -> Relation:
        found = before(self, plan)
        query = f"SELECT * FROM ({found.query}) WHERE {NUMBER} % 2 = 0"
        return replace(found, query=query)  # type: ignore[no-any-return]

    patch.setattr(block, "relation", relation)


def quarantine(patch: Patch) -> None:
    before = Quarantine.add

    def add(self: Quarantine, number: int, *more: Any) -> None:
        if number % 2:
            before(self, number, *more)

    patch.setattr(Quarantine, "add", add)


def quarantine_that_lies(patch: Patch) -> None:
    before = Quarantine.add

    def add(self: Quarantine, number: int, *more: Any) -> None:
        if number % 2:
            before(self, number, *more)
        else:
            self.count += 1

    patch.setattr(Quarantine, "add", add)


PLACES = (
    scan,
    scan_that_lies,
    outputs,
    exact_rows,
    row_iterator,
    records,
    records_set_aside,
    numbers_set_aside,
    relations,
    quarantine,
    quarantine_that_lies,
)


def accounted(found: Result) -> int:
    assert found.conversion is not None
    return len(found.rows) + len(found.quarantine)


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.__name__)
@pytest.mark.parametrize("form", FORMATS.values(), ids=FORMATS)
def test_an_engine_that_loses_records_says_so_or_finds_them(
    form: Format, place: Callable[[Patch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    body = form.write(every(form))
    whole = accounted(convert(body, form.key, engine=ENGINE))
    assert whole >= len(GOOD)
    place(monkeypatch)
    try:
        found = convert(body, form.key, engine=ENGINE)
    except MiscountedError:
        return
    # What the ledger holds then is all of it, whatever was lost on the way.
    assert accounted(found) == whole


@pytest.mark.parametrize("form", FORMATS.values(), ids=FORMATS)
def test_the_saboteurs_do_harm(form: Format, monkeypatch: pytest.MonkeyPatch) -> None:
    """Were a place not on the way of any record any more, the test above would show nothing."""
    body = form.write(every(form))
    for place in (exact_rows, row_iterator, records, outputs):
        with monkeypatch.context() as patch:
            place(patch)
            with pytest.raises(MiscountedError):
                convert(body, form.key, engine=ENGINE)
