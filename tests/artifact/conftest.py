from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from importlib import metadata
from typing import TYPE_CHECKING

import pytest

from tests.conftest import CONTRACTS
from tests.support.lambda_image import RUNTIME_CLIENT

if TYPE_CHECKING:
    from pathlib import Path

MACHINE = {"x86_64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}[platform.machine()]
OTHER = {"x86_64": "arm64", "arm64": "x86_64"}[MACHINE]


def sam_build(
    root: Path, target: Path, *words: str, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run the real `sam build`."""
    settings = {"LAKE_ARCHITECTURE": MACHINE, "LAKE_CONTRACTS": str(CONTRACTS)} | variables
    return subprocess.run(
        ["sam", "build", *words, "--build-dir", str(target)],
        cwd=root,
        env={**os.environ, "SAM_CLI_TELEMETRY": "0", **settings},
        check=False,
        capture_output=True,
        text=True,
    )


def build(root: Path, architecture: str, target: Path) -> Path:
    """Build the functions; give the folder of the one that ingests."""
    done = sam_build(root, target, LAKE_ARCHITECTURE=architecture)
    assert done.returncode == 0, done.stderr
    return target / "ProcessorFunction"


@pytest.fixture(scope="session")
def artifact(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The function that ingests as deployed on this machine's architecture."""
    return build(root, MACHINE, tmp_path_factory.mktemp("build"))


@pytest.fixture(scope="session")
def curator(artifact: Path) -> Path:
    """The function that makes tables of models, likewise."""
    return artifact.with_name("CuratorFunction")


@pytest.fixture(scope="session")
def recorder(artifact: Path) -> Path:
    """The function that records commits, likewise."""
    return artifact.with_name("RecorderFunction")


@pytest.fixture(scope="session", params=[MACHINE, pytest.param(OTHER, marks=pytest.mark.chaos)])
def any_artifact(
    request: pytest.FixtureRequest,
    root: Path,
    artifact: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """The function that ingests as built for each architecture that the template allows."""
    if request.param == MACHINE:
        return artifact
    return build(root, request.param, tmp_path_factory.mktemp("other"))


@pytest.fixture(scope="session")
def any_curator(any_artifact: Path) -> Path:
    """The function that makes tables of models, likewise."""
    return any_artifact.with_name("CuratorFunction")


@pytest.fixture(scope="session")
def bare_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python that has Lambda's runtime client and nothing else."""
    folder = tmp_path_factory.mktemp("bare")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    (site,) = folder.glob("lib/python*/site-packages")
    for name in RUNTIME_CLIENT:
        for file in metadata.files(name) or ():
            target = site / file
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(str(file.locate()), target)
    return folder / "bin" / "python"
