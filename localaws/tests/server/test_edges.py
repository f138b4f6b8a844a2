"""Nobody comes in unsigned, and nothing listens where it was not asked to."""

from __future__ import annotations

import sys
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from localaws.tests.server.conftest import BUCKET

if TYPE_CHECKING:
    from localaws.tests.server.conftest import Server

#: As an SDK would send it, but by nobody that is known here.
UNKNOWN = (
    "AWS4-HMAC-SHA256 Credential=AKIAUNKNOWN/20240115/us-east-1/s3/aws4_request, "
    "SignedHeaders=host, Signature=00"
)

UNSIGNED = [
    "/", f"/{BUCKET}", f"/{BUCKET}/key", "/?Action=ListUsers", "/2015-03-31/functions",
    "/v20180820/tags/x", "/iceberg/v1/config", "/2018-06-01/runtime/invocation/next",
    "/?X-Amz-Credential=test", f"/{BUCKET}?AWSAccessKeyId=test", "/restapi/x",
    "/_ministack/sqs/messages", "/_ministack/reset", "/_ministack/config", "/_ministack/ready",
    "/_ministack/lambda-code/f", "/_localstack/health", "/_aws/execute-api/a/b", "/health",
    "/latest/meta-data/iam/security-credentials/", "/v2/credentials/x", "/v4/tasks",
]  # fmt: skip


def status(url: str, method: str = "GET", **headers: str) -> int:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    asked = urllib.request.Request(url, method=method, headers=named)
    try:
        with urllib.request.urlopen(asked, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


@pytest.mark.parametrize("path", UNSIGNED)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS"])
def test_a_request_without_a_signature_is_refused(aws: Server, path: str, method: str) -> None:
    assert status(aws.endpoint + path, method) == 403


@pytest.mark.parametrize("path", UNSIGNED)
def test_the_signature_of_nobody_is_refused(aws: Server, path: str) -> None:
    assert status(aws.endpoint + path, Authorization=UNKNOWN) in (400, 403)


def test_whether_it_is_up_may_be_asked_by_anybody(aws: Server) -> None:
    assert status(f"{aws.endpoint}/_ministack/health") == 200
    assert status(f"{aws.endpoint}/_ministack/health", "POST") == 403


def test_a_link_that_was_signed_works_until_it_is_changed(aws: Server) -> None:
    s3 = aws.client("s3")
    s3.put_object(Bucket=BUCKET, Key="tests/linked", Body=b"x")
    iam = aws.client("iam")
    iam.create_user(UserName="linker")
    iam.put_user_policy(
        UserName="linker",
        PolicyName="p",
        PolicyDocument='{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", '
        f'"Action": "s3:GetObject", "Resource": "arn:aws:s3:::{BUCKET}/tests/*"}}]}}',
    )
    key = iam.create_access_key(UserName="linker")["AccessKey"]
    link = aws.client("s3", key["AccessKeyId"], key["SecretAccessKey"]).generate_presigned_url(
        "get_object", Params={"Bucket": BUCKET, "Key": "tests/linked"}
    )
    assert status(link) == 200
    assert status(link.replace("linked", "other")) == 403


def test_a_web_page_may_not_use_the_browsers_way_in(aws: Server) -> None:
    link = aws.client("s3").generate_presigned_url("list_buckets")
    assert status(link) == 200
    assert status(link, Origin="https://example.com") == 403
    assert status(link, Sec_Fetch_Site="cross-site") == 403


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_only_the_loopback_interface_is_listened_on(aws: Server) -> None:
    assert aws.process is not None
    folder = Path(f"/proc/{aws.process.pid}")
    sockets = set[str]()
    for one in (folder / "fd").iterdir():
        # The server opens and closes files meanwhile.
        with suppress(FileNotFoundError):
            sockets.add(str(one.readlink()).removeprefix("socket:[").removesuffix("]"))
    addresses = [
        fields[1]
        for name in ("tcp", "tcp6", "udp", "udp6")
        for fields in map(str.split, (folder / "net" / name).read_text().splitlines()[1:])
        if fields[9] in sockets and fields[3] in ("0A", "07")
    ]
    # 127.0.0.1, as the kernel writes it.
    assert addresses == [f"0100007F:{aws.port:04X}"]
