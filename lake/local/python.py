"""The Python of the functions, which need not be the one that runs this command."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from functools import cache
from typing import TYPE_CHECKING

from lake.errors import LakeCommandError

if TYPE_CHECKING:
    from pathlib import Path


@cache
def of_functions(root: Path, *, fetch: bool = True) -> str:
    """Find the Python that builds and runs the functions on this machine.

    Parameters
    ----------
    root : Path
        The project, whose build looks for it in the same way.
    fetch : bool
        Whether uv may download one where there is none.

    Returns
    -------
    str
        Its path.

    Raises
    ------
    LakeCommandError
        When there is none, with what to do.
    """
    finder = root / "src" / "find-python.sh"
    if not finder.is_file():
        # A version of the project that wants it on the PATH.
        return shutil.which("python3.11") or sys.executable
    done = subprocess.run(
        ["sh", str(finder), "pip"],  # noqa: S607  # wherever the system has it
        env=os.environ if fetch else {**os.environ, "UV_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise LakeCommandError(done.stderr.strip())
    return done.stdout.strip()
