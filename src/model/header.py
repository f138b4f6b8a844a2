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
        With every line that is not understood or missing, each with its number.
    """
    said, wrong = _settings(text)
    for key in ("description", "refresh"):
        if key not in said:
            wrong.append((1, f"`-- {key}: …` is missing at its head"))
    found = {key: value for key, (_, value) in said.items()}
    refresh = found.get("refresh", Refresh.WHOLE).lower()
    lookups = frozenset(filter(None, re.split(r"[,\s]+", found.get("lookup", ""))))
    minutes = _MINUTES.fullmatch(found.get("at most every", ""))
    for key, is_right, wanted in (
        ("refresh", refresh in {*Refresh}, " or ".join(Refresh)),
        ("lookup", all(o == normalise(o) for o in lookups), "names of tables, with commas between"),
        ("at most every", minutes, "in minutes, like 15 minutes"),
    ):
        if key in said and not is_right:
            wrong.append((said[key][0], f"{key} is {found[key]!r}; it can be {wanted}"))
    if wrong:
        raise ModelError("\n".join(f"{name}:{number}: {why}" for number, why in sorted(wrong)))
    every = int(minutes[1]) if minutes else 0
    return Header(found["description"], Refresh(refresh), lookups, every)


def _settings(text: str) -> tuple[dict[str, tuple[int, str]], list[tuple[int, str]]]:
    """Give number and value of each setting by its name, and what is wrong by numbers of lines."""
    said: dict[str, tuple[int, str]] = {}
    wrong: list[tuple[int, str]] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.startswith("--"):
            break
        found = _LINE.fullmatch(line)
        key = found[1].lower() if found else ""
        if found is None or key not in _KEYS:
            # A sentence for people; what looks like a key and is none may be a slip.
            if found and len(key.split()) <= 3:
                wrong.append((number, f"{found[1]!r} says nothing here: {', '.join(_KEYS)} do"))
        elif key in said:
            wrong.append((number, f"{key} is said twice"))
        elif found[2] or key not in ("description", "refresh"):
            said[key] = number, found[2]
    return said, wrong
