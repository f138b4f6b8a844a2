"""What was stored is there again after a kill, and objects cost no memory."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from localaws.persistence import CLEAN
from localaws.tests.server.conftest import BUCKET, Server, free_port, running, until
from localaws.tests.server.functions import deploy


def saved(server: Server) -> None:
    """Wait until everything that was done is on disk."""
    asked, state = time.time(), server.folder / "data" / "state" / "sqs.json"
    server.client("sqs").create_queue(QueueName=f"last-{asked:.0f}")
    mark = f"last-{asked:.0f}"
    until("the state is saved", lambda: state.exists() and mark in state.read_text())


def everything(server: Server, queue: str) -> dict[str, Any]:
    """What a user would look for."""
    s3, sqs = server.client("s3"), server.client("sqs")
    versions = s3.list_object_versions(Bucket=BUCKET)
    named = {"TableName": "ttt", "Key": {"k": {"S": "1"}}}
    message = sqs.receive_message(QueueUrl=queue, VisibilityTimeout=3600, WaitTimeSeconds=1)
    return {
        "versions": [(v["Key"], v["VersionId"]) for v in versions["Versions"]],
        "bodies": [
            s3.get_object(Bucket=BUCKET, Key=v["Key"], VersionId=v["VersionId"])["Body"].read()
            for v in versions["Versions"]
        ],
        "markers": [(v["Key"], v["IsLatest"]) for v in versions["DeleteMarkers"]],
        "policy": json.loads(s3.get_bucket_policy(Bucket=BUCKET)["Policy"]),
        "item": server.client("dynamodb").get_item(**named)["Item"],
        "message": [one["Body"] for one in message["Messages"]],
        "tables": server.client("glue").get_tables(DatabaseName="d")["TableList"][0]["Name"],
        "answer": json.load(server.client("lambda").invoke(FunctionName="f")["Payload"])["note"],
        "roles": [one["RoleName"] for one in server.client("iam").list_roles()["Roles"]],
    }


def test_a_killed_server_has_the_same_when_it_starts_again(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        s3, dynamodb, glue = (server.client(name) for name in ("s3", "dynamodb", "glue"))
        s3.create_bucket(Bucket=BUCKET)
        s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        root = {"AWS": "arn:aws:iam::000000000000:root"}
        allow = {"Effect": "Allow", "Principal": root, "Action": "s3:*", "Resource": "*"}
        s3.put_bucket_policy(
            Bucket=BUCKET, Policy=json.dumps({"Version": "2012-10-17", "Statement": [allow]})
        )
        for key, body in (("a", b"1"), ("a", b"2"), ("a/b =+%.meta.json", b"3"), ("gone", b"4")):
            s3.put_object(Bucket=BUCKET, Key=key, Body=body)
        s3.delete_object(Bucket=BUCKET, Key="gone")
        dynamodb.create_table(
            TableName="ttt",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        )
        dynamodb.put_item(TableName="ttt", Item={"k": {"S": "1"}, "b": {"B": b"\x00\xff"}})
        glue.create_database(DatabaseInput={"Name": "d"})
        glue.create_table(DatabaseName="d", TableInput={"Name": "x"})
        queue = server.client("sqs").create_queue(QueueName="q")["QueueUrl"]
        server.client("sqs").send_message(QueueUrl=queue, MessageBody="hello")
        deploy(server, "f", memory=128)
        before = everything(server, queue)
        assert len(before["versions"]) == 4
        saved(server)
        server.end(kill=True)
        assert not (tmp_path / "data" / "state" / CLEAN).exists()
        # The message is in flight: who held it is gone. The old port may be taken meanwhile.
        old, server.port = server.port, free_port()
        server.start()
        assert everything(server, queue.replace(str(old), str(server.port))) == before
        server.end()
        assert (tmp_path / "data" / "state" / CLEAN).exists()
        assert "Traceback" not in server.log


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_versions_of_objects_are_in_files_and_not_in_memory(aws: Server) -> None:
    assert aws.process is not None
    status = Path(f"/proc/{aws.process.pid}/status")

    def resident() -> int:
        (line,) = [one for one in status.read_text().splitlines() if one.startswith("VmRSS")]
        return int(line.split()[1]) >> 10

    s3 = aws.client("s3")
    s3.create_bucket(Bucket="large")
    s3.put_bucket_versioning(Bucket="large", VersioningConfiguration={"Status": "Enabled"})

    def put(n: int) -> Any:
        return s3.put_object(Bucket="large", Key="x", Body=bytes([n]) * 5_000_000)

    put(0)
    before = resident()
    first = put(1)["VersionId"]
    for n in range(2, 21):
        put(n)
    assert resident() - before < 50
    assert s3.get_object(Bucket="large", Key="x", VersionId=first)["Body"].read(2) == b"\x01\x01"
