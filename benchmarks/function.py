"""The whole function: what it is to its events, and not only to its files."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from benchmarks.bench import ROOT
from benchmarks.clock import start

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.contestants import Work


class _Context:
    """What Lambda hands to a handler."""

    function_name, memory_limit_in_mb, aws_request_id = "bench", 512, "bench"
    invoked_function_arn = "arn:aws:lambda:us-east-1:000000000000:function:bench"

    def get_remaining_time_in_millis(self) -> int:
        return 900_000


def _ingest(key: str) -> Any:
    from processor import bootstrap
    from processor.app import handler as invoke

    # The build copies them beside the code; here they lie elsewhere.
    bootstrap._CONTRACTS = ROOT / "contracts"
    bootstrap._MODELS = ROOT / "benchmarks" / "models.json"

    place = {"bucket": {"name": "bench"}, "object": {"key": key}}
    record = {"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": place}
    (answer,) = invoke({"Records": [record]}, _Context())["objects"]
    if answer["status"] != "DONE":
        raise AssertionError(answer)


def handler(work: Work, file: Path, output: Path) -> None:
    """Run the whole handler: download, conform, account, write, upload, commit."""
    del work, output
    import boto3

    s3 = boto3.client("s3")
    # The first call opens connections and is not measured. A key of its own: the same version
    # of the same key would be recognised, and not read again.
    for key in ("data/warm/object", f"data/bench/{uuid4().hex}"):
        if key.startswith("data/warm"):
            s3.put_object(Bucket="bench", Key=key, Body=b'{"timestamp": "2024-01-01"}\n')
        else:
            s3.upload_file(str(file), "bench", key)
            start()
        _ingest(key)


def small(work: Work, file: Path, output: Path) -> None:
    """Run the whole handler on many files of 1 KB; FILE holds them one after the other."""
    del work, output
    import boto3

    s3 = boto3.client("s3")
    lines = file.read_bytes().splitlines(keepends=True)
    bodies = [b"".join(lines[n : n + 6]) for n in range(0, len(lines), 6)]
    keys = [f"data/small/{n}.json" for n in range(len(bodies))]
    for key, body in zip(keys, bodies, strict=True):
        s3.put_object(Bucket="bench", Key=key, Body=body)

    for number, key in enumerate(keys):
        if number == 20:
            start()
        _ingest(key)
    sys.stderr.write(f"{len(keys) - 20} measured\n")


def cold(work: Work, file: Path, output: Path) -> None:
    """Import the function and build everything that its first event needs."""
    del work, file, output
    from processor import app

    app._parts()[0]
