"""What the curate queue carries: which dates of a table changed, or of a model are wanted."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from store.errors import UnknownEventError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

#: Dates in one message: ten of them, a batch of SQS, stay far below the 256 KB that it takes.
_DATES = 1000


#: The event to which the curator answers which models it has.
ASKING = {"source": "lake", "asking": "models"}


@dataclass(frozen=True, slots=True)
class Touch:
    """One message.

    Attributes
    ----------
    table : str
        The table whose rows changed: concerns the models that read it. Or empty.
    model : str
        The model that somebody wants to be made anew. Or empty.
    dates : frozenset of str
        ISO dates; none of a table without.
    everything : bool
        Whether all dates of the model are meant.
    """

    table: str = ""
    model: str = ""
    dates: frozenset[str] = frozenset()
    everything: bool = False

    def body(self) -> str:
        """Write it as the body of a message."""
        told: dict[str, object] = {"dates": sorted(self.dates)}
        told |= {"table": self.table} if self.table else {"model": self.model}
        if self.everything:
            told["everything"] = True
        return json.dumps(told, separators=(",", ":"))


def read(body: str) -> Touch:
    """Read what :meth:`Touch.body` wrote.

    Raises
    ------
    UnknownEventError
        When it is something else.
    """
    try:
        told = json.loads(body)
        table, model = str(told.get("table", "")), str(told.get("model", ""))
        touch = Touch(
            table, model, frozenset(map(str, told["dates"])), bool(told.get("everything"))
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise UnknownEventError(f"message names no dates: {body[:200]!r}") from error
    if bool(table) == bool(model):
        raise UnknownEventError(f"message names neither a table nor a model: {body[:200]!r}")
    return touch


def of_partitions(partitions: Iterable[str]) -> list[Touch]:
    """Tell of partitions that changed, such as ``orders/2024-01-15``, in as few messages as fit."""
    found: dict[str, set[str]] = {}
    for partition in partitions:
        table, _, date = partition.partition("/")
        found.setdefault(table, set()).add(date)
    return [
        Touch(table, dates=part) for table, dates in sorted(found.items()) for part in _parts(dates)
    ]


def of_model(model: str, dates: Iterable[str]) -> list[Touch]:
    """Ask for dates of a model, in as few messages as fit.

    The empty date stands for a table without dates, which is made as a whole.
    """
    wanted = set(dates)
    if "" in wanted:
        return [Touch(model=model, everything=True)]
    return [Touch(model=model, dates=part) for part in _parts(wanted)]


def _parts(dates: Iterable[str]) -> Iterator[frozenset[str]]:
    known = sorted(dates)
    for start in range(0, len(known), _DATES):
        yield frozenset(known[start : start + _DATES])
