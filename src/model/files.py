"""Files of models: ``models/<name>.sql``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from store.errors import ModelError

if TYPE_CHECKING:
    from pathlib import Path

SUFFIX = ".sql"


def files_of(folder: Path) -> list[Path]:
    """Give the files of a folder that are models; none where there is no folder."""
    return sorted(folder.glob(f"*{SUFFIX}"))


def name_of(path: Path) -> str:
    """Name the model of a file."""
    return path.name.removesuffix(SUFFIX)


def text_of(path: Path) -> str:
    """Read a model's file.

    Raises
    ------
    ModelError
        When it cannot be read, or is no UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"{path.name}: not readable: {error}") from error
