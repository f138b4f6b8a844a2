"""Tell the curate queue: of rows that the command itself changed, and of what is wanted anew.

And wait until that is published.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lake import ledger, models, tables
from lake.errors import LakeCommandError
from store.refresh import NO_TABLE
from store.touch import Touch, of_model, of_partitions

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from lake.models import Seen
    from lake.target import Target

#: The most that SendMessageBatch takes (Amazon SQS API Reference).
_BATCH = 10


def tell(target: Target, partitions: Iterable[str]) -> None:
    """Say that rows of partitions changed, such as those of ``orders/2024-01-15``."""
    send(target, of_partitions(partitions))


def send(target: Target, touches: list[Touch]) -> None:
    """Send messages to the curate queue.

    Raises
    ------
    LakeCommandError
        When SQS took only some of them; the same command sends all again, harmlessly.
    """
    sqs, queue = target.client("sqs"), target.outputs["CurateQueueUrl"]
    for start in range(0, len(touches), _BATCH):
        answer = sqs.send_message_batch(
            QueueUrl=queue,
            Entries=[
                {"Id": str(number), "MessageBody": touch.body()}
                for number, touch in enumerate(touches[start : start + _BATCH])
            ],
        )
        if failed := answer.get("Failed"):
            raise LakeCommandError(
                f"SQS refused to be told what changed: {failed[0].get('Message')}. The same "
                "command tells it again."
            )


def wanted(
    target: Target,
    seen: list[Seen],
    first: str | None = None,
    last: str | None = None,
    *,
    full: bool = False,
) -> list[Touch]:
    """Say what to send so that models are made anew.

    Parameters
    ----------
    target : Target
        The lake.
    seen : list of Seen
        The models.
    first, last : str, optional
        Dates that are meant.
    full : bool
        All dates are meant. Without any of these what is not as it should be is meant; nothing
        where all is.
    """
    if full:
        return [Touch(model=one.model.name, everything=True) for one in seen]
    if first or last:
        return [touch for one in seen for touch in _between(target, one, first, last)]
    changed = models.last_changes(ledger.items(target), seen)
    found: list[Touch] = []
    for one in seen:
        dates = {*one.stale(changed), *one.older, *one.state.waiting}
        name = one.model.name
        if dates or one.state.everything:
            found += of_model(name, {""} if one.state.everything else dates)
        elif one.state.run:
            # A message brings somebody who goes on with it.
            found.append(Touch(model=name))
    return found


def _between(target: Target, one: Seen, first: str | None, last: str | None) -> list[Touch]:
    if not one.model.by_date:
        raise LakeCommandError(
            f"{one.model.name} is made whole and has no dates: leave --from and --to out."
        )
    dates = {*one.partitions}
    for source in one.model.dated:
        dates |= {*(tables.partitions_of(target, source) or {})}
    meant = {date for date in dates if (first or "") <= date <= (last or "9999")}
    return of_model(one.model.name, meant)


@dataclass(frozen=True)
class Published:
    """A table that was made anew."""

    model: str
    partitions: int
    seconds: float

    @property
    def said(self) -> str:
        """Say so."""
        many = f"{self.partitions:,} partition{'s'[: self.partitions != 1]}"
        return f"{self.model}: {many} refreshed in {self.seconds:.1f} s."


def published(
    target: Target, names: Sequence[str], started: float, timeout: float
) -> Iterator[Published]:
    """Wait until each model is published or fails.

    Parameters
    ----------
    target : Target
        The lake.
    names : sequence of str
        The models.
    started : float
        When they were asked for, in seconds since 1970.
    timeout : float
        Seconds to wait.

    Yields
    ------
    Published
        In the order in which they are published.

    Raises
    ------
    LakeCommandError
        When one failed, or time ran out; it goes on without this command.
    """
    deadline, waiting = time.monotonic() + timeout, dict.fromkeys(names)
    failed: list[str] = []
    reasons: set[str] = set()
    while waiting and time.monotonic() < deadline:
        for name in [*waiting]:
            now = models.state(target, name)
            if now.failed and now.failed.at >= started and not now.run:
                failed.append(f"{name}: {now.failed.reason}: {now.failed.detail}")
                reasons.add(now.failed.reason)
                del waiting[name]
            elif now.done and now.done.began >= started and not (now.run or now.is_waiting):
                del waiting[name]
                seconds = round(now.done.at - now.done.began, 3)
                yield Published(name, now.done.partitions, seconds)
        if waiting:
            time.sleep(0.5)
    if failed:
        after = (
            "`lake put FILE --dataset NAME` makes the missing table. The curator looks for it "
            "every five minutes; `lake curate` makes the model's table at once."
            if reasons == {NO_TABLE}
            else "What was published before can be read. Its dates wait: `lake curate` tries them "
            "again, and so does a deployment of the mended model within five minutes."
        )
        raise LakeCommandError("\n".join([*failed, after]))
    if waiting:
        raise LakeCommandError(
            f"Not published after {timeout:.0f} s: {', '.join(waiting)}. It goes on without this "
            "command; `lake models` says how far it is."
        )
