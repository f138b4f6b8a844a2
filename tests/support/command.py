"""The command `lake`, run where it is already imported: a process of its own takes a second."""

from __future__ import annotations

import os
import subprocess
from contextlib import redirect_stderr, redirect_stdout
from functools import partial
from io import BytesIO, StringIO, TextIOWrapper
from typing import TYPE_CHECKING
from unittest import mock

from lake.cli import main, run

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def lake(words: Sequence[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run `lake` as a process without a terminal would, in this one.

    Parameters
    ----------
    words : sequence of str
        What stands behind the command's name.
    environment : mapping of str to str
        All that the command finds in its environment.

    Returns
    -------
    subprocess.CompletedProcess
        What it printed, and the exit code.
    """
    out, err = (TextIOWrapper(BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    code = 0
    with (
        mock.patch.dict(os.environ, environment, clear=True),
        mock.patch("sys.stdin", StringIO()),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        try:
            run(partial(main, args=list(words)))
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    printed, said = (stream.buffer.getvalue().decode() for stream in (out, err))
    return subprocess.CompletedProcess(["lake", *words], code, printed, said)
