"""Whose the resources are that a new lake would make under the names of its prefix."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from lake import adopt
from lake.errors import LakeCommandError
from lake.project import stack_option

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lake.target import Target


def owner(target: Target, name: str) -> str:
    """Name the stack that has a resource; empty where none has it."""
    client: Any = target.client("cloudformation")
    with suppress(ClientError):
        # An error where no stack has it (CloudFormation API Reference, "DescribeStackResources").
        found = client.describe_stack_resources(PhysicalResourceId=name)["StackResources"]
        return str(found[0]["StackName"])
    for page in client.get_paginator("describe_stacks").paginate():
        for stack in page["Stacks"]:
            if any(one["OutputValue"] == name for one in stack.get("Outputs", [])):
                return str(stack["StackName"])
    return ""


def check(root: Path, target: Target, parameters: Mapping[str, str]) -> None:
    """Refuse a new stack whose prefix is taken: CloudFormation does not say which stack has it.

    Parameters
    ----------
    root : Path
        The project.
    target : Target
        The stack that is to be made.
    parameters : mapping
        Those that differ from the template's defaults.

    Raises
    ------
    LakeCommandError
        When something has the name of what the stack would make and would keep.
    """
    every = adopt.kept(root / "template.yaml", adopt.values(target), parameters)
    there = next((one for one in every if adopt.exists(target, one)), None)
    if there is None:
        return
    command = f"lake {stack_option(target.stack_name)}"
    other = f"`{command}deploy --parameter Prefix=OTHER` makes a lake of its own"
    if stack := owner(target, there.name):
        why = f"{there.name} belongs to the stack {stack}, and two lakes cannot have one Prefix"
        advice = f"{other}; `lake {stack_option(stack)}deploy` deploys the one that is there"
    else:
        named = "".join(
            f" --{option} {parameters[name]}"
            for name, option in (("Prefix", "prefix"), ("DatabaseName", "database"))
            if name in parameters
        )
        why = f"{there.name} is there and belongs to no stack: a lake that was deleted has kept it"
        advice = f"`{command}adopt{named}` gives it to the new lake, then deploy again; {other}"
    raise LakeCommandError(f"Nothing was deployed. {why}. {advice}.")
