"""The histories notice what they are there for: each bug planted here is found by them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import Phase

from aws.dynamodb import DynamoLedger
from aws.glue import GlueCatalog
from engine.types.evolve import evolved
from processor.ingest.protocol import Ingest
from store import items, naming
from store.entry import Entry
from store.items import item_of
from tests.histories.test_histories import CatalogHistories, Histories, run
from tests.support.chance import WANTED
from tests.support.lines import LineEngine

if TYPE_CHECKING:
    from collections.abc import Callable

    from processor.ingest.ports import Curation, RawStore

    Plant = Callable[[pytest.MonkeyPatch], None]


def no_condition(patch: pytest.MonkeyPatch) -> None:
    """The ledger is written whoever wrote meanwhile."""
    put = DynamoLedger.put

    def blind(self: DynamoLedger, name: str, entry: Entry) -> Entry | None:
        return put(self, name, replace(entry, revision=self.get(name).revision + 1))

    patch.setattr(DynamoLedger, "put", blind)


def delete_before_commit(patch: pytest.MonkeyPatch) -> None:
    """The old rows go before the new ones are committed."""
    commit = Ingest._commit

    def hasty(self: Ingest, task: Any, entry: Entry, prepared: Any) -> Entry | None:
        self.outputs.delete(entry.outputs)
        return commit(self, task, entry, prepared)

    patch.setattr(Ingest, "_commit", hasty)


def names_without_key(patch: pytest.MonkeyPatch) -> None:
    """Keys of one dataset share names where version and attempt are the same."""
    named = naming.object_id
    patch.setattr(naming, "object_id", lambda bucket, _k, _v, g: named(bucket, "x", "", g))


def commit_what_was_overtaken(patch: pytest.MonkeyPatch) -> None:
    """Nobody asks S3 whether the version is still current."""
    commit = Ingest._commit

    def trusting(self: Ingest, task: Any, entry: Entry, prepared: Any) -> Entry | None:
        class Frozen:
            @staticmethod
            def head(*_: str) -> Any:
                return task.raw

        return commit(replace(self, raw=cast("RawStore", Frozen())), task, entry, prepared)

    patch.setattr(Ingest, "_commit", trusting)


def write_without_announcing(patch: pytest.MonkeyPatch) -> None:
    """A worker that dies leaves files that nobody knows of: keys are named at the commit only."""
    commit = Ingest._commit

    def late(self: Ingest, task: Any, entry: Entry, prepared: Any) -> Entry | None:
        attempts = tuple(
            replace(a, keys=prepared.keys) if a.generation == task.generation else a
            for a in entry.attempts
        )
        return commit(self, task, replace(entry, attempts=attempts), prepared)

    patch.setattr(Ingest, "_announce", lambda _self, _task, entry, _prepared: entry)
    patch.setattr(Ingest, "_commit", late)


def forget_the_replaced(patch: pytest.MonkeyPatch) -> None:
    """What a version replaced is not listed for deletion."""
    patch.setattr(Entry, "discarding", lambda self, _keys: self)


def acknowledge_too_early(patch: pytest.MonkeyPatch) -> None:
    """A message is done with while another worker that has it may still write."""
    patch.setattr(Entry, "open_for", lambda _self, _delivery: None)
    patch.setattr("tests.support.world.World._repairs", False, raising=False)


def never_expire(patch: pytest.MonkeyPatch) -> None:
    """What a dead worker announced stays for ever."""
    patch.setattr(Entry, "without_expired", lambda self, _now: self)


def fail_without_a_trace(patch: pytest.MonkeyPatch) -> None:
    """A worker that fails leaves what it wrote, and says that it has ended."""
    ended = Entry.ended

    def careless(self: Entry, generation: int, *words: Any) -> Entry:
        attempt = self.attempt(generation)
        return (
            self
            if attempt is None
            else replace(ended(self, generation, *words), replaced=self.replaced)
        )

    patch.setattr(Entry, "ended", careless)
    patch.setattr(
        Entry,
        "discarding",
        lambda self, keys: (
            replace(self, replaced=tuple(sorted({*self.replaced, *keys} - {*self.outputs})))
            if self.outputs
            else self
        ),
    )


def remove_without_a_list(patch: pytest.MonkeyPatch) -> None:
    """The rows of a deleted object are forgotten, and not listed for deletion."""
    removed = Entry.removed
    patch.setattr(Entry, "removed", lambda self: replace(removed(self), replaced=self.replaced))


def remember_for_ever(patch: pytest.MonkeyPatch) -> None:
    """A warm worker takes a table that it knew for one that is there."""
    read = GlueCatalog._read

    def remembered(catalog: GlueCatalog, dataset: str) -> dict[str, Any] | None:
        seen = catalog._seen.get(dataset)
        return seen.table if seen else read(catalog, dataset)

    patch.setattr(GlueCatalog, "_read", remembered)


def write_as_the_parameter_says(patch: pytest.MonkeyPatch) -> None:
    """Files are in the format of new tables, whatever the format of their own."""
    patch.setattr(LineEngine, "format_for", lambda engine, _table: engine.output_format)
    patch.setattr(
        "tests.support.world.evolved",
        lambda table, file: evolved(replace(table, format=file.format), file),
    )


def tell_before_the_deletion(patch: pytest.MonkeyPatch) -> None:
    """Who makes tables is told while rows of the old version can still be read."""
    settle = Ingest._settle

    def hasty(self: Ingest, name: str, entry: Entry) -> Entry:
        self.curation.tell(entry.untold)

        class Deaf:
            concerns = self.curation.concerns

            @staticmethod
            def tell(_partitions: Any) -> None:
                """What is told after the deletion is not heard."""

        return settle(replace(self, curation=cast("Curation", Deaf())), name, entry)

    patch.setattr(Ingest, "_settle", hasty)


def tell_of_new_rows_only(patch: pytest.MonkeyPatch) -> None:
    """Nobody is told of rows that are replaced, or that a failed attempt had written."""
    patch.setattr(
        Entry,
        "discarding",
        lambda self, keys: replace(
            self, replaced=tuple(sorted({*self.replaced, *keys} - {*self.outputs}))
        ),
    )


def tell_of_old_rows_only(patch: pytest.MonkeyPatch) -> None:
    """Nobody is told of rows that are new."""
    committed = Entry.committed

    def silent(self: Entry, *words: Any) -> Entry:
        done = committed(self, *words)
        new = {*map(naming.partition_in, done.outputs)} - {*map(naming.partition_in, done.replaced)}
        return replace(done, untold=tuple(one for one in done.untold if one not in new))

    patch.setattr(Entry, "committed", silent)


def tell_what_is_committed_and_forget(patch: pytest.MonkeyPatch) -> None:
    """What is to be told does not stand in the entry: a worker that dies takes it along."""
    patch.setattr(
        "store.items.item_of", lambda *words: {**item_of(*words), "untold": items._packed(())}
    )
    patch.setattr("aws.dynamodb.item_of", items.item_of)


BUGS: tuple[Plant, ...] = (
    no_condition,
    delete_before_commit,
    names_without_key,
    commit_what_was_overtaken,
    write_without_announcing,
    forget_the_replaced,
    acknowledge_too_early,
    never_expire,
    fail_without_a_trace,
    remove_without_a_list,
    tell_before_the_deletion,
    tell_of_new_rows_only,
    tell_of_old_rows_only,
    tell_what_is_committed_and_forget,
)

BUGS_OF_THE_CATALOG: tuple[Plant, ...] = (remember_for_ever, write_as_the_parameter_says)


#: They take the histories hundreds of examples or more; `make test-histories` plants them, too.
RARE = (
    acknowledge_too_early,
    commit_what_was_overtaken,
    remove_without_a_list,
    remember_for_ever,
    names_without_key,
    write_without_announcing,
    tell_what_is_committed_and_forget,
)

PLANTED = [plant for plant in (*BUGS, *BUGS_OF_THE_CATALOG) if plant not in RARE or WANTED]


@pytest.mark.parametrize("plant", PLANTED, ids=lambda plant: plant.__name__)
def test_the_histories_find(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch)
    machine = CatalogHistories if plant in BUGS_OF_THE_CATALOG else Histories
    with pytest.raises(AssertionError):
        run(10_000, machine, derandomize=True, phases=[Phase.generate])
