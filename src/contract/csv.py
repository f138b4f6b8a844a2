"""What a contract may say about delimited files (`x-csv`); what is said is not guessed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CsvSettings:
    r"""How a dataset's delimited files are written; None where the contract does not say it.

    Attributes
    ----------
    delimiter : str or None
        What divides fields.
    header : bool or None
        Whether the first row names the columns.
    quote : str or None
        What encloses fields; empty where a quote is a character like any other.
    escape : str or None
        What stands before a quote within quotes: the quote itself or a backslash.
    nulls : tuple of str or None
        Fields that stand for null, beside empty ones and ``\N``.
    comment : str or None
        How lines that are no records begin.
    skip : int or None
        Lines before the table.
    decimal : str or None
        ``,`` where numbers are written as ``1.234,56``.
    """

    delimiter: str | None = None
    header: bool | None = None
    quote: str | None = None
    escape: str | None = None
    nulls: tuple[str, ...] | None = None
    comment: str | None = None
    skip: int | None = None
    decimal: str | None = None
