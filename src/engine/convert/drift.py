"""Which columns met values of other types, how often, and one such value of each."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from store.model import Drift

if TYPE_CHECKING:
    from store.model import Schema

#: So many drifting columns are named, those that drift most.
_NAMED = 20

#: Characters of an example: it is shown in one line, and twenty of them are in the ledger.
_LONGEST = 60


class Drifting(Counter[str]):
    """Rows with something rescued, by the column that it did not fit."""

    def __init__(self) -> None:
        super().__init__()
        self.examples: dict[str, str] = {}

    def note(self, column: str, example: Any) -> None:
        """Count one row.

        Parameters
        ----------
        column : str
            The column.
        example : Any
            What did not fit; the first of a column is kept.
        """
        self[column] += 1
        if column not in self.examples:
            self.examples[column] = shown(example)

    def clear(self) -> None:
        """Forget all of it."""
        super().clear()
        self.examples.clear()

    def most(self, schema: Schema) -> tuple[Drift, ...]:
        """Give the columns that drifted most, most first, with their types in a table."""
        types = {column.name: column.type for column in schema.columns}
        ranked = sorted(self.items(), key=lambda item: (-item[1], item[0]))[:_NAMED]
        return tuple(
            Drift(name, types.get(name, ""), count, self.examples.get(name, ""))
            for name, count in ranked
        )


def shown(value: Any) -> str:
    """Write a value in one short line."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
