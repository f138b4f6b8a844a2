"""Write the measured figures as tables and charts: ``python -m benchmarks.report``."""

from __future__ import annotations

import json
from typing import Any

from benchmarks.bench import ROOT
from benchmarks.ratios import RATE_BARS, bar
from docs.pictures import __main__ as pictures

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

RESULTS = ROOT / "benchmarks" / "results"
PAGE = ROOT / "docs" / "explanation" / "performance.md"
BEGIN, END = "<!-- measured -->", "<!-- /measured -->"


def figure(run: dict[str, Any] | None, key: str, unit: float = 1) -> str:
    """Format one figure; a contestant that failed has none."""
    if run is None or key not in run:
        return "fails" if run and "error" in run else "-"
    return f"{run[key] / unit:,.2f}" if key in ("cpu", "wall") else f"{run[key] / unit:,.0f}"


def contestants(results: dict[str, Any]) -> list[str]:
    """Write a table for each work in which others take part."""
    lines = []
    for work, runs in results["engines"].items():
        if len(runs) == 1:
            continue
        lines += [
            f"### {results['titles'][work]}",
            "",
            "| | CPU s | wall s | peak MB | output MB |",
        ]
        lines += ["|---|--:|--:|--:|--:|"]
        for name, run in runs.items():
            cells = [
                figure(run, "cpu"),
                figure(run, "wall"),
                figure(run, "rss_mb"),
                figure(run, "output_bytes", 1e6) if run.get("output_bytes") else "-",
            ]
            lines.append(f"| {NAMES[name]} | {' | '.join(cells)} |")
        lines.append("")
    return lines


def alone(results: dict[str, Any]) -> list[str]:
    """Write one table of what only this project reads here."""
    lines = ["### This project alone", "", "| | MB | CPU s | MB/s | peak MB |"]
    lines += ["|---|--:|--:|--:|--:|"]
    for work, runs in results["engines"].items():
        run = runs["ours"]
        if len(runs) > 1 or "cpu" not in run:
            continue
        megabytes = run["input_bytes"] / 1e6
        cells = [f"{megabytes:,.1f}", figure(run, "cpu"), f"{megabytes / run['cpu']:,.1f}"]
        cells.append(figure(run, "rss_mb"))
        lines.append(f"| {results['titles'][work]} | {' | '.join(cells)} |")
    return [*lines, ""]


def bars(results: dict[str, Any]) -> list[str]:
    """Write the ratios, and what each must be."""
    lines = ["### Ratios of CPU seconds", "", "| | | at most |", "|---|--:|--:|"]
    for name, value in results["ratios"].items():
        lines.append(f"| `{name}` | {value} | {bar(name) or ''} |")
    lines += ["", "### MB for each second of a core", "", "| | | at least |", "|---|--:|--:|"]
    for name, value in results["mbps"].items():
        lines.append(f"| {results['titles'][name]} | {value} | {RATE_BARS.get(name, '')} |")
    return [*lines, ""]


def table(results: dict[str, Any]) -> str:
    """Write every figure as Markdown."""
    lines = contestants(results) + alone(results) + bars(results)
    lines += ["### Size of the object", "", "| MB | CPU s | peak MB |", "|--:|--:|--:|"]
    lines += [
        f"| {row['megabytes']:,} | {figure(row, 'cpu')} | {figure(row, 'rss_mb')} |"
        for row in results["sizes"]
    ]
    small, cold = results["small_files"], results["cold_start"]
    lines += [
        "",
        (
            f"Small files: {small['files']:,} of 1 KB through the whole handler, "
            f"{small['cpu_ms_per_file']} ms of CPU each."
        ),
        "",
        (
            f"Cold start: {cold['unzipped_mb']} MB unzipped, {cold['cpu']:.2f} CPU seconds to "
            "import and initialise."
        ),
        "",
        "### Dollars per TB",
        "",
        "| | |",
        "|---|--:|",
    ]
    lines += [
        f"| {name} | {value:,.2f} |" for name, value in results["dollars_per_tb"].items() if value
    ]
    return "\n".join(lines)


def main() -> None:
    """Write the charts, and the table into docs/explanation/performance.md."""
    results = json.loads((RESULTS / "latest.json").read_text(encoding="utf-8"))
    pictures.main()
    page = PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n{table(results)}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
