"""What the function does before its first message comes, and what it leaves for later."""

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


def test_clients_are_built_at_import_and_libraries_of_rare_formats_are_not_loaded(
    tmp_path: Path,
) -> None:
    models = tmp_path / "models.json"
    models.write_text("[]")
    # A broken deployment is not told by the import, but by the first message, which is kept.
    settings = {
        "PROCESSED_BUCKET": "p",
        "DATABASE_NAME": "d",
        "CRAWLER_NAME": "c",
        "LEDGER_TABLE": "l",
        "QUEUE_URL": "q",
        "CURATE_QUEUE_URL": "q",
        "DATE_COLUMNS": "date",
        "OUTPUT_FORMAT": "parquet",
        "MAX_PARTITIONS": "1",
        "MAX_COLUMNS": "1",
        "RAW_DELETES": "keep",
        "CRAWL_MINUTES": "60",
        "FIRST_DATE": "2024-01-01",
        "EPHEMERAL_STORAGE_MB": "512",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
        "AWS_LAMBDA_FUNCTION_NAME": "data-lake-processor",
        "AWS_DEFAULT_REGION": "us-east-1",
        "POWERTOOLS_METRICS_NAMESPACE": "data-lake",
        "PYTHONPATH": str(ROOT / "src"),
    }
    done = subprocess.run(
        [sys.executable, "-c", _START, str(models)],
        cwd=ROOT,
        env=settings,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not LATER & set(done.stdout.split())
