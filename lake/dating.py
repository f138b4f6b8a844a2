"""What the contract of a dataset says of columns that dated no record, or that drifted."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from contract.schema import parse
from lake.target import asked
from store.catalog import is_type
from store.errors import ContractError
from store.events import ASKING

if TYPE_CHECKING:
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
    def _documents(self) -> dict[str, Any]:
        return asked(self.target, "ProcessorFunctionName", ASKING).get("contracts") or {}

    def noted(self, item: Item) -> Item:
        """Note what its contract says, of an object for which that matters."""
        matters = item.undated or item.drift
        return noted(item, self._documents.get(item.dataset)) if matters else item


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
