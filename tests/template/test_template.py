"""What the template promises, read off its translated form."""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from engine.write.stored import store
from lake.adopt import kept
from store.model import Source
from store.naming import MODELS, dataset_of, shape_table
from store.states import name_of
from tests.support.curation import Zone

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Tree = dict[str, Any]


def _of_type(template: Tree, kind: str) -> dict[str, Tree]:
    return {n: r for n, r in template["Resources"].items() if r["Type"] == kind}


def _statements(template: Tree) -> Iterator[tuple[str, Tree]]:
    for name, role in _of_type(template, "AWS::IAM::Role").items():
        for policy in role["Properties"].get("Policies", []):
            for statement in policy["PolicyDocument"]["Statement"]:
                yield name, statement


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _references(node: Any) -> Iterator[str]:
    """Name every resource that a part of the template depends on."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "Ref":
                yield value
            elif key == "Fn::GetAtt":
                yield (value if isinstance(value, list) else value.split("."))[0]
            elif key == "Fn::Sub":
                text = value[0] if isinstance(value, list) else value
                yield from (m.split(".")[0] for m in re.findall(r"\$\{([^!}][^}]*)\}", text))
            elif key == "DependsOn":
                yield from _listed(value)
            else:
                yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)


def test_what_is_declared(translated: Tree) -> None:
    counts = Counter(resource["Type"] for resource in translated["Resources"].values())
    assert counts == {
        "AWS::Athena::NamedQuery": 4,
        "AWS::Athena::WorkGroup": 2,
        "AWS::CloudWatch::Alarm": 17,
        "AWS::CloudWatch::Dashboard": 1,
        "AWS::DynamoDB::Table": 1,
        "AWS::Events::Rule": 2,
        "AWS::Glue::Crawler": 1,
        "AWS::Glue::Database": 1,
        "AWS::Glue::Table": 3,
        "AWS::IAM::ManagedPolicy": 3,
        "AWS::IAM::Policy": 2,
        "AWS::IAM::Role": 4,
        "AWS::Lambda::EventSourceMapping": 3,
        "AWS::Lambda::Function": 3,
        "AWS::Lambda::Permission": 2,
        "AWS::Logs::LogGroup": 3,
        "AWS::S3::Bucket": 3,
        "AWS::SNS::Topic": 1,
        "AWS::SNS::TopicPolicy": 1,
        "AWS::S3::BucketPolicy": 3,
        "AWS::SQS::Queue": 5,
        "AWS::SQS::QueuePolicy": 5,
    }


@pytest.mark.parametrize(
    ("resource", "path", "name"),
    [
        ("RawBucket", "BucketName", "${Prefix}-raw-${AWS::AccountId}-${AWS::Region}"),
        ("ProcessedBucket", "BucketName", "${Prefix}-processed-${AWS::AccountId}-${AWS::Region}"),
        ("CuratedBucket", "BucketName", "${Prefix}-curated-${AWS::AccountId}-${AWS::Region}"),
        ("ProcessorFunction", "FunctionName", "${Prefix}-processor"),
        ("CuratorFunction", "FunctionName", "${Prefix}-curator"),
        ("CurateQueue", "QueueName", "${Prefix}-curate"),
        ("RecorderFunction", "FunctionName", "${Prefix}-recorder"),
        ("GlueCrawler", "Name", "${Prefix}-crawler"),
        ("AthenaWorkGroup", "Name", "${Prefix}-workgroup"),
    ],
)
def test_names_are_the_contract_with_users(
    translated: Tree, resource: str, path: str, name: str
) -> None:
    assert translated["Resources"][resource]["Properties"][path] == {"Fn::Sub": name}


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({}, "data_lake_db"),
        ({"Prefix": "data-lake-prod"}, "data_lake_prod_db"),
        ({"Prefix": "one"}, "one_db"),
        ({"Prefix": "one", "DatabaseName": "mine"}, "mine"),
        ({"Prefix": "one", "DatabaseFollowsPrefix": "false"}, "data_lake_db"),
    ],
)
def test_the_database_is_named_after_the_prefix_unless_it_has_a_name(
    root: Path, template: Tree, parameters: dict[str, str], name: str
) -> None:
    assert template["Parameters"]["Prefix"]["Default"] == "data-lake"
    assert template["Parameters"]["DatabaseName"]["Default"] == "data_lake_db"
    values = {"AWS::AccountId": "1", "AWS::Partition": "aws", "AWS::Region": "r"}
    (database,) = (
        one
        for one in kept(root / "template.yaml", values, parameters)
        if one.logical == "GlueDatabase"
    )
    assert database.name == name


def test_outputs_are_those_that_users_read(template: Tree) -> None:
    assert set(template["Outputs"]) >= {
        "RawBucketName",
        "ProcessedBucketName",
        "CuratedBucketName",
        "GlueDatabaseName",
        "GlueCrawlerName",
        "AthenaWorkGroupName",
        "ProcessorFunctionName",
        "ProcessorFunctionArn",
        "IngestQueueUrl",
        "DeadLetterQueueUrl",
        "LedgerTableName",
        "BuildersWorkGroupName",
        "CuratorFunctionName",
        "CurateQueueUrl",
        "CurateDeadLetterQueueUrl",
        "DashboardUrl",
        "RecorderFunctionName",
    }


def test_every_parameter_and_output_says_what_it_is(template: Tree) -> None:
    interface = template["Metadata"]["AWS::CloudFormation::Interface"]
    grouped = [name for group in interface["ParameterGroups"] for name in group["Parameters"]]
    assert sorted(grouped) == sorted(template["Parameters"])
    assert set(interface["ParameterLabels"]) == set(template["Parameters"])
    for name, parameter in template["Parameters"].items():
        assert parameter["Description"], name
        assert parameter["ConstraintDescription"], name
        bounded = {"AllowedValues", "AllowedPattern", "MinValue"} & set(parameter)
        assert bounded or parameter["Type"] == "CommaDelimitedList", name
        assert ("MinValue" in parameter) == ("MaxValue" in parameter), name
    for name, output in template["Outputs"].items():
        assert output["Description"], name


def test_every_parameter_is_used(template: Tree) -> None:
    used = set(_references([template[part] for part in ("Conditions", "Resources", "Outputs")]))
    assert set(template["Parameters"]) <= used


def test_no_resource_depends_on_itself(translated: Tree) -> None:
    resources = translated["Resources"]
    graph = {name: set(_references(body)) & set(resources) for name, body in resources.items()}
    done: set[str] = set()
    while ready := {name for name, needs in graph.items() if needs <= done} - done:
        done |= ready
    assert done == set(resources), f"circular: {sorted(set(resources) - done)}"


def test_no_permission_names_everything(translated: Tree) -> None:
    for role, statement in _statements(translated):
        for action in _listed(statement["Action"]):
            assert "*" not in action, (role, action)
        if "*" in _listed(statement["Resource"]):
            # The only actions here that have no resources to name.
            assert set(_listed(statement["Action"])) == {
                "xray:PutTraceSegments",
                "xray:PutTelemetryRecords",
            }


def test_every_statement_has_a_name_of_its_own(translated: Tree) -> None:
    for role in _of_type(translated, "AWS::IAM::Role"):
        names = [s["Sid"] for r, s in _statements(translated) if r == role]
        assert len(names) == len(set(names))
        assert "ManagedPolicyArns" not in translated["Resources"][role]["Properties"]


def test_all_that_outlives_a_stack_can_be_adopted_by_another(root: Path, template: Tree) -> None:
    values = {"AWS::AccountId": "1", "AWS::Region": "eu-west-1", "AWS::Partition": "aws"}
    found = kept(root / "template.yaml", values, {"Prefix": "my", "DatabaseName": "mine"})
    outliving = {n for n, r in template["Resources"].items() if "Retain" in str(r)}
    assert {one.logical: one.identifier for one in found} == {
        "RawBucket": {"BucketName": "my-raw-1-eu-west-1"},
        "ProcessedBucket": {"BucketName": "my-processed-1-eu-west-1"},
        "CuratedBucket": {"BucketName": "my-curated-1-eu-west-1"},
        "Ledger": {"TableName": "my-ledger"},
        "GlueDatabase": {"DatabaseName": "mine"},
    }
    assert {one.logical for one in found} == outliving
    # CloudFormation wants resolved values, a policy each, and nothing of resources to come.
    for one in found:
        assert "Fn::" not in json.dumps(one.declaration)
        assert not set(_references(one.declaration))
        assert one.declaration["DeletionPolicy"] == "RetainExceptOnCreate"


def test_cloudformation_itself_can_parse_it(root: Path) -> None:
    # Its parser knows no anchors and aliases; SAM unrolls them, so that only others would notice.
    tokens = yaml.scan((root / "template.yaml").read_text(encoding="utf-8"))
    assert not [t for t in tokens if isinstance(t, yaml.AnchorToken | yaml.AliasToken)]


def test_the_partition_of_no_arn_is_spelled_out(root: Path) -> None:
    assert "arn:aws:" not in (root / "template.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize("bucket", ["RawBucket", "ProcessedBucket", "CuratedBucket"])
def test_every_bucket_is_protected(translated: Tree, bucket: str) -> None:
    resource = translated["Resources"][bucket]
    properties = resource["Properties"]
    assert resource["DeletionPolicy"] == "RetainExceptOnCreate"
    assert resource["UpdateReplacePolicy"] == "Retain"
    assert properties["VersioningConfiguration"] == {"Status": "Enabled"}
    assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}
    assert "AES256" in json.dumps(properties["BucketEncryption"])
    assert '"EncryptionType": ["SSE-C"]' in json.dumps(properties["BucketEncryption"])
    rules = json.dumps(properties["LifecycleConfiguration"])
    assert "AbortIncompleteMultipartUpload" in rules
    assert "NoncurrentVersionExpiration" in rules
    assert '"ExpiredObjectDeleteMarker": true' in rules
    (deny,) = translated["Resources"][f"{bucket}Policy"]["Properties"]["PolicyDocument"][
        "Statement"
    ]
    assert deny["Effect"] == "Deny"
    assert deny["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_raw_objects_move_to_glacier_after_ninety_days(template: Tree, translated: Tree) -> None:
    rules = translated["Resources"]["RawBucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    (transition,) = next(r["Transitions"] for r in rules if "Transitions" in r)
    assert transition == {"StorageClass": "GLACIER", "TransitionInDays": {"Ref": "RawGlacierDays"}}
    assert template["Parameters"]["RawGlacierDays"]["Default"] == 90


def test_raw_tells_the_queue_of_every_object_under_data(translated: Tree) -> None:
    notification = translated["Resources"]["RawBucket"]["Properties"]["NotificationConfiguration"]
    created, removed = notification["QueueConfigurations"]
    assert created == {
        "Event": "s3:ObjectCreated:*",
        "Queue": {"Fn::GetAtt": ["IngestQueue", "Arn"]},
        "Filter": {"S3Key": {"Rules": [{"Name": "prefix", "Value": "data/"}]}},
    }
    # Deletions only where they are wanted, and never what a lifecycle rule expires.
    assert removed == {
        "Fn::If": [
            "RemovesDeleted",
            {**created, "Event": "s3:ObjectRemoved:*"},
            {"Ref": "AWS::NoValue"},
        ]
    }


def test_schedules_start_both_functions_every_five_minutes(translated: Tree) -> None:
    started = []
    for rule in _of_type(translated, "AWS::Events::Rule").values():
        assert rule["Properties"]["ScheduleExpression"] == "rate(5 minutes)"
        (target,) = rule["Properties"]["Targets"]
        started.append(target["Arn"]["Fn::GetAtt"][0])
    assert sorted(started) == ["CuratorFunction", "ProcessorFunction"]


def test_only_s3_of_this_account_may_send_to_the_queue(translated: Tree) -> None:
    policy = translated["Resources"]["IngestQueuePolicy"]["Properties"]["PolicyDocument"]
    (allow,) = [s for s in policy["Statement"] if s["Effect"] == "Allow"]
    assert allow["Principal"] == {"Service": "s3.amazonaws.com"}
    assert allow["Action"] == "sqs:SendMessage"
    assert allow["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}


def test_no_queue_is_spoken_to_in_the_clear(translated: Tree) -> None:
    denied = {
        queue["Ref"]
        for policy in _of_type(translated, "AWS::SQS::QueuePolicy").values()
        for queue in policy["Properties"]["Queues"]
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Deny"
        and statement["Principal"] == "*"
        and statement["Action"] == "sqs:*"
        and statement["Resource"] == {"Fn::GetAtt": [queue["Ref"], "Arn"]}
        and statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    }
    assert denied == set(_of_type(translated, "AWS::SQS::Queue"))


def test_the_queue_waits_six_times_the_function(template: Tree) -> None:
    seconds = template["Mappings"]["VisibilityTimeout"]
    allowed = template["Parameters"]["FunctionTimeout"]["AllowedValues"]
    assert {str(a): {"Seconds": 6 * a} for a in allowed} == seconds


@pytest.mark.parametrize(
    ("queue", "dead"),
    [("IngestQueue", "DeadLetterQueue"), ("CurateQueue", "CurateDeadLetterQueue")],
)
def test_messages_are_tried_five_times_and_kept_fourteen_days(
    translated: Tree, queue: str, dead: str
) -> None:
    properties, grave = (translated["Resources"][name]["Properties"] for name in (queue, dead))
    assert properties["RedrivePolicy"] == {
        "deadLetterTargetArn": {"Fn::GetAtt": [dead, "Arn"]},
        "maxReceiveCount": 5,
    }
    assert properties["MessageRetentionPeriod"] == 14 * 24 * 3600
    assert grave["MessageRetentionPeriod"] == 14 * 24 * 3600
    # The name is spelled out, since a reference would close a circle.
    (source,) = grave["RedriveAllowPolicy"]["sourceQueueArns"]
    assert source["Fn::Sub"].rpartition(":")[2] == properties["QueueName"]["Fn::Sub"]


def _mapping(translated: Tree, function: str) -> Tree:
    """How messages come to a function."""
    mappings = _of_type(translated, "AWS::Lambda::EventSourceMapping").values()
    every: list[Tree] = [mapping["Properties"] for mapping in mappings]
    (found,) = (one for one in every if one["FunctionName"] == _ref(function))
    return found


def _ref(resource: str) -> Tree:
    return {"Ref": resource}


def test_each_object_has_an_invocation_of_its_own(translated: Tree) -> None:
    mapping = _mapping(translated, "ProcessorFunction")
    assert mapping["EventSourceArn"] == {"Fn::GetAtt": ["IngestQueue", "Arn"]}
    assert mapping["BatchSize"] == 1
    assert mapping["ScalingConfig"]["MaximumConcurrency"] == {"Ref": "MaximumConcurrency"}


def test_the_ledger_is_kept_and_says_what_needs_attention(translated: Tree) -> None:
    table = translated["Resources"]["Ledger"]
    assert table["DeletionPolicy"] == "RetainExceptOnCreate"
    properties = table["Properties"]
    assert properties["BillingMode"] == "PAY_PER_REQUEST"
    assert properties["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert properties["SSESpecification"]["SSEEnabled"] is True
    (index,) = properties["GlobalSecondaryIndexes"]
    assert [(k["AttributeName"], k["KeyType"]) for k in index["KeySchema"]] == [
        ("attention", "HASH"),
        ("updated_at", "RANGE"),
    ]


def test_the_function_is_as_published(template: Tree, translated: Tree) -> None:
    function = translated["Resources"]["ProcessorFunction"]["Properties"]
    assert function["Runtime"] == "python3.11"
    assert function["MemorySize"] == {"Ref": "FunctionMemory"}
    assert template["Parameters"]["FunctionMemory"]["Default"] == 512
    assert template["Parameters"]["FunctionTimeout"]["Default"] == 300
    assert function["TracingConfig"] == {"Mode": "Active"}
    assert function["LoggingConfig"] == {"LogGroup": {"Ref": "ProcessorLogGroup"}}
    mapping = _mapping(translated, "ProcessorFunction")
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_every_variable_that_the_function_reads_is_set(translated: Tree) -> None:
    from processor.settings import Settings

    variables = translated["Resources"]["ProcessorFunction"]["Properties"]["Environment"]
    given = dict.fromkeys(variables["Variables"], "1")
    # Lambda itself sets this one.
    settings = Settings.from_environment(given | {"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512"})
    assert settings.memory_mb == 512


@pytest.mark.parametrize("function", ["ProcessorFunction", "CuratorFunction", "RecorderFunction"])
def test_a_function_says_who_it_is_and_logs_where_its_role_lets_it(
    translated: Tree, function: str
) -> None:
    properties = translated["Resources"][function]["Properties"]
    own = function.removesuffix("Function")
    assert properties["Role"] == {"Fn::GetAtt": [f"{own}Role", "Arn"]}
    variables = properties["Environment"]["Variables"]
    assert variables["POWERTOOLS_SERVICE_NAME"] == own.lower()
    assert variables["POWERTOOLS_METRICS_NAMESPACE"] == _ref("Prefix")
    assert variables["POWERTOOLS_LOG_LEVEL"] == _ref("LogLevel")
    group = translated["Resources"][f"{own}LogGroup"]["Properties"]
    assert properties["LoggingConfig"] == {"LogGroup": _ref(f"{own}LogGroup")}
    (logs,) = [
        s for role, s in _statements(translated) if (role, s["Sid"]) == (f"{own}Role", "WriteLogs")
    ]
    assert logs["Resource"]["Fn::Sub"].endswith(f":log-group:{group['LogGroupName']['Fn::Sub']}:*")


def test_the_width_of_a_table_is_a_parameter_that_reaches_the_engine(
    template: Tree, translated: Tree
) -> None:
    from engine.options import Options

    variables = translated["Resources"]["ProcessorFunction"]["Properties"]["Environment"]
    assert variables["Variables"]["MAX_COLUMNS"] == {"Ref": "MaxColumns"}
    assert template["Parameters"]["MaxColumns"]["Default"] == Options().max_columns == 1500


def test_queries_without_a_date_look_into_no_day_before_the_first(
    template: Tree, translated: Tree
) -> None:
    variables = translated["Resources"]["ProcessorFunction"]["Properties"]["Environment"]
    assert variables["Variables"]["FIRST_DATE"] == {"Ref": "FirstDate"}
    allowed = re.compile(template["Parameters"]["FirstDate"]["AllowedPattern"])
    assert allowed.fullmatch(template["Parameters"]["FirstDate"]["Default"])
    # Athena takes a range that is no date for no rows.
    assert not [day for day in ("2024-02-31", "2024-1-1", "1999-01-01") if allowed.fullmatch(day)]
    for table in _of_type(translated, "AWS::Glue::Table").values():
        reach = table["Properties"]["TableInput"]["Parameters"]["projection.date_partition.range"]
        assert reach == {"Fn::Sub": "${FirstDate},NOW+1DAYS"}


def test_the_function_may_ask_when_the_crawler_was_started(translated: Tree) -> None:
    (statement,) = [s for _, s in _statements(translated) if s["Sid"] == "StartCrawler"]
    assert statement["Action"] == ["glue:GetCrawler", "glue:StartCrawler"]
    variables = translated["Resources"]["ProcessorFunction"]["Properties"]["Environment"]
    assert variables["Variables"]["CRAWL_MINUTES"] == {"Ref": "CrawlMinutes"}


def test_the_crawler_finds_tables_at_level_three_and_deletes_nothing(translated: Tree) -> None:
    crawler = translated["Resources"]["GlueCrawler"]["Properties"]
    # Of the folders of models' runs it would make partitions of its own.
    assert crawler["Targets"]["S3Targets"] == [
        {"Path": {"Fn::Sub": "s3://${ProcessedBucket}/processed/"}},
        {"Path": {"Fn::Sub": "s3://${CuratedBucket}/"}, "Exclusions": [f"{MODELS}/**", "dbt/**"]},
    ]
    assert crawler["SchemaChangePolicy"] == {
        "UpdateBehavior": "UPDATE_IN_DATABASE",
        "DeleteBehavior": "LOG",
    }
    assert json.loads(crawler["Configuration"]) == {
        "Version": 1.0,
        "Grouping": {"TableLevelConfiguration": 3},
        "CrawlerOutput": {
            "Tables": {"AddOrUpdateBehavior": "MergeNewColumns"},
            "Partitions": {"AddOrUpdateBehavior": "InheritFromTable"},
        },
    }


def test_the_workgroup_overrides_its_clients(translated: Tree) -> None:
    workgroup = translated["Resources"]["AthenaWorkGroup"]["Properties"]
    configuration = workgroup["WorkGroupConfiguration"]
    assert workgroup["RecursiveDeleteOption"] is True
    assert configuration["EnforceWorkGroupConfiguration"] is True
    assert configuration["BytesScannedCutoffPerQuery"] == {"Ref": "AthenaBytesScannedCutoff"}
    assert configuration["ResultConfiguration"] == {
        "OutputLocation": {"Fn::Sub": "s3://${ProcessedBucket}/athena-results/"},
        "EncryptionConfiguration": {
            "Fn::If": [
                "HasKey",
                {"EncryptionOption": "SSE_KMS", "KmsKey": _ref("KmsKeyArn")},
                {"EncryptionOption": "SSE_S3"},
            ]
        },
    }


def test_the_quarantine_is_projected_and_shaped_like_its_files(translated: Tree) -> None:
    table = translated["Resources"]["QuarantineTable"]["Properties"]["TableInput"]
    assert table["Parameters"]["projection.enabled"] == "true"
    assert [c["Name"] for c in table["StorageDescriptor"]["Columns"]] == [
        "source_bucket",
        "source_key",
        "source_version",
        "dataset",
        "record_number",
        "reason",
        "detail",
        "raw",
        "raw_encoding",
    ]


def test_objects_are_projected_as_the_quarantine_and_shaped_like_their_rows(
    translated: Tree, tmp_path: Path
) -> None:
    tables = _of_type(translated, "AWS::Glue::Table")
    objects, quarantine = (
        tables[name]["Properties"]["TableInput"] for name in ("ObjectsTable", "QuarantineTable")
    )
    told = json.dumps(quarantine["Parameters"]).replace("quarantine", "objects")
    assert json.loads(told) == objects["Parameters"]
    source = Source(tmp_path / "a", "raw", "data/t/a", "v1", "t", datetime.now(UTC))
    source.path.write_bytes(b"x")
    row = store(source, source.path, tmp_path / "row.jsonl.gz", "image/png", "why")
    written = json.loads(gzip.decompress(row.path.read_bytes()))
    assert [c["Name"] for c in objects["StorageDescriptor"]["Columns"]] == list(written)


def test_no_dataset_can_take_the_name_of_a_table_of_the_template(translated: Tree) -> None:
    for table in _of_type(translated, "AWS::Glue::Table").values():
        name = table["Properties"]["TableInput"]["Name"]
        assert dataset_of(f"data/{name}/a.json") != name


def test_the_function_writes_where_its_tables_are_and_nowhere_else(translated: Tree) -> None:
    (written,) = [s for _, s in _statements(translated) if s["Sid"] == "WriteOutputs"]
    folders = {one["Fn::Sub"].partition("}/")[2] for one in _listed(written["Resource"])}
    folders = {one.rpartition("${ProcessedBucket}/")[2] for one in folders}
    assert folders == {"processed/*", "quarantine/*", "objects/*", "rebuilt/*"}


def test_results_of_queries_expire_and_tables_that_somebody_makes_do_not(translated: Tree) -> None:
    rules = translated["Resources"]["ProcessedBucket"]["Properties"]["LifecycleConfiguration"]
    expiring = [rule["Prefix"] for rule in rules["Rules"] if "ExpirationInDays" in rule]
    assert sorted(expiring) == [f"athena-results/{digit}" for digit in "0123456789abcdef"]
    # A query's id is a UUID; CTAS without a place of its own writes to the folder tables.
    assert not "athena-results/tables/0b1c/part-0".startswith(tuple(expiring))


def test_builders_say_themselves_where_a_statement_writes(translated: Tree) -> None:
    group = translated["Resources"]["BuildersWorkGroup"]["Properties"]
    assert group["Name"] == {"Fn::Sub": "${Prefix}-builders"}
    assert group["WorkGroupConfiguration"]["EnforceWorkGroupConfiguration"] is False


# --- The curated zone -----------------------------------------------------------------------


def _granted(translated: Tree, role: str, action: str) -> list[str]:
    """Resources on which a role may do something, as they are written."""
    granted = [
        resource
        for name, statement in _statements(translated)
        if name == role and action in _listed(statement["Action"])
        for resource in _listed(statement["Resource"])
    ]
    texts = [one["Fn::Sub"] if "Fn::Sub" in one else one["Fn::GetAtt"][0] for one in granted]
    # What comes after service, region and account; a reference is all that there is.
    return [text.replace("::", "").split(":", 5)[-1] for text in texts]


def test_every_variable_that_the_curator_reads_is_set(translated: Tree) -> None:
    from curator.settings import Settings

    variables = translated["Resources"]["CuratorFunction"]["Properties"]["Environment"]
    given = {
        name: value if isinstance(value, str) else str(value.get("Ref", "1"))
        for name, value in variables["Variables"].items()
    }
    assert Settings.from_environment(given | {"KEEP_MINUTES": "60"}) == Settings(
        curated_bucket="CuratedBucket",
        database="GlueDatabase",
        workgroup="BuildersWorkGroup",
        ledger_table="Ledger",
        queue_url="CurateQueue",
        keep_minutes=60,
    )
    assert given["KEEP_MINUTES"] == "CuratedKeepMinutes"


def test_what_is_replaced_can_be_read_for_longer_than_a_query_lasts(template: Tree) -> None:
    assert template["Parameters"]["CuratedKeepMinutes"]["Default"] >= 30


def test_the_processor_tells_the_curate_queue(translated: Tree) -> None:
    variables = translated["Resources"]["ProcessorFunction"]["Properties"]["Environment"]
    assert variables["Variables"]["CURATE_QUEUE_URL"] == _ref("CurateQueue")
    assert _granted(translated, "ProcessorRole", "sqs:SendMessage") == ["CurateQueue"]


def test_the_curate_queue_waits_six_times_the_curator_and_the_longest_window(
    template: Tree, translated: Tree
) -> None:
    timeout = translated["Resources"]["CuratorFunction"]["Properties"]["Timeout"]
    longest = template["Parameters"]["CurateWindowSeconds"]["MaxValue"]
    # SQS takes no longer window than this (AWS Lambda Developer Guide, "Using Lambda with SQS").
    assert longest == 300
    queue = translated["Resources"]["CurateQueue"]["Properties"]
    assert queue["VisibilityTimeout"] >= 6 * timeout + longest


def test_changes_are_collected_for_the_window_and_each_message_is_answered_for(
    template: Tree, translated: Tree
) -> None:
    mapping = _mapping(translated, "CuratorFunction")
    assert mapping["EventSourceArn"] == {"Fn::GetAtt": ["CurateQueue", "Arn"]}
    assert mapping["MaximumBatchingWindowInSeconds"] == _ref("CurateWindowSeconds")
    assert mapping["BatchSize"] == 1000
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    # Lambda wants a window of a second at least for batches of more than ten.
    assert template["Parameters"]["CurateWindowSeconds"]["MinValue"] >= 1


@pytest.mark.parametrize(
    ("action", "places"),
    [
        ("s3:PutObject", ["${CuratedBucket}/models/*", "${ProcessedBucket}/athena-results/*"]),
        ("s3:DeleteObject", ["${CuratedBucket}/models/*"]),
        (
            "glue:DeleteTable",
            ["catalog", "database/${GlueDatabase}", "table/${GlueDatabase}/*__shape"],
        ),
        ("athena:StartQueryExecution", ["workgroup/${Prefix}-builders"]),
        ("sqs:SendMessage", ["CurateQueue"]),
    ],
)
def test_the_curator_changes_nothing_else(translated: Tree, action: str, places: list[str]) -> None:
    assert _granted(translated, "CuratorRole", action) == places


def test_what_the_curator_may_write_and_drop_is_what_it_writes_and_drops(translated: Tree) -> None:
    from store.curated import partition_folder

    _, place = _granted(translated, "CuratorRole", "s3:PutObject")[0].split("/", 1)
    assert fnmatchcase(partition_folder("sales", "run", "2024-01-15"), place)
    *_, view = _granted(translated, "CuratorRole", "glue:DeleteTable")
    assert fnmatchcase(shape_table("sales"), view.rpartition("/")[2])
    assert not fnmatchcase("sales", view.rpartition("/")[2])


def test_the_curator_has_items_of_models_in_the_ledger_and_no_others(translated: Tree) -> None:
    (statement,) = [s for _, s in _statements(translated) if s["Sid"] == "KeepStates"]
    assert statement["Action"] == ["dynamodb:GetItem", "dynamodb:PutItem"]
    ((key, (pattern,)),) = statement["Condition"]["ForAllValues:StringLike"].items()
    assert key == "dynamodb:LeadingKeys"
    assert fnmatchcase(name_of("sales"), pattern)
    assert not fnmatchcase("data-lake-raw-1-eu-west-1/data/model:a", pattern)
    for action in statement["Action"]:
        assert _granted(translated, "CuratorRole", action) == ["Ledger"]


#: What calls are called by IAM, where that is not the call's own name.
_RIGHTS = {
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3:DeleteObjects": "s3:DeleteObject",
    "sqs:SendMessageBatch": "sqs:SendMessage",
}


def test_the_curator_may_make_every_call_that_it_makes(translated: Tree) -> None:
    calls: set[str] = set()
    zone = Zone()
    notice = zone.cloud.on_effect

    def listen(moment: str) -> None:
        if moment.startswith("before") and zone.running:
            service, _, call = moment.removeprefix("before ").partition(".")
            calls.add(f"{service.lower()}:{''.join(map(str.title, call.split('_')))}")
        notice(moment)

    zone.cloud.on_effect = listen
    for ids in ([1], [2], []):
        zone.commit("2024-01-01", ids)
        zone.deliver(zone.visible()).finish()
    zone.want("daily", [])
    zone.come_to_rest()
    zone.close()
    assert {"athena:StartQueryExecution", "glue:BatchDeletePartition", "s3:DeleteObjects"} <= calls
    for call in calls:
        assert _granted(translated, "CuratorRole", _RIGHTS.get(call, call)), call
