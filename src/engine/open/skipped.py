"""Files that are no data, as Hive, Spark and Athena have it."""

from __future__ import annotations

from store.sidecars import WINDOWS


def is_data(name: str) -> bool:
    """Tell whether a file is data by its name.

    Parameters
    ----------
    name : str
        A key, or the name of an archive's member.

    Returns
    -------
    bool
        False for names that begin with ``_`` or ``.``, as those of `_SUCCESS`, `.DS_Store` and
        checksums do, and for what macOS and Windows add to archives.
    """
    *folders, last = name.replace("\\", "/").split("/")
    if not last or last.startswith(("_", ".")) or last.lower() in WINDOWS:
        return False
    return "__MACOSX" not in folders
