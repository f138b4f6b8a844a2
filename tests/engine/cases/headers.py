"""Cases of delimited files that public reports led to: headers, preambles, what is a column."""

from __future__ import annotations

from tests.engine.cases.expect import Expect
from tests.engine.cases.harness import Case, columns, file, rows

#: A title, a comment or a directive may be counted, or not where it was obeyed.
NOT_ROWS = "NOT_A_ROW"

EMAILS = rows("email", ("a@example.com",), ("b@example.com",))

REPORT = rows("order city amount", (1, "Graz", 10.5), (2, "Linz", 20.5))
REPORT_TYPES = columns("order city amount", "bigint string double")

CLOUDFRONT = rows(
    "date time x_edge_location sc_bytes c_ip cs_method @",
    ("2024-01-15", "10:00:01", "VIE50-C1", 1045, "198.51.100.7", "GET", "2024-01-15"),
    ("2024-01-16", "10:00:02", "VIE50-C1", 2045, "198.51.100.8", "GET", "2024-01-16"),
)


def with_lines(
    lines: int,
    wanted: list[dict[str, object]],
    types: dict[str, str],
    fewer: int = 0,
) -> tuple[Expect, ...]:
    """Rows beside lines that are no rows, of which some need not be counted."""
    return tuple(
        Expect(
            "DONE|PARTIAL",
            rows=wanted,
            types=types,
            reasons={NOT_ROWS: count} if count else {},
        )
        for count in range(lines, lines - fewer - 1, -1)
    )


def report(case: Case) -> list[str]:
    """Two rows; the title, the period and the total are refused with a reason each."""
    found = case.alone("report.csv")
    told = Expect(found.status, rows=REPORT, types=REPORT_TYPES, holds=("Total", "31.0", "Period"))
    few = [] if len(found.reasons) in (3, 4) else [f"refused: {found.reasons}"]
    return [*told.differences(found), *few]


def units(case: Case) -> list[str]:
    """Two rows of numbers; the row of units is refused, or kept beside."""
    found = case.alone("m.csv")
    kinds = {"temp": "double", "flow": "double", "...": ""}
    told = Expect(found.status, types=kinds, read=3).differences(found)
    measured = [row for row in found.rows if row.get("temp")]
    if [(r["@"], r["temp"], r["flow"]) for r in measured] != [
        ("2024-08-14", 25.5, 0.37),
        ("2024-08-14", 25.6, 0.38),
    ]:
        told.append(f"rows: {found.rows}")
    if len(found.reasons) + len(found.rescued) != 1:
        told.append(f"refused {found.reasons}, rescued {found.rescued}")
    return told


INDEX = {
    "name": "ann",
    "city": "graz",
    "country": "at",
    "lang": "de",
    "job": "dev",
    "dept": "it",
    "team": "core",
    "floor": "two",
    "desk": "a",
    "mail": "x@example.com",
    "tel": "n/a",
}


def index(case: Case) -> list[str]:
    """The columns that have a name keep it; what the first is called is left open."""
    names = tuple(INDEX)
    values = list(INDEX.values())
    found = case.alone("index.csv")
    got = [[row.get(name) for name in names] for row in found.rows]
    told = [] if got == [values] * 4 else [f"{found.status} {found.rows[:1]}"]
    return told if len(found.types) == 12 else [*told, f"columns: {list(found.types)}"]


def survey(case: Case) -> list[str]:
    found = case.alone("survey.csv")
    answers = sorted((row["@"], row.get("comment")) for row in found.rows)
    told = []
    if answers != [("2024-03-01", "great"), ("2024-03-02", "fine")] or found.reasons:
        told.append(f"{answers} {found.reasons}")
    first, second, third, *more = [*found.types, "", "", ""]
    if (first, second[:7], third, any(more)) != ("timestamp", "overall", "comment", False):
        told.append(f"columns: {list(found.types)}")
    return told


HEADERS = Case(
    "b25-headers",
    (
        file(
            "dup.csv",
            Expect(
                rows=rows("name city name_2", ("ann", "graz", "x"), ("bob", "linz", "y")),
                types=columns("name city name_2", "string string string"),
            ),
        ),
        file("index.csv", Expect(accepted=4, read=4)),
        file("survey.csv", Expect(dates=["2024-03-01", "2024-03-02"])),
        file(
            "trail.csv",
            Expect(
                rows=rows("name city", ("ann", "graz"), ("bob", "linz")),
                types=columns("name city", "string string"),
            ),
        ),
        file(
            "words.csv",
            Expect(
                rows=rows("column_1 column_2", ("ann", "graz"), ("bob", "linz"), ("cid", "wels"))
            ),
            Expect(rows=rows("ann graz", ("bob", "linz"), ("cid", "wels")), says="header"),
        ),
    ),
    {"index.csv keeps the names": index, "survey.csv has three columns": survey},
)

PREAMBLE = Case(
    "b33-preamble",
    (
        file(
            "E1ABC.2024-01-15-10.abcd.gz",
            *with_lines(
                2,
                CLOUDFRONT,
                {
                    **dict.fromkeys(CLOUDFRONT[0].keys() - {"@"}, "string"),
                    "sc_bytes": "bigint",
                },
                fewer=2,
            ),
        ),
        file("hash.csv", *with_lines(2, REPORT, REPORT_TYPES)),
        file("title.csv", *with_lines(1, REPORT, REPORT_TYPES)),
        # Six lines of text, or two rows and what is no row.
        file("zeek.log", Expect("DONE|PARTIAL", holds=("Cabc", "Cdef", "10.0.0.2", "2024-01-15-"))),
    ),
    {"report.csv": report},
)

CASES = [
    HEADERS,
    PREAMBLE,
    Case(
        "b03-years-in-header",
        (
            file(
                "gdp.csv",
                Expect(
                    rows=rows(
                        "country 2021 2022 2023",
                        ("Austria", 480.4, 471.7, 511.7),
                        ("Chile", 316.6, 301.0, 335.5),
                        ("Kenya", 109.7, 113.4, 108.0),
                    ),
                    types=columns("country 2021 2022 2023", "string double double double"),
                ),
            ),
            file(
                "stock.csv",
                Expect(
                    rows=rows("item 2024_01_31 2024_02_29", ("bolt", 10, 12), ("nut", 20, 25)),
                    types=columns("item 2024_01_31 2024_02_29", "string bigint bigint"),
                ),
            ),
        ),
    ),
    Case(
        "b10-excel-sep-line",
        (
            file(
                "umsatz.csv",
                *(
                    one
                    for values in (("1,50", "2,25"), (1.5, 2.25))
                    for one in with_lines(
                        1,
                        rows(
                            "artikel menge preis",
                            ("Apfel", 10, values[0]),
                            ("Birne", 5, values[1]),
                        ),
                        columns("artikel menge preis", "string bigint string|double"),
                        fewer=1,
                    )
                ),
            ),
            file(
                "u16.csv",
                *with_lines(
                    1,
                    rows("artikel menge", ("Apfel", 10), ("Birne", 5)),
                    columns("artikel menge", "string bigint"),
                    fewer=1,
                ),
            ),
        ),
    ),
    Case(
        "b45-concatenated-csv",
        tuple(
            file(
                name,
                *(
                    Expect(
                        status,
                        rows=wanted,
                        types=columns("id name price", "bigint string double"),
                        quarantined=count,
                    )
                    for status, count in (("DONE|PARTIAL", 1), ("DONE", 0))
                ),
            )
            for name, wanted in (
                (
                    "joined.csv",
                    rows("id name price", (1, "bolt", 2.5), (2, "nut", 3.5), (3, "gear", 4.5)),
                ),
                ("bom.csv", rows("id name price", (1, "bolt", 2.5), (2, "nut", 3.5))),
            )
        ),
    ),
    Case(
        "b49-one-column-and-tsv",
        (
            file("emails.csv", Expect(rows=EMAILS, types={"email": "string"})),
            file(
                "notes.csv",
                Expect(
                    rows=rows("note", ("hello",), ("with, comma",), ("with, plain comma",)),
                    types={"note": "string"},
                ),
            ),
            file(
                "titles.tsv",
                Expect(
                    rows=rows(
                        "tconst title year",
                        ("tt1", '"Giliap"', 1975),
                        ("tt2", 'The 12" Club', None),
                        ("tt3", '"Weird Al', 1980),
                        ("tt4", "plain", 1990),
                    ),
                    types=columns("tconst title year", "string string bigint"),
                ),
            ),
        ),
    ),
    Case("b56-units-row", checks={"m.csv": units}),
]
