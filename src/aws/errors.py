"""Where answers of AWS become errors of the lake."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from botocore.exceptions import (
    ClientError,
    HTTPClientError,
    IncompleteReadError,
)
from botocore.exceptions import (
    ConnectionError as BotoConnectionError,
)

from store.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterator

#: The throttles and faults of the five services, by botocore's own retry tables and their
#: API references. AccessDenied is not among them: it is a fault of the deployment, kept in
#: the dead-letter queue until someone mends it.
_TRANSIENT = frozenset(
    {
        "ConditionalRequestConflict",
        "ConcurrentRunsExceededException",
        "InternalError",
        "InternalFailure",
        "InternalServerError",
        "InternalServiceException",
        "LimitExceededException",
        "OperationTimeoutException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestTimeout",
        "RequestTimeoutException",
        "ResourceNumberLimitExceededException",
        "ServiceUnavailable",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)


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
        if code_of(error) in _TRANSIENT or status >= 500:
            raise ServiceError(f"{doing}: {error}") from error
        raise
    except (BotoConnectionError, HTTPClientError, IncompleteReadError) as error:
        raise ServiceError(f"{doing}: {error}") from error
