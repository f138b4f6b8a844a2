"""Draw the pictures of the documentation anew: `make pictures`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from docs.pictures import architecture, charts, drift, life, sequence, states, versions

if TYPE_CHECKING:
    from collections.abc import Callable

    from docs.pictures.svg import Picture

#: Each picture by the name of its file.
DRAWINGS: dict[str, Callable[[], Picture]] = {
    "architecture.svg": architecture.draw,
    "chart-bad-record.svg": charts.bad_record,
    "chart-dollars.svg": charts.dollars,
    "chart-speed.svg": charts.speed,
    "drift.svg": drift.draw,
    "life.svg": life.draw,
    "sequence.svg": sequence.draw,
    "states.svg": states.draw,
    "versions.svg": versions.draw,
}

FOLDER = Path(__file__).parent


def main() -> None:
    """Write each picture into its file."""
    for name, draw in DRAWINGS.items():
        (FOLDER / name).write_text(draw().svg(), encoding="utf-8")


if __name__ == "__main__":
    main()
