"""`sam local invoke` ingests what each event names, where a container engine is reachable."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
import sys
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from lake.invoke import objects
from tests.artifact.conftest import MACHINE
from tests.conftest import load_event
from tests.docs.test_documentation import blocks, run
from tests.support import lambda_image

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import LocalLake

#: Prints the address of the engine's host, as a container sees it: its default gateway.
GATEWAY = """
for line in open("/proc/net/route"):
    fields = line.split()
    if fields[1] == "00000000":
        print(".".join(str(byte) for byte in reversed(bytes.fromhex(fields[2]))))
"""


@pytest.fixture(scope="module")
def docker() -> str:
    found = shutil.which("docker")
    if not found or subprocess.run([found, "info"], capture_output=True, check=False).returncode:
        pytest.skip("no container engine answers; tests/artifact runs the built function instead")
    if sys.platform != "linux":
        pytest.skip("the image is made of files of this machine, which is no Linux")
    return found


@pytest.fixture(scope="module")
def gateway(docker: str) -> str:
    lambda_image.import_image(docker)
    python = [lambda_image.PYTHON, "-c", GATEWAY]
    done = subprocess.run(
        [docker, "run", "--rm", lambda_image.NAME, *python],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.skip(f"the engine starts no container: {done.stderr.strip()}")
    return done.stdout.strip()


@contextmanager
def forwarded(endpoint: str) -> Iterator[int]:
    """Give a port at which containers reach a lake that listens on 127.0.0.1 only."""
    to = urlsplit(endpoint)

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while some := await reader.read(1 << 16):
                writer.write(some)
                await writer.drain()
        writer.close()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner = await asyncio.open_connection(to.hostname, to.port)
        await asyncio.gather(pump(reader, inner[1]), pump(inner[0], writer))

    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(asyncio.start_server(accept, "0.0.0.0", 0))  # noqa: S104  # its bridge may come and go
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()


def events_of(page: str) -> list[tuple[str, str, list[str]]]:
    """What the page's table tells of each event: its name, the file to upload, and the keys."""
    rows = re.findall(r"^\| `([\w-]+\.json)` \|[^|]*\| (\S+) \|(.*)\|$", page, re.MULTILINE)
    return [(name, file, re.findall(r"`([^`]+)`", keys)) for name, file, keys in rows]


@pytest.mark.local
def test_the_page_ingests_what_each_event_names(
    root: Path, gateway: str, local_lake: LocalLake
) -> None:
    page = (root / "docs" / "how-to" / "invoke.md").read_text(encoding="utf-8")
    prepare, invoke, resume = blocks(page, "run with a container engine")
    upload, _, call = invoke.partition("\n")
    call = call.replace(
        "sam local invoke", f"sam local invoke --skip-pull-image --invoke-image {lambda_image.NAME}"
    )
    steps = [blocks((root / "docs/how-to/aws-cli.md").read_text("utf-8"), "run")[0]]
    steps += [prepare, f"trap '{resume}' EXIT"]
    rows = events_of(page)
    for name, file, keys in rows:
        for key in keys:
            one = upload.replace("samples/test-data.json", file.strip("`"))
            steps.append(one.replace("data/test-data.json", key))
        steps.append(call.replace("events/s3-put.json", f"events/{name}"))
    script = "\n".join(["exec 2>&1", f"FROM_CONTAINER=http://{gateway}:$PORT", *steps])
    with forwarded(local_lake.endpoint) as port:
        said = run(script.replace("x86_64", MACHINE).replace("$PORT", str(port)), local_lake)
    # One event names no object, and one is a batch. Podman 4 loses lines of the log, not answers.
    assert said.count('"status": "DONE"') == len(rows) - 2, said
    assert '{"batchItemFailures": []}' in said
    assert '{"objects": []}' in said
    for _, _, keys in rows:
        assert [local_lake.entry(key)["verdict"] for key in keys] == ["DONE"] * len(keys)


def test_the_page_names_the_keys_that_each_event_names(root: Path) -> None:
    rows = events_of((root / "docs" / "how-to" / "invoke.md").read_text(encoding="utf-8"))
    assert {name: keys for name, _, keys in rows} == {
        place.name: [key for _, key in objects(load_event(place.stem))]
        for place in root.glob("events/*.json")
    }
