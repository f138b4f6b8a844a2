"""Cases of delimited files that public reports led to: what is a row, and what a field."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.engine.cases.checks import a_pair
from tests.engine.cases.expect import Expect, text
from tests.engine.cases.harness import Case, columns, file, rows

if TYPE_CHECKING:
    from collections.abc import Callable

TRADES = rows("isin qty price", ("XS1", 4, 7.5), ("XS2", 5, 8.25), ("XS3", 6, 9.0))
TRADES_TYPES = columns("isin qty price", "string bigint double")

EMAILS = rows("email", ("a@example.com",), ("b@example.com",))


def people(*names: str) -> list[dict[str, object]]:
    return [{"id": number, "name": name} for number, name in enumerate(names, 1)]


PEOPLE_TYPES = columns("id name", "bigint string")


def pairs(*stems: str, lost: int = 0) -> dict[str, Callable[[Case], list[str]]]:
    return {
        f"{stem}: one wrong row": a_pair(f"{stem}_ok.csv", f"{stem}_bad.csv", lost)
        for stem in stems
    }


READERS = Case(
    "b54-two-readers-disagree",
    (
        file(
            "dig_ok.csv",
            Expect(
                rows=rows("p n", ("A", "12"), ("B", "\u0664\u0665")),
                types=columns("p n", "string string"),
            ),
        ),
        file(
            "inch_ok.csv",
            Expect(
                rows=rows("id size", (1, '5" pipe'), (2, '6" pipe')),
                types=columns("id size", "bigint string"),
            ),
        ),
        file(
            "lat_ok.csv",
            Expect(rows=rows("p lat", ("A", 47.0707)), types=columns("p lat", "string double")),
        ),
        file("mac_ok.csv", Expect(rows=people("ann", "bob", "cid"), types=PEOPLE_TYPES)),
        file("one_ok.csv", Expect(rows=EMAILS, types={"email": "string"})),
        file("qsp_ok.csv", Expect(rows=people("ann", "bob"), types=PEOPLE_TYPES)),
        file(
            "sci_ok.csv",
            Expect(
                rows=rows("g p", ("A", 0.05), ("B", 1e-05)), types=columns("g p", "string double")
            ),
        ),
        file("sp_ok.csv", Expect(rows=people("Bolt, small", "Nut"), types=PEOPLE_TYPES)),
        *(
            file(f"{stem}_bad.csv", Expect("PARTIAL", quarantined=1, accepted=accepted))
            for stem, accepted in (
                ("dig", 2),
                ("inch", 2),
                ("lat", 1),
                ("mac", 2),
                ("one", 2),
                ("sci", 2),
                ("sp", 2),
            )
        ),
    ),
    {**pairs("dig", "inch", "lat", "one", "sci", "sp"), **pairs("mac", lost=1)},
)

CASES = [
    READERS,
    Case(
        "b04-trailing-delimiter",
        (
            file("rows.csv", Expect(rows=TRADES, types=TRADES_TYPES)),
            file(
                "both.psv",
                Expect(
                    rows=rows("a b c", (1, 2, 3), (4, 5, 6)),
                    types=columns("a b c", "bigint bigint bigint"),
                ),
            ),
            file(
                "short.csv",
                Expect(
                    rows=rows(
                        "id name note",
                        (1, "ann", "ok"),
                        (2, "bob", None),
                        (3, "cat", None),
                        (4, "dan", None),
                    ),
                    types=columns("id name note", "bigint string string"),
                ),
            ),
        ),
        {
            "short.csv counts two short rows": lambda case: (
                [] if (short := case.alone("short.csv").short) == 2 else [f"{short} short"]
            )
        },
    ),
    Case(
        "b05-backslash-escapes",
        (
            file(
                "part-00000.csv",
                Expect(
                    rows=rows(
                        "id html n",
                        (1, '<div id="main">', 10),
                        (2, 'say "hi", then go', 20),
                        (3, "plain", 30),
                    ),
                    types=columns("id html n", "bigint string bigint"),
                ),
            ),
        ),
    ),
    Case(
        "b19-control-characters",
        (
            file(
                "000000_0",
                Expect(
                    rows=rows(
                        "column_1 column_2 column_3 column_4",
                        (1, "ann", None, 3.5),
                        (2, "bob", "x", 4.5),
                        (3, "cid", "y", 5.5),
                    ),
                    types=columns(
                        "column_1 column_2 column_3 column_4", "bigint string string double"
                    ),
                ),
            ),
            file(
                "fix.log",
                text(
                    "8=FIX.4.4|9=65|35=D|49=BUY|56=SELL|34=2|55=ABC|10=123|".replace("|", "\x01"),
                    "8=FIX.4.4|9=65|35=8|49=SELL|56=BUY|34=3|55=ABC|10=124|".replace("|", "\x01"),
                ),
            ),
        ),
    ),
    Case(
        "b26-semicolon-decimal-comma",
        (
            file(
                "bank.csv",
                Expect(
                    rows=rows(
                        "column_1 column_2 column_3",
                        ("08/01/2016", "A", "-21.419,06"),
                        ("12/01/2016", "A", "-21.375,00"),
                        ("13/01/2016", "A", "-15.000,00"),
                        ("14/01/2016", "B", "-1.071,31"),
                    ),
                ),
            ),
            file(
                "hdr.csv",
                *(
                    Expect(
                        rows=rows(
                            f"{name} amount city",
                            ("Doe, Jo", "1,50", "Graz"),
                            ("Roe, Al", "2,75", "Linz"),
                        ),
                    )
                    # As normalised by e8e70c0, and as the case says it.
                    for name in ("name__first", "name_first")
                ),
            ),
            file(
                "meas.csv",
                Expect(
                    rows=rows(
                        "column_1 column_2 column_3",
                        (1, "2,5", "x"),
                        (2, "3,5", "y"),
                        (3, "4,5", "z"),
                    ),
                ),
            ),
        ),
    ),
    Case(
        "b28-spaces",
        (
            file(
                "sp.csv",
                Expect(
                    rows=rows("id name price", (1, "Bolt, small", 2.5), (2, "Nut", 3.75)),
                    types=columns("id name price", "bigint string double"),
                ),
            ),
            file(
                "pad.csv",
                Expect(
                    rows=rows("id qty price", (1, 10, 2.5), (2, 20, 3.75)),
                    types=columns("id qty price", "bigint bigint double"),
                ),
            ),
        ),
    ),
    Case(
        "b34-trailing-delimiter-one-bad-row",
        (
            file("ok.csv", Expect(rows=TRADES, types=TRADES_TYPES)),
            file(
                "bad.csv",
                Expect("PARTIAL", rows=TRADES, types=TRADES_TYPES, reasons={"FIELD_COUNT": 1}),
            ),
            file(
                "drift.csv",
                Expect(
                    rows=rows(
                        "isin qty price", ("XS1", "4", 7.5), ("XS2", "five", 8.25), ("XS3", "6", 9)
                    ),
                    types=columns("isin qty price", "string string double"),
                ),
            ),
            file(
                "drift.csv",
                Expect(
                    rows=rows(
                        "isin qty price", ("XS1", 4, 7.5), ("XS2", None, 8.25), ("XS3", 6, 9)
                    ),
                    rescued=[{"qty": "five"}],
                ),
                table=TRADES_TYPES,
                also="into a table of numbers",
            ),
        ),
    ),
    Case(
        "b59-mac-lines-lost",
        tuple(
            file(
                name,
                Expect(
                    "PARTIAL",
                    rows=[{"id": n, "name": who} for n, who in wanted],
                    types=PEOPLE_TYPES,
                    reasons={reason: 1},
                    read=len(wanted) + 1,
                ),
            )
            for name, reason, wanted in (
                ("mac_bad.csv", "FIELD_COUNT", [(1, "ann"), (3, "cid")]),
                ("mac_quote.csv", "MALFORMED_ROW", [(1, "ann"), (3, "cid")]),
                (
                    "mac_mixed.csv",
                    "FIELD_COUNT",
                    [(1, "ann"), (2, "bob"), (3, "cid"), (5, "eve")],
                ),
            )
        ),
    ),
    Case(
        "b60-blank-lines",
        (
            *(
                file(f"{name}.csv", Expect(rows=people("ann", "bob"), types=PEOPLE_TYPES, read=2))
                for name in ("commas", "lead", "lead2", "mid", "midws", "ws")
            ),
            file("onecol.csv", Expect(rows=EMAILS, types={"email": "string"}, read=2)),
        ),
    ),
]
