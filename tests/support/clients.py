"""Clients of a local AWS."""

from __future__ import annotations

from functools import cache
from typing import Any

import boto3

# Each session reads what a service is like anew, which takes longer than most calls.
_SESSION = boto3.Session(region_name="us-east-1")


@cache
def client(
    service: str,
    endpoint: str,
    key: str = "test",
    secret: str = "test",  # noqa: S107  # known to all
    token: str | None = None,
) -> Any:
    """Give the one client of a service for an endpoint and credentials."""
    return _SESSION.client(  # type: ignore[call-overload]  # named at run time
        service,
        endpoint_url=endpoint,
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        aws_session_token=token,
    )
