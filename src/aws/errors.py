"""Where answers of AWS become errors of the lake."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from botocore.exceptions import (
    ChecksumError,
    ClientError,
    CredentialRetrievalError,
    FlexibleChecksumError,
    HTTPClientError,
    IncompleteReadError,
)
from botocore.exceptions import ConnectionError as BotoConnectionError
from urllib3.exceptions import HTTPError

from store.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterator

#: What a service answers with a status below 500 and a later try can mend, by the API references
#: and botocore's retry tables. AccessDenied is not among them: it is a fault of the deployment,
#: kept in the dead-letter queue until someone mends it.
_TRANSIENT = frozenset(
    {
        # Throttles: any service, then those that DynamoDB, Glue, S3 and SQS have of their own.
        "LimitExceededException",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ConcurrentRunsExceededException",
        "ResourceNumberLimitExceededException",
        "BandwidthLimitExceeded",
        "KMS.ThrottlingException",
        "KmsThrottled",
        "OverLimit",
        # Another request is at the same thing.
        "ConditionalRequestConflict",
        "OperationAborted",
        "PriorRequestNotComplete",
        "ReplicatedWriteConflictException",
        "TransactionConflictException",
        "TransactionInProgressException",
        # The service gave up, whatever status it says so with.
        "FederationSourceRetryableException",
        "InternalError",
        "InternalFailure",
        "InternalServerError",
        "InternalServiceException",
        "OperationTimeoutException",
        "RequestTimeout",
        "RequestTimeoutException",
        "ResourceNotReadyException",
        "ServiceUnavailable",
        # What was sent did not arrive as it was sent; or the upload was completed, and the answer
        # to that was lost.
        "BadDigest",
        "IncompleteBody",
        "NoSuchUpload",
        "XAmzContentChecksumMismatch",
        # Of a worker that lived longer than the credentials that Lambda started it with: another
        # one has fresh ones.
        "ExpiredToken",
        "ExpiredTokenException",
        "RequestExpired",
    }
)

#: No whole answer came, or other bytes than were sent. botocore wraps most of what urllib3 raises,
#: not what TLS says while a body is read.
_NO_ANSWER = (
    BotoConnectionError,
    ChecksumError,
    CredentialRetrievalError,
    FlexibleChecksumError,
    HTTPClientError,
    HTTPError,
    IncompleteReadError,
)

_TOO_MANY_REQUESTS = 429


def code_of(error: ClientError) -> str:
    """Give the error code of an answer, never its text."""
    return str(error.response.get("Error", {}).get("Code", ""))


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Raise what a retry can mend as ServiceError; let everything else through.

    Parameters
    ----------
    doing : str
        What was tried, for the operator.

    Raises
    ------
    ServiceError
        When the service throttled, failed or could not be reached, after botocore's own
        retries.
    """
    try:
        yield
    except ClientError as error:
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if code_of(error) in _TRANSIENT or status >= 500 or status == _TOO_MANY_REQUESTS:
            raise ServiceError(f"{doing}: {error}") from error
        raise
    except _NO_ANSWER as error:
        raise ServiceError(f"{doing}: {error}") from error
