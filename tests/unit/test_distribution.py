"""What `pipx install .` brings is what the command needs."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
import tomllib
from importlib import metadata
from typing import TYPE_CHECKING, Any

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OURS = {"contract", "lake", "localaws", "model", "store"}


def project(path: Path) -> dict[str, Any]:
    told: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))["project"]
    return told


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (one.name.partition(".")[0] for one in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield str(node.module).partition(".")[0]


def test_every_package_that_the_command_imports_comes_with_it(root: Path) -> None:
    folders = [root / "lake", root / "localaws", *(root / "src" / one for one in OURS)]
    files = [file for folder in folders for file in folder.rglob("*.py")]
    names = {name for file in files if "tests" not in file.parts for name in imported(file)}
    told = project(root / "pyproject.toml")
    asked = [*told["dependencies"], *told["optional-dependencies"]["ui"]]
    brought = {Requirement(one).name for one in asked}
    packages = metadata.packages_distributions()
    # boto3 brings its own core, SAM is run by name, and stubs are for the check of types.
    others = {"botocore", "samcli"} | {one for one in names if one.startswith("mypy_boto3")}
    missing = {
        name
        for name in names - OURS - others - sys.stdlib_module_names
        if not brought & {one.lower() for one in packages.get(name, [name])}
    }
    assert missing == set()


def test_what_is_locked_is_what_the_command_asks_for(root: Path) -> None:
    for place in ("pyproject.toml", "localaws/pyproject.toml"):
        for one in project(root / place)["dependencies"]:
            wanted = Requirement(one)
            assert metadata.version(wanted.name) in wanted.specifier, (place, one)


@pytest.mark.parametrize("version", ["3.11.0", "3.12.0", "3.13.0", "3.14.0"])
def test_the_command_runs_on_several_pythons(root: Path, version: str) -> None:
    for place in ("pyproject.toml", "localaws/pyproject.toml"):
        assert version in SpecifierSet(project(root / place)["requires-python"])


def find(root: Path, path: str, home: Path, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [shutil.which("sh") or "sh", str(root / "src" / "find-python.sh"), "pip"],
        env={"PATH": path, "HOME": str(home), **more},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_python_3_11_is_found_behind_others(root: Path, tmp_path: Path) -> None:
    broken = tmp_path / "python3.11"
    broken.write_text("#!/bin/sh\nexit 127\n")
    broken.chmod(0o755)
    (tmp_path / "good").mkdir()
    good = tmp_path / "good" / "python3"
    good.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    good.chmod(0o755)
    done = find(root, f"{tmp_path}{os.pathsep}{good.parent}", tmp_path)
    assert (done.stdout, done.returncode) == (f"{good}\n", 0), done.stderr


def test_among_those_of_pyenv_one_is_found(root: Path, tmp_path: Path) -> None:
    one = tmp_path / ".pyenv" / "versions" / "3.11.9" / "bin" / "python3.11"
    one.parent.mkdir(parents=True)
    one.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    one.chmod(0o755)
    assert find(root, str(tmp_path), tmp_path).stdout == f"{one}\n"


def test_where_there_is_none_it_is_said_how_to_get_one(root: Path, tmp_path: Path) -> None:
    cat = tmp_path / "cat"
    cat.symlink_to(shutil.which("cat") or "/bin/cat")
    done = find(root, str(tmp_path), tmp_path)
    assert done.returncode == 1
    assert done.stdout == ""
    assert "uv python install 3.11" in done.stderr


def test_one_that_is_named_and_does_not_fit_is_refused(root: Path, tmp_path: Path) -> None:
    done = find(root, os.environ["PATH"], tmp_path, PYTHON="/no/python")
    assert done.returncode == 1
    assert "PYTHON is /no/python, and that is no Python 3.11" in done.stderr
