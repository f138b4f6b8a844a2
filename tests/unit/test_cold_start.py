"""What a function does before its first message comes, and what it leaves for later."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from tests.conftest import ROOT

if TYPE_CHECKING:
    from pathlib import Path

#: What only some files need, or nobody.
LATER = {
    "aws_lambda_powertools.utilities.batch",
    "boto3",
    "charset_normalizer",
    "fastavro",
    "pyorc",
    "python_calamine",
    "s3transfer",
}

_START = """
import importlib, sys
from pathlib import Path
from processor import bootstrap
bootstrap._CONTRACTS = Path("no such folder")
from processor import app
assert app._parts.cache_info().currsize == 0
bootstrap._CONTRACTS = Path("contracts")
bootstrap._MODELS = Path(sys.argv[1])
importlib.reload(app)
assert app._parts.cache_info().currsize == 1
print(*sys.modules)
"""


_START_CURATOR = """
import importlib, sys
from pathlib import Path
from curator import bootstrap
bootstrap._MODELS = Path("no such file")
from curator import app
assert app._parts.cache_info().currsize == 0
bootstrap._MODELS = Path(sys.argv[1])
importlib.reload(app)
assert app._parts.cache_info().currsize == 1
print(*sys.modules)
"""

#: Both functions have these.
SETTINGS = {
    "DATABASE_NAME": "d",
    "LEDGER_TABLE": "l",
    "QUEUE_URL": "q",
    "AWS_DEFAULT_REGION": "us-east-1",
    "POWERTOOLS_METRICS_NAMESPACE": "data-lake",
    "PYTHONPATH": str(ROOT / "src"),
}


def started(script: str, models: Path, **settings: str) -> set[str]:
    """Run a script as in a function's environment; give the modules that it loaded."""
    models.write_text("[]")
    done = subprocess.run(
        [sys.executable, "-c", script, str(models)],
        cwd=ROOT,
        env=SETTINGS | settings,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return {*done.stdout.split()}


def test_clients_are_built_at_import_and_libraries_of_rare_formats_are_not_loaded(
    tmp_path: Path,
) -> None:
    # A broken deployment is not told by the import, but by the first message, which is kept.
    loaded = started(
        _START,
        tmp_path / "models.json",
        PROCESSED_BUCKET="p",
        CRAWLER_NAME="c",
        CURATE_QUEUE_URL="q",
        DATE_COLUMNS="date",
        OUTPUT_FORMAT="parquet",
        MAX_PARTITIONS="1",
        MAX_COLUMNS="1",
        RAW_DELETES="keep",
        CRAWL_MINUTES="60",
        FIRST_DATE="2024-01-01",
        EPHEMERAL_STORAGE_MB="512",
        AWS_LAMBDA_FUNCTION_MEMORY_SIZE="512",
        AWS_LAMBDA_FUNCTION_NAME="data-lake-processor",
    )
    assert not LATER & loaded


def test_the_curator_is_built_at_import_and_loads_no_engine(tmp_path: Path) -> None:
    loaded = started(
        _START_CURATOR,
        tmp_path / "models.json",
        CURATED_BUCKET="c",
        WORKGROUP="w",
        KEEP_MINUTES="60",
        AWS_LAMBDA_FUNCTION_NAME="data-lake-curator",
    )
    assert {"curator.refresh", "aws.athena"} <= loaded
    assert not (LATER | {"duckdb", "engine", "model", "processor", "sqlglot"}) & loaded
