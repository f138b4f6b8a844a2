"""The nouns of the lake, as immutable values."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from pathlib import Path


class Status(StrEnum):
    """The state of one raw object in the ledger; SUPERSEDED is an answer to an event only."""

    PROCESSING = "PROCESSING"
    DONE = "DONE"
    PARTIAL = "PARTIAL"
    EMPTY = "EMPTY"
    STORED = "STORED"
    SKIPPED = "SKIPPED"
    REJECTED = "REJECTED"
    TOO_LARGE = "TOO_LARGE"
    FAILED = "FAILED"
    DELETED = "DELETED"
    SUPERSEDED = "SUPERSEDED"

    @property
    def is_final(self) -> bool:
        """Tell whether nothing leads on from here by itself."""
        return self in _ACCEPTED or self in (Status.REJECTED, Status.TOO_LARGE)

    @property
    def is_accepted(self) -> bool:
        """Tell whether the object is final, and was not refused as a whole."""
        return self in _ACCEPTED

    @property
    def needs_attention(self) -> bool:
        """Tell whether someone may want to look into it: it is in the ledger's sparse index."""
        return self in _ATTENTION


_ACCEPTED = (
    *(Status.DONE, Status.PARTIAL, Status.EMPTY, Status.STORED, Status.SKIPPED),
    Status.DELETED,
)

_ATTENTION = (Status.FAILED, Status.PARTIAL, Status.REJECTED, Status.STORED, Status.TOO_LARGE)


@dataclass(frozen=True, slots=True)
class ObjectEvent:
    """One object creation, as any of S3's ways of speaking tells it.

    Attributes
    ----------
    bucket, key : str
        Where the object is; the key decoded.
    version : str
        Version id, or an empty string when the bucket has none.
    etag : str
        Entity tag without quotes, possibly empty.
    size : int
        Bytes, or -1 when the event does not say.
    sequencer : str
        Hexadecimal order of events of one key; possibly empty.
    time : str
        ISO 8601 instant of the event; possibly empty.
    other_key : str
        Another reading of the key, to try where the first names no object.
    replay : str
        Names the replay that asks for the object to be ingested again, though its version
        may be committed; empty for an event of S3.
    removal : bool
        Whether somebody deleted the object, or a version of it, and its rows shall go, too.
    rewrite : bool
        Whether its rows shall be conformed anew to the table from the files that hold them, and
        the object itself is not read.
    """

    bucket: str
    key: str
    other_key: str = ""
    version: str = ""
    etag: str = ""
    size: int = -1
    sequencer: str = ""
    time: str = ""
    replay: str = ""
    removal: bool = False
    rewrite: bool = False


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: its normalised name, its Athena type, its original name."""

    name: str
    type: str
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Schema:
    """What a table's files hold.

    Attributes
    ----------
    columns : tuple of Column
        In order, without the partition key.
    format : str
        ``parquet`` or ``json``.
    folder : str
        Where in the processed bucket they are, with a slash at the end; empty where nobody has
        said so yet.
    """

    columns: tuple[Column, ...] = ()
    format: str = "parquet"
    folder: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Source:
    """One version of a raw object, downloaded.

    Attributes
    ----------
    path : Path
        Local file that holds the object's bytes exactly.
    bucket, key, version : str
        Provenance; the version is the version id, else the ETag.
    dataset : str
        Normalised dataset name.
    created : datetime
        When the object was created, in UTC.
    content_type : str
        As the uploader said; a hint of last resort.
    """

    path: Path
    bucket: str
    key: str
    version: str
    dataset: str
    created: datetime
    content_type: str = ""


@dataclass(frozen=True, slots=True)
class OutputFile:
    """A finished local file that is to be published under a partition.

    Attributes
    ----------
    path : Path
        Local file.
    partition : str
        Value of ``date_partition``, an ISO date.
    part : int
        Number of this file among those of its partition, from 0.
    rows : int
        Records in the file.
    """

    path: Path
    partition: str
    part: int
    rows: int


@dataclass(frozen=True, slots=True)
class Drift:
    """A column that met values which are not of the table's type.

    Attributes
    ----------
    column, type : str
        The column, and the type that it has in the table.
    count : int
        Rows in which something did not fit; it is in ``_rescued_data``.
    example : str
        One such value, as text.
    """

    column: str
    type: str
    count: int
    example: str = ""


#: Rules of a contract for which the ledger says how many records of a file broke each.
MOST_RULES = 10


@dataclass(frozen=True, slots=True)
class Refusal:
    """The records of a file that were refused for one reason.

    Attributes
    ----------
    reason : str
        Its code.
    count : int
        How many records.
    record : int
        The number of the first one in the file, from 1.
    detail : str
        What was wrong with that one.
    rules : mapping of str to int
        How many records broke each rule of the contract; empty for other reasons, and where that
        was not kept.
    """

    reason: str
    count: int
    record: int
    detail: str
    rules: Mapping[str, int] = field(default_factory=dict)

    @property
    def commonest_rules(self) -> dict[str, int]:
        """Give the rules that most records broke, the commonest first, with how many broke each."""
        ordered = sorted(self.rules.items(), key=lambda rule: (-rule[1], rule[0]))
        return dict(ordered[:MOST_RULES])


@dataclass(frozen=True, slots=True)
class Conversion:
    """What became of one object: ``read == accepted + quarantined``.

    Attributes
    ----------
    status : Status
        DONE, PARTIAL, EMPTY or STORED.
    format, compression : str
        What the content was found to be, such as ``jsonl`` and ``gzip``.
    read, accepted, quarantined, rescued : int
        Records; ``rescued`` counts accepted records with something in ``_rescued_data``.
    schema : Schema
        The table's columns with the new ones appended: the schema of every output file.
    outputs, quarantine : tuple of OutputFile
        Files for the processed dataset and for the quarantine.
    added : tuple of str
        Columns that the table did not have, and fields of structs by their path, such as
        ``user.address.city``.
    drift : tuple of Drift
        Columns that held values of other types than the table's; the twenty that drifted most,
        most first.
    stored : tuple of OutputFile
        The row of the table ``objects`` for a file that is STORED; it is no record.
    undated : int
        Accepted records that were dated by the path or the day of the upload.
    short : int
        Accepted records whose last fields were left out, and are null.
    guesses : tuple of str
        What was guessed, such as ``encoding guessed: cp1251``.
    date_column : str
        The column that dated the records; empty where none did.
    detail : str
        For a file that is STORED: what it is, and why it was not read.
    refused : tuple of Refusal
        Why records were refused, the commonest reason first.
    datelike : tuple of str
        Fields that look like dates, where no field dated any record.
    no_dates : dict
        Of the column that should have dated accepted records: at most three of its values that are
        no dates.
    csv : dict
        How a delimited file was found to be written, in the words of ``x-csv``, as far as it is
        not written as most are.
    """

    status: Status
    format: str
    compression: str
    read: int
    accepted: int
    quarantined: int
    rescued: int
    schema: Schema
    outputs: tuple[OutputFile, ...] = ()
    quarantine: tuple[OutputFile, ...] = ()
    added: tuple[str, ...] = ()
    drift: tuple[Drift, ...] = ()
    stored: tuple[OutputFile, ...] = ()
    undated: int = 0
    short: int = 0
    guesses: tuple[str, ...] = ()
    date_column: str = ""
    detail: str = ""
    refused: tuple[Refusal, ...] = ()
    datelike: tuple[str, ...] = ()
    no_dates: Mapping[str, Sequence[str]] = field(default_factory=dict)
    csv: dict[str, str | int | bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RawObject:
    """The current version of a raw object, as S3 describes it.

    Attributes
    ----------
    bucket, key : str
        Where it is.
    version : str
        Version id, else ETag: equal only for the same bytes.
    size : int
        Bytes.
    created : datetime
        When it was created, in UTC.
    content_type : str
        As the uploader said.
    """

    bucket: str
    key: str
    version: str
    size: int
    created: datetime
    content_type: str = ""
