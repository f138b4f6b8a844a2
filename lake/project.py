"""Where the project lies that the command works for."""

from __future__ import annotations

import os
from pathlib import Path

from lake.errors import LakeCommandError

#: As samconfig.toml names it.
DEFAULT_STACK = "DataLakeStack"


def project_root(start: Path) -> Path:
    """Find the folder of the template, upward from here, else beside this package.

    Raises
    ------
    LakeCommandError
        When there is none.
    """
    for folder in (start, *start.parents, Path(__file__).resolve().parents[1]):
        if (folder / "template.yaml").is_file() and (folder / "samconfig.toml").is_file():
            return folder
    raise LakeCommandError(
        f"No template.yaml in {start} or above. The template, contracts and models are in a clone "
        "of the project: run this inside of one."
    )


def stack_option(name: str) -> str:
    """Give what names a stack in a command line, and a space; nothing for the usual one."""
    return "" if name == DEFAULT_STACK else f"--stack-name {name} "


def contracts_folder(root: Path) -> Path:
    """Give the folder whose contracts a build ships: ``LAKE_CONTRACTS``, else ``contracts``."""
    return root / os.environ.get("LAKE_CONTRACTS", "contracts")


def models_folder(root: Path) -> Path:
    """Give the folder whose models a build ships: ``LAKE_MODELS``, else ``models``."""
    return root / os.environ.get("LAKE_MODELS", "models")


def shown(path: Path) -> str:
    """Name a file as a user does who is in this folder."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


#: What names a folder of the user's own, and which one it is.
_FOLDERS = {"LAKE_CONTRACTS": contracts_folder, "LAKE_MODELS": models_folder}


def why_no_folder(root: Path, *variables: str) -> str:
    """Say which of these variables, or of all, names a folder that is not there; else nothing."""
    for name in variables or _FOLDERS:
        if os.environ.get(name) and not (folder := _FOLDERS[name](root)).is_dir():
            return (
                f"{name} names {folder}, and there is no such folder: `unset {name}` takes the "
                "project's own."
            )
    return ""
