"""Each module of the core stands alone: importing it brings neither AWS nor Powertools."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SRC = Path(__file__).resolve().parents[2] / "src"

CORE = ("contract", "engine", "model", "processor/ingest", "store")

#: A bare interpreter starts a child for each module: as fresh, without its start each time.
_EACH = """
import os, sys
sys.path.insert(0, sys.argv[1])
for name in sys.argv[3:]:
    sys.stdout.flush()
    if os.fork() == 0:
        __import__(name)
        brought = sorted(set(sys.argv[2].split(",")) & set(sys.modules))
        print(name, *brought, flush=True)
        os._exit(0)
    os.wait()
"""


def modules(folder: str) -> list[str]:
    found = (SRC / folder).rglob("*.py")
    return sorted(
        ".".join(path.relative_to(SRC).with_suffix("").parts).removesuffix(".__init__")
        for path in found
    )


@pytest.mark.parametrize("folder", CORE)
def test_a_module_of_the_core_brings_no_edge(folder: str) -> None:
    names = modules(folder)
    edges = "boto3,botocore,aws_lambda_powertools,aws,lake,localaws"
    done = subprocess.run(
        [sys.executable, "-I", "-c", _EACH, str(SRC), edges, *names],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.splitlines() == names, done.stderr


@pytest.mark.parametrize("folder", ["contract", "model", "store"])
def test_what_the_command_shares_brings_no_engine(folder: str) -> None:
    names = modules(folder)
    done = subprocess.run(
        [sys.executable, "-I", "-c", _EACH, str(SRC), "duckdb,engine", *names],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.splitlines() == names, done.stderr
