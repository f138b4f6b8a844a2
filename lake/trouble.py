"""What AWS, the network and this machine say when they cannot do something, in plain words.

Every command ends here when an error reaches :func:`lake.cli.run`, and so does each page of
`lake ui`. Codes are those of the services' API references, "Common errors".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from boto3.exceptions import Boto3Error
from botocore import exceptions as aws
from botocore.exceptions import BotoCoreError, ClientError

from lake.errors import LakeCommandError

if TYPE_CHECKING:
    from collections.abc import Iterator

_EXPIRED = frozenset(
    {"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"}
)
_UNKNOWN_CALLER = frozenset(
    {
        "AuthFailure",
        "IncompleteSignature",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "InvalidToken",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
_CLOCK = frozenset({"RequestTimeTooSkewed", "RequestInTheFuture"})
_DENIED = frozenset(
    {"403", "AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation"}
)
_BUSY = frozenset(
    {
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
_GONE = frozenset(
    {
        "404",
        "AWS.SimpleQueueService.NonExistentQueue",
        "EntityNotFoundException",
        "NoSuchBucket",
        "QueueDoesNotExist",
        "ResourceNotFoundException",
    }
)

_SIGN_IN = (
    "Sign in again: `aws sso login`, with --profile NAME where you use one, or renew your keys."
)


def explain(error: BaseException) -> str | None:
    """Say what happened and what to do.

    Parameters
    ----------
    error : BaseException
        Whatever reached the command's end.

    Returns
    -------
    str or None
        None for what is a fault of the command's own.
    """
    if isinstance(error, LakeCommandError):
        return str(error)
    for one in _chain(error):
        if isinstance(one, (ClientError, BotoCoreError)):
            return aws_said(one)
    if isinstance(error, Boto3Error):
        return _sentence(error)
    if isinstance(error, UnicodeError):
        return "The command line, or what it reads, holds bytes that are no text in UTF-8."
    if isinstance(error, OSError):
        what = error.strerror or str(error) or type(error).__name__
        return f"{error.filename}: {what}." if error.filename else f"The system says: {what}."
    return None


def aws_said(error: ClientError | BotoCoreError) -> str:
    """Say what AWS refused, or why it was not reached, and what to do."""
    if isinstance(error, ClientError):
        return _refused(error)
    return f"{_sentence(error)} {_advice(error)}".strip()


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Give an error and what it came from: boto3 wraps what an upload failed of."""
    one: BaseException | None = error
    if not isinstance(error, Boto3Error):
        yield error
        return
    while one is not None:
        yield one
        one = one.__cause__ or one.__context__


def _refused(error: ClientError) -> str:
    said, about = error.response.get("Error", {}), error.response.get("ResponseMetadata", {})
    code, status = said.get("Code", "unknown"), about.get("HTTPStatusCode", 0)
    request = about.get("RequestId")
    reason = (said.get("Message") or "it gives no reason").strip().rstrip(".")
    known = f"{code}, request {request}" if request else code
    return f"AWS refused {error.operation_name}: {reason} ({known}). {_then(code, status)}".strip()


def _then(code: str, status: int) -> str:
    if code in _EXPIRED:
        return f"Your credentials have expired. {_SIGN_IN}"
    if code in _UNKNOWN_CALLER:
        return (
            "AWS does not know these credentials: look at AWS_ACCESS_KEY_ID, AWS_PROFILE and "
            "--profile; `aws sts get-caller-identity` says whose they are."
        )
    if code in _CLOCK:
        return "The clock of this machine is wrong: set it."
    if code in _DENIED:
        return "Your user or role may not do that: ask for the right that the message names."
    if code in _BUSY:
        return "Too much was asked at once: repeat the command a little later."
    if code in _GONE:
        return (
            "What the lake needs is not there: was it deleted, or do --stack-name and --region "
            "name another lake?"
        )
    if status >= 500:
        return "The service failed: repeat the command a little later."
    return ""


def _sentence(error: Exception) -> str:
    """Give an error's own words as a sentence."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if text.endswith((".", "?", "!")) else f"{text}."


def _advice(error: BotoCoreError) -> str:
    match error:
        case aws.SSOError() | aws.TokenRetrievalError():
            return _SIGN_IN
        case aws.NoCredentialsError() | aws.PartialCredentialsError():
            return (
                "`aws configure` or `aws sso login` gives you credentials; `lake up` starts a lake "
                "on this machine, which needs none."
            )
        case aws.CredentialRetrievalError():
            return "Look at the credentials of your AWS configuration."
        case aws.NoRegionError():
            return (
                "--region or AWS_DEFAULT_REGION names one; `lake up` starts a lake on this "
                "machine, which needs none."
            )
        case aws.ProfileNotFound():
            return "`aws configure list-profiles` lists those that there are."
        case aws.ConfigParseError() | aws.ConfigNotFound() | aws.UnknownCredentialError():
            return "Mend your AWS configuration, ~/.aws/config."
        case aws.SSLError() | aws.ProxyConnectionError():
            return "Look at the proxy and the certificates of your network."
        case aws.ConnectionError() | aws.HTTPClientError():
            return (
                "Nobody answers there: is the network up, and is the region right (--region)? "
                "A lake on this machine is started by `lake up`."
            )
        case _:
            return ""
