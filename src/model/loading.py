"""Models from files: ``models/<name>.sql``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from model.model import SUFFIX, ordered, parse
from store.errors import ModelError

if TYPE_CHECKING:
    from pathlib import Path

    from store.models import Model


def files_of(folder: Path) -> list[Path]:
    """Give the files of a folder that are models; none where there is no folder."""
    return sorted(folder.glob(f"*{SUFFIX}"))


def load_folder(folder: Path) -> list[Model]:
    """Load every model of a folder.

    Returns
    -------
    list of Model
        Each behind those that it reads.

    Raises
    ------
    ModelError
        With everything that has to be mended, a line each.
    """
    found, wrong = [], []
    for path in files_of(folder):
        try:
            found.append(load(path))
        except ModelError as error:
            wrong.append(error.detail)
    if wrong:
        raise ModelError("\n".join(wrong))
    return ordered(found)


def load(path: Path) -> Model:
    """Load one model.

    Raises
    ------
    ModelError
        When it cannot be kept up to date, or is no UTF-8.
    """
    return parse(name_of(path), text_of(path))


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
