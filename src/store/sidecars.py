"""Which objects are no data: what programs put beside the files that they write."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from store.naming import RAW_PREFIX

if TYPE_CHECKING:
    from pathlib import Path

#: Delta Lake numbers its commits by 20 digits ("Delta Transaction Log Protocol").
_COMMIT = re.compile(r"\d{20}\.json")

#: What each line of a commit holds one of, by the same protocol.
_ACTIONS = frozenset(
    {"add", "remove", "metaData", "protocol", "commitInfo", "txn", "cdc", "domainMetadata"}
)

#: Enough of a commit to hold its first line, which says how it was written.
_FIRST_LINE = 1024 * 1024

#: What the Explorer of Windows puts into folders, in lower case.
WINDOWS = frozenset({"thumbs.db", "ehthumbs.db", "desktop.ini"})


def why_skipped(key: str) -> str:
    """Tell why an object is no data, by its key alone.

    As in Hive, Spark and Athena: what begins with ``_`` or ``.`` is hidden, and so is
    everything in a folder that does, unless that is a partition such as ``_day=1``.

    Parameters
    ----------
    key : str
        Decoded key of the raw object, below ``data/``.

    Returns
    -------
    str
        What it is, for the operator; empty for data.
    """
    *folders, name = key.removeprefix(RAW_PREFIX).split("/")
    if not name:
        return "the key ends with a slash: it marks a folder and is no file"
    if name.endswith("_$folder$"):
        return "it marks a folder, as Hadoop does, and is no file"
    if name[0] in "_.":
        return f"its name begins with {name[0]}: no data, as for Hive, Spark and Athena"
    if name.lower() in WINDOWS:
        return "Windows puts it into folders: no data"
    # The first folder is the dataset, which may be called anything.
    for folder in folders[1:]:
        if folder.startswith(".") or (folder.startswith("_") and "=" not in folder):
            return f"it is in the folder {folder}: no data, as for Hive, Spark and Athena"
    return ""


def may_be_commit(key: str) -> bool:
    """Tell whether an object has the name of one of Delta Lake's commits."""
    return bool(_COMMIT.fullmatch(key.rpartition("/")[2]))


def is_commit(path: Path) -> bool:
    """Tell whether a file is one of Delta Lake's commits, by its first line.

    Parameters
    ----------
    path : Path
        A file whose name is that of a commit.
    """
    with path.open("rb") as file:
        line = file.readline(_FIRST_LINE)
    try:
        action: Any = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(action, dict) and len(action) == 1 and set(action) <= _ACTIONS
