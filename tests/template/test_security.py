"""What the template promises of keys, logs of access and policies for people."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Tree = dict[str, Any]

PEOPLE = ("AnalystPolicy", "OperatorPolicy", "ProducerPolicy")

#: What keeps data, and may be encrypted by a key of one's own.
KEEPING = {
    "AWS::Athena::WorkGroup",
    "AWS::DynamoDB::Table",
    "AWS::Logs::LogGroup",
    "AWS::S3::Bucket",
    "AWS::SNS::Topic",
    "AWS::SQS::Queue",
}


def chosen(node: Any, true: frozenset[str]) -> Any:
    """Give a part of the template with its conditions decided."""
    if isinstance(node, list):
        return [one for one in (chosen(one, true) for one in node) if one != "nothing"]
    if not isinstance(node, dict):
        return node
    if "Fn::If" in node:
        condition, there, else_ = node["Fn::If"]
        return chosen(there if condition in true else else_, true)
    if node == {"Ref": "AWS::NoValue"}:
        return "nothing"
    decided = {key: chosen(value, true) for key, value in node.items()}
    return {key: value for key, value in decided.items() if value != "nothing"}


def statements(policy: Tree, *true: str) -> Iterator[Tree]:
    yield from chosen(policy["Properties"]["PolicyDocument"]["Statement"], frozenset(true))


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def test_with_a_key_all_that_is_kept_is_encrypted_by_it_and_without_nothing_changes(
    translated: Tree,
) -> None:
    seen = set()
    for name, resource in translated["Resources"].items():
        if resource["Type"] in KEEPING:
            seen.add(resource["Type"])
            with_key = json.dumps(chosen(resource, frozenset({"HasKey"})))
            assert '{"Ref": "KmsKeyArn"}' in with_key, name
            assert not re.search("AES256|SSE_S3|SqsManagedSse", with_key), name
            assert "KmsKeyArn" not in json.dumps(chosen(resource, frozenset())), name
        else:
            conditional = resource.get("Condition") == "HasKey" or name in PEOPLE
            assert conditional or "KmsKeyArn" not in json.dumps(resource), name
    assert seen == KEEPING


def test_objects_with_a_key_cost_no_call_each(translated: Tree) -> None:
    for bucket in ("RawBucket", "ProcessedBucket", "CuratedBucket"):
        properties = chosen(translated["Resources"][bucket], frozenset({"HasKey"}))["Properties"]
        (rule,) = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        assert rule["BucketKeyEnabled"] is True


def test_every_role_may_use_the_key_by_services_only(translated: Tree) -> None:
    reading, writing = (translated["Resources"][name] for name in ("KeyReaders", "KeyWriters"))
    roles = {n for n, one in translated["Resources"].items() if one["Type"] == "AWS::IAM::Role"}
    assert {one["Ref"] for one in reading["Properties"]["Roles"]} == roles
    assert {one["Ref"] for one in writing["Properties"]["Roles"]} == roles - {"CrawlerRole"}
    for policy in (reading, writing):
        (statement,) = statements(policy)
        assert statement["Resource"] == {"Ref": "KmsKeyArn"}
        assert "kms:ViaService" in statement["Condition"]["StringEquals"]


def test_the_example_of_a_key_lets_in_every_service_that_uses_it(root: Path) -> None:
    class Loader(yaml.SafeLoader):
        """Reads the functions of CloudFormation as plain values."""

    Loader.add_multi_constructor("!", lambda loader, _, node: loader.construct_scalar(node))
    text = (root / "examples" / "key" / "key.yaml").read_text(encoding="utf-8")
    key = yaml.load(text, Loader)["Resources"]["Key"]["Properties"]  # noqa: S506  # a SafeLoader
    let_in = {
        one["Principal"]["Service"]
        for one in key["KeyPolicy"]["Statement"]
        if "Service" in one["Principal"]
    }
    assert let_in == {
        "s3.amazonaws.com",
        "logs.${AWS::Region}.amazonaws.com",
        "cloudwatch.amazonaws.com",
    }
    assert key["EnableKeyRotation"] is True


def test_access_to_each_bucket_is_logged_where_it_is_wanted(translated: Tree) -> None:
    for name in ("raw", "processed", "curated"):
        bucket = translated["Resources"][f"{name.title()}Bucket"]
        assert "LoggingConfiguration" not in chosen(bucket, frozenset())["Properties"]
        told = chosen(bucket, frozenset({"LogsAccess"}))["Properties"]["LoggingConfiguration"]
        assert told == {
            "DestinationBucketName": {"Ref": "AccessLogBucketName"},
            "LogFilePrefix": {"Fn::Sub": f"${{Prefix}}-{name}/"},
        }


@pytest.mark.parametrize("name", PEOPLE)
def test_people_are_granted_named_actions_on_named_resources(translated: Tree, name: str) -> None:
    policy = translated["Resources"][name]
    assert policy["Condition"] == "MakesPeoplePolicies"
    found = list(statements(policy, "HasKey"))
    assert len({one["Sid"] for one in found}) == len(found)
    for statement in found:
        assert not [action for action in listed(statement["Action"]) if "*" in action]
        # Only these have no resources to name.
        if "*" in listed(statement["Resource"]):
            assert statement["Action"] == [
                "cloudwatch:DescribeAlarms",
                "cloudwatch:GetMetricStatistics",
                "cloudwatch:ListMetrics",
                "glue:GetCrawlerMetrics",
                "lambda:GetAccountSettings",
                "lambda:ListEventSourceMappings",
                "logs:DescribeLogGroups",
                "servicequotas:ListServiceQuotas",
            ]


def test_a_producer_uploads_where_its_tag_says(translated: Tree) -> None:
    (upload,) = statements(translated["Resources"]["ProducerPolicy"])
    (place,) = (one["Fn::Sub"].rpartition("${RawBucket}/")[2] for one in [upload["Resource"]])
    # CloudFormation leaves ${!…} to IAM.
    assert place == "data/${!aws:PrincipalTag/lake-dataset}/*"


def test_the_page_tells_what_breaks_without_each_statement(root: Path, translated: Tree) -> None:
    page = (root / "docs" / "reference" / "rights.md").read_text(encoding="utf-8")
    table = page.split("<!-- rights -->")[1].split("<!-- /rights -->")[0]
    rows = re.findall(r"^\| `(\w+)` \| `(\w+)` \| (?:all|`[\w:]+`) \| \S.*\|$", table, re.MULTILINE)
    wanted = {
        (name, statement["Sid"])
        for name, role in translated["Resources"].items()
        if role["Type"] == "AWS::IAM::Role"
        for policy in role["Properties"]["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
    }
    # A row of actions of which only AWS asks for some stands beside that of its statement.
    assert set(rows) == wanted
