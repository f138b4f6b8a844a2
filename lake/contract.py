"""The commands `lake contract …`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from contract.loading import files_of, load, read
from lake import render
from lake.context import out
from lake.contract_diff import Effect, differences
from lake.contract_infer import infer as propose
from lake.errors import LakeCommandError
from lake.local.deploy import contracts_folder, project_root
from store.errors import ContractError

if TYPE_CHECKING:
    from lake.context import Choice


@click.group()
def contract() -> None:
    """Check, propose and compare the contracts of datasets."""


@contract.command()
@click.argument("files", nargs=-1, type=click.Path(path_type=Path, exists=True, dir_okay=False))
def check(files: tuple[Path, ...]) -> None:
    """Say whether the function will honour FILES.

    Without FILES, those of contracts/, or of the folder that LAKE_CONTRACTS names.
    """
    try:
        found = files or files_of(contracts_folder(project_root(Path.cwd())))
    except ContractError as error:
        raise LakeCommandError(error.detail) from error
    if not found:
        out.print("There is no contract.")
    wrong = False
    for file in found:
        try:
            known = load(file)
        except ContractError as error:
            wrong = True
            out.print(error.detail, soft_wrap=True)
        else:
            count = len(known.root.properties)
            said = f"{file.name}: will be honoured, {count} properties named"
            out.print(said, soft_wrap=True)
    if wrong:
        sys.exit(1)


@contract.command()
@click.argument("dataset")
@click.pass_obj
def infer(choice: Choice, dataset: str) -> None:
    """Propose a contract that every row in the table of DATASET satisfies."""
    click.echo(json.dumps(propose(choice.target(), dataset), indent=2, ensure_ascii=False))


@contract.command()
@click.argument("old", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.argument("new", type=click.Path(path_type=Path, exists=True, dir_okay=False))
def diff(old: Path, new: Path) -> None:
    """Say what changing the contract OLD to NEW will do.

    Exit code 0: nothing, 3: the past differs until it is replayed, 4: records that were
    accepted are refused.
    """
    try:
        before, after = (read(path, path.name.partition(".")[0]) for path in (old, new))
    except ContractError as error:
        raise LakeCommandError(error.detail) from error
    changes = differences(before, after)
    if not changes:
        out.print("Every record is judged and stored as before.")
        return
    rows = [[change.path, change.what, change.effect.label] for change in changes]
    render.show_table(out, ["path", "change", "effect"], rows, [False, False, False])
    sys.exit(max((change.effect for change in changes), default=Effect.COMPATIBLE))
