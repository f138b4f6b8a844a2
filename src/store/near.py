"""What may have been meant."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def near(name: str, names: Iterable[str], otherwise: str, before: str = "") -> str:
    """Ask whether one of some names was meant; where none is like it, say something else.

    Parameters
    ----------
    name : str
        What was asked for.
    names : iterable of str
        What there is.
    otherwise : str
        What is said where none of them is like it.
    before : str
        What stands before each name that may be meant, such as its folder.
    """
    close = get_close_matches(name, sorted(set(names)), cutoff=0.7)
    asked = " or ".join(f"{before}{one}" for one in close)
    return f"did you mean {asked}?" if close else otherwise
