"""Contracts from files: ``contracts/<dataset>.schema.json``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from contract.keywords import META
from contract.schema import SUFFIX, Contract, parse
from store.errors import ContractError
from store.naming import normalise

if TYPE_CHECKING:
    from pathlib import Path


def files_of(folder: Path) -> list[Path]:
    """Give the files of a folder that are contracts, or are meant to be.

    Parameters
    ----------
    folder : Path
        Also the description of contracts for editors may be there, which is none.

    Raises
    ------
    ContractError
        When there is no such folder: without it every record would be accepted.
    """
    if not folder.is_dir():
        raise ContractError(f"{folder}: there is no such folder of contracts")
    return sorted(path for path in folder.glob("*.json") if path.name != META)


def load_folder(folder: Path) -> dict[str, Contract]:
    """Load every contract of a folder.

    Parameters
    ----------
    folder : Path
        Where ``<dataset>.schema.json`` are.

    Returns
    -------
    dict
        Contracts by dataset.

    Raises
    ------
    ContractError
        With everything that has to be mended in all of them, a line each; or when there is no
        folder.
    """
    found, wrong = dict[str, Contract](), list[str]()
    for path in files_of(folder):
        try:
            one = load(path)
            found[one.dataset] = one
        except ContractError as error:
            wrong.append(error.detail)
    if wrong:
        raise ContractError("\n".join(wrong))
    return found


def load(path: Path) -> Contract:
    """Load one contract.

    Raises
    ------
    ContractError
        With everything that has to be mended, a line each.
    """
    dataset = path.name.removesuffix(SUFFIX)
    if dataset == path.name or not dataset or dataset != normalise(dataset):
        raise ContractError(
            f"{path.name}: a contract is called <dataset>{SUFFIX}, the dataset spelled with "
            "a-z, 0-9 and _ as its table is"
        )
    return read(path, dataset)


def read(path: Path, dataset: str) -> Contract:
    """Read a contract from a file of any name.

    Raises
    ------
    ContractError
        As of :func:`load`.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=_object)
    except (OSError, ValueError, RecursionError) as error:
        raise ContractError(f"{path.name}: not readable as JSON: {error}") from error
    return parse(dataset, document, path.name)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{max(names, key=names.count)!r} is there twice")
    return found
