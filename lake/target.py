"""Which lake a command talks to: the one on this machine or one in an AWS account."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from lake.errors import LakeCommandError

if TYPE_CHECKING:
    from collections.abc import Mapping

#: What MiniStack calls its account; root may do everything, the function only its role.
LOCAL_CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_REGION": "us-east-1",
}

DEFAULT_STACK = "DataLakeStack"


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
        """Build a client of a service at the target."""
        return self.session.client(service, endpoint_url=self.endpoint)  # type: ignore[call-overload]  # the service is named at run time

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
            When there is no such stack, or nobody answers.
        """
        stack = self.stack()
        if stack is None:
            raise LakeCommandError(f"No {self.description}: it does not exist.\n{self._hint}")
        return {o["OutputKey"]: o["OutputValue"] for o in stack.get("Outputs", [])}

    def stack(self) -> dict[str, Any] | None:
        """Describe the stack; None where there is none.

        Raises
        ------
        LakeCommandError
            When nobody answers.
        """
        try:
            answer = self.client("cloudformation").describe_stacks(StackName=self.stack_name)
        except (ClientError, BotoCoreError) as error:
            if "does not exist" in str(error):
                return None
            raise LakeCommandError(f"No {self.description}: {error}\n{self._hint}") from error
        (stack,) = answer["Stacks"]
        return dict(stack)

    @property
    def _hint(self) -> str:
        if self.endpoint:
            return "Is it up? `lake up` starts one here."
        return (
            "Is it deployed? `sam build && sam deploy --guided` deploys it; --stack-name, "
            "--region and --profile choose another; `lake up` starts one on this machine."
        )


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
    session = session_of(region, profile)
    if session.region_name is None:
        raise LakeCommandError(
            "No local lake is up and no AWS region is set: `lake up` starts one here, "
            "--region or AWS_DEFAULT_REGION names one there."
        )
    return Target(session, endpoint, stack_name)


def session_of(region: str | None, profile: str | None) -> boto3.Session:
    """Give credentials and region of the user's AWS configuration.

    Raises
    ------
    LakeCommandError
        When there is no such profile.
    """
    try:
        return boto3.Session(region_name=region, profile_name=profile)
    except BotoCoreError as error:
        raise LakeCommandError(f"Your AWS configuration does not do: {error}") from error


def _local_session() -> boto3.Session:
    return boto3.Session(
        aws_access_key_id=LOCAL_CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=LOCAL_CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        region_name=LOCAL_CREDENTIALS["AWS_DEFAULT_REGION"],
    )
