"""Laws 8 and 9: our faults are not the file's; disk and time end in a verdict or a retry."""

from __future__ import annotations

import base64
import errno
import gzip
import itertools
import os
import shutil
import subprocess
import tempfile
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from engine.database import Database, interrupted_in
from engine.duck import DuckEngine
from engine.job import Job
from engine.options import Options
from store.errors import EngineFailedError, ObjectTooLargeError, OutOfTimeError
from tests.conftest import ROOT
from tests.engine.neighbours import FORMATS, Format, Record
from tests.support.engine import convert, lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

ENCRYPTED = ROOT.parent / "shared" / "cases" / "a02-poisoned-database" / "1-encrypted.parquet"

GOOD: list[Record] = [
    {"id": n, "name": f"w{n}", "n": n % 7, "price": 0.25, "timestamp": "2024-01-15"}
    for n in range(1, 31)
]

#: What goes wrong, and what may be said of it: never that the file is at fault.
FAULTS: dict[str, tuple[Callable[[], Exception], type[Exception]]] = {
    "binder": (lambda: duckdb.BinderException("no such column"), duckdb.BinderException),
    "internal": (lambda: duckdb.InternalException("assertion"), EngineFailedError),
    "fatal": (lambda: duckdb.FatalException("invalidated"), EngineFailedError),
    "memory": (lambda: duckdb.OutOfMemoryException("could not allocate"), ObjectTooLargeError),
    "disk": (lambda: OSError(errno.ENOSPC, "No space left on device"), ObjectTooLargeError),
    "disk in DuckDB": (
        lambda: duckdb.IOException("IO Error: could not write: No space left on device"),
        ObjectTooLargeError,
    ),
    "time": (lambda: duckdb.InterruptException("interrupted"), OutOfTimeError),
}

each_format = pytest.mark.parametrize("form", FORMATS.values(), ids=FORMATS)


class Failing:
    """A connection whose statement of one number fails."""

    def __init__(self, real: Any, plan: dict[str, Any]) -> None:
        self.real, self.plan = real, plan

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.real, name)
        if name == "cursor":
            return lambda: Failing(found(), self.plan)
        if name not in ("execute", "sql"):
            return found

        def run(*given: Any) -> Any:
            self.plan["seen"] += 1
            if self.plan["seen"] == self.plan["at"]:
                self.plan["hit"] = given[0]
                raise self.plan["error"]()
            return found(*given)

        return run


@contextmanager
def failing(patch: pytest.MonkeyPatch, at: int, error: Callable[[], Exception]) -> Iterator[Any]:
    plan: dict[str, Any] = {"seen": 0, "at": at, "error": error, "hit": None}
    before = Database.cursor
    with patch.context() as patched:
        patched.setattr(Database, "cursor", lambda self: Failing(before(self), plan))
        yield plan


#: Every fault meets the three ways of reading; the formats that share them meet the worst.
FAULTY = [
    pytest.param(form, fault, id=f"{name}-{fault}")
    for name, form in FORMATS.items()
    for fault in FAULTS
    if name in ("JSON Lines", "CSV", "Parquet") or fault == "fatal"
]


@pytest.mark.parametrize(("form", "fault"), FAULTY)
def test_a_fault_of_ours_is_never_the_file_s(
    form: Format, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    error, expected = FAULTS[fault]
    engine = DuckEngine(Options())
    wrong = [record for name, record in form.wrong.items() if name != "blank"][:3]
    body = form.write([*GOOD, *wrong, *list(form.misfits.values())[:3]])
    whole = len(convert(body, form.key, engine=engine).rows)
    at = 0
    while True:
        at += 1
        with failing(monkeypatch, at, error) as plan:
            try:
                found = convert(body, form.key, engine=engine)
            except (expected, EngineFailedError):
                pass
            else:
                # What was too much at once is tried in smaller steps.
                assert found.status != "REJECTED", plan["hit"]
                assert found.status == "TOO_LARGE" or len(found.rows) == whole, plan["hit"]
        if plan["hit"] is None:
            break
    assert at > 1
    assert len(convert(body, form.key, engine=engine).rows) == whole


@pytest.mark.skipif(not ENCRYPTED.exists(), reason="the published cases are not here")
def test_an_encrypted_file_poisons_no_other() -> None:
    engine = DuckEngine(Options())
    good = FORMATS["Parquet"].write(GOOD)
    assert len(convert(good, engine=engine).rows) == len(GOOD)
    for _ in range(2):
        found = convert(ENCRYPTED.read_bytes(), "data/t/x.parquet", engine=engine)
        assert found.status in ("STORED", "REJECTED")
        for form in FORMATS.values():
            assert len(convert(form.write(GOOD), form.key, engine=engine).rows) == len(GOOD)


# --- Disk --------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A disk of 12 MB, with all temporary files on it."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = shutil.which("mount")
    command = [mount or "mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", str(disk)]
    if not mount or os.geteuid() or subprocess.run(command, check=False).returncode:
        pytest.skip("only root mounts a disk")
    monkeypatch.setattr(tempfile, "tempdir", str(disk))
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def large(form: Format, megabytes: int) -> bytes:
    """A file that no codec makes small."""
    row = {"id": 0, "n": 1, "price": 0.25, "timestamp": "2024-01-15"}
    rows: list[Record] = [
        {**row, "id": n, "name": base64.b64encode(os.urandom(750)).decode()}
        for n in range(megabytes * 1000)
    ]
    return form.write(rows)


@pytest.mark.parametrize("name", ["JSON Lines", "compact document", "CSV", "Avro", "Parquet"])
def test_a_disk_that_fills_is_a_verdict_and_the_next_object_is_fine(
    name: str, small_disk: Path, tmp_path: Path
) -> None:
    form = FORMATS[name]
    engine = DuckEngine(Options())
    path = tmp_path / "large"
    path.write_bytes(large(form, 24))
    found = convert(path, form.key, engine=engine)
    assert found.status == "TOO_LARGE"
    assert found.error is not None
    assert "EphemeralStorage" in found.error.detail
    assert len(convert(form.write(GOOD), form.key, engine=engine).rows) == len(GOOD)
    engine.database.discard()
    assert list(small_disk.iterdir()) == []


def test_what_duckdb_spills_is_bounded_by_the_disk(tmp_path: Path) -> None:
    engine = DuckEngine(Options(memory_mb=64))
    engine.database.cursor().execute("SET GLOBAL max_temp_directory_size = '1MB'")
    path = tmp_path / "large"
    path.write_bytes(large(FORMATS["JSON Lines"], 20))
    assert convert(path, engine=engine).status in ("DONE", "TOO_LARGE")
    assert len(convert(lines({"a": 1}), engine=engine).rows) == 1


@pytest.mark.parametrize("fault", ["internal", "time", "disk"])
def test_a_failure_leaves_nothing_on_the_disk(
    fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    engine = DuckEngine(Options())
    error, _ = FAULTS[fault]
    with failing(monkeypatch, 1, error) as plan, suppress(EngineFailedError, OutOfTimeError):
        assert convert(lines(*GOOD), engine=engine).status == "TOO_LARGE"
    assert plan["hit"]
    left = [path.name for path in tmp_path.iterdir()]
    assert [name for name in left if not name.startswith("lake-spill-")] == []
    assert len(left) == (fault != "internal")


# --- Time --------------------------------------------------------------------------------


def until(seconds: float) -> Callable[[], float]:
    """An invocation of which so much is left, beside what is kept for saying so."""
    end = time.monotonic() + 5 + seconds
    return lambda: end - time.monotonic()


def test_a_statement_is_interrupted_before_the_invocation_is_killed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine = DuckEngine(Options())
    left = until(0.5)
    query = "SELECT max(hash(a.range, b.range)) FROM range(1000000) a, range(1000000) b"
    job: list[Job] = []
    before = Job.check_time

    def check_time(self: Job) -> None:
        job.append(self)
        before(self)
        self.run(query)

    monkeypatch.setattr(Job, "check_time", check_time)
    with pytest.raises(OutOfTimeError):
        convert(lines({"a": 1}), engine=engine, seconds_left=left)
    assert job
    assert left() > 3
    monkeypatch.undo()
    assert len(convert(lines({"a": 1}), engine=engine).rows) == 1


def test_a_cursor_is_not_interrupted_while_it_is_closed() -> None:
    """DuckDB 1.5.6 crashes then, and with it the process."""

    class Cursor:
        at_it = False

        def interrupt(self) -> None:
            self.at_it = True
            time.sleep(0.2)
            self.at_it = False

    cursor: Any = Cursor()
    with interrupted_in(cursor, 0):
        time.sleep(0.05)
        assert cursor.at_it
    assert not cursor.at_it


TEXT = b'{"a": 1, "b": "x\xc3\xa9y"}\n' * 3_000_000


@pytest.mark.parametrize(
    ("what", "key", "make"),
    [
        ("unpacking", "data/t/x.jsonl.gz", lambda: gzip.compress(TEXT * 8, 1)),
        ("transcoding", "data/t/x.jsonl", lambda: TEXT.decode().encode("utf-16")),
        ("reading lines", "data/t/x.jsonl", lambda: TEXT),
        ("dividing a document", "data/t/x.json", lambda: b"[" + TEXT.replace(b"\n", b",")[:-1]),
        ("reading text", "data/t/x.log", lambda: TEXT.replace(b"{", b"")),
    ],
)
def test_without_time_work_is_handed_back_while_it_can_be(
    what: str, key: str, make: Callable[[], bytes], tmp_path: Path
) -> None:
    path = tmp_path / "object"
    path.write_bytes(make() + (b"]" if what == "dividing a document" else b""))
    left = until(0.05)
    with pytest.raises(OutOfTimeError):
        convert(path, key, seconds_left=left)
    # So much later it would be killed.
    assert left() > 1


@each_format
def test_time_may_end_at_any_look_at_the_clock(form: Format) -> None:
    body = form.write([*GOOD, *form.wrong.values()])
    looks = itertools.count()
    whole = len(convert(body, form.key, seconds_left=lambda: 900 + 0 * next(looks)).rows)
    for end in range(next(looks)):
        left = itertools.chain(itertools.repeat(900, end), itertools.repeat(4))
        try:
            found = convert(body, form.key, seconds_left=left.__next__)
        except OutOfTimeError:
            continue
        assert len(found.rows) == whole
