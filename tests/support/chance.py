"""How often chance is asked."""

from __future__ import annotations

import os

#: What the environment says; it holds for all tests that draw by chance.
WANTED = int(os.environ.get("EXAMPLES") or 0)


def examples(count: int) -> int:
    """Give how many examples a test draws: so many in each run of all tests, else as many as
    ``EXAMPLES`` says.
    """
    return WANTED or count
