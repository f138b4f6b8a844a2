"""A lake goes over to a key of its own, and logs who accesses it; `make test-chaos` runs it.

IAM, the key's policy and the state of the key decide, for whatever S3 and SQS do for somebody
(`localaws/keys.py`).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.conftest import ROOT, lake_up, until
from tests.local.test_people import answer, person

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import LocalLake

pytestmark = pytest.mark.chaos

LOGS = "access-logs-of-the-lake"

ORDERS = b'{"id": 1, "date": "2024-01-15", "v": "x"}\n{"id": 2\n'


def made_key(lake: LocalLake, stack: str) -> str:
    """Deploy the example's key."""
    formation = lake.client("cloudformation")
    formation.create_stack(
        StackName=stack, TemplateBody=(ROOT / "examples/key/key.yaml").read_text(encoding="utf-8")
    )
    formation.get_waiter("stack_create_complete").wait(StackName=stack)
    (told,) = formation.describe_stacks(StackName=stack)["Stacks"]
    return str(told["Outputs"][0]["OutputValue"])


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalLake]:
    with lake_up(tmp_path_factory.mktemp("key") / "state") as up:
        up.ingest("data/before/a.json", ORDERS)
        yield up


@pytest.fixture(scope="module")
def key(lake: LocalLake) -> str:
    """The ARN of the key with which the lake was deployed anew."""
    key = made_key(lake, "lake-key")
    lake.client("s3").create_bucket(Bucket=LOGS)
    lake.command(
        *("lake", "--local", "deploy", "--parameter", f"KmsKeyArn={key}"),
        *("--parameter", f"AccessLogBucketName={LOGS}"),
    )
    # Commits are recorded after a minute, else.
    functions = lake.client("lambda")
    (mapping,) = functions.list_event_source_mappings(
        FunctionName=lake.outputs["RecorderFunctionName"]
    )["EventSourceMappings"]
    functions.update_event_source_mapping(UUID=mapping["UUID"], MaximumBatchingWindowInSeconds=1)
    return key


def objects(lake: LocalLake, bucket: str, prefix: str = "") -> list[str]:
    listed = lake.client("s3").list_objects_v2(Bucket=lake.outputs[bucket], Prefix=prefix)
    return [one["Key"] for one in listed.get("Contents", [])]


def role(lake: LocalLake) -> str:
    """The name of the function's role."""
    function = lake.client("lambda").get_function_configuration(
        FunctionName=lake.outputs["ProcessorFunctionName"]
    )
    return str(function["Role"].rpartition("/")[2])


def encrypted_with(lake: LocalLake, raw_key: str) -> str:
    """Wait until an object is given up for its key; give what is said of it."""
    until("it is decided", lambda: lake.entry(raw_key).get("status") == "FAILED")
    until("the message is done with", lambda: not lake.messages())
    (told,) = json.loads(lake.command("lake", "files", "--key", raw_key, "--json").stdout)
    assert told["reason"] == "OBJECT_ENCRYPTED"
    return str(told["detail"])


def keys(lake: LocalLake, bucket: str, prefix: str) -> set[str | None]:
    """The keys that encrypt what is in a bucket."""
    s3, name = lake.client("s3"), lake.outputs[bucket]
    return {
        s3.head_object(Bucket=name, Key=one).get("SSEKMSKeyId")
        for one in objects(lake, bucket, prefix)
    }


def test_all_that_is_written_has_the_key_and_what_was_written_before_is_read(
    lake: LocalLake, key: str
) -> None:
    lake.ingest("data/after/a.json", ORDERS)
    lake.ingest("data/after/a.json", ORDERS + b'{"id": 3, "date": "2024-01-15", "v": "y"}\n')
    lake.ingest("data/after/image.png", b"\x89PNG\r\n\x1a\n" + bytes(64))
    lake.command("lake", "put", "samples/test-data.json", "--dataset", "sales", expect=None)
    counts = "SELECT (SELECT count(*) FROM before) AS b, (SELECT count(*) FROM after) AS a"
    assert lake.query(counts) == [{"b": 1, "a": 2}]
    lake.command("lake", "crawl", "--wait")
    assert lake.query(counts) == [{"b": 1, "a": 2}]
    lake.command("lake", "reconcile", "--grace", "0")

    assert keys(lake, "RawBucketName", "data/before/") == {None}
    for bucket, prefix in (
        ("RawBucketName", "data/after/"),
        ("ProcessedBucketName", "processed/after/"),
        ("ProcessedBucketName", "objects/"),
        ("ProcessedBucketName", "athena-results/"),
    ):
        assert keys(lake, bucket, prefix) == {key}, (bucket, prefix)
    # Of both objects.
    assert keys(lake, "ProcessedBucketName", "quarantine/") == {None, key}
    until("commits are recorded", lambda: objects(lake, "ProcessedBucketName", "lake_runs/"))
    assert keys(lake, "ProcessedBucketName", "lake_runs/") == {key}


def test_queues_ledger_and_logs_have_the_key_too(lake: LocalLake, key: str) -> None:
    sqs, found = lake.client("sqs"), 0
    for url in sqs.list_queues()["QueueUrls"]:
        told = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["KmsMasterKeyId"])
        assert told["Attributes"]["KmsMasterKeyId"] == key, url
        found += 1
    assert found == 5
    table = lake.client("dynamodb").describe_table(TableName=lake.outputs["LedgerTableName"])
    assert table["Table"]["SSEDescription"]["KMSMasterKeyArn"] == key
    for group in lake.client("logs").describe_log_groups(
        logGroupNamePrefix="/aws/lambda/data-lake"
    )["logGroups"]:
        assert group["kmsKeyId"] == key, group["logGroupName"]


def test_accesses_are_logged_below_the_name_of_each_bucket(lake: LocalLake, key: str) -> None:
    assert key
    for output, name in (
        ("RawBucketName", "raw"),
        ("ProcessedBucketName", "processed"),
        ("CuratedBucketName", "curated"),
    ):
        told = lake.client("s3").get_bucket_logging(Bucket=lake.outputs[output])["LoggingEnabled"]
        assert (told["TargetBucket"], told["TargetPrefix"]) == (LOGS, f"data-lake-{name}/")


def test_an_object_with_another_key_is_failed_and_says_what_to_do(
    lake: LocalLake, key: str
) -> None:
    other = made_key(lake, "producers-key")
    assert other != key
    lake.client("s3").put_object(
        Bucket=lake.outputs["RawBucketName"],
        Key="data/foreign/a.json",
        Body=ORDERS,
        ServerSideEncryption="aws:kms",
        SSEKMSKeyId=other,
    )
    assert other in encrypted_with(lake, "data/foreign/a.json")

    statement = {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": other}
    lake.client("iam").put_role_policy(
        RoleName=role(lake),
        PolicyName="foreign",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )
    lake.command("lake", "replay", "--dataset", "foreign", "--yes", expect=2)
    assert lake.query("SELECT count(*) AS n FROM foreign") == [{"n": 1}]


@pytest.fixture
def without(lake: LocalLake) -> Iterator[Callable[[str], None]]:
    """Takes a policy from the function's role until the test ends."""
    iam, kept = lake.client("iam"), {}

    def take(policy: str) -> None:
        kept[policy] = iam.get_role_policy(RoleName=role(lake), PolicyName=policy)["PolicyDocument"]
        iam.delete_role_policy(RoleName=role(lake), PolicyName=policy)

    yield take
    for policy, document in kept.items():
        iam.put_role_policy(
            RoleName=role(lake), PolicyName=policy, PolicyDocument=json.dumps(document)
        )


def test_the_function_reads_with_its_right_to_the_key(
    lake: LocalLake, key: str, without: Callable[[str], None]
) -> None:
    without("ReadWithKey")
    lake.upload("data/rights/read.json", ORDERS)
    assert key in encrypted_with(lake, "data/rights/read.json")


def test_the_function_writes_with_its_right_to_the_key(
    lake: LocalLake, key: str, without: Callable[[str], None]
) -> None:
    without("WriteWithKey")
    heard = len(lake.log())
    lake.upload("data/rights/write.json", ORDERS)
    said = f"is not authorized to perform: kms:GenerateDataKey on resource: {key}"
    until("it is refused", lambda: said in lake.log()[heard:])


def test_without_its_key_the_lake_says_so_and_with_it_goes_on(lake: LocalLake, key: str) -> None:
    kms = lake.client("kms")
    kms.disable_key(KeyId=key)
    for words in (
        ("query", "SELECT * FROM after"),
        ("put", "samples/test-data.json", "--dataset", "disabled"),
    ):
        done = lake.command("lake", *words, expect=1)
        assert "Traceback" not in done.stderr
        assert "KMS.DisabledException" in done.stderr, (words, done.stderr)
    with pytest.raises(ClientError, match="Disabled"):
        lake.upload("data/disabled/a.json", ORDERS)
    kms.enable_key(KeyId=key)
    assert lake.ingest("data/disabled/a.json", ORDERS)["status"] == "PARTIAL"


def test_people_have_the_rights_to_the_key_that_they_need(lake: LocalLake, key: str) -> None:
    lake.command("lake", "--local", "deploy", "--parameter", "PeoplePolicies=create")
    del lake.__dict__["outputs"]
    analyst = person(lake, "AnalystPolicyArn")
    _, rows = answer(analyst.client("athena"), "SELECT count(*) FROM after", lake)
    assert rows[1]["Data"][0]["VarCharValue"] == "2"
    producer = person(lake, "ProducerPolicyArn", lake_dataset="produced").client("s3")
    raw: dict[str, Any] = {"Bucket": lake.outputs["RawBucketName"], "Key": "data/produced/a.json"}
    producer.put_object(**raw, Body=ORDERS)
    assert keys(lake, "RawBucketName", "data/produced/") == {key}
    told = person(lake, "OperatorPolicyArn").runs(
        "put", "samples/test-data.json", "--dataset", "operated"
    )
    assert "operated" in told
