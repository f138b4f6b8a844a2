"""Everything that can go wrong, and whether trying again can help.

::

    LakeError
    ├── ContractError                a contract cannot be honoured: the deployment is broken
    ├── ModelError                   a model cannot be kept up to date: likewise
    ├── ModelFailedError             a model's table could not be made anew: its dates wait
    ├── TerminalError                a retry cannot help: recorded, never retried
    │   ├── UnknownEventError        the invocation payload is no event of ours
    │   │   └── MalformedEventError  nothing can ever read it
    │   ├── KeyOutsideLakeError      the object is none that the lake ingests
    │   ├── ObjectGoneError          the object was deleted before it was read
    │   ├── ObjectArchivedError      the object lies in Glacier and must be restored first
    │   ├── ObjectEncryptedError     the object's key is one that the function cannot use
    │   ├── RejectedObjectError      the bytes cannot be opened as what they are
    │   └── ObjectTooLargeError      the function cannot serve an object like this
    ├── DefectError                  a fault of ours: retried, logged as ERROR, counted as Defects
    │   └── MiscountedError          records read are not those accepted plus those quarantined
    └── TransientError               a retry can help: the message goes back to the queue
        ├── EngineFailedError        DuckDB failed by a fault of its own or ours: a defect, too
        ├── ServiceError             an AWS service was slow, throttled or broken
        ├── CatalogConflictError     other writers kept changing the table
        ├── SchemaConflictError      the table has another type for a column by now
        ├── LedgerConflictError      other workers kept changing the ledger entry
        ├── AttemptLostError         another worker took this one for dead
        ├── AttemptOpenError         another worker may still be at the same message
        └── OutOfTimeError           not enough of the invocation is left

Anything else that is raised is a bug: it is retried, then kept in the dead-letter queue.
"""

#: Characters of a detail.
LONGEST_DETAIL = 2000


class LakeError(Exception):
    """Base of every failure that the lake foresees.

    Parameters
    ----------
    detail : str
        What happened, where and why, in words that an operator can act on.
    """

    #: Closed vocabulary, documented in ``docs/reference/reasons.md``.
    code = "LAKE_ERROR"

    def __init__(self, detail: str) -> None:
        # What is said of an error is kept in the ledger, whose items end at 400 KB.
        self.detail = (
            detail if len(detail) <= LONGEST_DETAIL else f"{detail[: LONGEST_DETAIL - 1]}…"
        )
        super().__init__(self.detail)


class ContractError(LakeError):
    """When a contract is no JSON Schema that is honoured exactly: mend it and deploy again."""

    code = "CONTRACT"


class ModelError(LakeError):
    """When a model cannot be kept up to date as it is written: mend it and deploy again."""

    code = "MODEL"


class ModelFailedError(LakeError):
    """When a model's table could not be made anew; the data before it can be read.

    Parameters
    ----------
    code : str
        Athena's name of the error, or the lake's.
    detail : str
        What it says, and what to do.
    permanent : bool
        Whether only another text, another table or other data can help.
    """

    def __init__(self, code: str, detail: str, *, permanent: bool = True) -> None:
        super().__init__(detail)
        self.code = code
        self.permanent = permanent


class TerminalError(LakeError):
    """When the same input can only ever fail the same way."""

    code = "TERMINAL"


class UnknownEventError(TerminalError):
    """When the payload is neither an S3 notification, an SQS batch nor an EventBridge event."""

    code = "UNKNOWN_EVENT"


class MalformedEventError(UnknownEventError):
    """When the payload cannot be read at all: nested too deep, or with 1e400 for a size.

    What is only unknown may be known to a newer function; this will never be.
    """

    code = "MALFORMED_EVENT"


class KeyOutsideLakeError(TerminalError):
    """When the key is not under the raw prefix."""

    code = "KEY_OUTSIDE_LAKE"


class ObjectGoneError(TerminalError):
    """When the object, or the version that the event names, no longer exists."""

    code = "OBJECT_GONE"


class ObjectArchivedError(TerminalError):
    """When the object was moved to an archive, from which it is read only once restored."""

    code = "OBJECT_ARCHIVED"


class ObjectEncryptedError(TerminalError):
    """When S3 gives the object to nobody without a key that the function cannot use."""

    code = "OBJECT_ENCRYPTED"


class RejectedObjectError(TerminalError):
    """When the object as a whole cannot be opened; nothing of it is published.

    Parameters
    ----------
    code : str
        One of the file-level reason codes of :mod:`store.reasons`.
    detail : str
        What was wrong, for the operator.
    """

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


class ObjectTooLargeError(TerminalError):
    """When an object needs more disk, memory or partitions than the function has."""

    code = "TOO_LARGE"


class DefectError(LakeError):
    """When the lake finds that it is wrong itself: never a verdict on the object.

    The message goes back to the queue, so that nothing is lost while the fault is mended.
    """

    code = "DEFECT"


class MiscountedError(DefectError):
    """When the records read are not as many as those accepted and those quarantined.

    Parameters
    ----------
    detail : str
        As of :class:`LakeError`.
    records : int
        How many are missing, or too many.
    """

    code = "MISCOUNTED"

    def __init__(self, detail: str, records: int = 1) -> None:
        super().__init__(detail)
        self.records = records


class TransientError(LakeError):
    """When the same input may succeed later.

    Parameters
    ----------
    detail : str
        As of :class:`LakeError`.
    retry_after : float, optional
        Seconds after which a retry can help, where that is known.
    """

    code = "TRANSIENT"

    def __init__(self, detail: str, retry_after: float | None = None) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class EngineFailedError(TransientError):
    """When DuckDB fails by an internal or fatal error, or its disk is full: not the file's fault.

    The database is thrown away; a new one may read the same bytes. It is counted as a defect,
    since somebody has to look into one that repeats.
    """

    code = "ENGINE_FAILED"


class ServiceError(TransientError):
    """When an AWS service throttles, times out or answers 5xx."""

    code = "SERVICE_ERROR"


class CatalogConflictError(TransientError):
    """When concurrent writers kept changing the table for longer than we tried."""

    code = "CATALOG_CONFLICT"


class SchemaConflictError(TransientError):
    """When the table gives a column another type than the file was conformed to."""

    code = "SCHEMA_CONFLICT"


class RowsGoneError(TransientError):
    """When a file is gone that holds an object's rows: replaced just now, or deleted."""

    code = "ROWS_GONE"


class LedgerConflictError(TransientError):
    """When other workers kept changing the ledger entry for longer than we tried."""

    code = "LEDGER_CONFLICT"


class AttemptLostError(TransientError):
    """When this worker was so slow that another ended its attempt; nothing was committed."""

    code = "ATTEMPT_LOST"


class AttemptOpenError(TransientError):
    """When the message was delivered twice at once and the other worker has not finished.

    To acknowledge it now would leave nobody to clean up, should that worker die.
    """

    code = "ATTEMPT_OPEN"


class OutOfTimeError(TransientError):
    """When the object could not be finished in what is left of the invocation.

    Another invocation has all of its time, so the message is handed back at once.
    """

    code = "OUT_OF_TIME"

    def __init__(self, detail: str) -> None:
        super().__init__(detail, retry_after=0)
