"""Why a record or an object was refused: a closed set, documented in docs/operations.md."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """Codes of the quarantine's column ``reason``."""

    #: The line is not one JSON value.
    MALFORMED_JSON = "MALFORMED_JSON"
    #: The record holds bytes that are no UTF-8 text.
    INVALID_UTF8 = "INVALID_UTF8"
    #: The record is larger than a row can be.
    RECORD_TOO_LARGE = "RECORD_TOO_LARGE"
    #: The object is not what its compression says: truncated, corrupt or followed by junk.
    CORRUPT_COMPRESSION = "CORRUPT_COMPRESSION"
    #: The object is in no format that the lake reads.
    UNKNOWN_FORMAT = "UNKNOWN_FORMAT"
    #: The object needs more disk, time or partitions than the function has.
    TOO_LARGE = "TOO_LARGE"
