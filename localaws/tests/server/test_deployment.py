"""What CloudFormation deploys is what the template says, also where it says numbers as text."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from localaws.tests.server.conftest import BUCKET, DATABASE, until
from localaws.tests.server.test_athena import parquet, put

if TYPE_CHECKING:
    from localaws.tests.server.conftest import Server

TEMPLATE = """
AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Parameters:
  Size: {Type: Number, Default: 500}
  Window: {Type: Number, Default: 2}
  Concurrency: {Type: Number, Default: 2}
  Name: {Type: String}
  Bucket: {Type: String}
  Database: {Type: String}
Globals:
  Function: {Runtime: python3.11, Handler: index.handler, Timeout: 30}
Resources:
  Queue: {Type: AWS::SQS::Queue}
  DeadLetters: {Type: AWS::SQS::Queue}
  First:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: !Sub ${Name}-first
      InlineCode: "def handler(event, context): return len(event['Records'])"
      Events:
        Messages:
          Type: SQS
          Properties:
            Queue: !GetAtt Queue.Arn
            BatchSize: !Ref Size
            MaximumBatchingWindowInSeconds: !Ref Window
            FunctionResponseTypes: [ReportBatchItemFailures]
            ScalingConfig: {MaximumConcurrency: !Ref Concurrency}
        Sweep:
          Type: Schedule
          Properties: {Name: !Sub "${Name}-sweep", Schedule: rate(5 minutes)}
  Second:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: !Sub ${Name}-second
      InlineCode: "def handler(event, context): return 2"
      MemorySize: 256
      ReservedConcurrentExecutions: 1
      Events:
        Nightly:
          Type: Schedule
          Properties:
            Name: !Sub ${Name}-nightly
            Schedule: cron(0 3 * * ? *)
            Input: '{"nightly": true}'
  Alarm:
    Type: AWS::CloudWatch::Alarm
    Properties:
      AlarmName: !Sub ${Name}-dead-letters
      Namespace: AWS/SQS
      MetricName: ApproximateNumberOfMessagesVisible
      Dimensions: [{Name: QueueName, Value: !GetAtt DeadLetters.QueueName}]
      Statistic: Maximum
      Period: 300
      EvaluationPeriods: 1
      Threshold: 0
      ComparisonOperator: GreaterThanThreshold
      TreatMissingData: notBreaching
  CrawlerRole:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement:
          - {Effect: Allow, Principal: {Service: glue.amazonaws.com}, Action: sts:AssumeRole}
      Policies:
        - PolicyName: Crawl
          PolicyDocument:
            Version: "2012-10-17"
            Statement: [{Effect: Allow, Action: ["s3:*", "glue:*", "logs:*"], Resource: "*"}]
  Crawler:
    Type: AWS::Glue::Crawler
    Properties:
      Name: !Sub ${Name}-crawler
      Role: !GetAtt CrawlerRole.Arn
      DatabaseName: !Ref Database
      SchemaChangePolicy: {UpdateBehavior: UPDATE_IN_DATABASE, DeleteBehavior: LOG}
      Configuration: '{"Version": 1.0, "Grouping": {"TableLevelConfiguration": 4}}'
      Targets:
        S3Targets:
          - Path: !Sub s3://${Bucket}/${Name}/curated/
            Exclusions: ["models/**"]
"""


class Stack:
    """The stack of the template."""

    def __init__(self, aws: Server) -> None:
        self.aws, self.name = aws, f"s-{uuid.uuid4().hex[:8]}"
        self.client = aws.client("cloudformation")

    def apply(self, what: str, **told: str) -> str:
        """Create or update it; give the status in which that ended."""
        parameters = {"Name": self.name, "Bucket": BUCKET, "Database": DATABASE, **told}
        getattr(self.client, f"{what}_stack")(
            StackName=self.name,
            TemplateBody=TEMPLATE,
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
            Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in parameters.items()],
        )

        def ended() -> str | None:
            (found,) = self.client.describe_stacks(StackName=self.name)["Stacks"]
            status = str(found["StackStatus"])
            return None if status.endswith("_PROGRESS") else status

        return until("the stack is deployed", ended) or ""

    def mapping(self) -> dict[str, Any]:
        (found,) = self.aws.client("lambda").list_event_source_mappings(
            FunctionName=f"{self.name}-first"
        )["EventSourceMappings"]
        return dict(found)


@pytest.fixture(scope="module")
def stack(aws: Server) -> Stack:
    made = Stack(aws)
    assert made.apply("create") == "CREATE_COMPLETE"
    return made


def test_a_mapping_has_the_templates_numbers(stack: Stack) -> None:
    def told() -> list[Any]:
        found = stack.mapping()
        return [
            found["BatchSize"],
            found["MaximumBatchingWindowInSeconds"],
            found["ScalingConfig"]["MaximumConcurrency"],
        ]

    assert told() == [500, 2, 2]
    assert stack.apply("update", Size="20", Window="5", Concurrency="3") == "UPDATE_COMPLETE"
    assert told() == [20, 5, 3]
    assert stack.apply("update", Size="20", Window="0") == "UPDATE_ROLLBACK_COMPLETE"
    assert told() == [20, 5, 3]
    refused = Stack(stack.aws)
    assert refused.apply("create", Window="0").startswith("ROLLBACK_")


def test_each_function_has_its_own_schedule(stack: Stack) -> None:
    events = stack.aws.client("events")
    told = {}
    for rule in ("sweep", "nightly"):
        found = events.describe_rule(Name=f"{stack.name}-{rule}")
        (target,) = events.list_targets_by_rule(Rule=f"{stack.name}-{rule}")["Targets"]
        told[found["ScheduleExpression"]] = target["Arn"].rpartition(":")[2], target.get("Input")
    assert told == {
        "rate(5 minutes)": (f"{stack.name}-first", None),
        "cron(0 3 * * ? *)": (f"{stack.name}-second", '{"nightly": true}'),
    }
    answer = stack.aws.client("lambda").invoke(FunctionName=f"{stack.name}-second")
    assert json.load(answer["Payload"]) == 2


def test_an_alarm_is_deployed(stack: Stack) -> None:
    (found,) = stack.aws.client("cloudwatch").describe_alarms(
        AlarmNames=[f"{stack.name}-dead-letters"]
    )["MetricAlarms"]
    (dimension,) = found["Dimensions"]
    assert dimension["Name"] == "QueueName"
    assert dimension["Value"].startswith(f"{stack.name}-DeadLetters-")
    assert (found["Threshold"], found["Period"]) == (0, 300)


def test_a_crawler_leaves_what_is_excluded(stack: Stack) -> None:
    aws, glue = stack.aws, stack.aws.client("glue")
    root = f"s3://{BUCKET}/{stack.name}/curated/"
    by_hand, modelled = (f"{kind}_{stack.name.replace('-', '_')}" for kind in ("hand", "model"))
    put(aws, f"{root}{by_hand}/x.parquet", parquet(n=[1]))
    put(aws, f"{root}models/{modelled}/run=1/x.parquet", parquet(n=[1]))
    told = {
        "Name": modelled,
        "StorageDescriptor": {
            "Columns": [{"Name": "n", "Type": "bigint"}],
            "Location": f"{root}models/{modelled}/run=1/",
        },
    }
    glue.create_table(DatabaseName=DATABASE, TableInput=told)
    before = glue.get_table(DatabaseName=DATABASE, Name=modelled)["Table"]
    crawler = f"{stack.name}-crawler"

    def crawled() -> dict[str, Any] | None:
        found = glue.get_crawler(Name=crawler)["Crawler"]
        return found if found["State"] == "READY" and "LastCrawl" in found else None

    glue.start_crawler(Name=crawler)
    found = until("the crawl ends", crawled) or {}
    assert found["Targets"]["S3Targets"][0]["Exclusions"] == ["models/**"]
    assert found["LastCrawl"]["Status"] == "SUCCEEDED", found["LastCrawl"]
    tables = {
        one["Name"]
        for page in glue.get_paginator("get_tables").paginate(DatabaseName=DATABASE)
        for one in page["TableList"]
        if stack.name in one["StorageDescriptor"]["Location"]
    }
    assert tables == {by_hand, modelled}
    assert glue.get_table(DatabaseName=DATABASE, Name=modelled)["Table"] == before
