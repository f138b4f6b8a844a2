"""What a format tells the conversion: the one protocol that every reader implements."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from engine.convert.plan import Plan
    from engine.convert.rules import Rules
    from engine.types.kinds import Kind
    from store.reasons import Reason

#: The column of a relation that numbers a block's records, from 1.
NUMBER = "lake_number"

#: What is rescued where only the exact reading can tell: no text.
NO_TEXT = "CAST(NULL AS VARCHAR)"

#: What a test calls the value that was read, so that it is not computed again.
READ = "lake_read"


@dataclass(frozen=True, slots=True)
class Relation:
    """A block as DuckDB reads it: a row for each record, in their order.

    Attributes
    ----------
    query : str
        SQL that gives one column for each field, named as the field, with its raw value, and
        the column :data:`NUMBER`. Running it may raise where a record is not as promised.
    fields : frozenset of str
        The plan's fields that it has columns for; a record with another must raise or be odd.
    odd_sql : str
        Over these columns: true for a record that only the exact reading can judge, such as a
        row of another width; never null.
    short_sql : str
        True for a record whose last fields were left out; never null.
    """

    query: str
    fields: frozenset[str]
    odd_sql: str = "false"
    short_sql: str = "false"


class OtherwiseError(Exception):
    """When an object has to be read in another way, from its beginning. No failure.

    Attributes
    ----------
    reading : callable
        Opens it in that way.
    """

    def __init__(self, reading: Callable[[], Reading]) -> None:
        super().__init__("it has to be read in another way")
        self.reading = reading


class ExactOnlyError(Exception):
    """When a block cannot be given to DuckDB: its records are read exactly. No failure."""


class UnpromisedError(Exception):
    """When DuckDB would refuse a block, or misread it, and what it would say."""


@dataclass(frozen=True, slots=True)
class Conformed:
    """How one raw value becomes a value of its column, as SQL over a relation.

    Attributes
    ----------
    fits_sql : str
        True where the value is null, or certainly is one of the column's type; it may call
        the value that was read :data:`READ`.
    value_sql : str
        That value; read only where it fits.
    rescued_sql : str
        The JSON text under which the exact reading would rescue a value that does not fit;
        null where only that reading can tell.
    text_sql : str
        The value as text or as its own type, for reading a date from it.
    """

    fits_sql: str
    value_sql: str
    rescued_sql: str = NO_TEXT
    text_sql: str = ""


@dataclass(frozen=True, slots=True)
class Record:
    """One record, read exactly.

    Attributes
    ----------
    number : int
        In its object, from 1.
    raw : bytes
        Its own bytes, for the quarantine.
    value : Any
        What :func:`engine.convert.jsontext.loads` would give; nothing where it was refused.
    reason : Reason or None
        Why it is no record.
    detail : str
        The same for people: what, where, what to do.
    short : bool
        Whether its last fields were left out.
    """

    number: int
    raw: bytes
    value: Any = None
    reason: Reason | None = None
    detail: str = ""
    short: bool = False


class Block(Protocol):
    """Some consecutive records of an object."""

    def relation(self, plan: Plan) -> Relation:
        """Give the block to DuckDB; what it promises is proved by reading it.

        Raises
        ------
        ExactOnlyError
            When DuckDB is not to see it.
        UnpromisedError
            When it has to be divided first.
        """
        ...

    def records(self, numbers: Collection[int] | None = None) -> Iterator[Record]:
        """Read exactly the records of these numbers in the block, or all; refused ones too."""
        ...

    def divided(self, plan: Plan, said: str) -> tuple[Block, Collection[int]] | None:
        """After its relation raised: a block of the records that are as promised.

        That block may raise, too, and be divided once more.

        Parameters
        ----------
        plan : Plan
            How the file is read.
        said : str
            What DuckDB said.

        Returns
        -------
        tuple of Block and collection of int, or None
            The rest, and the numbers in the whole block of all records that it lacks; None where
            nothing stands out, so that every record has to be read exactly.
        """
        ...

    def count(self) -> int:
        """Count the records in the bytes, by other code than that which reads them."""
        ...


class Reading(Protocol):
    """One object, opened as one format."""

    #: As the ledger names it.
    name: str
    #: Whether its records know nulls but not absence (:func:`contract.check.violation`).
    nulls: bool
    #: Whether its values are nothing but texts, which may be numbers to the contract.
    texts: bool
    #: Whether :meth:`guess` looks at some of the records only, so that others may teach more.
    sampled: bool

    def guess(self, rules: Rules) -> dict[str, Kind]:
        """Say what the fields are by looking at some of the records that the contract allows."""
        ...

    def learn(self, rules: Rules) -> dict[str, Kind]:
        """Say what the fields are by looking at every record that the contract allows."""
        ...

    def blocks(self) -> Iterator[Block]:
        """Give the records, each in one block, in their order."""
        ...

    def conformed(self, value_sql: str, shape: Kind, kind: Kind, *, fixed: bool) -> Conformed:
        """Say how a raw value of a relation becomes one of its column's type.

        Parameters
        ----------
        value_sql : str
            The raw value: its field's name, quoted.
        shape, kind : Kind
            What it is read as, and the type of its column; ``NULL`` where it has no column, so
            that all but null is rescued.
        fixed : bool
            Whether the column's type is given. Where it is not, a value fits only if its own
            type is that of the column, or one that meets the column's in this very type: ``1.0``
            is no ``bigint`` then, since all records together decide.
        """
        ...
