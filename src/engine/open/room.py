"""The room that opening an object may take: bytes of disk, time, layers, members."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from store.errors import ObjectTooLargeError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

#: Layers and archives within each other. Real objects have three (a member gzipped, in a tar,
#: gzipped); archives that contain themselves have no end.
MAX_DEPTH = 8

#: Files that all archives of an object hold together.
MAX_MEMBERS = 1_000

#: gzip packs by 1,032 at most. Text of one record repeated comes near that, so that a small
#: object may: what is small when unpacked is no danger.
_MAX_RATIO = 1_000
_HARMLESS = 1024**3

#: Other processes write to the same disk, Lambda's runtime among them.
_SPARE = 16 * 1024**2


@dataclass(slots=True)
class Room:
    """What may still be written, and until when.

    Attributes
    ----------
    folder : Path
        Where files go; no name from outside is ever used for one.
    left : int
        Bytes that may be written.
    check_time : callable
        Raises when the invocation ends soon.
    packed : int
        The object's own size.
    """

    folder: Path
    left: int
    check_time: Callable[[], None]
    packed: int
    _written: int = field(default=0, init=False)
    _files: int = field(default=0, init=False)
    _members: int = field(default=0, init=False)

    @classmethod
    def of(cls, path: Path, folder: Path, room: int, check_time: Callable[[], None]) -> Room:
        """Measure what is really free: other jobs and dead workers use the same disk."""
        free = max(shutil.disk_usage(folder).free - _SPARE, 0)
        return cls(folder, min(room, free), check_time, path.stat().st_size)

    def fresh(self) -> Path:
        """Name a file that does not exist yet."""
        self._files += 1
        return self.folder / f"open-{self._files}"

    def take(self, size: int) -> None:
        """Account for bytes before they are written.

        Raises
        ------
        ObjectTooLargeError
            When the disk does not hold them, or the object is a bomb.
        """
        self.check_time()
        self._written += size
        if size > self.left:
            raise ObjectTooLargeError(
                f"unpacked it is larger than the disk that is free ({self._written:,} bytes are "
                "not enough): raise EphemeralStorage or split the object"
            )
        if self._written > max(_HARMLESS, _MAX_RATIO * self.packed):
            raise ObjectTooLargeError(
                f"its {self.packed:,} bytes unpack to more than {_MAX_RATIO:,} times as many: "
                "this looks like a decompression bomb"
            )
        self.left -= size

    def give_back(self, path: Path) -> None:
        """Delete a file that :meth:`fresh` named."""
        self.left += path.stat().st_size
        path.unlink()

    def member(self) -> None:
        """Count one more file in an archive.

        Raises
        ------
        ObjectTooLargeError
            When there are too many.
        """
        self._members += 1
        if self._members > MAX_MEMBERS:
            raise too_many_members()


def too_many_members() -> ObjectTooLargeError:
    """Say that an archive holds more files than one object may."""
    return ObjectTooLargeError(
        f"the archive holds more than {MAX_MEMBERS:,} files: upload them one by one"
    )


def too_deep() -> ObjectTooLargeError:
    """Say that layers or archives lie within each other too often."""
    return ObjectTooLargeError(
        f"more than {MAX_DEPTH} layers of compression and archives lie within each other"
    )
