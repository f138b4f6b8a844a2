"""The ledger entry of a raw key, and every way in which it may change. Pure.

An entry is changed by one conditional write at a time, each naming the revision that it
replaces. The revision that opens an attempt is the attempt's *generation*: no other attempt of
this key, by whomever, ever has the same. Outputs bear it in their names, so a key that
was given up is never used again, and deleting it late can hurt nobody.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from store.model import Status
from store.naming import is_left_by, partition_in
from store.reasons import Failure

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Attempts that ended and are remembered, for the operator.
_HISTORY = 5

#: Characters of a detail in the history; the entry's own detail is longer.
_SHORT = 300

#: The partition of the sparse index of what nobody may come for any more, though something is
#: to be cleaned up. The scheduled sweep comes for it.
UNSWEPT = "UNSWEPT"

_LOST = "the worker ended without an answer: killed, out of memory or out of time"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One worker's go at one version of the object.

    Attributes
    ----------
    generation : int
        Revision of the entry that opened it.
    worker : str
        Who opened it; nobody else has this name.
    delivery : str
        On behalf of which message; the same when that is delivered again.
    version : str
        Of the raw object.
    began, expires : float
        Seconds since 1970. When it expires its worker is dead for certain.
    status : Status
        PROCESSING while it is open, then what became of it.
    keys : tuple of str
        What it announced that it was going to write; empty once it ended.
    reason, detail : str
        Why it failed, or why the object was refused.
    deliveries : int
        How often its message had been delivered by then, this time included.
    """

    generation: int
    worker: str
    delivery: str
    version: str
    began: float
    expires: float
    status: Status = Status.PROCESSING
    keys: tuple[str, ...] = ()
    reason: str = ""
    detail: str = ""
    deliveries: int = 1

    @property
    def is_open(self) -> bool:
        """Tell whether its worker may still be writing."""
        return self.status is Status.PROCESSING


@dataclass(frozen=True, slots=True)
class Entry:
    """What the ledger knows of one raw key.

    Attributes
    ----------
    revision : int
        Counts the writes of this entry; every write names the one it replaces.
    version : str
        The committed version; empty before the first commit.
    committed_at : int
        The revision that committed it, by itself or after a replay.
    verdict : Status
        On the committed version.
    outputs : tuple of str
        Keys in the processed bucket that hold the committed version.
    replaced : tuple of str
        Keys that nobody needs any more, still to be deleted.
    untold : tuple of str
        Partitions whose rows changed, such as ``orders/2024-01-15``, and whom it concerns may not
        have been told. Where nothing went wrong it stays after it was told: to strike it would
        cost a write an object. Whoever comes next tells it again, which changes nothing.
    unheard : bool
        Whether that could not be told once: the message may die before it can.
    replay : str
        The replay to which the committed version was ingested last; empty for none.
    attempts : tuple of Attempt
        Those that are open and the last that ended, in order of their generation.
    facts : dict of str to str or int
        Counts and timings of the committed version, for the operator.
    """

    revision: int = 0
    version: str = ""
    committed_at: int = 0
    verdict: Status = Status.PROCESSING
    outputs: tuple[str, ...] = ()
    replaced: tuple[str, ...] = ()
    untold: tuple[str, ...] = ()
    unheard: bool = False
    replay: str = ""
    attempts: tuple[Attempt, ...] = ()
    facts: dict[str, str | int] = field(default_factory=dict)

    @property
    def status(self) -> Status:
        """Say what the operator wants to know: how the attempts since the last commit went."""
        since = {a.status for a in self.attempts if a.generation > self.committed_at}
        if Status.PROCESSING in since:
            return Status.PROCESSING
        return Status.FAILED if Status.FAILED in since else self.verdict

    @property
    def attention(self) -> str:
        """Name the entry's partition of the sparse index; empty for most, which are not in it.

        What is to be cleaned up is somebody's as long as its message can be delivered again. A
        message that was delivered once can, so that an object that goes well costs no index;
        unless another worker committed meanwhile, who may have acknowledged it.
        """
        troubled = (
            self.unheard
            or self.verdict is Status.DELETED
            or any(
                a.deliveries > 1
                or a.status is Status.FAILED
                or (a.is_open and a.generation < self.committed_at)
                for a in self.attempts
            )
        )
        left = self.replaced or self.untold or any(a.is_open for a in self.attempts)
        if troubled and left:
            return UNSWEPT
        return self.status.value if self.status.needs_attention else ""

    def holds(self, version: str, replay: str) -> bool:
        """Tell whether a version is committed, after the replay that asked for it, if one did."""
        return self.version == version and replay in ("", self.replay)

    def attempt(self, generation: int) -> Attempt | None:
        """Give an attempt that is still open, or None."""
        return next((a for a in self.attempts if a.generation == generation and a.is_open), None)

    def open_by(self, worker: str, version: str) -> Attempt | None:
        """Give the open attempt of a worker at a version, or None."""
        mine = (a for a in self.attempts if a.worker == worker and a.version == version)
        return next((a for a in mine if a.is_open), None)

    def open_for(self, delivery: str) -> Attempt | None:
        """Give an open attempt made for a delivery, or None."""
        return next((a for a in self.attempts if a.delivery == delivery and a.is_open), None)

    def without_expired(self, now: float) -> Entry:
        """End every attempt whose worker is dead by now, so that its outputs are removed."""
        entry = self
        for attempt in self.attempts:
            if attempt.is_open and attempt.expires <= now:
                entry = entry.ended(attempt.generation, Status.FAILED, Failure.WORKER_LOST, _LOST)
        return entry

    def begun(self, attempt: Attempt, dataset: str) -> Entry:
        """Open an attempt; its generation is the entry's next revision."""
        ended = [a for a in self.attempts if not a.is_open][-_HISTORY:]
        kept = (a for a in self.attempts if a.is_open or a in ended)
        # Known from the begin on, so that an object that never succeeds is found by it, too.
        facts = self.facts or {"dataset": dataset}
        return replace(self, attempts=(*kept, attempt), facts=facts)

    def announced(self, generation: int, keys: tuple[str, ...]) -> Entry:
        """Say what an attempt is going to write, before it does."""
        return self._with(generation, keys=keys)

    def ended(self, generation: int, status: Status, reason: str = "", detail: str = "") -> Entry:
        """End an attempt that did not commit; what it announced is to be deleted."""
        attempt = self.attempt(generation)
        if attempt is None:
            return self
        done = self._with(generation, status=status, keys=(), reason=reason, detail=detail[:_SHORT])
        return done.discarding(attempt.keys)

    def discarding(self, keys: tuple[str, ...]) -> Entry:
        """List keys for deletion; queries see it where they hold rows."""
        doomed = {*self.replaced, *keys} - {*self.outputs}
        return replace(self, replaced=tuple(sorted(doomed))).touching(doomed)

    def touching(self, keys: Iterable[str]) -> Entry:
        """List the partitions of keys as changed."""
        touched = {*self.untold, *filter(None, map(partition_in, keys))}
        return replace(self, untold=tuple(sorted(touched)))

    def committed(
        self,
        generation: int,
        verdict: Status,
        facts: dict[str, str | int],
        replay: str,
        folder: str = "",
        kept: tuple[str, ...] = (),
    ) -> Entry:
        """Make what an attempt wrote the object's rows, and list those before for deletion.

        Of these the ``kept`` stay the object's outputs, too.

        Rows in an earlier folder than that of the table are left where they are: the dataset is
        being rebuilt, they can be read until that is done, and then go with their folder. Rows in
        a later one are of a table that was dropped since.
        """
        attempt = self.attempt(generation)
        if attempt is None:
            raise LookupError(f"attempt {generation} is not open")
        done = self._with(
            generation,
            status=verdict,
            keys=(),
            reason=str(facts.get("reason", "")),
            detail=str(facts.get("detail", ""))[:_SHORT],
        )
        current = replace(
            done,
            version=attempt.version,
            committed_at=self.revision + 1,
            verdict=verdict,
            outputs=tuple(sorted({*attempt.keys, *kept})),
            replay=replay or self.replay,
            facts=facts,
        )
        gone = tuple(key for key in self.outputs if not is_left_by(folder, key))
        return current.discarding(gone).touching(attempt.keys)

    def removed(self) -> Entry:
        """Take the object's rows away, since the object itself was deleted."""
        gone = replace(
            self,
            version="",
            committed_at=self.revision + 1,
            verdict=Status.DELETED,
            outputs=(),
            facts={name: told for name, told in self.facts.items() if name == "dataset"},
        )
        return gone.discarding(self.outputs)

    def settled(self, deleted: tuple[str, ...], told: tuple[str, ...]) -> Entry:
        """Strike keys that were deleted, and partitions that were told to have changed."""
        gone, said = {*deleted}, {*told}
        left = tuple(one for one in self.untold if one not in said)
        return replace(
            self,
            replaced=tuple(key for key in self.replaced if key not in gone),
            untold=left,
            unheard=self.unheard and bool(left),
        )

    def _with(self, generation: int, **changes: object) -> Entry:
        attempts = tuple(
            replace(a, **changes) if a.generation == generation else a  # type: ignore[arg-type]  # mypy cannot type the keywords of dataclasses.replace
            for a in self.attempts
        )
        return replace(self, attempts=attempts)
