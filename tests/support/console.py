"""The page of `lake ui`, as its user starts it."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import TYPE_CHECKING

from tests.conftest import ROOT, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import LocalLake

_ADDRESS = re.compile(r"http://127\.0\.0\.1:(\d+)/\?token=(\S+)")


@dataclass(frozen=True)
class Answer:
    """What is answered to one request."""

    status: int
    headers: dict[str, str]
    text: str


@dataclass
class Page:
    """A running `lake ui`.

    Attributes
    ----------
    process : Popen
        The command.
    told : Path
        What it prints.
    address : str
        With the token.
    port : int
        Where it listens.
    """

    process: subprocess.Popen[bytes]
    told: Path
    address: str
    port: int

    @property
    def token(self) -> str:
        return self.address.partition("token=")[2]

    @property
    def cookie(self) -> str:
        return f"lake-ui-{self.port}={self.token}"

    def get(self, path: str, **headers: str) -> Answer:
        """Ask for a page, and for nothing that it needs beside."""
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=20)) as connection:
            connection.request("GET", path, headers=headers)
            with connection.getresponse() as told:
                named = {name.lower(): value for name, value in told.getheaders()}
                return Answer(told.status, named, told.read().decode())

    def end(self) -> int:
        """Press Ctrl-C; give the exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(10)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def console(lake: LocalLake, told: Path, **environment: str) -> Iterator[Page]:
    """Start `lake ui` for a lake, and end it."""
    # NiceGUI behaves otherwise where it sees that of pytest.
    shell = {k: v for k, v in lake.shell.items() if k != "PYTEST_CURRENT_TEST"} | environment
    with told.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "lake", "ui", "--no-browser"],
            cwd=ROOT,
            env=shell,
            stdout=file,
            stderr=file,
        )

    def printed() -> re.Match[str] | None:
        assert process.poll() is None, told.read_text()
        return _ADDRESS.search(told.read_text())

    try:
        found = until("`lake ui` prints its address", printed, 60)
        assert found
        # It is printed a moment before the server listens.
        until("`lake ui` listens", lambda: _listens(int(found[1])), 30)
        yield Page(process, told, found[0], int(found[1]))
    finally:
        if process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
