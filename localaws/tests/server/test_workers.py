"""A worker has the memory, the processor, the folder and the time that Lambda would give it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from localaws.tests.server.functions import deploy
from localaws.workers import Unpacked, Watched, share_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from localaws.tests.server.conftest import Server


def invoke(aws: Server, name: str, **event: Any) -> tuple[str | None, dict[str, Any]]:
    answer = aws.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event))
    return answer.get("FunctionError"), json.load(answer["Payload"])


def eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_worker_that_takes_more_than_the_functions_memory_is_killed(aws: Server) -> None:
    deploy(aws, "hungry", memory=128)
    assert invoke(aws, "hungry", take=50, note="kept")[0] is None
    failed, said = invoke(aws, "hungry", take=400)
    assert failed == "Unhandled"
    assert said["errorType"] == "Runtime.ExitError"
    assert said["errorMessage"].startswith("RequestId: ")
    assert said["errorMessage"].endswith(" Error: Runtime exited with error: signal: killed")
    # What lies in the temporary folder outlives an invocation, and the runtime's death.
    failed, after = invoke(aws, "hungry")
    assert (failed, after["note"]) == (None, "kept")


def test_the_log_says_why_a_function_could_not_start_as_lambda_does(aws: Server) -> None:
    deploy(aws, "sick", memory=128)
    client = aws.client("lambda")
    found: dict[str, list[str]] = {}
    for handler in ("nothing.handler", "index.nothing"):
        client.update_function_configuration(FunctionName="sick", Handler=handler)
        failed, said = invoke(aws, "sick")
        assert failed == "Unhandled"
        answer = aws.client("logs").filter_log_events(
            logGroupName="/aws/lambda/sick", filterPattern='?"no such line" ?Runtime.'
        )
        found[handler] = [one["message"] for one in answer["events"]]
        assert found[handler][-1] == f"[ERROR] {said['errorType']}: {said['errorMessage']}"
    assert found["index.nothing"] == [
        (
            "[ERROR] Runtime.ImportModuleError: Unable to import module 'nothing': "
            "No module named 'nothing'"
        ),
        "[ERROR] Runtime.HandlerNotFound: Handler 'nothing' missing on module 'index'",
    ]


def test_each_worker_has_a_temporary_folder_of_its_own(aws: Server) -> None:
    deploy(aws, "one", memory=128)
    deploy(aws, "other", memory=128)
    folders = [invoke(aws, name, note=name)[1]["folder"] for name in ("one", "other", "one")]
    assert folders[0] == folders[2] != folders[1]
    assert invoke(aws, "one")[1]["note"] == "one"


def test_code_is_unpacked_once_for_all_workers(tmp_path: Path) -> None:
    unpacked = Unpacked(tmp_path / "unpacked")
    archives = []
    for n in range(20):
        path = tmp_path / f"{n}.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("package/index.py", f"n = {n}")
        archives.append(path)
    for n, path in enumerate([archives[0], *archives]):
        target = tmp_path / "code" / str(n)
        target.mkdir(parents=True)
        with zipfile.ZipFile(path) as archive:
            unpacked.copy(archive, target)
    first, again = (tmp_path / "code" / name / "package" / "index.py" for name in "01")
    assert first.samefile(again)
    # What is not kept any more is still whole where it runs.
    assert len(list(unpacked.folder.iterdir())) < 20
    told = [(tmp_path / "code" / str(n + 1) / "package" / "index.py") for n in range(20)]
    assert [one.read_text() for one in told] == [f"n = {n}" for n in range(20)]


def test_an_invocation_ends_though_its_function_is_updated(aws: Server, tmp_path: Path) -> None:
    deploy(aws, "updated", memory=128)
    old, go = Path(invoke(aws, "updated")[1]["folder"]), tmp_path / "go"
    with ThreadPoolExecutor() as threads:
        try:
            answer = threads.submit(invoke, aws, "updated", note="old", until=str(go))
            eventually((old / "note").exists)
            aws.client("lambda").update_function_configuration(FunctionName="updated", Timeout=20)
            # The next one does not wait for it, and has a worker of its own.
            assert invoke(aws, "updated")[1]["note"] is None
            assert not answer.done()
        finally:
            go.touch()
        assert answer.result() == (None, {"note": "old", "folder": str(old)})
    # The old worker is gone with all that it had.
    eventually(lambda: not old.exists())


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_a_worker_may_be_held_to_a_share_of_a_processor() -> None:
    with subprocess.Popen([sys.executable, "-c", "while True: pass"], text=True) as process:
        try:
            watched = Watched(process, 512, 0.2)
            until = time.monotonic() + 1
            while time.monotonic() < until:
                time.sleep(0.02)
                watched.look()
        finally:
            process.kill()
    # A fifth of a second, and what it may have saved up.
    assert watched.used < 0.45


@pytest.mark.parametrize(
    ("told", "expected"), [("", None), ("0.5", 0.5), (".5", 0.5), ("2", 2.0), ("lambda", 0.5)]
)
def test_the_share_is_what_the_environment_says(told: str, expected: float | None) -> None:
    found = share_of(told, 1769 // 2)
    assert found == (pytest.approx(expected, abs=0.001) if expected else None)


@pytest.mark.parametrize("told", ["0", "half", "-1", "nan", "1e3"])
def test_a_share_that_is_none_is_refused(told: str) -> None:
    with pytest.raises(ValueError, match="LAKE_CPU"):
        share_of(told, 512)
