"""What `lake put` is given: files, folders, patterns, standard input, objects in S3."""

from __future__ import annotations

import glob
import os
import re
import shlex
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from lake import buckets
from lake.errors import LakeCommandError
from lake.trouble import aws_said
from store.naming import RAW_PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lake.target import Target

#: How standard input is named.
STDIN = "-"

#: What makes a text a pattern.
_PATTERN = re.compile(r"[*?\[]")

#: The longest key that S3 takes, in bytes (Amazon S3 User Guide, "Naming Amazon S3 objects").
_LONGEST_KEY = 1024


@dataclass(frozen=True)
class Source:
    """One file that is going to be an object.

    Attributes
    ----------
    name : str
        Where it is, as people name it: a path, ``s3://bucket/key``, or ``-``.
    below : str
        Its path below what was named; its key ends with it.
    size : int
        Bytes; 0 where nobody knows.
    """

    name: str
    below: str
    size: int = 0

    @property
    def place(self) -> tuple[str, str] | None:
        """Give bucket and key of an object in S3; None for other sources."""
        if not self.name.startswith("s3://"):
            return None
        bucket, _, key = self.name.removeprefix("s3://").partition("/")
        return bucket, key


@dataclass(frozen=True)
class Found:
    """What there is to upload.

    Attributes
    ----------
    sources : dict of str to Source
        By the keys that they will have.
    hidden : int
        Files of folders that are left out, since their names begin with a point.
    """

    sources: dict[str, Source]
    hidden: int = 0


def find(target: Target | None, named: Sequence[str], dataset: str | None, name: str) -> Found:
    """Find every file that is meant, and give each its key, before anything is uploaded.

    Parameters
    ----------
    target : Target or None
        The lake, whose credentials list objects of S3; not needed where none are named.
    named : sequence of str
        Files, folders, patterns, ``-``, ``s3://bucket/prefix``.
    dataset : str or None
        Folder below ``data/``; without it a folder's own folders are the datasets.
    name : str
        What standard input is called.

    Returns
    -------
    Found
        In the order in which they were named; what is named twice is there once.

    Raises
    ------
    LakeCommandError
        When something does not exist, or two files would get one key.
    """
    _check_dataset(dataset)
    if name and STDIN not in named:
        raise LakeCommandError(
            f"--name {name} names standard input, and no FILE is -: a file keeps its name. "
            f"`lake put - --name {name} < FILE` uploads it as {name}."
        )
    found: dict[str, Source] = {}
    hidden = 0
    for text in named:
        if text == STDIN:
            sources = [_standard_input(name)]
        elif text.startswith("s3://"):
            sources = list(_in_s3(target, text)) if target else []
        else:
            sources, left = _on_disk(text)
            hidden += left
        if not sources and target is not None:
            raise LakeCommandError(f"{text} holds no file." + _but(hidden))
        for source in sources:
            _add(found, source, dataset)
    return Found(found, hidden)


def _check_dataset(dataset: str | None) -> None:
    if dataset is None:
        return
    if (below := dataset.removeprefix(RAW_PREFIX)) != dataset:
        raise LakeCommandError(f"--dataset {dataset}: leave {RAW_PREFIX} out: --dataset {below}.")
    # An empty folder, or a blank that nobody sees, is part of the table's name, or hides it.
    if any(part in ("", ".", "..") or part != part.strip() for part in dataset.split("/")):
        named = shlex.quote(dataset)
        raise LakeCommandError(f"--dataset {named}: a dataset is a name, such as orders.")


def key_of(source: Source, dataset: str | None) -> str:
    """Name the raw key of a source: ``data/<dataset>/<path>`` or ``data/<path>``."""
    return f"data/{dataset}/{source.below}" if dataset else f"data/{source.below}"


def _add(found: dict[str, Source], source: Source, dataset: str | None) -> None:
    key = key_of(source, dataset)
    try:
        length = len(key.encode())
    except UnicodeEncodeError as error:
        raise LakeCommandError(
            f"The name {source.name} is no UTF-8, and S3 takes no other keys. Nothing was "
            "uploaded. Rename it."
        ) from error
    if length > _LONGEST_KEY:
        raise LakeCommandError(
            f"{source.name} would get a key of {length:,} bytes, and S3 takes "
            f"{_LONGEST_KEY:,}. Nothing was uploaded. Shorten its path."
        )
    other = found.setdefault(key, source)
    if _same(other, source):
        return
    folder = Path(source.name).resolve().parent.name if source.place is None else "NAME"
    raise LakeCommandError(
        f"{other.name} and {source.name} would both get the key {key}, and the second would "
        "replace the first. Nothing was uploaded. Rename one of them, or put them apart: "
        f"`lake put {source.name} --dataset {dataset or 'NAME'}/{folder}` "
        "puts it into a folder of the same dataset."
    )


def _same(one: Source, other: Source) -> bool:
    if one.name == other.name:
        return True
    if STDIN in (one.name, other.name) or one.place or other.place:
        return False
    return Path(one.name).resolve() == Path(other.name).resolve()


def _but(hidden: int) -> str:
    return f" {hidden:,} hidden ones are left out." if hidden else ""


def _standard_input(name: str) -> Source:
    if not name:
        raise LakeCommandError(
            "Standard input has no name: --name says what the file is called, such as orders.csv."
        )
    return Source(STDIN, name)


def _on_disk(text: str) -> tuple[list[Source], int]:
    """Give the files that a path or a pattern means, and how many hidden ones are left out."""
    path = Path(text)
    if path.is_dir():
        return _in_folder(path)
    if path.is_file():
        return [_file(path, path.name)], 0
    if path.exists():
        raise LakeCommandError(f"{text} is not a file. `lake put - --name NAME < {text}` reads it.")
    if not _PATTERN.search(text):
        raise LakeCommandError(f"{text} is not a file.")
    top = Path(os.path.dirname(text[: _start(text)]))  # noqa: PTH120 - a pattern is no path
    matches = sorted(map(Path, glob.glob(text, recursive=True)))  # noqa: PTH207 - it may be absolute
    return [_file(one, one.relative_to(top).as_posix()) for one in matches if one.is_file()], 0


def _start(text: str) -> int:
    """Tell where a pattern begins to be one."""
    found = _PATTERN.search(text)
    return found.start() if found else len(text)


def _in_folder(top: Path) -> tuple[list[Source], int]:
    found, hidden = [], 0
    for folder, folders, names in os.walk(top):
        hidden += sum(name.startswith(".") for name in names)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(folder) / name
            if not name.startswith(".") and path.is_file():
                found.append(_file(path, path.relative_to(top).as_posix()))
    return found, hidden


def _file(path: Path, below: str) -> Source:
    return Source(str(path), below, path.stat().st_size)


def _in_s3(target: Target, text: str) -> Iterator[Source]:
    """Give the objects that a name or a pattern means: one, or all below a folder."""
    bucket, _, key = text.removeprefix("s3://").partition("/")
    if not bucket:
        raise LakeCommandError(f"{text} names no bucket: s3://bucket/prefix does.")
    try:
        for found in buckets.contents(target, bucket, key[: _start(key)]):
            name = found["Key"]
            below = _below(name, key)
            if below and not name.endswith("/"):
                yield Source(f"s3://{bucket}/{name}", below, found["Size"])
    except (ClientError, BotoCoreError) as error:
        code = error.response["Error"]["Code"] if isinstance(error, ClientError) else ""
        why = aws_said(error)
        if code == "NoSuchBucket":
            why = (
                f"There is no bucket {bucket}. `lake put` reads every FILE that it is given, and "
                f"uploads it to the lake's bucket {target.outputs['RawBucketName']}; --dataset "
                "names the folder there."
            )
        raise LakeCommandError(f"{text} cannot be read. {why}") from error


def _below(name: str, key: str) -> str:
    """Give the path of an object below what names it; empty where that does not mean it."""
    if _PATTERN.search(key):
        top = key[: key.rfind("/", 0, _start(key)) + 1]
        return name.removeprefix(top) if fnmatchcase(name, key) else ""
    if name == key:
        return name.rpartition("/")[2]
    top = key if key.endswith("/") or not key else f"{key}/"
    return name.removeprefix(top) if name.startswith(top) else ""
