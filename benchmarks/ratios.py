"""What the runs come to, beside what they must come to."""

from __future__ import annotations

from typing import Any

from benchmarks import spoiled

Engines = dict[str, dict[str, dict[str, Any]]]

#: What must hold, by the name of a ratio; of those of a group, of each of them.
BARS = {
    "clean_vs_duckdb": 1.2,
    "dirty_vs_duckdb": 1.5,
    "contract_vs_clean": 1.25,
    "csv_vs_duckdb": 1.5,
    "csv_one_date_vs_duckdb": 1.4,
    "parquet_vs_duckdb": 1.3,
    "one_bad_": 1.6,
    "drift_": 2.5,
}

#: Megabytes that each second of a core must take, at least.
RATE_BARS = {"document": 50, "document_indented": 50, "text": 60, "avro": 15}

#: Megabytes of memory that every run must stay below.
PEAK_BAR = 450

#: Works that are measured for their peaks.
PEAKS = ("wide_csv", "wide_csv_small", "nested_json", "wide_json", "long_strings")


def cpu(engines: Engines, work: str, name: str = "ours") -> float | None:
    """Give the processor seconds of a run; None where it failed or did not take place."""
    found: float | None = engines.get(work, {}).get(name, {}).get("cpu")
    return found


def ratio(above: float | None, below: float | None) -> float | None:
    """Divide processor seconds; None where one of both is missing."""
    return round(above / below, 2) if above and below else None


def ratios(engines: Engines) -> dict[str, float | None]:
    """Give every ratio of processor seconds."""
    found = {
        f"{name}_vs_duckdb": ratio(cpu(engines, work), cpu(engines, work, "duckdb_copy"))
        for name, work in {"clean": "json"}.items()
    }
    found |= {
        f"{work}_vs_duckdb": ratio(cpu(engines, work), cpu(engines, work, "duckdb_copy"))
        for work in ("dirty", "gzip", "csv", "csv_one_date", "parquet")
    }
    clean = cpu(engines, "json")
    found["contract_vs_clean"] = ratio(cpu(engines, "json", "contract"), clean)
    for label, bad in (("json", spoiled.BAD_JSON), ("csv", spoiled.BAD_CSV)):
        found |= {
            f"one_bad_{kind}_vs_clean": ratio(cpu(engines, kind), cpu(engines, f"clean_{label}"))
            for kind in bad
        }
    for label in ("json", "csv"):
        base = cpu(engines, f"drift_{label}_none")
        found |= {
            f"drift_{label}_{kind}_vs_clean": ratio(cpu(engines, f"drift_{label}_{kind}"), base)
            for kind in spoiled.DRIFT
        }
    for peer in ("awswrangler", "pandas", "polars", "pyarrow"):
        found[f"{peer}_vs_clean"] = ratio(cpu(engines, "json", peer), clean)
    found["pandas_csv_vs_csv"] = ratio(cpu(engines, "csv", "pandas"), cpu(engines, "csv"))
    return {name: value for name, value in found.items() if value is not None}


def rates(engines: Engines) -> dict[str, float]:
    """Give the megabytes that a second of a core takes."""
    found = {}
    for work in ("json", "csv", "parquet", *RATE_BARS):
        run = engines.get(work, {}).get("ours", {})
        if "cpu" in run:
            found[work] = round(run["input_bytes"] / 1e6 / run["cpu"], 1)
    return found


def peaks(engines: Engines) -> dict[str, float]:
    """Give the most memory that this project took for each work."""
    runs = {work: by_name.get("ours", {}) for work, by_name in engines.items()}
    return {work: run["rss_mb"] for work, run in runs.items() if "rss_mb" in run}


def bar(name: str) -> float | None:
    """Give what a ratio must not be above."""
    found = [limit for known, limit in BARS.items() if name == known]
    found += [limit for known, limit in BARS.items() if known[-1] == "_" and name.startswith(known)]
    return found[0] if found else None


def missed(results: dict[str, Any]) -> list[str]:
    """Say which bars are missed."""
    found = [
        f"{name} is {value}, must be at most {limit}"
        for name, value in results["ratios"].items()
        if (limit := bar(name)) is not None and value > limit
    ]
    found += [
        f"{name} takes {results['mbps'].get(name)} MB/s, must take {limit}"
        for name, limit in RATE_BARS.items()
        if results["mbps"].get(name, limit) < limit
    ]
    peaks_found = results["peaks"] | {
        f"{row['megabytes']} MB": row["rss_mb"] for row in results.get("sizes", [])
    }
    found += [
        f"{name} took {value:.0f} MB of memory, must stay below {PEAK_BAR}"
        for name, value in peaks_found.items()
        if value >= PEAK_BAR
    ]
    return found
