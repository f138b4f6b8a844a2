"""How a delimited file is written is found by evidence, and every guess is said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from contract.csv import CsvSettings
from engine.open.dialect import Context, Dialect, find_dialect
from engine.open.samples import read_samples

if TYPE_CHECKING:
    from pathlib import Path


def dialect(text: str, extension: str = "csv", **known: Any) -> Dialect:
    found = find_dialect([text], Context(extension, **known))
    assert found is not None
    return found


COLUMNS = {
    "years": ("country,2021,2022\nAustria,480.4,471.7\nChile,316.6,301.0\n", "country 2021 2022"),
    "dates": ("item,2024-01-31,2024-02-29\nbolt,10,12\n", "item 2024-01-31 2024-02-29"),
    "repeated": ("name,city,name\nann,graz,x\nbob,linz,y\n", "name city name_2"),
    "an empty name": (",name\n0,ann\n1,bob\n", "column_1 name"),
    "one too many": ("name,city,\nann,graz,\nbob,linz,\n", "name city"),
    "decimal commas": ("1,5;2,5\n1,6;2,7\n1,7;2,8\n", "column_1 column_2"),
    "a bank's": (
        "08/01/2016;A;-21.419,06\n12/01/2016;A;-21.375,00\n",
        "column_1 column_2 column_3",
    ),
    "commas in names": ("Name, first;Amount\nDoe, Jo;1,50\nRoe, Al;2,75\n", "Name, first|Amount"),
    "a header wider than most rows": (
        "id;a;b;c\n1;x;1;9\n2;y;2\n3;z;3\n4;z;3\n5;z;3\n",
        "id a b c",
    ),
    "sep": ("sep=;\r\nA;B\r\nx;1\r\n", "A B"),
    "title": ("Monthly report\n\norder,city\n1,Graz\n2,Linz\n", "order city"),
    "a padded title": (
        "Population,,,,\nSource: us,,,,\n,,,,\nArea,,2019,2020,2021\nWien,,1,2,3\nGraz,,4,5,6\n",
        "Area|column_2|2019|2020|2021",
    ),
    "a padded title above two": ("Report,\n,\nArea,Total\nWien,3\nGraz,6\n", "Area Total"),
    "a padded title of two cells": (
        "Made by,office,,\nOn,2024-01-15,,\nArea,q1,q2,q3\nWien,1,2,3\nGraz,4,5,6\nLinz,7,8,9\n",
        "Area q1 q2 q3",
    ),
    "a name and data that is full": (
        "id,,,\n1,x,2.5,a\n2,y,3.5,b\n",
        "id column_2 column_3 column_4",
    ),
    "comments": ("# made\n# by\norder,city\n1,Graz\n2,Linz\n", "order city"),
    "W3C": ("#Version: 1.0\n#Fields: date c-ip\n2024-01-15\t10.0.0.1\n", "date c-ip"),
    "zeek": ("#separator \\x09\n#fields\tts\tuid\n1.5\tC\n", "ts uid"),
    "pandas, without names": (",0,1\n0,1.5,2\n1,4.5,5\n2,7.5,8\n", "column_1 0 1"),
    "pandas, whole numbers": (",0,1,2\n0,5,0,1\n1,0,1,3\n", "column_1 0 1 2"),
    "a series": (",0\n0,1.5\n1,2.5\n2,2.5\n", "column_1 0"),
    "a series by days": (",0\n2024-01-15,1\n2024-01-16,2\n", "column_1 0"),
    "numbers above decimals": ("0,1,2,3\n0.5,1.5,2.5,-3.5\n1.5,.5,4.5,2.0e-3\n", "0 1 2 3"),
    "numbers above texts": ("0,1,2\nann,1,2.5\nbob,6,3.5\n", "column_1 column_2 column_3"),
    "numbers above more texts": ("0,1,2\nann,graz,1\nbob,linz,2\n", "0 1 2"),
    "joined with marks": ("id,p\n1,2\n\ufeffid,p\n2,3\n", "id p"),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_columns_are_named(name: str) -> None:
    text, expected = COLUMNS[name]
    divider = "|" if "|" in expected else " "

    assert dialect(text).columns == tuple(expected.split(divider))


@pytest.mark.parametrize(
    "text",
    [
        "0,1,2,3\n4,5,6,7\n8,9,10,11\n",
        "0,1,2\n0,1,3\n0,1,4\n",
        "0,1\n0.1,0.99\n0.2,0.95\n",
        "0,1,2\n0.1,0.99,2.1\n0.2,0.95,2.2\n",
        "0,1,2,3\n0,1,2,4\n0,1.5,2,5\n",
        "0\n1.5\n2.5\n",
        ",0\n1,5\n,6\n1,7\n",
        "0,1,2\n0,1,a\n0,1,b\n",
    ],
)
def test_numbers_that_are_like_those_below_are_data(text: str) -> None:
    assert not dialect(text).header


@pytest.mark.parametrize(
    ("text", "extension"),
    [
        ("just words\nmore words\n", "txt"),
        ("First, a line.\nThen, another one, longer.\nAt last, the end.\n", "md"),
        ("8=FIX\x019=65\x0135=D\x01\n8=FIX\x019=66\x0135=8\x01\n", "log"),
        ("2024-01-15 10:00:00,123 INFO started\n2024-01-15 10:00:01,456 INFO done\n", "log"),
    ],
)
def test_text_stays_text(text: str, extension: str) -> None:
    assert find_dialect([text], Context(extension)) is None


@pytest.mark.parametrize(
    "header", ["Time;Temp [°C];P* [hPa]", "'time';°C;% of all", "Active?;R&D;a/b+c", '#;"a";(b)']
)
def test_names_may_have_units_and_signs(header: str) -> None:
    assert dialect(f"{header}\n1;2.5;1000\n2;3.5;1001\n", "txt").header


@pytest.mark.parametrize("extension", ["txt", "log", "dat"])
def test_many_rows_of_numbers_are_a_table(extension: str) -> None:
    rows = "".join(f"{n}\t{2 * n}\t{n / 4}\n" for n in range(50))
    assert len(dialect(rows, extension).columns) == 3
    assert find_dialect(["1,5\n2,7\n" * 50], Context("txt")) is None


def test_content_proves_a_table_whatever_its_name() -> None:
    assert dialect("id,name\n1,ann\n2,bob\n", "txt").columns == ("id", "name")
    assert dialect("1\x01ann\x013.5\n2\x01bob\x014.5\n", "").delimiter == "\x01"


def test_quotes_that_do_not_match_are_characters() -> None:
    found = dialect('t\ttitle\ntt1\t"Giliap"\ntt3\t"Weird Al\n', "tsv")

    assert (found.quote, found.guesses[-1]) == (
        "",
        "quotes are taken for characters: they do not match",
    )


def test_quotes_that_match_tell_the_delimiter() -> None:
    rows = "".join(f'"{n}";"{{""a"": {n}, ""b"": [""x""]}}"\n' for n in range(100))
    assert dialect('"date";"category"\n' + rows).delimiter == ";"


@pytest.mark.parametrize("rows", [300, 600])
def test_quotes_are_characters_in_a_file_of_any_length(rows: int) -> None:
    titles = "".join(f'{n}\t"Weird Al" {n}\n' for n in range(rows))
    assert dialect("id\ttitle\n" + titles, "tsv").quote == ""


def test_one_quote_that_does_not_match_is_damage() -> None:
    assert dialect('a,b\n1,"x, y"\n2,"z\n3,w\n').quote == '"'


def test_backslashes_escape_where_that_makes_rows_regular() -> None:
    assert dialect('a,b\n1,"say \\"x\\", y"\n').escape == "\\"


def test_what_is_said_is_not_guessed() -> None:
    said = CsvSettings(delimiter=";", header=False, skip=1, nulls=("NA",), decimal=",")
    found = dialect("title\na;b\nc;d\n", settings=said)

    assert (found.delimiter, found.header, found.preamble) == (";", False, 1)
    assert (found.nulls, found.decimal) == (("\\N", "NA"), ",")


def test_the_names_of_the_table_show_a_header() -> None:
    assert dialect("a,b\nx,y\n", "", table=("a", "b")).header


def test_a_guessed_header_is_said_with_its_names() -> None:
    assert "ann, graz" in dialect("ann,graz\nbob,linz\ncid,wels\n").guesses[0]


def test_a_guess_names_some_of_many_columns_and_says_why() -> None:
    names = ",".join(f"column name {n}" for n in range(99))
    (guess,) = dialect(f"{names}\n" + f"{'1,' * 98}2\n" * 3).guesses
    names = ", ".join(f"column name {n}" for n in range(4))
    taken = f"the first row is taken for the header ({names}, …)"
    assert guess == f"{taken}, since it differs from the rows below"


def test_samples_are_whole_lines_of_several_places(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"".join(b"%07d,x\n" % n for n in range(40_000)))
    samples = read_samples(path)

    assert len(samples) == 4
    assert all(len(line) == 9 for sample in samples for line in sample.splitlines())
