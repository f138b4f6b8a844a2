"""The clocks of one run."""

from __future__ import annotations

import time

_started = (0.0, 0.0)


def start() -> None:
    """Measure from here."""
    global _started  # one run is one process
    _started = (time.process_time(), time.perf_counter())


def passed() -> tuple[float, float]:
    """Give the processor seconds and the seconds since then."""
    return time.process_time() - _started[0], time.perf_counter() - _started[1]
