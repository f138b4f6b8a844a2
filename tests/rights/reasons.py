"""Rights that only AWS asks for, or only after a fault: why each is there, and who says so."""

from __future__ import annotations

from typing import NamedTuple


class Right(NamedTuple):
    """A statement of a role, or one of its actions."""

    role: str
    sid: str
    action: str = ""

    def __str__(self) -> str:
        """Name it as the command line does."""
        return "/".join(filter(None, self))


_TAKES = (
    "in AWS: Lambda takes and deletes the messages in the name of the role "
    "([source](https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html))"
)
_LOGS = (
    "in AWS: Lambda writes the function's log in the name of the role "
    "([source](https://docs.aws.amazon.com/lambda/latest/dg/lambda-intro-execution-role.html))"
)
_TRACES = (
    "in AWS: Lambda sends traces in the name of the role "
    "([source](https://docs.aws.amazon.com/lambda/latest/dg/services-xray.html))"
)
_STREAM = (
    "in AWS: Lambda reads the stream in the name of the role "
    "([source](https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/iam-policy-example-lamda-process-dynamodb-streams.html))"
)
_KEEPS = (
    "in AWS: after a fault only; Lambda sends what it could not deliver in the name of the role "
    "([source](https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html))"
)
_PARTS = (
    "after a fault only: removes the parts of an upload that failed; else they cost until the "
    "bucket's lifecycle removes them"
)

_GONE = (
    "in AWS: S3 answers 404 for an object that is gone, and 403 to who may not list "
    "([source](https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html))"
)
_ATHENA = (
    "in AWS: Athena asks for it in the name of the role "
    "([source](https://docs.aws.amazon.com/athena/latest/ug/managed-policies.html))"
)
_CATALOG = (
    "in AWS: Athena reads the catalog in the name of the role "
    "([source](https://docs.aws.amazon.com/athena/latest/ug/fine-grained-access-to-glue-resources.html))"
)
_CRAWLS = (
    "in AWS: Glue's crawler makes and changes partitions one by one, too "
    "([source](https://docs.aws.amazon.com/glue/latest/dg/create-service-policy.html))"
)
_LOCATES = (
    "in AWS: Glue's crawler asks where a bucket is "
    "([source](https://docs.aws.amazon.com/glue/latest/dg/create-service-policy.html))"
)
_CRAWL_LOGS = (
    "in AWS: the crawler writes its log "
    "([source](https://docs.aws.amazon.com/glue/latest/dg/monitor-cloudwatch.html))"
)

#: By role (empty: each), then by statement and action (empty: all of it).
_REASONS: dict[str, dict[tuple[str, str], str]] = {
    "": {
        ("WriteLogs", ""): _LOGS,
        ("SendTraces", ""): _TRACES,
    },
    "ProcessorRole": {
        ("TakeMessages", ""): _TAKES,
        ("TellGoneFromForbidden", ""): _GONE,
        ("WriteOutputs", "s3:AbortMultipartUpload"): _PARTS,
    },
    "CuratorRole": {
        ("TakeAndSendMessages", "sqs:ReceiveMessage"): _TAKES,
        ("TakeAndSendMessages", "sqs:DeleteMessage"): _TAKES,
        ("TakeAndSendMessages", "sqs:GetQueueAttributes"): _TAKES,
        ("ListBuckets", "s3:GetBucketLocation"): _ATHENA,
        ("ListBuckets", "s3:ListBucketMultipartUploads"): _ATHENA,
        ("WriteTables", "s3:AbortMultipartUpload"): _ATHENA,
        ("WriteTables", "s3:ListMultipartUploadParts"): _ATHENA,
        ("KeepResults", "s3:GetObject"): _ATHENA,
        ("KeepResults", "s3:AbortMultipartUpload"): _ATHENA,
        ("KeepResults", "s3:ListMultipartUploadParts"): _ATHENA,
        ("PublishTables", "glue:GetDatabase"): _CATALOG,
        ("PublishTables", "glue:GetPartition"): _CATALOG,
    },
    "RecorderRole": {
        ("ReadStream", ""): _STREAM,
        ("TellMissingFromForbidden", ""): _GONE,
        ("KeepWhatFailed", ""): _KEEPS,
    },
    "CrawlerRole": {
        ("WriteLogs", ""): _CRAWL_LOGS,
        ("ListTargets", "s3:GetBucketLocation"): _LOCATES,
        **{
            ("RegisterTables", f"glue:{action}"): _CRAWLS
            for action in (
                "GetTables",
                "GetPartition",
                "BatchGetPartition",
                "CreatePartition",
                "UpdatePartition",
                "BatchUpdatePartition",
            )
        },
    },
}


def reason(right: Right) -> str:
    """Say why a right is there that nothing on the local lake needs; empty for all others."""
    for role in (right.role, ""):
        known = _REASONS.get(role, {})
        for action in (right.action, ""):
            if found := known.get((right.sid, action)):
                return found
    return ""
