"""``make bench``: this project against its peers, all in one run.

The runs of a work alternate between the contestants, and the median of each is kept: the machine is
shared, and what slows one slows all.
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.bench import ROOT, Bench, median, say
from benchmarks.ratios import cpu, missed, peaks, rates, ratios
from benchmarks.works import works

RESULTS = ROOT / "benchmarks" / "results"

#: Dollars: AWS Lambda pricing, us-east-1, arm64, per GB-second and per request; Amazon Data
#: Firehose pricing, us-east-1, Direct PUT and format conversion per GB (both November 2026).
GB_SECOND, REQUEST = 0.0000133334, 0.0000002
FIREHOSE_PER_GB = 0.029 + 0.018
MEMORY_GB, VCPUS = 512 / 1024, 512 / 1769


def sweep(bench: Bench, block: Path, sizes: list[int]) -> list[dict[str, Any]]:
    """Convert files of growing size; a larger one repeats the block."""
    found = []
    file = bench.work / "sweep.jsonl"
    for megabytes in sizes:
        with file.open("wb") as target:
            left = megabytes * 1_000_000
            while left > 0:
                with block.open("rb") as source:
                    piece = source.read() if left >= block.stat().st_size else source.read(left)
                target.write(piece[: piece.rindex(b"\n") + 1])
                left -= len(piece)
        runs = bench.repeats if megabytes < 1000 else 1
        figures = median([bench.measure("ours", "sizes", file) for _ in range(runs)])
        found.append({"megabytes": megabytes} | figures)
        file.unlink()
    return found


def cold_start(bench: Bench) -> dict[str, Any]:
    """Measure the artifact that was deployed: its size, its import and initialisation."""
    artifact = bench.work / "lake" / "build" / "ProcessorFunction"
    size = sum(p.stat().st_size for p in artifact.rglob("*") if p.is_file())
    path = {"PYTHONPATH": f"{artifact}:{ROOT}"}
    runs = [bench.measure("cold", "cold", ROOT, **path) for _ in range(5)]
    return {"unzipped_mb": round(size / 1e6, 1)} | median(runs)


def dollars_per_tb(seconds: float, megabytes: float) -> float:
    """Price the measured processor seconds: a function of 512 MB has 0.29 vCPU."""
    files = 1e6 / megabytes
    return round(files * (seconds / VCPUS * MEMORY_GB * GB_SECOND + REQUEST), 2)


def measured(bench: Bench, given: argparse.Namespace) -> dict[str, Any]:
    """Measure every work."""
    chosen = [
        work
        for work in works(bench.work, given.python, given.megabytes, quick=given.quick)
        if any(fnmatch.fnmatch(work.name, pattern) for pattern in given.works)
    ]
    engines = bench.compare(chosen)
    return {
        "machine": {"cpus": os.cpu_count(), "python": platform.python_version()},
        "titles": {work.name: work.title for work in chosen},
        "engines": engines,
        "ratios": ratios(engines),
        "mbps": rates(engines),
        "peaks": peaks(engines),
    }


def whole_function(bench: Bench, given: argparse.Namespace) -> dict[str, Any]:
    """Measure what only the whole function shows: sizes, small files, the start, its price."""
    block = bench.work / "json.jsonl"
    handler = median([bench.measure("handler", "json", block) for _ in range(bench.repeats)])
    say("sizes…")
    sizes = sweep(bench, block, given.sizes)
    small = bench.work / "small.jsonl"
    with block.open("rb") as source, small.open("wb") as target:
        target.writelines(source.readline() for _ in range(1020 * 6))
    files = bench.measure("small", "json", small)
    return {
        "handler": handler,
        "sizes": sizes,
        "small_files": {"files": 1000, "cpu_ms_per_file": round(files["cpu"], 1)},
        "cold_start": cold_start(bench),
    }


def together(results: dict[str, Any], found: dict[str, Any], megabytes: int) -> None:
    """Add what the whole function showed."""
    handler = found.pop("handler")
    results["engines"]["json"]["handler"] = handler
    results |= found
    memory = {row["megabytes"]: row["rss_mb"] for row in found["sizes"]}
    if 100 in memory:
        results["ratios"]["rss_5gb_vs_100mb"] = round(memory[max(memory)] / memory[100], 2)
    peer = cpu(results["engines"], "json", "awswrangler")
    results["dollars_per_tb"] = {
        "this project": dollars_per_tb(handler["cpu"], megabytes),
        "AWS SDK for pandas in the same function": peer and dollars_per_tb(peer, megabytes),
        "Data Firehose with format conversion": FIREHOSE_PER_GB * 1000,
    }


def main() -> None:
    """Run everything and write the results."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("works", nargs="*", default=["*"], help="only those works, with *")
    parser.add_argument("--python", default=sys.executable, help="interpreter with the peers")
    parser.add_argument("--quick", action="store_true", help="this project and the floor, small")
    parser.add_argument("--data", help="folder that keeps the files for the next time")
    parser.add_argument("--megabytes", type=int)
    parser.add_argument("--repeats", type=int)
    parser.add_argument("--sizes", type=int, nargs="*", default=[10, 100, 1000, 5000])
    given = parser.parse_args()
    given.megabytes = given.megabytes or (60 if given.quick else 200)
    repeats = given.repeats or (1 if given.quick else 3)
    partial = given.quick or given.works != ["*"]
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        if given.data:
            Path(given.data).mkdir(exist_ok=True)
        bench = Bench(given.python, Path(given.data or folder), repeats, keep=bool(given.data))
        if partial:
            results = measured(bench, given)
        else:
            bench.up()
            try:
                results = measured(bench, given)
                together(results, whole_function(bench, given), given.megabytes)
            finally:
                bench.lake("down", "--yes")
    for name, value in (results["ratios"] | results["mbps"]).items():
        say(f"{name:45} {value}")
    for text in missed(results):
        say(f"MISSED: {text}")
    if not partial:
        RESULTS.mkdir(exist_ok=True)
        text = json.dumps(results, indent=2) + "\n"
        (RESULTS / "latest.json").write_text(text, encoding="utf-8")
        subprocess.run([given.python, "-m", "benchmarks.report"], cwd=ROOT, check=True)


if __name__ == "__main__":
    main()
