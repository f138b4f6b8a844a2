"""What MiniStack lacks for this template, which is deployed unchanged.

- Its CloudFormation refuses a template with a resource type that it does not know, and keeps
  the value of a ``Number`` parameter as a string where CloudFormation would pass a number.
- It imports resources that exist into a stack, but no databases of Glue.
- It leaves out how a bucket encrypts its objects, and where it logs who accesses them.

Each is added where MiniStack decides it; the work is done by its own services.
"""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree

from localaws import batching
from localaws.internals import athena, glue, provisioners, s3

_NAMED_QUERY = "AWS::Athena::NamedQuery"
_DATABASE = "AWS::Glue::Database"
_BY_DEFAULT = "ServerSideEncryptionByDefault"
_EVENT_SOURCE_MAPPING = "AWS::Lambda::EventSourceMapping"

#: Properties of a mapping that are numbers.
_NUMBERS = (
    *("BatchSize", "MaximumBatchingWindowInSeconds"),
    *("MaximumRecordAgeInSeconds", "MaximumRetryAttempts", "ParallelizationFactor"),
)

Properties = dict[str, Any]


def _create_named_query(
    _logical_id: str, properties: Properties, _stack: str
) -> tuple[str, Properties]:
    status, _, body = athena.create_named_query(properties)
    if status >= 400:
        raise ValueError(f"{_NAMED_QUERY} creation failed: {body!r}")
    identifier = str(json.loads(body)["NamedQueryId"])
    return identifier, {"NamedQueryId": identifier}


def _update_named_query(
    physical_id: str, _old: Properties, new: Properties, stack: str
) -> tuple[str, Properties]:
    # Every property of the type requires replacement (CloudFormation reference).
    created = _create_named_query(physical_id, new, stack)
    _delete_named_query(physical_id, new)
    return created


def _delete_named_query(physical_id: str, _properties: Properties) -> None:
    athena.delete_named_query({"NamedQueryId": physical_id})


def _import_database(identifier: Properties) -> tuple[str, Properties]:
    name = str(identifier["DatabaseName"])
    if name not in glue.databases:
        raise ValueError(f"Resource of type '{_DATABASE}' with identifier '{name}' was not found.")
    return name, {}


def _mapping(told: Properties) -> Properties:
    """Make numbers of what may have come as text, and refuse what Lambda refuses."""
    properties = {**told, **_numbers(told, *_NUMBERS)}
    if scaling := told.get("ScalingConfig"):
        properties["ScalingConfig"] = {**scaling, **_numbers(scaling, "MaximumConcurrency")}
    if message := batching.refusal(properties):
        raise ValueError(message)
    return properties


def _numbers(properties: Properties, *names: str) -> Properties:
    return {name: int(properties[name]) for name in names if name in properties}


def _encryption(told: Properties) -> bytes:
    """Give the body of PutBucketEncryption; only one name in it is another."""
    rules = [
        {"ApplyServerSideEncryptionByDefault" if name == _BY_DEFAULT else name: value
         for name, value in rule.items()}
        for rule in told["ServerSideEncryptionConfiguration"]
    ]  # fmt: skip
    return ElementTree.tostring(_xml("ServerSideEncryptionConfiguration", {"Rule": rules}))


def _logging(told: Properties) -> bytes:
    """Give the body of PutBucketLogging."""
    enabled = {
        "TargetBucket": told["DestinationBucketName"],
        "TargetPrefix": told.get("LogFilePrefix", ""),
    }
    return ElementTree.tostring(_xml("BucketLoggingStatus", {"LoggingEnabled": enabled}))


def _xml(name: str, told: Any) -> ElementTree.Element:
    """Write a structure as S3 does: a list is an element again and again."""
    element = ElementTree.Element(name)
    if not isinstance(told, dict):
        element.text = json.dumps(told) if isinstance(told, bool) else str(told)
        return element
    for key, value in told.items():
        element.extend(_xml(key, one) for one in (value if isinstance(value, list) else [value]))
    return element


def _log_nothing(bucket: str) -> None:
    s3.put_bucket_logging(bucket, ElementTree.tostring(_xml("BucketLoggingStatus", {})))


def extend() -> None:
    """Teach MiniStack what the template needs."""
    provisioners.replace(
        "S3_BUCKET_CONFIGURATIONS",
        (
            *provisioners.S3_BUCKET_CONFIGURATIONS,
            (
                "BucketEncryption",
                _encryption,
                s3.put_bucket_encryption,
                s3.delete_bucket_encryption,
            ),
            ("LoggingConfiguration", _logging, s3.put_bucket_logging, _log_nothing),
        ),
    )
    handlers = provisioners.RESOURCE_HANDLERS
    handlers[_NAMED_QUERY] = {
        "create": _create_named_query,
        "update": _update_named_query,
        "delete": _delete_named_query,
    }
    handlers[_DATABASE] = {**handlers[_DATABASE], "import": _import_database}
    mapping = dict(handlers[_EVENT_SOURCE_MAPPING])
    handlers[_EVENT_SOURCE_MAPPING] = {
        **mapping,
        "create": lambda name, properties, stack: mapping["create"](
            name, _mapping(properties), stack
        ),
        "update": lambda physical_id, old, new, stack: mapping["update"](
            physical_id, old, _mapping(new), stack
        ),
    }
