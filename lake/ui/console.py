"""What all pages share: the lake, and what was asked of it."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lake.target import Target

if TYPE_CHECKING:
    from collections.abc import Callable

#: So many queries are remembered.
_REMEMBERED = 50


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
    closing : threading.Event
        Set when the server ends: nobody waits for anything any more.
    """

    target: Target
    is_dark: bool | None = None
    asked: list[str] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)

    def remember(self, sql: str) -> None:
        """Put a query into the history, once."""
        self.asked[:] = [sql, *(one for one in self.asked if one != sql)][:_REMEMBERED]

    def stopping(self, stop: threading.Event) -> Callable[[], bool]:
        """Tell a query whether it is to stop: it is asked to, or the server ends."""
        return lambda: stop.is_set() or self.closing.is_set()


def shared(target: Target) -> SharedTarget:
    """Give a lake that several threads may ask."""
    return SharedTarget(target.session, target.endpoint, target.stack_name)
