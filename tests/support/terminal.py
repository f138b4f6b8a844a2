"""What somebody at a terminal reads, and which of it is the same in each run."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

#: What differs between two runs: addresses, sizes, durations, and the days on which they were.
_VARIES = re.compile(
    r"127\.0\.0\.1:\d+|[\d.]+\s+(?:B|kB|s|min)\b|20(?:2[5-9]|[3-9]\d)-\d\d-\d\d(?: \d\d:\d\d)?"
)

#: What each command says, and a page says once.
_UNTOLD = re.compile(r"Using stack ")

_QUESTION = b"[y/N]: "


def run(
    words: Sequence[str],
    cwd: Path,
    environment: Mapping[str, str],
    *,
    columns: int = 80,
    kind: str = "dumb",
) -> tuple[str, int]:
    """Run a command in a terminal, as somebody who says yes to all that it asks.

    Parameters
    ----------
    words : sequence of str
        The command.
    cwd : Path
        Where it is run.
    environment : mapping
        All of it, but for what the terminal decides, and for the pager: it is ``cat``.
    columns : int
        How wide the terminal is.
    kind : str
        What it is called.

    Returns
    -------
    str
        What the terminal shows.
    int
        The exit code.
    """
    mine, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    shell = {name: value for name, value in environment.items() if name != "COLUMNS"}
    with subprocess.Popen(
        words,
        cwd=cwd,
        env={**shell, "TERM": kind, "PAGER": "cat"},
        stdin=its,
        stdout=its,
        stderr=its,
    ) as process:
        os.close(its)
        shown = b""
        for some in _read(mine):
            shown += some
            if shown.endswith(_QUESTION):
                os.write(mine, b"y\n")
    os.close(mine)
    return shown.decode().replace("\r\n", "\n"), process.returncode


def _read(terminal: int) -> Iterator[bytes]:
    """Give what a terminal shows until nobody writes to it."""
    while True:
        try:
            some = os.read(terminal, 65536)
        except OSError:  # what Linux says in place of the end
            return
        if not some:
            return
        yield some


def for_page(shown: str) -> str:
    """Give the lines that a page shows."""
    kept = [line.rstrip() for line in shown.splitlines() if not _UNTOLD.match(line)]
    lines = re.sub(r"\n{3,}", "\n\n", "\n".join(kept)).strip("\n")
    return f"{lines}\n" if lines else ""


def same(shown: str) -> list[str]:
    """Give the words that are the same in each run, however wide their columns are."""
    return re.sub(r"─+", "─", _VARIES.sub("…", shown)).split()
