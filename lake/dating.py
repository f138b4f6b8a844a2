"""Which column the deployed contract of a dataset names, where none dated a record."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from lake.target import asked
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
        """Note which column its contract names, of an object that has undated records."""
        return noted(item, self._documents.get(item.dataset)) if item.undated else item


def noted(item: Item, contract: Any) -> Item:
    """Note which column a contract names, if there is one and it does."""
    column = contract.get("x-partition-column") if isinstance(contract, dict) else None
    if not column:
        return item
    return replace(item, entry=replace(item.entry, facts={**item.entry.facts, "chosen": column}))
