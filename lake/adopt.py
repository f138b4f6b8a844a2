"""Give what a deleted stack has kept to a new stack, so that the lake can be deployed again.

CloudFormation imports resources that exist by a change set of its own kind (AWS CloudFormation
User Guide, "Import AWS resources into a CloudFormation stack with a resource import"): its template
holds these resources and nothing new, each with a deletion policy and without outputs, and each is
named by its primary identifier, resolved.
"""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from botocore.exceptions import ClientError, WaiterError

from lake import render
from lake.context import out
from lake.errors import LakeCommandError
from lake.project import project_root
from lake.trouble import aws_said

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lake.context import Choice
    from lake.target import Target

BUCKET, TABLE, DATABASE = "AWS::S3::Bucket", "AWS::DynamoDB::Table", "AWS::Glue::Database"

#: By type: the primary identifier, as CloudFormation calls it, and the properties that have it.
_IDENTIFIED = {
    BUCKET: ("BucketName", ("BucketName",)),
    TABLE: ("TableName", ("TableName",)),
    DATABASE: ("DatabaseName", ("DatabaseInput", "Name")),
}

_KEPT = ("Retain", "RetainExceptOnCreate")

#: What S3, DynamoDB and Glue answer when there is no such thing.
_ABSENT = frozenset({"404", "NoSuchBucket", "ResourceNotFoundException", "EntityNotFoundException"})

#: A stack that is not there yet: somebody has looked at a deployment and declined it.
_DECLINED = "REVIEW_IN_PROGRESS"


@dataclass(frozen=True)
class Kept:
    """A resource that outlives its stack.

    Attributes
    ----------
    logical : str
        Its name in the template.
    type : str
        As CloudFormation calls it.
    name : str
        Its own name.
    declaration : dict
        What the template of the import says of it, every value resolved.
    """

    logical: str
    type: str
    name: str
    declaration: dict[str, Any]

    @property
    def identifier(self) -> dict[str, str]:
        """Give its primary identifier."""
        return {_IDENTIFIED[self.type][0]: self.name}


@click.command()
@click.option("--prefix", help="The parameter Prefix that the lake had; else the template's.")
@click.option("--database", help="The parameter DatabaseName that it had; else derived.")
@render.json_option
@render.listing
@click.pass_obj
def adopt(choice: Choice, prefix: str | None, database: str | None, as_json: bool) -> None:
    """Give what a deleted lake has kept to a new stack; `sam deploy` then adds the rest.

    No data is touched.
    """
    target = choice.target()
    _check_new(target)
    named = {"Prefix": prefix, "DatabaseName": database}
    given = {name: value for name, value in named.items() if value}
    template = project_root(Path.cwd()) / "template.yaml"
    found = [one for one in kept(template, values(target), given) if exists(target, one)]
    if not found:
        raise LakeCommandError(
            "There is nothing to adopt: no bucket, table or database has the names that the "
            "lake's would have (--prefix, --database). `sam deploy` makes a new lake."
        )
    _import(target, found)
    if as_json:
        render.show_json(
            [{"logical_id": one.logical, "type": one.type, "name": one.name} for one in found]
        )
        return
    rows: list[list[object]] = [[one.logical, one.type, one.name] for one in found]
    render.show_table(out, ["adopted", "type", "name"], rows, [False] * 3)
    overrides = "".join(f" {name}={value}" for name, value in given.items())
    overrides = f" --parameter-overrides{overrides}" if overrides else ""
    out.print(f"`sam build && sam deploy{overrides}` deploys the rest.")


def kept(template: Path, values: Mapping[str, str], parameters: Mapping[str, str]) -> list[Kept]:
    """Find what outlives the stack of a template.

    Parameters
    ----------
    template : Path
        The lake's template.
    values : mapping
        The pseudo parameters.
    parameters : mapping
        Those that differ from the template's defaults.

    Returns
    -------
    list of Kept
        In the template's order.

    Raises
    ------
    LakeCommandError
        When one is of a type, or has a value, that cannot be resolved here.
    """
    # It brings all of SAM along, which no other command needs.
    from samcli.yamlhelper import yaml_parse

    written: Any = yaml_parse(template.read_text(encoding="utf-8"))
    defaults = {n: str(p["Default"]) for n, p in written["Parameters"].items() if "Default" in p}
    known = {**values, **defaults, **parameters}
    found = []
    for logical, resource in written["Resources"].items():
        if resource.get("DeletionPolicy") not in _KEPT:
            continue
        kind = resource["Type"]
        if kind not in _IDENTIFIED:
            raise LakeCommandError(f"{logical} is kept, and no {kind} can be adopted yet.")
        properties = resource["Properties"]
        if kind == BUCKET:
            # The rest is applied by the deployment that follows, whatever the bucket has now. It
            # could not apply a table's: an index that exists cannot be made.
            properties = {"BucketName": properties["BucketName"]}
        # Likewise its key; and only the deployment knows whether there is one.
        properties = {n: one for n, one in properties.items() if n != "SSESpecification"}
        properties = _resolved(properties, known, written.get("Conditions", {}))
        name = properties
        for step in _IDENTIFIED[kind][1]:
            name = name[step]
        policies = {
            n: resource[n] for n in ("DeletionPolicy", "UpdateReplacePolicy") if n in resource
        }
        declared = {"Type": kind, **policies, "Properties": properties}
        found.append(Kept(logical, kind, name, declared))
    return found


def _resolved(node: Any, known: Mapping[str, str], conditions: Mapping[str, Any]) -> Any:
    """Put values in the place of references and of the functions that the template uses."""

    def value(name: str) -> str:
        if name not in known:
            raise LakeCommandError(f"The template names {name} where a value is needed.")
        return known[name]

    def resolved(one: Any) -> Any:
        return _resolved(one, known, conditions)

    if isinstance(node, list):
        return [resolved(one) for one in node]
    match node:
        case {"Ref": name}:
            return value(name)
        case {"Fn::Sub": text}:
            return re.sub(r"\$\{([^!}]+)\}", lambda found: value(found[1]), text)
        case {"Fn::Join": [between, parts]}:
            return between.join(resolved(parts))
        case {"Fn::Split": [between, text]}:
            return resolved(text).split(between)
        case {"Fn::If": [name, yes, no]}:
            return resolved(yes if _holds(resolved(conditions[name])) else no)
        case dict():
            return {key: resolved(one) for key, one in node.items()}
    return node


def _holds(condition: Any) -> bool:
    match condition:
        case {"Fn::Not": [one]}:
            return not _holds(one)
        case {"Fn::Or": parts}:
            return any(map(_holds, parts))
        case {"Fn::Equals": [one, other]}:
            return bool(one == other)
    raise LakeCommandError(f"The template has a condition that is not known here: {condition}.")


def values(target: Target) -> dict[str, str]:
    """Give the pseudo parameters."""
    caller = target.client("sts").get_caller_identity()
    return {
        "AWS::AccountId": caller["Account"],
        "AWS::Partition": caller["Arn"].split(":")[1],
        "AWS::Region": target.session.region_name or "",
    }


def _check_new(target: Target) -> None:
    stack = target.stack()
    if stack is None or stack["StackStatus"] == _DECLINED:
        return
    raise LakeCommandError(
        f"Stack {target.stack_name} is there ({stack['StackStatus']}). What it holds needs no "
        f"adoption. If a deployment failed, `sam delete --stack-name {target.stack_name}` removes "
        "it, and keeps the data; then adopt."
    )


def exists(target: Target, one: Kept) -> bool:
    """Tell whether a resource is there."""
    try:
        if one.type == BUCKET:
            target.client("s3").head_bucket(Bucket=one.name)
        elif one.type == TABLE:
            target.client("dynamodb").describe_table(TableName=one.name)
        else:
            target.client("glue").get_database(Name=one.name)
    except ClientError as error:
        if error.response["Error"]["Code"] in _ABSENT:
            return False
        raise LakeCommandError(f"{one.type} {one.name}: {aws_said(error)}") from error
    return True


def _import(target: Target, found: list[Kept]) -> None:
    cloudformation: Any = target.client("cloudformation")
    change: dict[str, str] = {
        "StackName": target.stack_name,
        "ChangeSetName": f"adopt-{uuid.uuid4().hex[:12]}",
    }
    template = {"Resources": {one.logical: one.declaration for one in found}}
    try:
        cloudformation.create_change_set(
            **change,
            ChangeSetType="IMPORT",
            TemplateBody=json.dumps(template),
            ResourcesToImport=[
                {
                    "ResourceType": one.type,
                    "LogicalResourceId": one.logical,
                    "ResourceIdentifier": one.identifier,
                }
                for one in found
            ],
        )
        _wait(cloudformation, "change_set_create_complete", change)
        cloudformation.execute_change_set(**change)
        _wait(cloudformation, "stack_import_complete", {"StackName": target.stack_name})
    except ClientError as error:
        raise LakeCommandError(f"CloudFormation did not import: {aws_said(error)}") from error


def _wait(cloudformation: Any, what: str, named: dict[str, str]) -> None:
    try:
        cloudformation.get_waiter(what).wait(**named, WaiterConfig={"Delay": 2, "MaxAttempts": 300})
    except WaiterError as error:
        answer: Any = error.last_response
        said = answer["Stacks"][0] if "Stacks" in answer else answer
        reason = said.get("StatusReason") or said.get("StackStatusReason") or error
        raise LakeCommandError(f"CloudFormation did not import: {reason}") from error
