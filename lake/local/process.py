"""The process of the local AWS: start it, find it again, stop exactly it."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from lake.errors import LakeCommandError
from lake.local.state import Running, began
from lake.target import LOCAL_CREDENTIALS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lake.local.state import StateFolder

DEFAULT_PORT = 4566

#: Seconds that the server may take to answer, and to end.
_PATIENCE = 60


@contextmanager
def alone() -> Iterator[None]:
    """Wait until no other command of this user is starting a lake, and keep others waiting.

    Two that start at once would choose the same port, and one of them talk to the other's lake.
    """
    path = Path(tempfile.gettempdir()) / f"data-lake-{os.getuid()}.lock"
    with path.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def free_port(wanted: int | None) -> int:
    """Choose a port on the loopback interface.

    Parameters
    ----------
    wanted : int or None
        A port that must be taken, or None for 4566 or the next free one.

    Returns
    -------
    int
        Free a moment ago.

    Raises
    ------
    LakeCommandError
        When the wanted port is taken.
    """
    candidates: Iterable[int] = (
        [wanted] if wanted is not None else range(DEFAULT_PORT, DEFAULT_PORT + 100)
    )
    for port in candidates:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise LakeCommandError(
        f"Port {wanted} is taken by another program: choose another with --port, or leave "
        "--port out and the next free one is used."
        if wanted is not None
        else f"Ports {DEFAULT_PORT} to {DEFAULT_PORT + 99} are all taken: choose one with --port."
    )


def start(folder: StateFolder, port: int) -> Running:
    """Start the local AWS and wait until it answers.

    Raises
    ------
    LakeCommandError
        With the end of its log when it does not come up; when the folder is not the lake's.
    """
    folder.claim()
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    with folder.log.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "localaws"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=Path(__file__).resolve().parents[2],
            # A group of its own: Ctrl-C is for the command, which then stops the whole group.
            start_new_session=True,
            # Nothing of the caller's AWS configuration may reach the server or the function.
            env={
                **kept,
                **LOCAL_CREDENTIALS,
                "AUTH": "true",
                "GATEWAY_PORT": str(port),
                "BIND_HOST": "127.0.0.1",
                "MINISTACK_REGION": LOCAL_CREDENTIALS["AWS_REGION"],
                "TMPDIR": str(folder.temporary),
                "S3_DATA_DIR": str(folder.temporary / "s3"),
                "PYTHONDONTWRITEBYTECODE": "1",
            },
        )
    running = Running(process.pid, began(process.pid) or "", port)
    folder.write(running)
    try:
        _await_answer(process, running, folder)
    except BaseException:
        stop(folder)
        raise
    return running


def _await_answer(process: subprocess.Popen[bytes], running: Running, folder: StateFolder) -> None:
    deadline = time.monotonic() + _PATIENCE
    health = f"{running.endpoint}/_ministack/health"
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(health, timeout=2):  # noqa: S310  # our own address
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise LakeCommandError(f"The local AWS did not come up. The end of its log:\n{tail(folder)}")


def tail(folder: StateFolder, lines: int = 15) -> str:
    """Give the end of the server's log."""
    try:
        text = folder.log.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return "(there is no log)"
    return "\n".join(text.splitlines()[-lines:])


def stop(folder: StateFolder) -> bool:
    """Stop the server and its workers, and remove what they made.

    Returns
    -------
    bool
        False when nothing was up.
    """
    running = folder.read()
    if running is not None:
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(running.pid, number)
            except ProcessLookupError:
                break
            deadline = time.monotonic() + (5 if number == signal.SIGTERM else _PATIENCE)
            while _group_lives(running.pid) and time.monotonic() < deadline:
                time.sleep(0.05)
    folder.clear()
    return running is not None


def _group_lives(group: int) -> bool:
    # A child of ours that ended stays in the group until it is waited for.
    with suppress(ChildProcessError):
        os.waitpid(group, os.WNOHANG)
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
