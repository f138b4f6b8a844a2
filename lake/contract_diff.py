"""What a change of a contract will do, path by path."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from contract.csv import said
from contract.node import ANY, Node, column_name
from contract.values import equal, is_multiple
from store.catalog import is_type

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from contract.schema import Contract


class Effect(IntEnum):
    """How grave a change is; the exit code of `lake contract diff` is the gravest."""

    #: Every record is judged and stored as before.
    COMPATIBLE = 0
    #: Nothing accepted before is refused; what was written or refused before would now be other.
    REPLAY = 3
    #: Records that were accepted before are refused from now on.
    NARROWS = 4

    @property
    def label(self) -> str:
        """For people."""
        return {0: "compatible", 3: "needs replay", 4: "narrows"}[self.value]


@dataclass(frozen=True)
class Retype:
    """A column that is to have another type.

    Attributes
    ----------
    column, type : str
        Which, and the new type.
    is_needed : bool
        Whether the table's column has another type for sure: the contract before gave it one.
    """

    column: str
    type: str
    is_needed: bool


@dataclass(frozen=True)
class Change:
    """One difference.

    Attributes
    ----------
    path : str
        Where in a record, as a JSON path.
    what : str
        What the difference is.
    effect : Effect
        What it will do.
    retype : Retype or None
        What gives the table's column the type that is new, where `lake retype` can: it takes
        columns of the table, and types without parts.
    """

    path: str
    what: str
    effect: Effect
    retype: Retype | None = None


def differences(old: Contract, new: Contract) -> list[Change]:
    """Compare two contracts of one dataset.

    Parameters
    ----------
    old, new : Contract
        Before and after.

    Returns
    -------
    list of Change
        Empty where only annotations differ, or nothing.
    """
    found = list(_nodes(old.root, new.root, "$"))
    if old.partition_column != new.partition_column:
        said = f"x-partition-column: {old.partition_column or 'none'}"
        what = f"{said} → {new.partition_column or 'none'}"
        found.append(Change("$", f"{what}: rows keep the partition they are in", Effect.REPLAY))
    for keyword, read in _OF_FILES.items():
        before, after = read(old), read(new)
        if before != after:
            what = f"{keyword}: {before or 'none'} → {after or 'none'}: {_BECAUSE[keyword]}"
            found.append(Change("$", what, Effect.REPLAY))
    return found


def again(dataset: str, changes: Sequence[Change]) -> dict[str, str]:
    """Say what makes the past as the new contract says.

    Parameters
    ----------
    dataset : str
        Whose contract it is.
    changes : sequence of Change
        By which it differs from the one before.

    Returns
    -------
    dict of str to str
        Commands, and when each is needed: empty for always.
    """
    name = shlex.quote(dataset)
    needed = [change.retype for change in changes if change.retype]
    found = {
        f"lake retype {name}.{shlex.quote(one.column)} {shlex.quote(one.type)}": (
            "" if one.is_needed else f"if `lake describe {name}` shows another type"
        )
        for one in needed
    }
    replay = f"lake replay --dataset {name}"
    if any(one.is_needed for one in needed):
        # A retype ingests the objects anew that have rows.
        found[f"{replay} --status PARTIAL --status REJECTED"] = "for files without any row"
    elif any(change.effect for change in changes):
        found[replay] = "else" if found else ""
    return found


#: What a contract says of files as a whole, as text; empty where it says nothing.
_OF_FILES: dict[str, Callable[[Contract], str]] = {
    "x-format": lambda contract: contract.format_hint,
    "x-encoding": lambda contract: contract.encoding,
    "x-csv": lambda contract: _json(said(contract.csv)),
    "x-records": lambda contract: "" if (r := contract.records) is None else _path(r),
    "x-date-format": lambda contract: _json(contract.date_formats),
}

#: What a change of it does to files that were ingested before.
_BECAUSE = {
    "x-format": "files may be read as another format",
    "x-encoding": "texts may be read as other characters",
    "x-csv": "rows and fields may be divided in another way",
    "x-records": "other parts of a document are the records",
    "x-date-format": "rows keep the partition they are in",
}


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False) if value else ""


def _path(members: tuple[str, ...]) -> str:
    return "$" + "".join(f".{m}" if m.isidentifier() else f"[{json.dumps(m)}]" for m in members)


def _nodes(old: Node, new: Node, path: str, column: str = "") -> Iterator[Change]:
    if old is new or (old.never and new.never):
        return
    if old.never or new.never:
        what = "allowed again" if old.never else "not allowed any more"
        yield Change(path, what, Effect.REPLAY if old.never else Effect.NARROWS)
        return
    yield from _types(old, new, path, column)
    for keyword in sorted({*old.checks, *new.checks}):
        yield from _check(keyword, old, new, path)
    yield from _required(old, new, path)
    names = {column_name(name): name for name in (*new.properties, *old.properties)}
    for column, name in names.items():
        yield from _property(name, old, new, f"{path}.{name}", column if path == "$" else "")
    yield from _nodes(old.additional or ANY, new.additional or ANY, f"{path}.*")
    yield from _nodes(old.items or ANY, new.items or ANY, f"{path}[*]")


def _property(name: str, old: Node, new: Node, path: str, column: str) -> Iterator[Change]:
    changes = list(_nodes(old.property(name), new.property(name), path, column))
    yield from changes
    if not old.names(name) and not changes:
        yield Change(path, "named: it may get a column before it has a value", Effect.COMPATIBLE)


_ALL = frozenset({"null", "boolean", "number", "string", "array", "object"})


def _allowed(node: Node) -> frozenset[str]:
    types = _ALL if node.types is None else node.types
    return types | {"integer"} if "number" in types else types


#: How a column gets its type where the contract gives it none.
_BY_VALUES = "by its first values"


def _types(old: Node, new: Node, path: str, column: str) -> Iterator[Change]:
    before, after = _allowed(old), _allowed(new)
    if before != after:
        removed, added = ", ".join(sorted(before - after)), ", ".join(sorted(after - before))
        what = "; ".join(
            part for part in (removed and f"no more {removed}", added and f"also {added}") if part
        )
        yield Change(path, f"type: {what}", Effect.NARROWS if removed else Effect.REPLAY)
    if old.column != new.column:
        was, will = old.column or _BY_VALUES, new.column or _BY_VALUES
        what = f"column type: {was} → {will}; a column that the table has keeps its type"
        if column and is_type(new.column):
            what += ": `lake retype` changes it"
            yield Change(path, what, Effect.REPLAY, Retype(column, new.column, bool(old.column)))
        else:
            yield Change(path, what, Effect.REPLAY)


def _required(old: Node, new: Node, path: str) -> Iterator[Change]:
    for name in new.required:
        if not old.requires(name):
            yield Change(f"{path}.{name}", "required from now on", Effect.NARROWS)
    for name in old.required:
        if not new.requires(name):
            yield Change(f"{path}.{name}", "not required any more", Effect.REPLAY)


def _check(keyword: str, old: Node, new: Node, path: str) -> Iterator[Change]:
    missing = object()
    before, after = old.checks.get(keyword, missing), new.checks.get(keyword, missing)
    if before is missing:
        yield Change(path, f"{keyword}: {_told(after)} is new", Effect.NARROWS)
    elif after is missing:
        yield Change(path, f"{keyword}: {_told(before)} is gone", Effect.REPLAY)
    elif not _same(before, after):
        wider = _is_wider(keyword, before, after)
        what = f"{keyword}: {_told(before)} → {_told(after)}"
        yield Change(path, what, Effect.REPLAY if wider else Effect.NARROWS)


def _told(operand: Any) -> str:
    return str(getattr(operand, "source", operand))


def _same(before: Any, after: Any) -> bool:
    if isinstance(before, tuple):
        return _within(before, after) and _within(after, before)
    if hasattr(before, "source"):
        return bool(before.source == after.source)
    return equal(before, after)


def _within(some: tuple[Any, ...], others: tuple[Any, ...]) -> bool:
    return all(any(equal(one, other) for other in others) for one in some)


def _is_wider(keyword: str, before: Any, after: Any) -> bool:
    """Tell whether everything that satisfied a check before still does."""
    if keyword in ("minimum", "exclusiveMinimum", "minLength", "minItems"):
        return bool(after < before)
    if keyword in ("maximum", "exclusiveMaximum", "maxLength", "maxItems"):
        return bool(after > before)
    if keyword == "multipleOf":
        return is_multiple(before, after)
    # Of expressions and formats nobody can tell which matches more.
    return keyword == "enum" and _within(before, after)
