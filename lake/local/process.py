"""The process of the local AWS: start it, find it again, stop exactly it."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lake.errors import LakeCommandError
from lake.local.state import LOCAL_CREDENTIALS, LOOPBACK, Running, began

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lake.local.state import StateFolder

DEFAULT_PORT = 4566

#: What of the caller's environment reaches the server.
_PASSED_ON = ("PATH", "HOME", "LANG", "LAKE_CPU")

#: One place for all commands, whatever their TMPDIR is.
_LOCKS = Path("/tmp")  # noqa: S108  # the names are the user's own

#: Seconds that the server may take to answer, and to end.
_PATIENCE = 60


@contextmanager
def alone() -> Iterator[None]:
    """Wait until no other command of this user is starting a lake, and keep others waiting.

    Two that start at once would choose the same port, and one of them talk to the other's lake.
    """
    with _locked("port", fcntl.LOCK_EX):
        yield


@contextmanager
def owned(folder: StateFolder) -> Iterator[None]:
    """Keep every other command from starting, deploying or stopping the lake of a folder.

    Raises
    ------
    LakeCommandError
        When another one is doing so.
    """
    digest = hashlib.sha256(str(folder.path.resolve()).encode()).hexdigest()[:12]
    with ExitStack() as stack:
        try:
            stack.enter_context(_locked(digest, fcntl.LOCK_EX | fcntl.LOCK_NB))
        except BlockingIOError:
            raise LakeCommandError(
                f"Another `lake` command is starting, deploying or stopping the lake in "
                f"{folder.path}: wait until it ends, or let LAKE_STATE_DIR name another folder."
            ) from None
        yield


@contextmanager
def _locked(name: str, how: int) -> Iterator[None]:
    """Hold a lock that every command of this user sees, and leave no file behind."""
    path = _LOCKS / f"data-lake-{os.getuid()}-{name}.lock"
    while True:
        with path.open("ab") as file:
            fcntl.flock(file, how)
            # Its last holder removed the file while this command waited: others lock a new one.
            if not _is_at(path, file.fileno()):
                continue
            try:
                yield
            finally:
                path.unlink(missing_ok=True)
            return


def _is_at(path: Path, opened: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(opened))
    except FileNotFoundError:
        return False


def free_port(
    wanted: int | None,
    before: int | None = None,
    bind: str = LOOPBACK,
    first: int = DEFAULT_PORT,
) -> int:
    """Choose a port to listen on.

    Parameters
    ----------
    wanted : int or None
        A port that must be taken, or None for the first one or the next that is free.
    before : int, optional
        The port that the lake had before: it is taken again if it is free.
    bind : str
        The address that is listened on, besides the loopback interface's.
    first : int
        The first that is tried, and 99 behind it.

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
        [wanted]
        if wanted is not None
        else [*([before] if before else []), *range(first, first + 100)]
    )
    for port in candidates:
        if all(_is_free(address, port) for address in {LOOPBACK, bind}):
            return port
    raise LakeCommandError(
        f"Port {wanted} is taken by another program: choose another with --port, or leave "
        "--port out and the next free one is used."
        if wanted is not None
        else f"Ports {first} to {first + 99} are all taken: choose one with --port."
    )


def _is_free(address: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise LakeCommandError(
                    f"{address} is no address of this machine that can be listened on: "
                    f"{error.strerror}. `--bind 0.0.0.0` means all of them."
                ) from error
            return False
    return True


def start(
    folder: StateFolder, port: int, bind: str = LOOPBACK, python: str = sys.executable
) -> Running:
    """Start the local AWS and wait until it answers; what the folder holds is there again.

    Parameters
    ----------
    folder : StateFolder
        Where it keeps everything.
    port : int
        Where it listens.
    bind : str
        An address that it listens on, besides the loopback interface's.
    python : str
        What runs the functions.

    Raises
    ------
    LakeCommandError
        With the end of its log when it does not come up; when the folder is not the lake's.
    """
    folder.claim()
    last = folder.last()
    if last is not None:
        # Workers of a server that was killed: what they do now nobody hears.
        for pid in _left_over(folder, last.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    kept = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    settings = ["--port", str(port), "--data", str(folder.data), "--bind", bind]
    settings += ["--python", python]
    with folder.log.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "localaws", *settings],
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
                "TMPDIR": str(folder.temporary),
                "PYTHONDONTWRITEBYTECODE": "1",
            },
        )
    new = Running(process.pid, began(process.pid) or "", port, bind)
    running = replace(new, deployed=last.deployed, function=last.function) if last else new
    folder.write(running)
    try:
        _await_answer(process, running, folder)
    except BaseException:
        stop(folder)
        raise
    return running


def _left_over(folder: StateFolder, group: int) -> list[int]:
    """Give the processes of a group that were started in the lake's temporary folder."""
    return [
        pid
        for pid, of, command in processes()
        if of == group and f" {folder.temporary}/" in command
    ]


def processes() -> Iterator[tuple[int, int, str]]:
    """Give the id, the group and the command of each process."""
    if Path("/proc/self/stat").exists():
        for folder in Path("/proc").glob("[0-9]*"):
            # One may end while it is looked at.
            with suppress(FileNotFoundError, ProcessLookupError):
                told = (folder / "stat").read_text(encoding="utf-8", errors="replace")
                command = (folder / "cmdline").read_text(encoding="utf-8", errors="replace")
                # The name in brackets may hold anything (proc(5)); the 5th field is the group.
                group = told.rpartition(")")[2].split()[2]
                yield int(folder.name), int(group), command.replace("\0", " ")
        return
    said = subprocess.run(
        ["ps", "-A", "-o", "pid=,pgid=,args="],  # noqa: S607  # where there is no /proc
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    for row in (line.split(maxsplit=2) for line in said.splitlines()):
        if len(row) == 3:
            yield int(row[0]), int(row[1]), row[2]


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


def stop(folder: StateFolder, *, kept: bool = True) -> bool:
    """Stop the server and its workers.

    Parameters
    ----------
    folder : StateFolder
        Of the lake.
    kept : bool
        Whether the server saves its state before it ends, which takes seconds.

    Returns
    -------
    bool
        False when nothing was up.
    """
    running = folder.read()
    if running is not None:
        for number in (signal.SIGTERM, signal.SIGKILL) if kept else (signal.SIGKILL,):
            try:
                os.killpg(running.pid, number)
            except ProcessLookupError:
                break
            deadline = time.monotonic() + _PATIENCE / (2 if number == signal.SIGTERM else 1)
            while _group_lives(running.pid) and time.monotonic() < deadline:
                time.sleep(0.05)
    return running is not None


def remove(folder: StateFolder) -> bool:
    """Stop the server and its workers, and remove what they made.

    Returns
    -------
    bool
        False when nothing was there.
    """
    was_up, held = stop(folder, kept=False), folder.holds_data()
    folder.clear()
    return was_up or held


def _group_lives(group: int) -> bool:
    # A child of ours that ended stays in the group until it is waited for.
    with suppress(ChildProcessError):
        os.waitpid(group, os.WNOHANG)
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
