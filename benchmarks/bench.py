"""A folder of data, a local lake, and runs in processes of their own."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3

if TYPE_CHECKING:
    from collections.abc import Iterable

    from benchmarks.works import Work

ROOT = Path(__file__).resolve().parent.parent

#: Contestants that take ten times as long are run once.
ONCE = frozenset({"pandas", "awswrangler"})

#: Contestants that need an interpreter of their own.
PEERS = frozenset({"polars", "pyarrow", *ONCE})

#: Files that others are made of.
_LASTING = ("json.jsonl", "flights.csv")

Run = dict[str, Any]


class Bench:
    """What takes the measurements.

    Parameters
    ----------
    python : str
        The interpreter of the peers.
    work : Path
        A folder.
    repeats : int
        Of each run.
    keep : bool
        Whether files stay for the next time.
    """

    def __init__(self, python: str, work: Path, repeats: int, *, keep: bool = False) -> None:
        self.python, self.work, self.repeats, self.keep = python, work, repeats, keep
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": os.environ.get("HOME", "/"),
            "PYTHONPATH": f"{ROOT}:{ROOT / 'src'}",
            "PYTHONDONTWRITEBYTECODE": "1",
            "LAKE_STATE_DIR": str(work / "lake"),
            "POLARS_MAX_THREADS": "1",
            "OMP_NUM_THREADS": "1",
        }

    def lake(self, *words: str) -> None:
        subprocess.run(
            [sys.executable, "-m", "lake", *words],
            cwd=ROOT,
            env=self.environment,
            check=True,
            capture_output=True,
        )

    def up(self) -> None:
        """Start a lake, whose S3 the contestants write to, with a bucket without events."""
        self.lake("up")
        port = json.loads((self.work / "lake" / "state.json").read_text())["port"]
        self.environment |= {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        session = boto3.Session("test", "test", region_name="us-east-1")
        endpoint = self.environment["AWS_ENDPOINT_URL"]
        session.client("s3", endpoint_url=endpoint).create_bucket(Bucket="bench")
        function = session.client("lambda", endpoint_url=endpoint).get_function_configuration(
            FunctionName="data-lake-processor"
        )
        self.environment |= function["Environment"]["Variables"] | {
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
            "EPHEMERAL_STORAGE_MB": "10240",
            "POWERTOOLS_TRACE_DISABLED": "1",
            "POWERTOOLS_LOG_LEVEL": "ERROR",
        }

    def measure(self, name: str, work: str, file: Path, **environment: str) -> Run:
        output = self.work / "output"
        python = self.python if name in PEERS else sys.executable
        done = subprocess.run(
            [python, "-m", "benchmarks.contestants", name, work, str(file), str(output)],
            cwd=ROOT,
            env=self.environment | environment,
            capture_output=True,
            text=True,
            check=False,
        )
        for folder in (output, Path(f"{output}.spill")):
            shutil.rmtree(folder, ignore_errors=True)
        if done.returncode != 0:
            say(f"  {name:12} {work:22} failed: {done.stderr.strip()[-300:]}")
            return {"error": (done.stderr.strip().splitlines() or ["killed"])[-1][:200]}
        figures: Run = json.loads(done.stdout.strip().splitlines()[-1])
        told = (done.stderr.strip().splitlines() or [""])[-1] if name == "ours" else ""
        say(
            f"  {name:12} {work:22} {figures['cpu']:7.2f} s CPU  {figures['rss_mb']:6.0f} MB  "
            f"{told}"
        )
        return figures

    def compare(self, works: Iterable[Work]) -> dict[str, dict[str, Run]]:
        """Measure works; those that are compared with each other take turns."""
        found = {}
        for _, group in groupby(works, key=lambda work: work.group or work.name):
            alike = [(work, self.built(work)) for work in group]
            runs: dict[tuple[str, str], list[Run]] = {}
            for turn in range(self.repeats):
                for work, file in alike:
                    for name in work.contestants:
                        if turn == 0 or name not in ONCE:
                            run = self.measure(name, work.name, file)
                            runs.setdefault((work.name, name), []).append(run)
            for work, file in alike:
                found[work.name] = {
                    name: median(runs[work.name, name]) | {"input_bytes": file.stat().st_size}
                    for name in work.contestants
                }
                if file.name not in _LASTING and not self.keep:
                    file.unlink()
        return found

    def built(self, work: Work) -> Path:
        """Make a work's file, or take the one that was kept."""
        note = self.work / f"{work.name}.path"
        if self.keep and note.exists():
            return Path(note.read_text(encoding="utf-8"))
        file = work.build()
        note.write_text(str(file), encoding="utf-8")
        return file


def say(text: str) -> None:
    """Report to the terminal."""
    print(text, flush=True)


def median(runs: list[Run]) -> Run:
    """Sum up the runs of one contestant."""
    failed = [run for run in runs if "error" in run]
    if failed:
        return failed[0]
    return {key: round(statistics.median(run[key] for run in runs), 3) for key in runs[0]} | {
        "runs": len(runs)
    }
