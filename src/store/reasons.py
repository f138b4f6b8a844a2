"""Why a record or an object was refused, or an attempt failed: docs/reference/reasons.md."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """Codes of the quarantine's column ``reason``."""

    #: The record is not one JSON value.
    MALFORMED_JSON = "MALFORMED_JSON"
    #: The row's quotes do not match.
    MALFORMED_ROW = "MALFORMED_ROW"
    #: The row has more or fewer fields than the header.
    FIELD_COUNT = "FIELD_COUNT"
    #: The line is before the table, or repeats its header: a title, a comment, units.
    NOT_A_ROW = "NOT_A_ROW"
    #: The record holds bytes that are no UTF-8 text.
    INVALID_UTF8 = "INVALID_UTF8"
    #: The record is larger than a row can be.
    RECORD_TOO_LARGE = "RECORD_TOO_LARGE"
    #: The record is not what the dataset's contract says.
    CONTRACT_VIOLATION = "CONTRACT_VIOLATION"
    #: The object is not what its compression says: truncated, corrupt or followed by junk.
    CORRUPT_COMPRESSION = "CORRUPT_COMPRESSION"
    #: The object begins as a JSON document, Parquet or Avro and is not one.
    CORRUPT_FILE = "CORRUPT_FILE"
    #: The object is named as JSON and nothing in it is.
    UNKNOWN_FORMAT = "UNKNOWN_FORMAT"
    #: A Parquet column is of a type that cannot be read exactly.
    UNSUPPORTED_TYPE = "UNSUPPORTED_TYPE"
    #: The dataset's table, or a partition of it, is somebody else's: the lake cannot write to it.
    FOREIGN_TABLE = "FOREIGN_TABLE"
    #: The object needs more disk, time or partitions than the function has.
    TOO_LARGE = "TOO_LARGE"


class Failure(StrEnum):
    """Codes of what ended an attempt, beside those of :mod:`store.errors`."""

    #: The worker ended without an answer: killed, out of memory or out of time.
    WORKER_LOST = "WORKER_LOST"
    #: Something was raised that the lake does not foresee: a bug.
    DEFECT = "DEFECT"
