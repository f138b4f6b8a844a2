"""IAM decides over the action, the resource and the keys over which it decides in AWS."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from localaws.tests.server.conftest import BUCKET, DATABASE, WORKGROUP
from localaws.tests.server.test_athena import Athena, parquet, put

if TYPE_CHECKING:
    from collections.abc import Callable

    from localaws.tests.server.conftest import Server

AWS = "arn:aws:{}:us-east-1:000000000000:{}"


class Role:
    """A role, and who has assumed it."""

    def __init__(self, aws: Server, *statements: dict[str, Any]) -> None:
        self.aws, self.name = aws, f"r-{uuid.uuid4().hex[:8]}"
        iam = aws.client("iam")
        root = {"AWS": "arn:aws:iam::000000000000:root"}
        trust = {"Effect": "Allow", "Principal": root, "Action": "sts:AssumeRole"}
        made = iam.create_role(RoleName=self.name, AssumeRolePolicyDocument=document(trust))
        iam.put_role_policy(
            RoleName=self.name, PolicyName="p", PolicyDocument=document(*statements)
        )
        self.arn: str = made["Role"]["Arn"]
        self.key = aws.client("sts").assume_role(RoleArn=self.arn, RoleSessionName=self.name)[
            "Credentials"
        ]

    def client(self, service: str) -> Any:
        key = self.key
        return self.aws.client(
            service, key["AccessKeyId"], key["SecretAccessKey"], key["SessionToken"]
        )


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def allow(*actions: str, on: str | list[str] = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": on, **more}


def refuses(call: Callable[..., Any], **told: Any) -> bool:
    try:
        call(**told)
    except ClientError as error:
        if "AccessDenied" not in error.response["Error"]["Code"]:
            raise
        return True
    return False


@pytest.fixture
def table(aws: Server) -> str:
    name = f"t-{uuid.uuid4().hex[:8]}"
    kinds = [{"AttributeName": n, "AttributeType": "S"} for n in ("object", "kind")]
    aws.client("dynamodb").create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=kinds,
        KeySchema=[{"AttributeName": "object", "KeyType": "HASH"}],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by-kind",
                "KeySchema": [{"AttributeName": "kind", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    )
    return name


def test_a_role_may_be_held_to_items_by_their_partition_key(aws: Server, table: str) -> None:
    leading = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["model:*"]}}
    arn = AWS.format("dynamodb", f"table/{table}")
    role = Role(aws, allow("dynamodb:*", on=[arn, f"{arn}/*"], Condition=leading))
    mine, other = {"object": {"S": "model:x"}}, {"object": {"S": "other/y"}}
    db = role.client("dynamodb")
    named = {"TableName": table}
    change = {
        "UpdateExpression": "SET n = :n",
        "ExpressionAttributeValues": {":n": {"S": "model:z"}},
    }
    for key, refused in ((mine, False), (other, True)):
        assert refuses(db.put_item, **named, Item={**key, "kind": {"S": "model:k"}}) is refused
        assert refuses(db.put_item, TableName=arn, Item=key) is refused
        assert refuses(db.get_item, **named, Key=key) is refused
        assert refuses(db.update_item, **named, Key=key, **change) is refused
        found = {"KeyConditionExpression": "#o = :v", "ExpressionAttributeNames": {"#o": "object"},
                 "ExpressionAttributeValues": {":v": key["object"]}}  # fmt: skip
        assert refuses(db.query, **named, **found) is refused
        old = {"object": {"AttributeValueList": [key["object"]], "ComparisonOperator": "EQ"}}
        assert refuses(db.query, **named, KeyConditions=old) is refused
        # One of several is enough to be refused.
        assert (
            refuses(db.batch_get_item, RequestItems={table: {"Keys": [mine, key]}}) is (refused)
            if refused
            else True
        )
        put, delete = {"PutRequest": {"Item": key}}, {"DeleteRequest": {"Key": key}}
        for request in (put, delete):
            assert refuses(db.batch_write_item, RequestItems={table: [request]}) is refused
        write = [{"Put": {**named, "Item": key}}]
        assert refuses(db.transact_write_items, TransactItems=write) is refused
        assert refuses(db.delete_item, **named, Key=key) is refused
    of_index = {"IndexName": "by-kind", "KeyConditionExpression": "kind = :v"}
    for kind, refused in (("model:k", False), ("k", True)):
        values = {":v": {"S": kind}}
        asked = {**named, **of_index, "ExpressionAttributeValues": values}
        assert refuses(db.query, **asked) is refused


def test_a_batch_of_messages_is_sent_with_the_right_to_send(aws: Server) -> None:
    sqs = aws.client("sqs")
    names = [f"q-{uuid.uuid4().hex[:8]}" for _ in range(2)]
    urls = [sqs.create_queue(QueueName=name)["QueueUrl"] for name in names]
    own = AWS.format("sqs", names[0])
    client = Role(aws, allow("sqs:SendMessage", on=own)).client("sqs")
    entries = [{"Id": "1", "MessageBody": "x"}]
    for url, refused in zip(urls, (False, True), strict=True):
        assert refuses(client.send_message, QueueUrl=url, MessageBody="x") is refused
        assert refuses(client.send_message_batch, QueueUrl=url, Entries=entries) is refused
    gone = [{"Id": "1", "ReceiptHandle": "x"}]
    assert refuses(client.delete_message_batch, QueueUrl=urls[0], Entries=gone)
    # There is no such action: it allows nothing.
    client = Role(aws, allow("sqs:SendMessageBatch", on=own)).client("sqs")
    assert refuses(client.send_message_batch, QueueUrl=urls[0], Entries=entries)


def test_a_query_belongs_to_its_workgroup(aws: Server) -> None:
    role = Role(
        aws,
        allow("athena:*", on=AWS.format("athena", f"workgroup/{WORKGROUP}")),
        allow("s3:*"),
    )
    mine = Athena(aws, role.client("athena"))
    assert mine.rows("SELECT 1") == [["1"]]
    athena, output = mine.client, {"OutputLocation": f"s3://{BUCKET}/athena-results/"}
    assert not refuses(athena.stop_query_execution, QueryExecutionId=mine.start("SELECT 1"))
    start = {"QueryString": "SELECT 1", "ResultConfiguration": output}
    assert refuses(athena.start_query_execution, **start)
    assert refuses(athena.start_query_execution, **start, WorkGroup="primary")
    other = aws.client("athena").start_query_execution(**start)["QueryExecutionId"]
    for call in (
        athena.get_query_execution, athena.get_query_results, athena.stop_query_execution,
    ):  # fmt: skip
        assert refuses(call, QueryExecutionId=other)
    primary = Role(
        aws, allow("athena:*", on=AWS.format("athena", "workgroup/primary")), allow("s3:*")
    ).client("athena")
    assert not refuses(primary.start_query_execution, **start)
    assert not refuses(primary.get_query_execution, QueryExecutionId=other)


def test_a_table_needs_rights_to_its_database_and_the_catalog(aws: Server) -> None:
    glue, name = aws.client("glue"), f"m_{uuid.uuid4().hex[:8]}"
    storage = {"Columns": [{"Name": "n", "Type": "bigint"}], "Location": f"s3://{BUCKET}/{name}/"}
    for one in (name, f"x_{name}"):
        told = {"Name": one, "StorageDescriptor": storage,
                "PartitionKeys": [{"Name": "d", "Type": "string"}]}  # fmt: skip
        glue.create_table(DatabaseName=DATABASE, TableInput=told)
    catalog, database, table = (
        AWS.format("glue", one)
        for one in ("catalog", f"database/{DATABASE}", f"table/{DATABASE}/m_*")
    )

    def client(*resources: str) -> Any:
        return Role(aws, allow("glue:*", on=list(resources))).client("glue")

    whole = client(catalog, database, table)
    there = {"DatabaseName": DATABASE, "TableName": name}
    elsewhere = {"DatabaseName": DATABASE, "TableName": f"x_{name}"}
    inputs = [{"Values": ["a"], "StorageDescriptor": storage}]
    entries = [{"PartitionValueList": ["a"], "PartitionInput": inputs[0]}]
    calls: list[tuple[str, dict[str, Any]]] = [
        ("batch_create_partition", {"PartitionInputList": inputs}),
        ("batch_update_partition", {"Entries": entries}),
        ("get_partitions", {}),
        ("batch_delete_partition", {"PartitionsToDelete": [{"Values": ["a"]}]}),
    ]
    for call, told in calls:
        assert not refuses(getattr(whole, call), **there, **told)
        assert refuses(getattr(whole, call), **elsewhere, **told)
        for less in ((catalog, database), (catalog, table), (database, table)):
            assert refuses(getattr(client(*less), call), **there, **told)
    assert refuses(whole.get_table, DatabaseName=DATABASE, Name=f"x_{name}")
    assert not refuses(whole.get_table, DatabaseName=DATABASE, Name=name)
    told = {"Name": name, "StorageDescriptor": storage}
    assert not refuses(whole.update_table, DatabaseName=DATABASE, TableInput=told)
    assert refuses(whole.delete_table, DatabaseName=DATABASE, Name=f"x_{name}")
    assert not refuses(whole.get_database, Name=DATABASE)
    assert refuses(client(database).get_database, Name=DATABASE)


def test_each_object_of_a_batch_needs_the_right_to_delete_it(aws: Server) -> None:
    root = f"tests/{uuid.uuid4().hex}"
    for key in ("mine/a", "mine/b", "other/a"):
        put(aws, f"s3://{BUCKET}/{root}/{key}", parquet(n=[1]))
    own = f"arn:aws:s3:::{BUCKET}/{root}/mine/*"
    s3 = Role(aws, allow("s3:DeleteObject", on=own)).client("s3")

    def gone(*keys: str) -> dict[str, Any]:
        return {"Bucket": BUCKET, "Delete": {"Objects": [{"Key": f"{root}/{k}"} for k in keys]}}

    def left() -> list[str]:
        found = aws.client("s3").list_objects_v2(Bucket=BUCKET, Prefix=f"{root}/")
        return [one["Key"].removeprefix(f"{root}/") for one in found.get("Contents", [])]

    # AWS would delete the one and name the other among the errors of its answer.
    assert refuses(s3.delete_objects, **gone("mine/a", "other/a"))
    assert left() == ["mine/a", "mine/b", "other/a"]
    assert not refuses(s3.delete_objects, **gone("mine/a", "mine/b"))
    assert left() == ["other/a"]


def test_a_variable_of_a_resource_is_a_tag_of_who_asks(aws: Server) -> None:
    place = f"arn:aws:s3:::{BUCKET}/${{aws:PrincipalTag/team}}/*"
    role = Role(aws, allow("s3:PutObject", on=place))
    put_object = role.client("s3").put_object
    assert refuses(put_object, Bucket=BUCKET, Key="red/a", Body=b"")
    assert refuses(put_object, Bucket=BUCKET, Key="None/a", Body=b"")
    aws.client("iam").tag_role(RoleName=role.name, Tags=[{"Key": "team", "Value": "red"}])
    put_object(Bucket=BUCKET, Key="red/a", Body=b"")
    assert refuses(put_object, Bucket=BUCKET, Key="blue/a", Body=b"")
