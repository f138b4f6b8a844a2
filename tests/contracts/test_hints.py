"""What a contract says of files as a whole, and of decimals, is read or refused with a reason."""

from __future__ import annotations

from typing import Any

import pytest

from contract.csv import CsvSettings
from contract.hints import FORMAT_HINTS
from contract.schema import parse
from store.errors import ContractError


def refused(document: Any) -> str:
    with pytest.raises(ContractError) as error:
        parse("orders", document)
    return error.value.detail


def test_a_contract_that_says_nothing_of_files_leaves_all_to_the_lake() -> None:
    found = parse("t", {})
    assert (found.format_hint, found.encoding, found.partition_column) == ("", "", "")
    assert (found.csv, found.records, found.date_formats) == (CsvSettings(), None, ())


@pytest.mark.parametrize("name", FORMAT_HINTS)
def test_every_format_can_be_named(name: str) -> None:
    assert parse("t", {"x-format": name}).format_hint == name


@pytest.mark.parametrize(
    ("said", "codec"),
    [("cp1252", "cp1252"), ("Windows-1252", "cp1252"), ("UTF8", "utf-8"), ("sjis", "shift_jis")],
)
def test_an_encoding_is_known_by_any_of_its_names(said: str, codec: str) -> None:
    assert parse("t", {"x-encoding": said}).encoding == codec


@pytest.mark.parametrize(
    "said", ["klingon", "", "hex", "rot13", "idna", "unicode_escape", "a\0", 7]
)
def test_an_encoding_that_is_none_is_refused(said: Any) -> None:
    told = refused({"x-encoding": said})
    assert told.startswith("orders.schema.json #/x-encoding: keyword x-encoding: ")
    assert "the name of a charset that Python knows" in told


def test_every_member_of_csv_is_read() -> None:
    document = {
        "delimiter": ";",
        "header": False,
        "quote": "'",
        "escape": "\\",
        "null": ["NA", ""],
        "comment": "#",
        "skip": 2,
        "decimal": ",",
    }
    assert parse("t", {"x-csv": document}).csv == CsvSettings(
        ";", False, "'", "\\", ("NA", ""), "#", 2, ","
    )


@pytest.mark.parametrize("none", [False, ""])
def test_no_quote_and_no_escape_are_said_by_false(none: Any) -> None:
    found = parse("t", {"x-csv": {"quote": none, "escape": none}}).csv
    assert (found.quote, found.escape) == ("", "")


@pytest.mark.parametrize(
    ("member", "told"),
    [
        ({"delimiter": "::"}, "delimiter is one character"),
        ({"delimiter": "\n"}, "delimiter is one character"),
        ({"header": "yes"}, "header is true or false"),
        ({"quote": True}, "quote is one character, or false where there is none"),
        ({"null": "NA"}, "null is a list of texts"),
        ({"null": [0]}, "null is a list of texts"),
        ({"comment": "//"}, "comment is one character"),
        ({"skip": -1}, "skip is a number of lines"),
        ({"skip": 1.5}, "skip is a number of lines"),
        ({"decimal": ";"}, 'decimal is "," or "."'),
        ({"seperator": ","}, "seperator is unknown: use delimiter, header, quote"),
        ({"delimiter": ",", "decimal": ","}, "delimiter and decimal are both ','"),
        ({"delimiter": "'", "quote": "'"}, "delimiter and quote are both"),
    ],
)
def test_a_member_of_csv_that_cannot_be_is_refused(member: dict[str, Any], told: str) -> None:
    assert told in refused({"x-csv": member})


@pytest.mark.parametrize(
    ("path", "members"),
    [
        ("$", ()),
        ("$.data.items", ("data", "items")),
        ('$["a b"].c', ("a b", "c")),
        (r'$["a\"]."]', ('a"].',)),
        ("$.@graph", ("@graph",)),
    ],
)
def test_a_path_of_records_is_its_members(path: str, members: tuple[str, ...]) -> None:
    assert parse("t", {"x-records": path}).records == members


@pytest.mark.parametrize("path", ["", "data", "$.", "$..a", "$.a[0]", "$.a[*]", "$.*", "$a", None])
def test_a_path_of_anything_but_members_is_refused(path: Any) -> None:
    assert "use a path of members, such as $, $.data.items" in refused({"x-records": path})


@pytest.mark.parametrize(
    ("said", "formats"),
    [
        ("%d/%m/%Y", ("%d/%m/%Y",)),
        (["%d.%m.%Y %H:%M", "%Y%m%d"], ("%d.%m.%Y %H:%M", "%Y%m%d")),
        ("%d %b %Y %I:%M %p", ("%d %b %Y %I:%M %p",)),
        ("%Y-%j", ("%Y-%j",)),
    ],
)
def test_formats_of_dates_are_read(said: Any, formats: tuple[str, ...]) -> None:
    assert parse("t", {"x-date-format": said}).date_formats == formats


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("%d/%m/%y", "a year has four digits, %Y"),
        ("%Y", "a date is %Y once"),
        ("%d/%m", "a date is %Y once"),
        ("%Y-%m-%d %q", "%q is unknown"),
        ("%Y-%m-%d %", "is unknown"),
        ("dd/mm/yyyy", "a date is %Y once"),
        ([], "use a format such as"),
        ([1], "a format is a text"),
    ],
)
def test_a_format_that_gives_no_date_is_refused(said: Any, told: str) -> None:
    assert told in refused({"x-date-format": said})


@pytest.mark.parametrize("keyword", ["x-csv", "x-encoding", "x-records", "x-date-format"])
def test_what_is_said_of_files_belongs_to_the_contract_as_a_whole(keyword: str) -> None:
    told = refused({"properties": {"a": {keyword: "$"}}})
    assert told == (
        f"orders.schema.json #/properties/a/{keyword}: keyword {keyword}: "
        "it belongs to the contract as a whole"
    )


@pytest.mark.parametrize("types", ["number", "integer", "string", ["number", "null"]])
def test_a_decimal_is_the_type_of_its_column(types: Any) -> None:
    root = parse("t", {"properties": {"a": {"type": types, "x-decimal": [18, 2]}}}).root
    assert root.property("A").column == "decimal(18,2)"


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        ({"x-decimal": [18, 2]}, "its type must be number, integer or string"),
        ({"type": "null", "x-decimal": [18, 2]}, "its type must be number, integer or string"),
        ({"type": "array", "x-decimal": [18, 2]}, "its type must be number, integer or string"),
        ({"type": "number", "x-decimal": [39, 2]}, "use [digits in all, digits behind the point]"),
        ({"type": "number", "x-decimal": [2, 3]}, "no more behind the point than in all"),
        ({"type": "number", "x-decimal": [0, 0]}, "1 to 38"),
        ({"type": "number", "x-decimal": "18,2"}, "such as [18, 2]"),
    ],
)
def test_a_decimal_that_no_column_can_be_is_refused(schema: dict[str, Any], told: str) -> None:
    found = refused({"properties": {"a": schema}})
    assert found.startswith("orders.schema.json #/properties/a/x-decimal: keyword x-decimal: ")
    assert told in found


def test_a_record_as_a_whole_is_no_decimal() -> None:
    assert "it belongs to a property" in refused({"type": "number", "x-decimal": [18, 2]})


def test_two_names_of_one_column_are_refused() -> None:
    told = refused({"properties": {"Vendor ID": {}, "vendor_id": {}}})
    assert "'Vendor ID' and 'vendor_id' are one column, vendor_id: name it once" in told
    assert "are one column" in refused({"properties": {"s": {"required": ["a", "A"]}}})


def test_the_column_that_dates_is_named_as_any_other() -> None:
    document = {"properties": {"orderedAt": {"type": "string"}}, "x-partition-column": "orderedat"}
    assert parse("t", document).partition_column == "orderedAt"


def test_a_keyword_that_is_nearly_one_is_told() -> None:
    assert "not supported: did you mean x-records?" in refused({"x-record": "$"})
