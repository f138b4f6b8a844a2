"""What MiniStack's workers lack of Lambda's: the function's memory, its processor, its ``/tmp``.

A worker is a process. It is killed when it takes more memory than the function has, as Lambda
kills (Lambda documentation, "Troubleshoot execution issues"); it may be held to a share of a
processor; and its temporary folder is its own and lasts as long as it does, through crashes, too
(Lambda documentation, "Lambda execution environment lifecycle": a reset does not clear ``/tmp``).
An invocation that has begun ends with the code that it began with, also where its function is
updated meanwhile. Code is unpacked once, whatever the number of its workers.
"""

from __future__ import annotations

import atexit
import hashlib
import logging
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from localaws.internals import lambda_worker, lambdas, process_of, runtime

if TYPE_CHECKING:
    from collections.abc import Callable

#: Seconds between two looks at the workers.
_TICK = 0.05

#: Megabytes for which a function has one processor (Lambda documentation, "Configure memory").
_PER_PROCESSOR = 1769

#: Seconds of work that a worker may have saved up.
_BURST = 0.1

_DIED = "Worker process died"
_NOT_STARTED = "Worker init failed: "
_KILLED = "Runtime exited with error: signal: killed"

_CLOCK = os.sysconf("SC_CLK_TCK")

_log = logging.getLogger("workers")


def share_of(told: str, memory: int) -> float | None:
    """Say how many processors a worker has.

    Parameters
    ----------
    told : str
        ``LAKE_CPU``: a number of processors, ``lambda`` for what Lambda gives, or nothing.
    memory : int
        The function's, in MB.

    Returns
    -------
    float or None
        None for as many as there are.

    Raises
    ------
    ValueError
        When it is something else.
    """
    if not told:
        return None
    if told == "lambda":
        return memory / _PER_PROCESSOR
    if not re.fullmatch(r"\d*\.?\d+", told) or float(told) <= 0:
        raise ValueError(f"LAKE_CPU must be a number of processors or `lambda`, not {told!r}")
    return float(told)


def extend(python: str) -> None:
    """Teach MiniStack's pool of workers.

    Parameters
    ----------
    python : str
        What runs functions in Python; MiniStack takes the one that it runs in itself.
    """
    told = os.environ.get("LAKE_CPU", "")
    share_of(told, 0)
    if told and not sys.platform.startswith("linux"):
        raise ValueError("LAKE_CPU needs Linux: unset it")
    class_for, detect = lambdas.worker_class_for, lambdas.detect_runtime_binary

    def detected(runtime: str) -> tuple[str, str]:
        binary, script = detect(runtime)
        return (python if binary == sys.executable else binary), script

    unpacked = Unpacked(Path(tempfile.mkdtemp(prefix="lambda-code-")))
    atexit.register(shutil.rmtree, unpacked.folder, ignore_errors=True)
    archives = {**vars(zipfile), "ZipFile": partial(_Archive, unpacked)}
    lambdas.replace("zipfile", SimpleNamespace(**archives))
    lambdas.replace("detect_runtime_binary", detected)
    lambdas.replace("worker_class_for", lambda config: _with_folder(class_for(config)))
    discard, invoke = lambda_worker.discard_tmpdir, lambda_worker.invoke
    end, at_work = lambdas.kill_workers, set[Any]()

    def discarded(worker: Any) -> None:
        discard(worker)
        shutil.rmtree(_folder_of(worker), ignore_errors=True)

    def invoked(worker: Any, event: Any, request_id: str, **more: Any) -> dict[str, Any]:
        at_work.add(worker)
        try:
            answer: dict[str, Any] = invoke(worker, event, request_id, **more)
        finally:
            at_work.discard(worker)
            with lambdas.lock:
                stays = any(worker in pool for pool in lambdas.workers.values())
            if not stays:
                end([worker])
        if answer.get("error") == _DIED:
            answer["error"] = f"RequestId: {request_id} Error: {_KILLED}"
        return answer

    def ended(workers: list[Any]) -> None:
        # They have left the pool, and end when their invocation has.
        end([worker for worker in workers if worker not in at_work])

    lambdas.replace("kill_workers", ended)
    lambda_worker.replace("discard_tmpdir", discarded)
    lambda_worker.replace("invoke", invoked)
    execute = runtime.execute_function_warm

    def executed(function: dict[str, Any], event: Any, request_id: str) -> dict[str, Any]:
        answer: dict[str, Any] = execute(function, event, request_id)
        return _told(answer, function["config"]) if answer.get("error") else answer

    runtime.replace("execute_function_warm", executed)
    threading.Thread(target=_watch, args=(told,), name="workers", daemon=True).start()


def _told(answer: dict[str, Any], config: dict[str, Any]) -> dict[str, Any]:
    """Have the answer and the log say an error as Lambda does (the same chapter of its guide)."""
    said = answer["body"]["errorMessage"]
    if said.endswith(_KILLED):
        answer["body"]["errorType"] = "Runtime.ExitError"
        return answer
    if not said.startswith(_NOT_STARTED):
        # The last line of what Python prints of an exception: its type, and what it says.
        last = answer["log"].rstrip().rpartition("\n")[2]
        if re.match(r"[\w.]+(Error|Exception)\b", last):
            answer["log"] = f"[ERROR] {last}\n{answer['log']}"
        return answer
    why = said.removeprefix(_NOT_STARTED)
    module, _, name = str(config["Handler"]).rpartition(".")
    if "has no attribute" in why:
        kind, why = "Runtime.HandlerNotFound", f"Handler '{name}' missing on module '{module}'"
    else:
        kind, why = "Runtime.ImportModuleError", f"Unable to import module '{module}': {why}"
    answer["body"].update(errorType=kind, errorMessage=why)
    answer["log"] = f"[ERROR] {kind}: {why}"
    return answer


def _with_folder(made_by: Callable[..., Any]) -> Callable[..., Any]:
    def make(name: str, config: dict[str, Any], code: bytes) -> Any:
        environment = config.get("Environment", {})
        folder = tempfile.mkdtemp(prefix="lambda-")
        variables = {**environment.get("Variables", {}), "TMPDIR": folder}
        own = {**config, "Environment": {**environment, "Variables": variables}}
        return made_by(name, own, code)

    return make


def _folder_of(worker: Any) -> str:
    return str(worker.config["Environment"]["Variables"]["TMPDIR"])


# --- Code ------------------------------------------------------------------------------------

#: Archives that stay unpacked: of the functions of a few lakes, before and after a deployment.
_KEPT = 12


class Unpacked:
    """Archives, each unpacked once.

    Parameters
    ----------
    folder : Path
        Where they are unpacked.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._newest: dict[str, None] = {}

    def copy(self, archive: zipfile.ZipFile, target: Path) -> None:
        """Give a folder the files of an archive, by links: Lambda's are read-only, too.

        Parameters
        ----------
        archive : ZipFile
            A file that was opened.
        target : Path
            The folder.
        """
        with Path(str(archive.filename)).open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        with self._lock:
            if digest not in self._newest:
                zipfile.ZipFile.extractall(archive, self.folder / digest)
            self._newest[digest] = self._newest.pop(digest, None)
            shutil.copytree(self.folder / digest, target, copy_function=_link, dirs_exist_ok=True)
            for old in list(self._newest)[:-_KEPT]:
                del self._newest[old]
                shutil.rmtree(self.folder / old)


def _link(file: str, target: str) -> None:
    try:
        os.link(file, target)
    except OSError:
        # A disk without links.
        shutil.copyfile(file, target)


class _Archive(zipfile.ZipFile):
    def __init__(self, unpacked: Unpacked, *options: Any, **more: Any) -> None:
        super().__init__(*options, **more)
        self._unpacked = unpacked

    def extractall(self, path: Any = None, *_: Any, **__: Any) -> None:
        self._unpacked.copy(self, Path(path))


# --- The watch -------------------------------------------------------------------------------


class Watched:
    """One worker's process.

    Parameters
    ----------
    process : Popen
        The process.
    memory : int
        The function's memory, in MB.
    share : float or None
        Processors that it may use.

    Attributes
    ----------
    used : float
        Seconds of a processor, where it has a share.
    """

    def __init__(self, process: subprocess.Popen[str], memory: int, share: float | None) -> None:
        self.process, self._limit, self._share = process, memory << 20, share
        self.used, self._credit, self._at = 0.0, _BURST, time.monotonic()
        self._held = False

    def look(self) -> None:
        """Kill or hold the process where it takes more than it may."""
        with suppress(OSError):  # it ended meanwhile
            if (resident := resident_memory(self.process.pid)) > self._limit:
                _log.warning(
                    "A worker took %d MB of the function's %d: killed",
                    resident >> 20, self._limit >> 20,
                )  # fmt: skip
                self.process.kill()
            elif self._share is not None:
                self._hold(self._share)

    def _hold(self, share: float) -> None:
        now, used = time.monotonic(), _processor_seconds(self.process.pid)
        self._credit = min(_BURST, self._credit + share * (now - self._at) - (used - self.used))
        self._at, self.used = now, used
        if self._held != (self._credit < 0):
            self._held = not self._held
            self.process.send_signal(signal.SIGSTOP if self._held else signal.SIGCONT)


def _watch(told: str) -> None:
    watched: dict[int, Watched] = {}
    while True:
        time.sleep(_TICK)
        with lambdas.lock:
            workers = [one for pool in lambdas.workers.values() for one in pool]
        alive: dict[int, Watched] = {}
        for worker in workers:
            process = process_of(worker)
            if process is None or process.poll() is not None:
                continue
            memory = int(worker.config.get("MemorySize", 128))
            one = watched.get(process.pid)
            if one is None or one.process is not process:
                one = Watched(process, memory, share_of(told, memory))
            alive[process.pid] = one
            if worker.in_use:
                one.look()
        watched = alive


def resident_memory(pid: int) -> int:
    """Give the bytes of memory that cannot be given back: what a control group counts as used."""
    status = Path(f"/proc/{pid}/status")
    if not status.parent.parent.joinpath("self").exists():
        said = subprocess.run(
            ["ps", "-o", "rss=", "-p", str(pid)],  # noqa: S607  # where there is no /proc
            capture_output=True, text=True, check=False,
        ).stdout  # fmt: skip
        return int(said.strip() or 0) << 10
    found = re.findall(r"^Rss(?:Anon|Shmem):\s+(\d+) kB", status.read_text(), re.MULTILINE)
    return sum(map(int, found)) << 10


def _processor_seconds(pid: int) -> float:
    # The name in brackets may hold anything (proc(5)).
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _CLOCK
