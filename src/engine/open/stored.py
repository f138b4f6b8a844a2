"""What is kept as one row of metadata, because it is not read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Stored:
    """An object that is not read.

    Attributes
    ----------
    detail : str
        What it is and why it is not read, for the ledger and its readers.
    media_type : str
        Of the file at ``path``.
    path : Path
        What to describe: the plain bytes, or the object itself where it could not be unpacked.
    compression : str
        What was undone to get there; ``none`` for nothing.
    """

    detail: str
    media_type: str
    path: Path
    compression: str = "none"


class NotReadError(Exception):
    """When a packing or format is known and not read: no damage, and no fault of the file.

    Parameters
    ----------
    detail : str
        As of :class:`Stored`.
    media_type : str
        As of :class:`Stored`.
    """

    def __init__(self, detail: str, media_type: str) -> None:
        super().__init__(detail)
        self.detail = detail
        self.media_type = media_type
