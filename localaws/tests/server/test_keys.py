"""Objects and messages that a key of KMS encrypts are for those who may use the key."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from localaws.tests.server.conftest import BUCKET
from localaws.tests.server.test_rights import Role, allow, document, refuses

if TYPE_CHECKING:
    from localaws.tests.server.conftest import Server

ROOT = {"AWS": "arn:aws:iam::000000000000:root"}

#: All that the callers here need beside the key.
OPEN = allow("s3:*", "sqs:*")


@pytest.fixture
def key(aws: Server) -> str:
    """The ARN of a key over which IAM decides."""
    everybody = {"Effect": "Allow", "Principal": ROOT, "Action": "kms:*", "Resource": "*"}
    made = aws.client("kms").create_key(Policy=document(everybody))
    return str(made["KeyMetadata"]["Arn"])


@pytest.fixture
def sealed(aws: Server, key: str) -> dict[str, str]:
    """An object that the key encrypts."""
    named = {"Bucket": BUCKET, "Key": f"k/{uuid.uuid4().hex}"}
    aws.client("s3").put_object(**named, Body=b"x", ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
    return named


def code(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


def using(*actions: str, key: str, via: str) -> dict[str, Any]:
    service = {"StringEquals": {"kms:ViaService": f"{via}.us-east-1.amazonaws.com"}}
    return allow(*actions, on=key, Condition=service)


def test_an_object_is_read_by_who_may_use_its_key(
    aws: Server, key: str, sealed: dict[str, str]
) -> None:
    without = Role(aws, OPEN).client("s3")
    with pytest.raises(ClientError, match="kms:Decrypt") as denied:
        without.get_object(**sealed)
    assert code(denied) == "AccessDenied"
    # Its description is no secret of the key's.
    assert without.head_object(**sealed)["SSEKMSKeyId"] == key
    assert refuses(
        Role(aws, OPEN, using("kms:Decrypt", key=key, via="sqs")).client("s3").get_object, **sealed
    )
    within = Role(aws, OPEN, using("kms:Decrypt", key=key, via="s3")).client("s3")
    assert within.get_object(**sealed)["Body"].read() == b"x"


def test_iam_alone_does_not_give_a_key_whose_policy_names_others(aws: Server) -> None:
    somebody = {"AWS": Role(aws, OPEN).arn}
    policy = document(
        {"Effect": "Allow", "Principal": ROOT, "Action": "kms:Put*", "Resource": "*"},
        {"Effect": "Allow", "Principal": somebody, "Action": "kms:*", "Resource": "*"},
    )
    closed = aws.client("kms").create_key(Policy=policy)["KeyMetadata"]["Arn"]
    named = {"Bucket": BUCKET, "Key": f"k/{uuid.uuid4().hex}"}
    aws.client("s3").put_object(
        **named, Body=b"x", ServerSideEncryption="aws:kms", SSEKMSKeyId=closed
    )
    assert refuses(Role(aws, OPEN, allow("kms:*")).client("s3").get_object, **named)


def test_an_object_is_written_by_who_may_make_keys_of_its_key(aws: Server, key: str) -> None:
    s3, bucket = aws.client("s3"), f"b-{uuid.uuid4().hex[:8]}"
    s3.create_bucket(Bucket=bucket)
    rule = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    s3.put_bucket_encryption(
        Bucket=bucket,
        ServerSideEncryptionConfiguration={"Rules": [{"ApplyServerSideEncryptionByDefault": rule}]},
    )
    reads = Role(aws, OPEN, using("kms:Decrypt", key=key, via="s3")).client("s3")
    writes = Role(aws, OPEN, using("kms:GenerateDataKey", key=key, via="s3")).client("s3")
    both = Role(aws, OPEN, using("kms:GenerateDataKey", "kms:Decrypt", key=key, via="s3")).client(
        "s3"
    )
    assert refuses(reads.put_object, Bucket=bucket, Key="a", Body=b"x")
    assert not refuses(writes.put_object, Bucket=bucket, Key="a", Body=b"x")
    # A producer's own choice counts, not the bucket's.
    assert not refuses(
        reads.put_object, Bucket=bucket, Key="b", Body=b"x", ServerSideEncryption="AES256"
    )
    assert refuses(writes.create_multipart_upload, Bucket=bucket, Key="c")
    upload = {"Bucket": bucket, "Key": "c"}
    upload["UploadId"] = both.create_multipart_upload(**upload)["UploadId"]
    assert refuses(writes.upload_part, **upload, PartNumber=1, Body=b"x")
    part = both.upload_part(**upload, PartNumber=1, Body=b"x")["ETag"]
    both.complete_multipart_upload(
        **upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part}]}
    )
    assert refuses(writes.get_object, Bucket=bucket, Key="c")
    assert both.get_object(Bucket=bucket, Key="c")["Body"].read() == b"x"
    # A copy reads its source.
    assert refuses(writes.copy_object, Bucket=bucket, Key="d", CopySource=f"{bucket}/c")


def test_nobody_reads_with_a_key_that_is_disabled(
    aws: Server, key: str, sealed: dict[str, str]
) -> None:
    aws.client("kms").disable_key(KeyId=key)
    with pytest.raises(ClientError) as refused:
        aws.client("s3").get_object(**sealed)
    assert code(refused) == "KMS.DisabledException"
    aws.client("kms").enable_key(KeyId=key)
    assert aws.client("s3").get_object(**sealed)["Body"].read() == b"x"


def test_messages_are_sent_and_taken_by_who_may_use_the_queues_key(aws: Server, key: str) -> None:
    url = aws.client("sqs").create_queue(
        QueueName=f"q-{uuid.uuid4().hex[:8]}", Attributes={"KmsMasterKeyId": key}
    )["QueueUrl"]
    takes = Role(aws, OPEN, using("kms:Decrypt", key=key, via="sqs")).client("sqs")
    sends = Role(aws, OPEN, using("kms:Decrypt", "kms:GenerateDataKey", key=key, via="sqs")).client(
        "sqs"
    )
    none = Role(aws, OPEN).client("sqs")
    for call in (takes.send_message, none.send_message):
        with pytest.raises(ClientError, match="kms:GenerateDataKey"):
            call(QueueUrl=url, MessageBody="x")
    sends.send_message(QueueUrl=url, MessageBody=json.dumps({"n": 1}))
    with pytest.raises(ClientError, match="kms:Decrypt"):
        none.receive_message(QueueUrl=url)
    (message,) = takes.receive_message(QueueUrl=url)["Messages"]
    assert json.loads(message["Body"]) == {"n": 1}


def test_a_bucket_that_blocks_keys_of_producers_refuses_them(aws: Server) -> None:
    s3, secret = aws.client("s3"), "k" * 32
    named = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": secret, "Body": b"x"}
    for blocked in (False, True):
        bucket = f"b-{uuid.uuid4().hex[:8]}"
        aws.client("cloudformation").create_stack(
            StackName=bucket,
            TemplateBody=json.dumps(
                {
                    "Resources": {
                        "Bucket": {
                            "Type": "AWS::S3::Bucket",
                            "Properties": {
                                "BucketName": bucket,
                                "BucketEncryption": {
                                    "ServerSideEncryptionConfiguration": [
                                        {
                                            "ServerSideEncryptionByDefault": {
                                                "SSEAlgorithm": "AES256"
                                            },
                                            "BlockedEncryptionTypes": {
                                                "EncryptionType": ["SSE-C" if blocked else "NONE"]
                                            },
                                        }
                                    ]
                                },
                            },
                        }
                    }
                }
            ),
        )
        aws.client("cloudformation").get_waiter("stack_create_complete").wait(StackName=bucket)
        (rule,) = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"][
            "Rules"
        ]
        assert rule["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
        assert refuses(s3.put_object, Bucket=bucket, Key="a", **named) is blocked
        s3.put_object(Bucket=bucket, Key="b", Body=b"x")
