"""The commands `lake contract …`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from contract.loading import files_of, load, read
from contract.schema import SUFFIX
from lake import ledger, raw, rehearse, render
from lake.completion import DATASET
from lake.context import err, out
from lake.contract_diff import Effect, again, differences
from lake.contract_infer import dated
from lake.contract_infer import infer as propose
from lake.errors import LakeCommandError
from lake.files import show_lines
from lake.meant import meant
from lake.project import contracts_folder, project_root, shown, why_no_folder
from store.errors import ContractError
from store.near import near

if TYPE_CHECKING:
    from lake.context import Choice


class _Contract(click.Path):
    """A file, or the name of a dataset whose contract is meant."""

    def __init__(self) -> None:
        super().__init__(exists=True, dir_okay=False, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Find the file."""
        if not Path(value).exists():
            folder = contracts_folder(project_root(Path.cwd()))
            named = folder / f"{value}{SUFFIX}"
            if not named.is_file():
                writes = "`lake contract infer DATASET --write` writes one."
                advice = near(str(value), _known(folder), writes)
                said = f"there is neither a file {value} nor a contract {shown(named)}: {advice}"
                self.fail(said, param, ctx)
            value = named
        return super().convert(value, param, ctx)


def _known(folder: Path) -> list[str]:
    """Name the datasets that have a contract in a folder."""
    return [one.name.removesuffix(SUFFIX) for one in folder.glob(f"*{SUFFIX}")]


@click.group(cls=render.Group)
def contract() -> None:
    """Check, propose and compare the contracts of datasets."""


@contract.command()
@click.argument("files", nargs=-1, type=_Contract())
@click.option(
    "--against", metavar="DATASET", type=DATASET, help="Try it on the objects of this dataset."
)
@click.option(
    "--limit",
    type=click.IntRange(1),
    default=20,
    show_default=True,
    help="With --against: so many objects, the most recent ones.",
)
@render.json_option
@click.pass_obj
def check(
    choice: Choice, files: tuple[Path, ...], against: str | None, limit: int, as_json: bool
) -> None:
    """Say whether the function will honour FILES.

    FILES may be names of datasets. Without FILES, those of contracts/, or of the folder that
    LAKE_CONTRACTS names.

    With --against the function reads objects of DATASET as it would under the contract, which
    need not be deployed. How many records would be accepted, refused and rescued is shown beside
    what is so now; nothing is changed. Exits with 2 where some would be refused or rescued.
    """
    if against:
        _check_against(choice, files, against, limit, as_json=as_json)
        return
    root = project_root(Path.cwd())
    if not files and (why := why_no_folder(root, "LAKE_CONTRACTS")):
        raise LakeCommandError(why)
    try:
        found = files or files_of(contracts_folder(root))
    except ContractError as error:
        raise LakeCommandError(error.detail) from error
    judged = [_judged(file) for file in found]
    if as_json:
        render.show_json(judged)
    elif not judged:
        folder = contracts_folder(root)
        out.print(
            f"There is no contract in {folder}. `lake contract infer DATASET --write` writes one."
        )
    else:
        for one in judged:
            count = one["properties"]
            noun = "property" if count == 1 else "properties"
            named = f"{one['file']}: sound; it names {count} {noun}"
            out.print(one["why_not"] or named)
    if any(one["why_not"] for one in judged):
        sys.exit(1)


def _judged(file: Path) -> dict[str, Any]:
    """Say whether a contract will be honoured."""
    told: dict[str, Any] = {"file": file.name, "honoured": True, "properties": 0, "why_not": None}
    try:
        return told | {"properties": len(load(file).root.properties)}
    except ContractError as error:
        return told | {"honoured": False, "why_not": error.detail}


def _check_against(
    choice: Choice, files: tuple[Path, ...], dataset: str, limit: int, *, as_json: bool
) -> None:
    file = contracts_folder(project_root(Path.cwd())) / f"{dataset}{SUFFIX}"
    if len(files) > 1:
        raise LakeCommandError("--against tries one contract: name one file.")
    if not files and not file.is_file():
        advice = near(dataset, _known(file.parent), "name the contract to try.")
        raise LakeCommandError(f"{file} does not exist: {advice}")
    try:
        document = dict(read(files[0] if files else file, dataset).document)
    except ContractError as error:
        raise LakeCommandError(error.detail) from error
    target = choice.target()
    wanted = ledger.Filter(datasets=(dataset,))
    known = list(ledger.items(target, wanted))
    there = raw.present(target, [item.key for item in known])
    recent = sorted(
        (item for item in known if item.key in there), key=lambda item: item.updated_at
    )[::-1]
    if not recent:
        said = f"No object of the dataset {dataset} is in the raw bucket. {meant(target, wanted)}"
        raise LakeCommandError(said.rstrip())
    if len(recent) > limit:
        err.print(f"The most recent {limit} of {len(recent):,} objects; --limit takes more.")
    whole = rehearse.compare(target, recent[:limit], document, as_json=as_json)
    sys.exit(0 if whole else 2)


@contract.command()
@click.argument("dataset", type=DATASET)
@click.option("--date-column", default="", help="The column that shall date records.")
@click.option("--write", is_flag=True, help="Write the contract's file in place of printing it.")
@click.pass_obj
def infer(choice: Choice, dataset: str, date_column: str, write: bool) -> None:
    """Propose a contract that every row in the table of DATASET satisfies.

    With --write and --date-column a contract that is there is changed in no other point.
    """
    if not write:
        proposed = propose(choice.target(), dataset, date_column)
        render.show_json(proposed)
        return
    file = contracts_folder(project_root(Path.cwd())) / f"{dataset}{SUFFIX}"
    if not file.is_file():
        proposed = propose(choice.target(), dataset, date_column)
    elif date_column:
        try:
            known = read(file, dataset)
        except ContractError as error:
            raise LakeCommandError(error.detail) from error
        proposed = dated(choice.target(), known, date_column)
    else:
        raise LakeCommandError(
            f"{file} is there already: without --write the proposal is printed, and "
            f"`lake contract diff` compares the two."
        )
    file.write_text(json.dumps(proposed, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    out.print(f"Wrote {shown(file)}.")
    out.print("Next:")
    show_lines(
        [
            f"lake contract check --against {dataset}",
            "lake deploy, when the check refuses only what you want refused",
            f"lake replay --dataset {dataset}",
        ]
    )


@contract.command()
@click.argument("old", type=_Contract())
@click.argument("new", type=_Contract())
@render.json_option
@render.listing
def diff(old: Path, new: Path, as_json: bool) -> None:
    """Say what changing the contract OLD to NEW will do: files, or names of datasets.

    Exit code 0: nothing, 3: the past differs until it is replayed, 4: records that were
    accepted are refused.
    """
    try:
        before, after = (read(path, path.name.partition(".")[0]) for path in (old, new))
    except ContractError as error:
        raise LakeCommandError(error.detail) from error
    changes = differences(before, after)
    rows = [[change.path, change.what, change.effect.label] for change in changes]
    heads = ["path", "change", "effect"]
    if as_json:
        render.show_json([dict(zip(heads, row, strict=True)) for row in rows])
    elif changes:
        render.show_table(out, heads, rows, [False, False, False])
    else:
        out.print("Every record is judged and stored as before.")
    gravest = max((change.effect for change in changes), default=Effect.COMPATIBLE)
    if gravest and not as_json:
        out.print("Next:")
        commands = again(after.dataset, changes)
        told = [f"{one}: {when}" if when else one for one, when in commands.items()]
        show_lines(["lake deploy", *told])
    sys.exit(gravest)
