"""What may have been meant."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def near(name: str, names: Iterable[str], otherwise: str) -> str:
    """Ask whether one of some names was meant; where none is like it, say something else."""
    close = get_close_matches(name, sorted(set(names)), cutoff=0.7)
    return f"did you mean {' or '.join(close)}?" if close else otherwise
