"""What all pages share: the lake, and what was asked of it."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lake import query
from lake.target import Target

if TYPE_CHECKING:
    from lake.query import Result

#: So many queries are remembered.
_REMEMBERED = 50

#: Seconds for which the server waits until Athena has been told to stop.
_LAST = 3


@dataclass(frozen=True)
class SharedTarget(Target):
    """A lake that several threads ask.

    A session of boto3 is not to be used by two threads at once, and a client may be (Boto3
    documentation, "Multithreading or multiprocessing with …"): each service has one.
    """

    _lock: threading.Lock = field(default_factory=threading.Lock, compare=False, repr=False)
    _clients: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    def client(self, service: str) -> Any:
        """Give the client of a service."""
        with self._lock:
            if service not in self._clients:
                self._clients[service] = super().client(service)
            return self._clients[service]


@dataclass
class Console:
    """What the pages know.

    Attributes
    ----------
    target : Target
        The lake.
    is_dark : bool or None
        How the pages are to look; None as the browser does.
    asked : list of str
        Queries that were run, the newest first.
    """

    target: Target
    is_dark: bool | None = None
    asked: list[str] = field(default_factory=list)
    _closing: threading.Event = field(default_factory=threading.Event)
    _asking: threading.Condition = field(default_factory=threading.Condition)
    _waiting: int = 0

    def remember(self, sql: str) -> None:
        """Put a query into the history, once."""
        self.asked[:] = [sql, *(one for one in self.asked if one != sql)][:_REMEMBERED]

    def ask(self, sql: str, most: int, stop: threading.Event) -> Result:
        """Ask Athena, until the rows are there, the user stops it, or the server ends."""

        def is_over() -> bool:
            return stop.is_set() or self._closing.is_set()

        with self._asking:
            self._waiting += 1
        try:
            return query.run(self.target, sql, most=most, stop=is_over)
        finally:
            with self._asking:
                self._waiting -= 1
                self._asking.notify_all()

    def close(self) -> None:
        """Stop the queries that run: nobody waits for them, and they cost."""
        self._closing.set()
        with self._asking:
            self._asking.wait_for(lambda: not self._waiting, _LAST)


def shared(target: Target) -> SharedTarget:
    """Give a lake that several threads may ask."""
    return SharedTarget(target.session, target.endpoint, target.stack_name)
