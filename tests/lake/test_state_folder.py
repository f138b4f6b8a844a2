"""What is not the lake's is never removed, whatever LAKE_STATE_DIR names."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from lake.errors import LakeCommandError
from lake.local.process import remove
from lake.local.state import Running, StateFolder
from tests.conftest import ROOT

if TYPE_CHECKING:
    from pathlib import Path

#: Names that a lake uses are precious, too, where no lake made them.
PRECIOUS = ("thesis.tex", "photos/2024/a.jpg", "build/a.o", "tmp/b", "state.json", "server.log")


def fill(folder: Path) -> dict[str, str]:
    for name in PRECIOUS:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"{name} took years")
    return content(folder)


def content(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in folder.rglob("*")
        if path.is_file()
    }


def lake(state: Path | str, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
    return subprocess.run(
        [sys.executable, "-m", "lake", *words],
        cwd=ROOT,
        env={**kept, "LAKE_STATE_DIR": str(state), "PYTHONPATH": str(ROOT), **more},
        capture_output=True,
        text=True,
        check=False,
    )


def used(folder: Path) -> StateFolder:
    """A folder as a lake that died left it."""
    state = StateFolder(folder)
    state.claim()
    state.write(Running(pid=2**30, started="long ago", port=4566))
    state.log.write_text("…")
    (state.temporary / "s3").mkdir()
    (state.build / "ProcessorFunction").mkdir(parents=True)
    return state


@pytest.mark.parametrize("link", [False, True])
def test_down_removes_nothing_where_no_lake_was(tmp_path: Path, link: bool) -> None:
    folder = named = tmp_path / "folder"
    before = fill(folder)
    if link:
        named = tmp_path / "link"
        named.symlink_to(folder)
    done = lake(named, "down", "--yes")
    assert (0, before) == (done.returncode, content(folder))
    assert link == named.is_symlink()


@pytest.mark.parametrize("link", [False, True])
def test_up_refuses_a_folder_with_other_things(tmp_path: Path, link: bool) -> None:
    folder = named = tmp_path / "folder"
    before = fill(folder)
    if link:
        named = tmp_path / "link"
        named.symlink_to(folder)
    done = lake(named, "up")
    assert done.returncode == 1
    said = " ".join(done.stderr.split())
    assert "holds files that are not the local lake's" in said
    assert "LAKE_STATE_DIR" in said
    assert before == content(folder)


@pytest.mark.parametrize("full", [False, True])
def test_the_home_folder_is_refused(tmp_path: Path, full: bool) -> None:
    before = fill(tmp_path) if full else {}
    done = lake(tmp_path, "up", HOME=str(tmp_path))
    assert (1, before) == (done.returncode, content(tmp_path))
    assert "cannot be the lake's folder" in " ".join(done.stderr.split())
    assert (0, before) == (lake(tmp_path, "down", "--yes").returncode, content(tmp_path))


@pytest.mark.parametrize("dangling", [False, True])
def test_what_is_no_folder_is_refused(tmp_path: Path, dangling: bool) -> None:
    named = tmp_path / "named"
    named.symlink_to("nowhere") if dangling else named.write_text("precious")
    done = lake(named, "up")
    assert done.returncode == 1
    assert "cannot be the lake's folder" in " ".join(done.stderr.split())
    assert os.path.lexists(named)
    lake(named, "down", "--yes")
    assert os.path.lexists(named)


def test_a_folder_that_the_lake_made_goes_with_it(tmp_path: Path) -> None:
    folder = used(tmp_path / "a" / "state")
    assert not remove(folder)
    assert not folder.path.exists()
    assert folder.path.parent.is_dir()


def test_an_empty_folder_that_was_there_before_stays(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "folder")
    for name in ("folder", "link"):
        (tmp_path / "folder").mkdir(exist_ok=True)
        remove(used(tmp_path / name))
        assert content(tmp_path / "folder") == {}
        assert (tmp_path / "folder").is_dir()
        assert (tmp_path / "link").is_symlink()


def test_what_was_put_beside_the_state_stays(tmp_path: Path) -> None:
    folder = used(tmp_path / "state")
    notes = folder.path / "notes" / "a.txt"
    notes.parent.mkdir()
    notes.write_text("precious")
    remove(folder)
    assert content(folder.path) == {"notes/a.txt": "precious"}
    with pytest.raises(LakeCommandError, match="notes"):
        folder.claim()


def test_a_link_in_the_place_of_what_is_ours_is_not_followed(tmp_path: Path) -> None:
    folder = used(tmp_path / "state")
    before = fill(tmp_path / "elsewhere")
    shutil.rmtree(folder.build)
    folder.build.symlink_to(tmp_path / "elsewhere")
    remove(folder)
    assert before == content(tmp_path / "elsewhere")
    assert not folder.path.exists()


def test_a_folder_that_a_dead_lake_left_is_used_again(tmp_path: Path) -> None:
    used(tmp_path / "state").claim()


def test_a_foreign_state_names_no_process(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text('{"pid": 1073741824, "started": null, "port": 1}')
    assert StateFolder(tmp_path).read() is None


def test_a_failing_up_leaves_what_was_there(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        before = fill(tmp_path / "full")
        for name in ("full", "none"):
            assert lake(tmp_path / name, "up", "--port", port).returncode == 1
    assert before == content(tmp_path / "full")
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("variable", [False, True])
@pytest.mark.parametrize("ours", [False, True])
def test_make_clean_removes_only_what_was_made(tmp_path: Path, variable: bool, ours: bool) -> None:
    project, state = tmp_path / "project", tmp_path / ("state" if variable else "project/.lake")
    project.mkdir()
    for name in ("Makefile", "template.yaml", "samconfig.toml"):
        shutil.copy(ROOT / name, project)
    command = project / ".venv" / "bin" / "lake"
    command.parent.mkdir(parents=True)
    command.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m lake "$@"\n')
    command.chmod(0o755)
    before = {} if ours else fill(state)
    if ours:
        used(state)
    named = {"LAKE_STATE_DIR": str(state)} if variable else {}
    done = subprocess.run(
        ["make", "clean"],
        cwd=project,
        env={k: v for k, v in os.environ.items() if k != "LAKE_STATE_DIR"} | named,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert ours == (not state.exists())
    assert before == ({} if ours else content(state))
    assert not (project / ".venv").exists()
    assert (".lake was kept" in done.stderr) == (not ours and not variable)
