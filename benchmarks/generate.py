"""Seeded data for the benchmarks: the same bytes on every machine."""

from __future__ import annotations

import random
from datetime import date, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_COUNTRIES = ("DE", "FR", "US", "JP", "BR", "IN", "ZA", "AU")
WORDS = ("alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel")


def records(seed: int, days: int = 3) -> Iterator[str]:
    """Give nested JSON records without end, about 200 bytes each, spread over some days.

    Parameters
    ----------
    seed : int
        Of the generator.
    days : int
        Dates that the records are spread over, back from 2024-01-01.

    Yields
    ------
    str
        One line, with its line feed.
    """
    draw = random.Random(seed)  # noqa: S311  # data, not secrets
    choice, whole, fraction = draw.choice, draw.randrange, draw.random
    dates = [(date(2024, 1, 1) - timedelta(days=d)).isoformat() for d in range(days)]
    number = 0
    while True:
        number += 1
        note = "null" if number % 5 else f'"{choice(WORDS)} {choice(WORDS)}"'
        yield (
            f'{{"id":{number},"timestamp":"{choice(dates)}T{whole(24):02}:{whole(60):02}:'
            f'{whole(60):02}Z","user":{{"id":{whole(100_000)},"country":"{choice(_COUNTRIES)}"}},'
            f'"amount":{fraction() * 1000:.2f},"active":{"true" if number % 3 else "false"},'
            f'"items":[{{"sku":"{choice(WORDS)}-{whole(1000)}","quantity":{whole(1, 9)}}}],'
            f'"note":{note}}}\n'
        )


def json_lines(path: Path, size: int, *, seed: int = 1, bad: int = 0, days: int = 3) -> int:
    """Write JSON Lines until a size is reached.

    Parameters
    ----------
    path : Path
        The file to write.
    size : int
        Bytes.
    seed : int
        Of the generator.
    bad : int
        One line in so many is cut in half; 0 for none.
    days : int
        Dates in the file.

    Returns
    -------
    int
        Lines written.
    """
    written = count = 0
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for line in records(seed, days):
            count += 1
            if bad and count % bad == 0:
                line = line[: len(line) // 2] + "\n"  # the line that is written
            written += len(line)
            file.write(line)
            if written >= size:
                return count
    return count
