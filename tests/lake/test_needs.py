"""What `uv tool install .` brings is enough: a development environment has more."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, distribution, packages_distributions
from typing import TYPE_CHECKING

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from lake.local.process import processes

if TYPE_CHECKING:
    from pathlib import Path

#: Imports the command and the local lake without the modules that are listed, and has DuckDB do
#: what a query needs.
SCRIPT = """
import importlib, pkgutil, sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name in {missing!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Missing())
import duckdb, lake, localaws
from localaws.athena.functions import install
for package in (lake, localaws):
    for one in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not one.name.startswith(("lake.ui", "localaws.tests")) and "__main__" not in one.name:
            importlib.import_module(one.name)
connection = duckdb.connect()
install(connection)
print(connection.execute("SELECT trino_type(typeof([1]))").fetchone())
"""


def brought(declared: list[str]) -> set[str]:
    """Give the names of what pip installs for these requirements."""
    found: set[tuple[str, str]] = set()
    waiting = [(Requirement(one), "") for one in declared]
    while waiting:
        needed, extra = waiting.pop()
        if needed.marker and not needed.marker.evaluate({"extra": extra}):
            continue
        name = canonicalize_name(needed.name)
        for wanted in {"", *needed.extras}:
            if (name, wanted) in found:
                continue
            found.add((name, wanted))
            try:
                more = distribution(name).requires or []
            except PackageNotFoundError:
                continue
            waiting += [(Requirement(one), wanted) for one in more]
    return {name for name, _ in found}


def test_the_command_needs_only_what_it_declares(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    enough = brought(project["dependencies"]) | {"data-lake"}
    missing = {
        module
        for module, owners in packages_distributions().items()
        if re.fullmatch(r"\w+", module)
        and not {canonicalize_name(owner) for owner in owners} & enough
    }
    assert {"pytest", "pandas", "pyarrow"} <= missing
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(missing=missing)],
        cwd=root,
        env={**os.environ, "PYTHONPATH": f"{root}{os.pathsep}{root / 'src'}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.returncode) == ("('array(integer)',)\n", 0), done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="it has no /proc")
def test_processes_are_found_where_no_ps_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert (os.getpid(), os.getpgrp()) in {(pid, group) for pid, group, _ in processes()}
