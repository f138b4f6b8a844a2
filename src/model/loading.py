"""Models from their files, read and checked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from model.files import files_of, name_of, text_of
from model.model import ordered, parse
from store.errors import ModelError

if TYPE_CHECKING:
    from pathlib import Path

    from store.models import Model


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
