"""`python -m tests.engine.cases [NAME…]`: which cases hold, and what differs in the others."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_WIDTH = 80


def _short(text: str, width: int) -> str:
    text = " ".join(text.split())
    return text if len(text) <= width else text[: width - 1] + "…"


def _answer(ask: Callable[[], list[str]]) -> list[str]:
    try:
        return ask()
    except Exception as error:  # it is shown
        return [f"{type(error).__name__}: {error}"]


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    """Print a line for each case, and one for each thing in it that differs."""
    root = Path(__file__).resolve().parents[3]
    sys.path[:0] = [str(root), str(root / "src")]
    from tests.engine.cases.table import CASES

    words = sys.argv[1:]
    held = asked = whole = 0
    cases = [one for one in CASES if not words or any(word in one.name for word in words)]
    for case in cases:
        answers = {label: _answer(ask) for label, ask in case.tests().items()}
        good = sum(not told for told in answers.values())
        held, asked = held + good, asked + len(answers)
        whole += good == len(answers)
        state = f"in {case.elsewhere}" if case.elsewhere else f"{good} of {len(answers)}"
        if answers and good == len(answers):
            state = "ok"
        _say(f"{case.name:40}{_short(state, _WIDTH - 40)}")
        for label, told in answers.items():
            if told:
                _say(f"  {_short(f'{label}: {told[0]}', _WIDTH - 2)}")
    _say(f"{whole} of {len(cases)} cases, {held} of {asked} questions")


if __name__ == "__main__":
    main()
    # What DuckDB still holds is not worth waiting for.
    os._exit(0)
