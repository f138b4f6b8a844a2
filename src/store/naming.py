"""Where things live: datasets, partitions and object ids. Pure functions of their arguments."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from functools import lru_cache
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from store.errors import KeyOutsideLakeError

if TYPE_CHECKING:
    from datetime import datetime

    from store.model import OutputFile, Source

RAW_PREFIX = "data/"
DEFAULT_DATASET = "processed_table"
PARTITION_KEY = "date_partition"

#: Folders of the processed bucket: of every dataset's rows, of refused records, of stored files.
PROCESSED, QUARANTINE, OBJECTS = "processed", "quarantine", "objects"

#: The table that has a row for each version of an object, and its folder.
RUNS = "lake_runs"

#: Of the rows of datasets that were rebuilt; outside what the crawler looks at.
REBUILT = "rebuilt"

#: Folder of the curated bucket; outside what the crawler looks at.
MODELS = "models"

#: What a dataset's table is called while it is rebuilt.
_NEXT = "__next"

#: What a model's columns are asked of: a view, for a moment.
_SHAPE = "__shape"

#: Tables that the template declares; a dataset of that name would write into them.
OWN_TABLES = frozenset({QUARANTINE, OBJECTS, RUNS})

#: Athena reads table names of up to 128 bytes; room is left for a reserved name's suffix.
_MAX_DATASET = 120

_OTHERS = re.compile("[^a-z0-9_]")

#: Characters of a name that is worth being kept.
_SHORT = 100


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:12]


def normalise(name: str) -> str:
    """Spell a name with ``[a-z0-9_]`` only, distinct letters staying distinct.

    Accents are dropped, letters of other scripts become their code point, everything else
    an underscore, as a Glue crawler does with a folder's name.

    Parameters
    ----------
    name : str
        Any text.

    Returns
    -------
    str
        At least one character out of ``[a-z0-9_]``.
    """
    return _known(name) if len(name) <= _SHORT else _spelled(name)


def _spelled(name: str) -> str:
    if name.isascii():
        return _OTHERS.sub("_", name.lower()) or "_"
    folded = unicodedata.normalize("NFKD", name).casefold()
    spelled = (
        c if c.isascii() else f"u{ord(c):x}" if c.isalnum() else "" if combining else "_"
        for c in folded
        for combining in [unicodedata.combining(c)]
    )
    return _OTHERS.sub("_", "".join(spelled)) or "_"


#: A record read alone asks for the same names as the one before: half of its time, unless kept.
_known = lru_cache(maxsize=16_384)(_spelled)


def dataset_of(key: str) -> str:
    """Name the dataset that a raw key belongs to.

    Parameters
    ----------
    key : str
        Decoded key of the raw object.

    Returns
    -------
    str
        ``data/<dataset>/…/<file>`` gives ``<dataset>``, ``data/<file>`` gives
        ``processed_table``; normalised to ``[a-z0-9_]+``. A folder's own key, which ends with
        a slash, belongs to the same dataset as its files.

    Raises
    ------
    KeyOutsideLakeError
        When the key is not under ``data/``.
    """
    if not key.startswith(RAW_PREFIX):
        raise KeyOutsideLakeError(f"key {key!r} is not under {RAW_PREFIX!r}: nothing to ingest")
    folder, separator, _ = key.removeprefix(RAW_PREFIX).partition("/")
    if not separator or not folder:
        return DEFAULT_DATASET
    name = normalise(folder)
    if len(name) > _MAX_DATASET:
        name = f"{name[: _MAX_DATASET - 13]}_{_digest(folder)}"
    return f"{name}_data" if is_reserved(name) else name


def is_reserved(name: str) -> bool:
    """Tell whether the lake itself has, or makes for a while, a table of a name."""
    return name in OWN_TABLES or name.endswith((_NEXT, _SHAPE))


def reserved_name(key: str) -> str:
    """Give the name of the lake's own table that a raw key's folder has; empty for any other."""
    name = dataset_of(key).removesuffix("_data")
    folder = key.removeprefix(RAW_PREFIX).partition("/")[0]
    return name if name in OWN_TABLES and normalise(folder) == name else ""


def object_name(bucket: str, key: str) -> str:
    """Begin the names of all that one raw object ever becomes.

    Parameters
    ----------
    bucket, key : str
        The raw object.

    Returns
    -------
    str
        The key's stem for the reader's eye, and a hash of the key.
    """
    stem = re.sub(r"[^A-Za-z0-9._-]+", "_", PurePosixPath(key).name.split(".")[0])[:48]
    # Hive readers, Athena among them, skip files that begin with "_" or ".".
    return f"{stem.lstrip('._') or 'object'}-{_digest(bucket, key)}"


def object_id(bucket: str, key: str, version: str, generation: int) -> str:
    """Name what one attempt at one version of one raw object becomes.

    No two attempts share a name. One that was given up can then be deleted at any time, by
    whoever comes late: its keys are never those of rows that somebody committed since.

    Parameters
    ----------
    bucket, key, version : str
        The raw object.
    generation : int
        Of the attempt, unique for the key (:mod:`store.entry`).

    Returns
    -------
    str
        What :func:`object_name` gives, and a hash of the attempt.
    """
    return f"{object_name(bucket, key)}-{_digest(version, str(generation))}"


def output_key(folder: str, source: Source, file: OutputFile, generation: int) -> str:
    """Place a data file under its table's folder and its partition."""
    return _place(folder.rstrip("/"), source, file, generation)


def quarantine_key(source: Source, file: OutputFile, generation: int) -> str:
    """Place a file of refused records under its partition."""
    return _place(QUARANTINE, source, file, generation)


def stored_key(source: Source, file: OutputFile, generation: int) -> str:
    """Place the row of a file that is kept and not read under its partition."""
    return _place(OBJECTS, source, file, generation)


def _place(prefix: str, source: Source, file: OutputFile, generation: int) -> str:
    name = object_id(source.bucket, source.key, source.version, generation)
    part = f"-{file.part}" if file.part else ""
    extension = "".join(file.path.suffixes)
    return f"{prefix}/{PARTITION_KEY}={file.partition}/{name}{part}{extension}"


#: What :func:`_place` makes.
_PLACED = re.compile(
    rf"({PROCESSED}/(?P<dataset>[a-z0-9_]+)|(?P<own>{QUARANTINE}|{OBJECTS})"
    rf"|{REBUILT}/(?P<rebuilt>[a-z0-9_]+)/\d+)/"
    rf"{PARTITION_KEY}=(?P<partition>\d{{4}}-\d\d-\d\d)/"
    r"(?P<name>[A-Za-z0-9][^/]*-[0-9a-f]{12})-[0-9a-f]{12}(-\d+)?\.(parquet|json\.gz|jsonl\.gz)"
)


def is_output(key: str) -> bool:
    """Tell whether a key of the processed bucket is one that the lake itself writes."""
    return bool(_PLACED.fullmatch(key))


def object_in(key: str) -> str:
    """Give what :func:`object_name` gives of the raw object whose file this is; else nothing."""
    found = _PLACED.fullmatch(key)
    return found["name"] if found else ""


def place_of(key: str) -> tuple[str, str] | None:
    """Tell which table's rows a file holds, and of which partition.

    Parameters
    ----------
    key : str
        Of the processed bucket.

    Returns
    -------
    tuple of str, or None
        Dataset and date; None for a file that holds no dataset's rows.
    """
    found = _PLACED.fullmatch(key)
    dataset = (found["dataset"] or found["rebuilt"]) if found else None
    return (dataset, found["partition"]) if found and dataset else None


def partition_in(key: str) -> str:
    """Give table and date of the partition that a file is read in, as ``orders/2024-01-15``.

    Of the lake's own tables, too; empty for a file that no table reads.
    """
    found = _PLACED.fullmatch(key)
    if found is None:
        return ""
    return f"{found['dataset'] or found['rebuilt'] or found['own']}/{found['partition']}"


def dataset_in(key: str) -> str:
    """Give the dataset whose rows a file holds; empty for any other file."""
    place = place_of(key)
    return place[0] if place else ""


def folder_of(key: str) -> str:
    """Give the folder of the table whose rows a file holds, with its slash; else nothing."""
    return key.partition(f"{PARTITION_KEY}=")[0] if dataset_in(key) else ""


def format_of(key: str) -> str:
    """Tell the format of a file of a dataset's rows; empty for any other file."""
    if not dataset_in(key):
        return ""
    return "parquet" if key.endswith(".parquet") else "json"


def table_prefix(dataset: str, rebuild: int = 0) -> str:
    """Give the folder of a dataset's rows, with its slash.

    Parameters
    ----------
    dataset : str
        Its name.
    rebuild : int
        How often it was rebuilt: each time its rows get a folder of their own.
    """
    return f"{REBUILT}/{dataset}/{rebuild}/" if rebuild else f"{PROCESSED}/{dataset}/"


def rebuild_in(folder: str, dataset: str) -> int | None:
    """Tell how often a dataset was rebuilt, by its folder; None for a folder of another's."""
    if folder.rstrip("/") == table_prefix(dataset).rstrip("/"):
        return 0
    found = re.fullmatch(rf"{REBUILT}/{re.escape(dataset)}/(\d+)/?", folder)
    return int(found[1]) if found else None


def is_left_by(folder: str, key: str) -> bool:
    """Tell whether a file of a dataset's rows is where they were before a rebuild into a folder."""
    before, now = (rebuild_in(one, dataset_in(key)) for one in (folder_of(key), folder))
    return before is not None and now is not None and before < now


def next_table(dataset: str) -> str:
    """Name the table that a dataset is ingested into while it is rebuilt."""
    return f"{dataset}{_NEXT}"


def home_of(model: str) -> str:
    """Give the folder of a model's table in the curated bucket, with its slash."""
    return f"{MODELS}/{model}/"


def shape_table(model: str) -> str:
    """Name the view that is asked for the columns of a model."""
    return f"{model}{_SHAPE}"


def partition_of(created: datetime) -> str:
    """Give the partition of records that carry no usable date of their own."""
    return created.date().isoformat()


def partition_from(created: datetime, first_date: str) -> str:
    """Give the partition of a row of ``quarantine`` or ``objects``.

    Parameters
    ----------
    created : datetime
        When the object was created. A replica keeps the time of its original (Amazon S3 User
        Guide, "Replicating objects"), so that it may be older than the bucket.
    first_date : str
        ISO date of the first partition that queries look into.
    """
    return max(partition_of(created), first_date)
