"""The comments at the head of a model: what it is, and when it is made anew."""

from __future__ import annotations

import re

from store.errors import ModelError
from store.models import Header, Refresh
from store.naming import normalise

_LINE = re.compile(r"--\s*([A-Za-z][A-Za-z ]*?)\s*:\s*(.*?)\s*")

_KEYS = ("description", "refresh", "lookup", "at most every")

_MINUTES = re.compile(r"([1-9][0-9]{0,4}) minutes?")


def parse(name: str, text: str) -> Header:
    """Read the comments before the first line of SQL.

    Parameters
    ----------
    name : str
        Of the file, for errors.
    text : str
        Of the file.

    Raises
    ------
    ModelError
        When a line is not understood or one is missing, with its number.
    """
    said: dict[str, str] = {}
    numbers: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.startswith("--"):
            break
        found = _LINE.fullmatch(line)
        key = found[1].lower() if found else ""
        if found is None or key not in _KEYS:
            # A sentence for people; what looks like a key and is none may be a slip.
            if found and len(key.split()) <= 3:
                raise ModelError(
                    f"{name}:{number}: {found[1]!r} says nothing here: {', '.join(_KEYS)} do"
                )
            continue
        if key in said:
            raise ModelError(f"{name}:{number}: {key} is said twice")
        said[key], numbers[key] = found[2], number
    for key in ("description", "refresh"):
        if not said.get(key):
            raise ModelError(f"{name}:1: `-- {key}: …` is missing at its head")

    def wrong(key: str, wanted: str) -> ModelError:
        return ModelError(f"{name}:{numbers[key]}: {key} is {said[key]!r}; it can be {wanted}")

    if said["refresh"].lower() not in {*Refresh}:
        raise wrong("refresh", " or ".join(Refresh))
    lookups = frozenset(filter(None, re.split(r"[,\s]+", said.get("lookup", ""))))
    if any(lookup != normalise(lookup) for lookup in lookups):
        raise wrong("lookup", "names of tables, with commas between them")
    minutes = _MINUTES.fullmatch(said.get("at most every", "0 minutes"))
    if "at most every" in said and minutes is None:
        raise wrong("at most every", "in minutes, like 15 minutes")
    return Header(
        said["description"],
        Refresh(said["refresh"].lower()),
        lookups,
        int(minutes[1]) if minutes else 0,
    )
