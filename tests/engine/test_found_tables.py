"""Kinds of tables that were taken for others when real corpora were run again."""

from __future__ import annotations

import pytest

from tests.support.engine import Result, convert


def _csv(text: str) -> Result:
    return convert(text.encode(), "data/t/a.csv")


@pytest.mark.parametrize("quoted", ['"a ""b"" c"', '"""a"" b"', '"a\nb"'])
def test_what_only_comes_later_is_seen_in_a_file_with_quotes(quoted: str) -> None:
    rows = [f'{n},{quoted},{n if 3_000 < n < 3_100 else ""},"x"' for n in range(6_000)]
    found = _csv("\n".join(["id,name,later,kind", *rows]) + "\n")
    assert found.conversion is not None
    assert [file.rows for file in found.conversion.outputs] == [6_000]
    assert found.types["later"] == "bigint"


@pytest.mark.parametrize(
    "first", ["NA,NA,NA,0.5", "-,null,n/a,0.25", "2.5,NA,nan,0.25", "N/A,N/A,N/A,N/A"]
)
def test_a_first_row_without_values_is_no_header(first: str) -> None:
    rest = "".join(f"{n}.5,{n * n}.25,{n},{n / 8}\n" for n in range(1, 30))
    found = _csv(f"{first}\n{rest}")
    assert len(found.rows) == 30
    assert _csv(f"a,b,NA,d\n{first}\n{rest}").types.keys() == {"a", "b", "na", "d"}


@pytest.mark.parametrize("first", ["al.com,http://www.al.com", "ann,ann@example.com"])
def test_an_address_is_no_name_of_a_column(first: str) -> None:
    rest = "".join(f"{word},{first.partition(',')[2]}/{word}\n" for word in ("bob", "cid", "dora"))
    assert len(_csv(f"{first}\n{rest}").rows) == 4
    assert len(_csv(f"name,url\n{first}\n{rest}").rows) == 4


@pytest.mark.parametrize("key", ["data/t/a", "data/t/a.txt", "data/t/a.dat"])
@pytest.mark.parametrize("names", ["id,time,text,shop", "1st?,Conf. % (all of them),F*G,shop"])
def test_many_rows_that_are_plainly_a_table_are_one_whatever_its_cells(
    names: str, key: str
) -> None:
    rows = [f"{n},Sun Dec {n % 9} 04:47 2005,it said a word {n},Graz" for n in range(30)]
    found = convert("\n".join([names, *rows]).encode(), key)
    assert (len(found.types), len(found.rows)) == (4, 30)
    text = convert("\n".join(rows).encode(), key)
    assert text.conversion is not None
    assert text.conversion.format == "text"
