"""Data on disk: what a kill may lose is the last few seconds.

MiniStack keeps objects in files and saves everything else when it ends (``S3_PERSIST``,
``PERSIST_STATE``). Here it is saved while it runs, too: every few seconds when there were calls,
between two of them, each service's state by the renaming of a whole file. What was under way when
the server ended is mended when it starts again.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import os
import re
import time
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from localaws import queues
from localaws.internals import app, athena, cloudformation, glue, persistence, runtime, s3

if TYPE_CHECKING:
    from localaws.gate import Application, Scope

#: Seconds between two savings; more where one takes long, so that it costs a twentieth at most.
_PAUSE, _SHARE = 2.0, 20

#: What is large, grows with every call, and is missed by nobody after a kill.
_SELDOM, _SELDOM_PAUSE = frozenset({"cloudwatch_logs", "cloudwatch", "cloudtrail"}), 60.0

#: The server ended in good order: nothing is lost.
CLEAN = "ended"

#: In these files addresses name the server's port.
_WITH_PORT = ("sqs.json", "lambda.json", "cloudformation.json")

_log = logging.getLogger("persistence")


def extend() -> None:
    """Keep bodies of objects in files only, and have a saving take little time."""
    entry = s3.version_entry_from_record
    # Its file has the body; MiniStack would keep that of each version in memory besides.
    s3.replace("version_entry_from_record", lambda record, version, _: entry(record, version, None))
    # MiniStack copies every word of each template before it is written, which takes longer.
    stores = cloudformation.PERSISTED_STORES
    cloudformation.replace("get_state", lambda: {name: store() for store, name in stores})
    write = runtime.write_code_blob
    # MiniStack hashes all code at each saving: of the lake's functions, a third of a saving's time.
    digest = lru_cache(maxsize=4)(lambda code: hashlib.sha256(code).hexdigest())

    def written(code: bytes) -> str:
        name: str = digest(code)
        return name if Path(runtime.CODE_BLOB_DIR, f"{name}.zip").exists() else str(write(code))

    runtime.replace("write_code_blob", written)


def move(folder: Path, port: int) -> None:
    """Have what was saved name the port on which the server listens now.

    Parameters
    ----------
    folder : Path
        Where states are saved.
    port : int
        The port.
    """
    note = folder / "port"
    before = note.read_text() if note.exists() else str(port)
    if before != str(port):
        for file in (folder / name for name in _WITH_PORT):
            if file.exists():
                text = re.sub(rf"(//(?:localhost|127\.0\.0\.1):){before}\b", rf"\g<1>{port}",
                              file.read_text())  # fmt: skip
                _replace(file, text.encode())
    folder.mkdir(parents=True, exist_ok=True)
    note.write_text(str(port))


def _replace(file: Path, content: bytes) -> None:
    temporary = file.with_name(file.name + ".new")
    with temporary.open("wb") as to:
        to.write(content)
        to.flush()
        os.fsync(to.fileno())
    temporary.replace(file)


class Keeper:
    """Saves what changes.

    Parameters
    ----------
    folder : Path
        Where MiniStack looks for states when it starts.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._saved: dict[str, bytes] = {}
        self._touched = False
        self._seldom = 0.0

    def kept(self, application: Application) -> Application:
        """Save what an application's calls change."""
        tasks: list[asyncio.Task[None]] = []

        async def layer(scope: Scope, receive: Any, send: Any) -> None:
            async def told(message: dict[str, Any]) -> None:
                if message["type"] == "lifespan.startup.complete":
                    try:
                        restore()
                        (self._folder / CLEAN).unlink(missing_ok=True)
                    except Exception as error:
                        # Else Hypercorn would go on, and nothing would ever be saved.
                        _log.exception("What was saved cannot be restored")
                        message = {"type": "lifespan.startup.failed", "message": repr(error)}
                    else:
                        tasks.append(asyncio.create_task(self._keep()))
                elif message["type"] == "lifespan.shutdown.complete":
                    (self._folder / CLEAN).touch()
                await send(message)

            self._touched = True
            await application(scope, receive, told if scope["type"] == "lifespan" else send)

        return layer

    async def _keep(self) -> None:
        pause = _PAUSE
        while True:
            await asyncio.sleep(pause)
            # A function that works calls, or ends by a call; so does whoever waits for it.
            if not self._touched:
                continue
            self._touched, began = False, time.monotonic()
            try:
                fresh = self.changed()
                await asyncio.to_thread(self.write, fresh)
            except Exception:
                # A full disk, or a thread added to what was being copied: the next turn saves it.
                self._touched = True
                _log.exception("The state was not saved")
            pause = max(_PAUSE, _SHARE * (time.monotonic() - began))

    def changed(self) -> dict[str, bytes]:
        """Give the states that are not on disk yet, as of one moment."""
        now, fresh = time.monotonic(), {}
        seldom = now - self._seldom >= _SELDOM_PAUSE
        if seldom:
            self._seldom = now
        for service, state_of in app.build_persistence_save_dict().items():
            if service in _SELDOM and not seldom:
                continue
            payload = state_of()
            if payload is None:
                continue
            version = persistence.state_format_version(service)
            content = json.dumps(
                {"__ministack_format__": version, "payload": payload},
                default=persistence.json_default,
            ).encode()
            if self._saved.get(service) != hashlib.sha256(content).digest():
                fresh[service] = content
        return fresh

    def write(self, fresh: dict[str, bytes]) -> None:
        """Write states."""
        for service, content in fresh.items():
            _replace(self._folder / f"{service}.json", content)
            self._saved[service] = hashlib.sha256(content).digest()


def restore() -> None:
    """End what was under way when the server ended."""
    queues.restore()
    for crawler in glue.crawlers.all_values():
        if crawler.get("State") != "READY":
            told = {"Status": "FAILED", "ErrorMessage": "The local AWS was stopped"}
            crawler |= {"State": "READY", "LastCrawl": {**(crawler.get("LastCrawl") or {}), **told}}
    for execution in athena.executions.all_values():
        status = execution["Status"]
        if status["State"] in ("QUEUED", "RUNNING"):
            status |= {"State": "FAILED", "StateChangeReason": "The local AWS was stopped",
                       "CompletionDateTime": time.time()}  # fmt: skip
    for stack in cloudformation.stacks.all_values():
        if stack["StackStatus"] == "UPDATE_IN_PROGRESS":
            # As after a rollback, the next deployment brings every resource to where it belongs.
            stack["StackStatus"] = "UPDATE_ROLLBACK_COMPLETE"
