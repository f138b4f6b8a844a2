"""Which lake a command talks to: the one on this machine or one in an AWS account."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from lake.errors import LakeCommandError
from lake.local.state import LOCAL_CREDENTIALS
from lake.trouble import aws_said

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Statuses of a stack that holds no working lake (AWS CloudFormation User Guide, "Stack status
#: codes"), and what to do.
_UNUSABLE = {
    "CREATE_IN_PROGRESS": "it is being deployed for the first time. Repeat the command then.",
    "CREATE_FAILED": "its first deployment failed. {remove}",
    "ROLLBACK_IN_PROGRESS": "its first deployment failed. {remove}",
    "ROLLBACK_COMPLETE": "its first deployment failed. {remove}",
    "ROLLBACK_FAILED": "its first deployment failed. {remove}",
    "REVIEW_IN_PROGRESS": "its first deployment was not confirmed. `lake deploy` deploys it.",
    "DELETE_IN_PROGRESS": "it is being deleted.",
    "DELETE_FAILED": "it was deleted in part. {remove}",
}
_REMOVE = (
    "The stack's events say why: `aws cloudformation describe-stack-events --stack-name {name}`. "
    "`sam delete --stack-name {name}` removes what is left; data is kept, and `lake adopt` gives "
    "it to the next stack."
)


def why_unusable(status: str, name: str) -> str:
    """Say why a stack of a status is no working lake; empty where it is one."""
    said = _UNUSABLE.get(status)
    return f"{said.format(remove=_REMOVE.format(name=name))} (It is {status}.)" if said else ""


class Outputs(dict[str, str]):
    """Outputs of a stack; one that it does not have is said to be missing."""

    def __init__(self, outputs: Mapping[str, str], description: str) -> None:
        super().__init__(outputs)
        self._description = description

    def __missing__(self, name: str) -> str:
        """Say that the stack is another one than this command knows."""
        raise LakeCommandError(
            f"The {self._description} has no output {name}: it is no lake, or was deployed by an "
            "older version of it. `lake deploy` brings a lake up to date; --stack-name names "
            "another stack."
        )


def parameters_of(stack: Mapping[str, Any] | None) -> dict[str, str]:
    """Give the parameters of a stack as DescribeStacks tells of it; none where there is none."""
    told = (stack or {}).get("Parameters", [])
    return {one["ParameterKey"]: one["ParameterValue"] for one in told}


@dataclass(frozen=True)
class Target:
    """One deployed lake.

    Attributes
    ----------
    session : boto3.Session
        Credentials and region.
    endpoint : str or None
        Where the services answer, when that is not AWS.
    stack_name : str
        The CloudFormation stack whose outputs name everything else.
    """

    session: boto3.Session
    endpoint: str | None
    stack_name: str

    def client(self, service: str) -> Any:
        """Build a client of a service at the target.

        Raises
        ------
        LakeCommandError
            When the AWS configuration has a value that cannot be read.
        """
        try:
            return self.session.client(service, endpoint_url=self.endpoint)  # type: ignore[call-overload]  # the service is named at run time
        except BotoCoreError:
            raise
        except ValueError as error:
            raise LakeCommandError(
                f"Your AWS configuration cannot be read: {error}. Look at the variables AWS_… and "
                "at ~/.aws/config."
            ) from error

    @property
    def description(self) -> str:
        """Say which lake this is, for people."""
        if self.endpoint:
            return f"stack {self.stack_name} of the lake at {self.endpoint}"
        profile = f", profile {self.session.profile_name}" if self.session.profile_name else ""
        return f"stack {self.stack_name} in AWS region {self.session.region_name}{profile}"

    @cached_property
    def outputs(self) -> dict[str, str]:
        """Give the stack's outputs.

        Raises
        ------
        LakeCommandError
            When there is no such stack, it is not whole, or nobody answers; or, for an output that
            it does not have, when that is asked for.
        """
        stack = self.stack()
        if stack is None:
            raise LakeCommandError(f"There is no {self.description}.\n{self._hint}")
        if why := why_unusable(str(stack.get("StackStatus", "")), self.stack_name):
            raise LakeCommandError(f"The {self.description} cannot be used: {why}")
        found = {o["OutputKey"]: o["OutputValue"] for o in stack.get("Outputs", [])}
        return Outputs(found, self.description)

    @cached_property
    def parameters(self) -> dict[str, str]:
        """Give the parameters that the stack was deployed with."""
        return parameters_of(self.stack())

    def stack(self) -> dict[str, Any] | None:
        """Describe the stack; None where there is none.

        Raises
        ------
        LakeCommandError
            When nobody answers, or AWS refuses.
        """
        try:
            answer = self.client("cloudformation").describe_stacks(StackName=self.stack_name)
        except (ClientError, BotoCoreError) as error:
            # CloudFormation has no code of its own for it.
            if isinstance(error, ClientError) and "does not exist" in str(error):
                return None
            raise LakeCommandError(aws_said(error)) from error
        (stack,) = answer["Stacks"]
        return dict(stack)

    @property
    def _hint(self) -> str:
        if self.endpoint:
            return "`lake up` deploys one on this machine; --stack-name names another."
        return (
            "Is it deployed? `sam build && sam deploy --guided` deploys it; --stack-name, "
            "--region and --profile choose another; `lake up` starts one on this machine."
        )


def asked(target: Target, function: str, question: Mapping[str, str]) -> dict[str, Any]:
    """Ask one of a lake's functions what it knows.

    Parameters
    ----------
    target : Target
        The lake.
    function : str
        The output that names the function.
    question : mapping
        An event that it answers.

    Returns
    -------
    dict
        Its answer; nothing where one may not ask it.
    """
    try:
        answer = target.client("lambda").invoke(
            FunctionName=target.outputs[function], Payload=json.dumps(question).encode()
        )
        told = json.loads(answer["Payload"].read())
    except (ClientError, BotoCoreError, LakeCommandError, KeyError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


def choose(
    environment: Mapping[str, str],
    running: str | None,
    *,
    local: bool,
    cloud: bool,
    stack_name: str,
    region: str | None = None,
    profile: str | None = None,
) -> Target:
    """Decide which lake is meant.

    An explicit flag wins, then ``AWS_ENDPOINT_URL``, then a running local lake, then the
    AWS account of the environment's credentials.

    Parameters
    ----------
    environment : mapping
        The process's environment.
    running : str or None
        Endpoint of the local lake that is up, if one is.
    local, cloud : bool
        The flags; at most one is set.
    stack_name : str
        The stack to look for.
    region, profile : str, optional
        For AWS accounts; naming a profile means the cloud.

    Returns
    -------
    Target
        Not yet asked anything.

    Raises
    ------
    LakeCommandError
        When flags contradict each other, or the local lake is meant and not up.
    """
    if local and (cloud or profile):
        raise LakeCommandError("--local and --cloud (or --profile) name two different lakes.")
    if local and running is None:
        raise LakeCommandError("No local lake is up: `lake up` starts one.")
    if local or (running and not (cloud or profile or environment.get("AWS_ENDPOINT_URL"))):
        return Target(_local_session(), running, stack_name)
    endpoint = None if cloud or profile else environment.get("AWS_ENDPOINT_URL")
    # Other SDKs read this name, and boto3 does not.
    session = session_of(region or environment.get("AWS_REGION"), profile)
    if session.region_name is None and (cloud or profile or endpoint):
        raise LakeCommandError("No AWS region is set: --region or AWS_REGION names one.")
    if session.region_name is None:
        raise LakeCommandError(
            "No local lake is up and no AWS region is set: `lake up` starts one here, "
            "--region or AWS_REGION names one there."
        )
    return Target(session, endpoint, stack_name)


def session_of(region: str | None, profile: str | None) -> boto3.Session:
    """Give credentials and region of the user's AWS configuration.

    ``AWS_REGION`` comes first, as for the AWS CLI; boto3 itself does not read it (AWS SDKs and
    Tools Reference Guide, "AWS Region").

    Raises
    ------
    LakeCommandError
        When there is no such profile.
    """
    try:
        region = region or os.environ.get("AWS_REGION") or None
        return boto3.Session(region_name=region, profile_name=profile)
    except BotoCoreError as error:
        raise LakeCommandError(aws_said(error)) from error


def _local_session() -> boto3.Session:
    return boto3.Session(
        aws_access_key_id=LOCAL_CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=LOCAL_CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        region_name=LOCAL_CREDENTIALS["AWS_DEFAULT_REGION"],
    )
