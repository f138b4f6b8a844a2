"""Folders for work: named so that those which dead workers left are known as such."""

from __future__ import annotations

import re
import shutil
import tempfile
import time
from multiprocessing import current_process
from pathlib import Path

_NAME = re.compile(r"lake-(?:job|spill)-(\d+)-.+")

#: Folders of this process are younger, since they are named by :func:`prefix`.
_STARTED = time.time()

#: Where the system does not list its processes, what was not touched for as long is left.
_DAY = 86_400

_PROCESSES = Path("/proc")


def prefix(kind: str) -> str:
    """Give how the name of a folder begins.

    Parameters
    ----------
    kind : str
        ``job`` or ``spill``.

    Returns
    -------
    str
        With this process's id in it.
    """
    return f"lake-{kind}-{current_process().pid}-"


def remove_leftovers(root: Path | None = None) -> tuple[Path, ...]:
    """Remove the folders of workers that are dead: they fill the disk of the living.

    Lambda keeps `/tmp` when it starts a function anew after a crash or a timeout.

    Parameters
    ----------
    root : Path or None
        Where work is done; the system's place for temporary files when None.

    Returns
    -------
    tuple of Path
        What was removed.
    """
    folders = (root or Path(tempfile.gettempdir())).glob("lake-*-*")
    left = tuple(sorted(folder for folder in folders if _is_left(folder)))
    for folder in left:
        shutil.rmtree(folder, ignore_errors=True)
    return left


def _is_left(folder: Path) -> bool:
    found = _NAME.fullmatch(folder.name)
    if not found or folder.is_symlink():
        return False
    try:
        touched = folder.stat().st_mtime
    except OSError:
        # Another worker was faster.
        return False
    if int(found[1]) == current_process().pid:
        # Ids are given anew: it is another process's when it is older than this one.
        return touched < _STARTED
    if not _PROCESSES.is_dir():
        return touched < time.time() - _DAY
    return not (_PROCESSES / found[1]).exists()
