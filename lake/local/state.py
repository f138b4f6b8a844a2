"""The folder in which a local lake keeps its state, and what in it is the lake's own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from lake.errors import LakeCommandError

#: What MiniStack calls its account; root may do everything, the function only its role.
LOCAL_CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_REGION": "us-east-1",
}

#: Everything that a local lake creates in its folder, beside the marker. Nothing else is removed.
#: SAM writes ``build.toml`` beside the folder that it builds into.
_MADE = (
    *("server.log", "state.json", "state.json.new", "tmp", "data"),
    *("build", "build.toml", "packed"),
)

#: The local AWS leaves this among its data when it ends in good order.
_CLEAN = "state/ended"

_MARKER = ".lake-state"

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Running:
    """A local AWS that was started.

    Attributes
    ----------
    pid : int
        Leader of the process group that the server and the function's workers form.
    started : str
        When that process began, as the system says: a process id alone may be recycled.
    port : int
        Where it listens.
    bind : str
        The address that it listens on, besides the loopback interface's.
    deployed : str
        Fingerprint of what was deployed to it; empty before the first deployment.
    function : str
        What the function was then, by its own account.
    """

    pid: int
    started: str
    port: int
    bind: str = LOOPBACK
    deployed: str = ""
    function: str = ""

    @property
    def endpoint(self) -> str:
        """Give the address that clients use."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """Give the variables with which any AWS client finds it."""
        return {"AWS_ENDPOINT_URL": self.endpoint, **LOCAL_CREDENTIALS}


@dataclass(frozen=True)
class StateFolder:
    """Where a local lake keeps what outlives a command.

    A marker says that the folder is used by a local lake. Without it nothing is ever removed.

    Attributes
    ----------
    path : Path
        ``.lake`` beside the template, unless ``LAKE_STATE_DIR`` says otherwise.
    """

    path: Path

    @property
    def log(self) -> Path:
        """Give the server's log, the function's among it."""
        return self.path / "server.log"

    @property
    def temporary(self) -> Path:
        """Give the folder for the temporary files of the server and the function."""
        return self.path / "tmp"

    @property
    def data(self) -> Path:
        """Give the folder of what outlives the server."""
        return self.path / "data"

    @property
    def build(self) -> Path:
        """Give the folder that SAM builds into."""
        return self.path / "build"

    @property
    def packed(self) -> Path:
        """Give the folder of the functions as they are uploaded."""
        return self.path / "packed"

    @property
    def _file(self) -> Path:
        return self.path / "state.json"

    @property
    def _marker(self) -> Path:
        return self.path / _MARKER

    def claim(self) -> None:
        """Make the folder and mark it as the lake's own.

        Raises
        ------
        LakeCommandError
            When the folder cannot be used, or holds anything that no local lake made.
        """
        home = Path(os.environ.get("HOME") or "/").resolve()
        if self.path.resolve() in (home, Path(self.path.anchor)):
            raise LakeCommandError(f"{self.path} cannot be the lake's folder. {_ADVICE}")
        made = not os.path.lexists(self.path)
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            found = {entry.name for entry in self.path.iterdir()}
            marked = _MARKER in found
            others = sorted(found - {_MARKER, *_MADE} if marked else found)
            if others:
                some = ", ".join(others[:5]) + (", …" if len(others) > 5 else "")
                raise LakeCommandError(
                    f"{self.path} holds files that are not the local lake's ({some}). {_ADVICE}"
                )
            if not marked:
                self._marker.write_text(json.dumps({"made_by": "lake up", "made_folder": made}))
            self.temporary.mkdir(exist_ok=True)
        except OSError as error:
            raise LakeCommandError(
                f"{self.path} cannot be the lake's folder: {error.strerror}. {_ADVICE}"
            ) from error

    def read(self) -> Running | None:
        """Give the local AWS that is up, or None; a dead one's state counts as none."""
        running = self.last()
        return running if running and began(running.pid) == running.started else None

    def last(self) -> Running | None:
        """Give the local AWS that was started last, whether it is up or not."""
        try:
            running = Running(**json.loads(self._file.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None
        # Whatever else is called state.json must never name a process that is then stopped.
        known = isinstance(running.pid, int) and running.pid > 0 and running.started
        return running if known and self._marker.exists() else None

    def holds_data(self) -> bool:
        """Tell whether a lake was deployed here, so that there may be data of its user."""
        last = self.last()
        return last is not None and bool(last.deployed) and self.data.is_dir()

    def saved(self) -> float | None:
        """Say when a killed local AWS had saved its state; None where it ended in good order."""
        states = [one.stat().st_mtime for one in self.data.glob("state/*.json")]
        return None if (self.data / _CLEAN).exists() else max(states, default=None)

    def write(self, running: Running) -> None:
        """Remember what is up."""
        new = self._file.with_suffix(".json.new")
        new.write_text(json.dumps(asdict(running)), encoding="utf-8")
        new.replace(self._file)

    def clear(self) -> None:
        """Remove what a local lake made here, and the folder if it made that and it is empty."""
        try:
            marker = json.loads(self._marker.read_text(encoding="utf-8"))
            made_folder = marker["made_folder"] is True
        except (OSError, ValueError, TypeError, KeyError):
            return
        for name in _MADE:
            _remove(self.path / name)
        if any(os.path.lexists(self.path / name) for name in _MADE):
            return  # The marker stays, so that the next `lake down` can remove the rest.
        self._marker.unlink(missing_ok=True)
        if made_folder:
            with suppress(OSError):
                self.path.rmdir()


_ADVICE = (
    "Let LAKE_STATE_DIR name a folder that does not exist or is empty, or unset it to use .lake "
    "in the project."
)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


def began(pid: int) -> str | None:
    """Say when a process began; None when there is none."""
    if Path("/proc/self/stat").exists():
        try:
            text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            return None
        # The name in brackets may hold anything (proc(5)); the 22nd field is the start.
        fields = text.rpartition(")")[2].split()
        return None if fields[0] == "Z" else fields[19]
    done = subprocess.run(
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)],  # noqa: S607  # where there is no /proc
        capture_output=True,
        text=True,
        check=False,
    )
    state, _, started = done.stdout.strip().partition(" ")
    return started.strip() if started and not state.startswith("Z") else None
