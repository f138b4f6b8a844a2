"""What a version leaves in AWS, kept as a file, so that later ones are shown it without a lake."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import LocalLake

#: What Glue tells of a table beyond what was declared.
_TOLD = {"CatalogId", "CreatedBy", "DatabaseName", "IsRegisteredWithLakeFormation", "VersionId"}


def record(lake: LocalLake, file: Path) -> None:
    """Write the ledger's items, the tables and their rows' files to a JSON file."""
    dynamodb, glue, s3 = (lake.client(name) for name in ("dynamodb", "glue", "s3"))
    items = dynamodb.scan(TableName=lake.outputs["LedgerTableName"], ConsistentRead=True)["Items"]
    tables = glue.get_tables(DatabaseName=lake.outputs["GlueDatabaseName"])["TableList"]
    partitions = {
        one["Name"]: glue.get_partitions(
            DatabaseName=lake.outputs["GlueDatabaseName"], TableName=one["Name"]
        )["Partitions"]
        for one in tables
    }
    bucket, files = lake.outputs["ProcessedBucketName"], {}
    for folder in ("processed/", "quarantine/", "objects/"):
        for one in s3.list_objects_v2(Bucket=bucket, Prefix=folder).get("Contents", []):
            # What a killed worker left is large and says nothing.
            if "/unfinished/" not in one["Key"]:
                files[one["Key"]] = s3.get_object(Bucket=bucket, Key=one["Key"])["Body"].read()
    told = {
        "items": sorted(items, key=lambda one: str(one["object"]["S"])),
        "tables": {one["Name"]: {k: v for k, v in one.items() if k not in _TOLD} for one in tables},
        "partitions": {
            name: [{k: v for k, v in one.items() if k not in _TOLD} for one in those]
            for name, those in partitions.items()
        },
        "files": files,
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(told, default=_spelled, indent=1, sort_keys=True)
    file.write_text(text + "\n", encoding="utf-8")


def recorded(file: Path, raw: str, processed: str) -> dict[str, Any]:
    """Read what :func:`record` wrote, in buckets of other names; bytes are bytes again."""
    text = file.read_text(encoding="utf-8")
    for name, bucket in (("raw", raw), ("processed", processed)):
        text = text.replace(f"data-lake-{name}-000000000000-us-east-1", bucket)
    told: dict[str, Any] = json.loads(text, object_hook=_meant)
    return told


def _spelled(value: Any) -> Any:
    return {"base64": base64.b64encode(value).decode()} if isinstance(value, bytes) else str(value)


def _meant(value: dict[str, Any]) -> Any:
    return base64.b64decode(value["base64"]) if value.keys() == {"base64"} else value
