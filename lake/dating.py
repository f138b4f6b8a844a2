"""What the deployed contract of a dataset says, and whether it is that of the project."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from contract.loading import load
from contract.schema import SUFFIX, parse
from lake.errors import LakeCommandError
from lake.project import contracts_folder, project_root, shown
from lake.target import asked
from store.catalog import is_type
from store.errors import ContractError
from store.events import ASKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lake.ledger import Item
    from lake.target import Target


@dataclass(frozen=True)
class Contracts:
    """The contracts by which a lake's function judges; it is asked only where that matters.

    Attributes
    ----------
    target : Target
        The lake.
    """

    target: Target

    @cached_property
    def _deployed(self) -> dict[str, Any] | None:
        """The documents by their datasets; None where one may not ask the function."""
        return asked(self.target, "ProcessorFunctionName", ASKING).get("contracts")

    def undeployed(self, datasets: Iterable[str]) -> list[str]:
        """Say which contracts of the project the function does not have as they are written."""
        try:
            folder = contracts_folder(project_root(Path.cwd()))
        except LakeCommandError:
            return []
        files = {name: folder / f"{name}{SUFFIX}" for name in sorted(set(datasets))}
        written = {name: _written(file) for name, file in files.items() if file.is_file()}
        if not written or (deployed := self._deployed) is None:
            return []
        said = []
        for name, document in written.items():
            how = "is not deployed: records are judged without a contract"
            if name in deployed:
                how = "is not deployed as it is now: records are judged by the older one"
            if name not in deployed or deployed[name] != document:
                said.append(f"{shown(files[name])} {how}. `lake deploy` first, then repeat this.")
        return said

    def noted(self, item: Item) -> Item:
        """Note what its contract says, of an object for which that matters."""
        matters = item.undated or item.drift
        return noted(item, (self._deployed or {}).get(item.dataset)) if matters else item


def _written(file: Path) -> Any:
    """Give the document of a contract; None for one that cannot be deployed."""
    try:
        return load(file).document
    except ContractError:
        return None


def noted(item: Item, contract: Any) -> Item:
    """Note which column a contract dates records by, and the types of columns that drifted."""
    column = contract.get("x-partition-column") if isinstance(contract, dict) else None
    kinds = _kinds(item, contract)
    if not (column or kinds):
        return item
    facts = item.entry.facts | {"chosen": column or "", "kinds": json.dumps(kinds)}
    return replace(item, entry=replace(item.entry, facts=facts))


def _kinds(item: Item, contract: Any) -> dict[str, str]:
    try:
        root = parse(item.dataset, contract).root
    except ContractError:
        return {}
    kinds = {one.column: root.property(one.column).column for one in item.drift}
    return {name: kind for name, kind in kinds.items() if is_type(kind)}
