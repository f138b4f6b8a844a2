"""In whose name the local services act: every call they make is authorised like any other.

Athena acts with the rights of the caller of StartQueryExecution, a crawler with those of its role.
MiniStack keeps both secrets, so its own IAM decides over calls that arrive over the network.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import boto3
from botocore.config import Config

from localaws.internals import (
    CredentialResolutionError,
    evaluator,
    get_account_id,
    get_region,
    register_session,
    resolve_credential,
)


@dataclass(frozen=True)
class Session:
    """Credentials for this server's own endpoint.

    Attributes
    ----------
    access_key, secret_key, token : str
        What requests are signed with; root's have no token.
    region : str
        Where the services are.
    """

    access_key: str
    secret_key: str
    token: str | None
    region: str

    def client(self, service: str) -> Any:
        """Give a client of a service; clients may be shared by threads."""
        return _client(self, service)


@lru_cache(maxsize=64)
def _client(session: Session, service: str) -> Any:
    return boto3.Session(
        session.access_key, session.secret_key, session.token, session.region
    ).client(  # type: ignore[call-overload]  # the service is named at run time
        service,
        endpoint_url=f"http://127.0.0.1:{os.environ['GATEWAY_PORT']}",
        config=Config(
            retries={"mode": "standard", "max_attempts": 2},
            max_pool_connections=16,
            s3={"addressing_style": "path"},
        ),
    )


def of_caller() -> Session:
    """Give a session of whoever signed the request that is being handled."""
    account = get_account_id()
    # Root's signature is not verified: its access key is the account's number.
    key = evaluator.verified_key.get() or account
    found = resolve_credential(key, account)
    if isinstance(found, CredentialResolutionError):
        raise PermissionError(found.message)
    return Session(found.access_key_id, found.secret_access_key, found.session_token, get_region())


def of_role(role: str, name: str) -> Session:
    """Give a session of a role, as a service assumes it.

    Parameters
    ----------
    role : str
        Name or ARN of the role.
    name : str
        Name of the session.
    """
    account, role_name = get_account_id(), role.rpartition("/")[2]
    # The same role has the same credentials, as MiniStack's functions have: clients are kept.
    digest = hashlib.sha256(f"{account}:{role}:{name}".encode()).hexdigest()
    key, secret, token = f"ASIA{digest[:16].upper()}", digest[16:56], digest
    register_session(
        key,
        {
            "Arn": f"arn:aws:sts::{account}:assumed-role/{role_name}/{name}",
            "UserId": f"{role_name}:{name}",
            "SecretAccessKey": secret,
            "SessionToken": token,
        },
    )
    return Session(key, secret, token, get_region())
