"""Several things at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

T = TypeVar("T")
R = TypeVar("R")


def in_order(call: Callable[[T], R], things: Iterable[T], at_once: int) -> Iterator[R]:
    """Call a function for each thing, for several at once.

    Parameters
    ----------
    call : callable
        What is done.
    things : iterable
        For what.
    at_once : int
        For how many.

    Yields
    ------
    object
        What the calls give, in the order of the things. After a failure, and where nobody takes
        the rest, no further call is begun.
    """
    with ThreadPoolExecutor(at_once) as threads:
        try:
            yield from threads.map(call, things)
        except BaseException:
            threads.shutdown(wait=False, cancel_futures=True)
            raise
