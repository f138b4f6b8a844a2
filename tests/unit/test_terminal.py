"""What a terminal and a pipe are given of data, whatever is in it."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.text import Text

from lake import layout, pager, render, result
from lake.query import Result
from lake.render import Terminal
from tests.support.chance import examples

STYLES = re.compile(r"\x1b\[[0-9;]*m")

#: ESC, the one-byte CSI of ISO 6429, a bidi override, and what looks like a line of ours.
ATTACKS = "\x1b]0;title\x07", "\x9b31mred", "\u202egnp.exe", "a\nError: b", "a\tb", "\r\u2066x"


def terminal(width: int = 80, height: int = 1000, **environment: str) -> Terminal:
    return Terminal(
        file=io.StringIO(),
        force_terminal=True,
        width=width,
        height=height,
        legacy_windows=False,
        _environ={"TERM": "xterm", **environment},
    )


def pipe() -> Terminal:
    return Terminal(file=io.StringIO(), width=80)


def said(console: Terminal) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def shown(
    columns: list[str], rows: list[list[object]], console: Terminal, footer: str = ""
) -> list[str]:
    render.show_table(console, columns, rows, [False] * len(columns), footer)
    return STYLES.sub("", said(console)).splitlines()


@pytest.mark.parametrize("value", ATTACKS)
@pytest.mark.parametrize("make", [terminal, pipe])
def test_data_cannot_command_the_terminal(value: str, make: type[Terminal]) -> None:
    console = make()
    render.show_table(console, [value], [[value], [None]], [False])
    console.print(value)
    console.print(Text("x"), value, style="dim")
    written = STYLES.sub("", said(console))
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", written)


def test_control_characters_are_spelled() -> None:
    lines = shown(["key"], [["a\x1b[31mb\x9b\u202e\tc\nd\x7f\U000e0041"]], pipe())
    assert lines[2] == r"a\x1b[31mb\x9b\u202e\x09c\x0ad\x7f\U000e0041"


def test_letters_of_all_scripts_and_joined_emoji_stay() -> None:
    text = "é 日本 می‌خواهم 👩‍🔬 עברית"
    assert layout.visible(text) == text


@given(st.text())
def test_text_is_never_read_as_markup(text: str) -> None:
    console = terminal(10_000)
    console.print(f"[bold]{text}[/] :key:", soft_wrap=True)
    assert said(console) == f"[bold]{render.plain(text)}[/] :key:\n"


def test_no_module_writes_markup() -> None:
    """The terminals of `lake.context` read none: `style=` says what is bold."""
    folder = Path(render.__file__).parent
    marked = re.compile(r"\[/\]|\[(?:bold|dim|red|green|yellow|cyan)[ \]]")
    found = [path.name for path in folder.rglob("*.py") if marked.search(path.read_text())]
    assert found == []


@pytest.mark.parametrize("width", [40, 80, 200])
@settings(max_examples=examples(20))
@given(
    rows=st.lists(
        st.lists(st.one_of(st.none(), st.text(max_size=120), st.integers()), min_size=3, max_size=3)
    )
)
def test_on_a_terminal_every_line_fits_and_nothing_is_cut(
    width: int, rows: list[list[object]]
) -> None:
    console = terminal(width)
    lines = shown(["name", "a_rather_long_name_of_a_column", "n"], rows, console)
    assert all(cell_len(line) <= width for line in lines)
    kept = re.sub(r"\s", "", "".join(lines))
    for row in rows:
        for value in row:
            # Characters may stand in several lines, beside those of other columns.
            assert not set(re.sub(r"\s", "", layout.cell(value))) - set(kept)


def test_a_value_that_is_folded_can_be_put_together_again() -> None:
    value = "arn:aws:lambda:us-east-1:000000000000:function:data-lake-processor-of-a-long-name"
    lines = shown(["output", "value"], [["ProcessorFunctionArn", value]], terminal())
    assert "".join(line[22:] for line in lines[2:]) == value


def test_a_text_beside_its_label_stays_to_the_right_of_it() -> None:
    place = "s3://data-lake-processed-000000000000-us-east-1/processed/taxi/"
    console = terminal()
    render.paragraph(console, f"{'files':<12}", f"parquet in {place}")
    assert STYLES.sub("", said(console)).splitlines() == [
        "files        parquet in",
        f"             {place}",
    ]
    console = pipe()
    render.paragraph(console, f"{'files':<12}", f"parquet in {place}")
    assert said(console) == f"files        parquet in {place}\n"


def test_what_would_be_hard_to_read_is_shown_one_column_a_line() -> None:
    columns = [f"column_{number}" for number in range(12)]
    lines = shown(columns, [[f"value {n}" for n in range(12)]] * 2, terminal())
    assert lines[0].startswith("─ row 1 ─")
    assert lines[12] == "column_11  value 11"
    assert lines[13].startswith("─ row 2 ─")


def test_into_a_pipe_goes_every_character_of_every_row_in_one_line() -> None:
    rows: list[list[object]] = [[f"key-{number}-" + "x" * 300, number] for number in range(500)]
    lines = shown(["key", "n"], rows, pipe())
    assert len(lines) == 502
    assert all(str(row[0]) in line for row, line in zip(rows, lines[2:], strict=True))


def test_numbers_are_on_the_right_and_letters_of_two_cells_aligned() -> None:
    console = pipe()
    render.show_table(
        console, ["name", "n"], [["日本", 1], ["ab", 22], [None, None]], [False, True]
    )
    assert said(console).splitlines()[2:] == ["日本     1", "ab      22", "null  null"]


def test_a_dumb_terminal_gets_no_escape_sequences() -> None:
    console = terminal(TERM="dumb")
    render.show_table(console, ["a"], [[None]], [False], "1 row")
    console.print("x", style="bold")
    assert "\x1b" not in said(console)


def test_no_color_gives_no_colours() -> None:
    console = terminal(NO_COLOR="1")
    console.print(Text("Error:", "bold red"), "x", style="yellow")
    assert re.findall(r"\x1b\[([0-9;]*)m", said(console)) in (["1", "0"], ["1", "0", "0"])


def test_what_does_not_fit_the_screen_is_paged(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    monkeypatch.setenv("PAGER", f"tee {copy}")
    rows: list[list[object]] = [[number] for number in range(30)]
    assert len(shown(["n"], rows, terminal(height=40), "30 rows")) == 33
    assert not copy.exists()
    assert shown(["n"], rows, terminal(height=24), "30 rows") == []
    assert "30 rows" in copy.read_text().splitlines()[-1]
    # Into a pipe goes everything, whatever PAGER says.
    assert len(shown(["n"], rows, pipe())) == 32


@pytest.mark.parametrize("command", ["", "cat", "no-such-pager-is-here"])
def test_without_a_pager_everything_is_printed(
    command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAGER", command)
    assert not pager.page("text")
    rows: list[list[object]] = [[number] for number in range(99)]
    assert len(shown(["n"], rows, terminal(height=24))) == 101


def test_less_is_told_to_end_at_once_and_to_show_colours_unless_the_user_says_else(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    told = tmp_path / "told"
    monkeypatch.setenv("PAGER", f"sh -c 'cat >/dev/null; echo $LESS > {told}'")
    monkeypatch.delenv("LESS", raising=False)
    assert pager.page("text")
    assert told.read_text() == "FRXPsarrows move, q leaves$\n"
    monkeypatch.setenv("LESS", "-S")
    assert pager.page("text")
    assert told.read_text() == "-S\n"


def test_leaving_the_pager_early_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAGER", "true")
    assert pager.page("x" * 1_000_000)


TYPED = {
    "integer": ("42", "42"),
    "bigint": ("9223372036854775807", "9223372036854775807"),
    "decimal(38,9)": ("12345678901234567890.123456789", "12345678901234567890.123456789"),
    "decimal": ("1.50", "1.50"),
    "double": ("1.0E-7", "1.0E-7"),
    "real": ("NaN", '"NaN"'),
    "boolean": ("true", "true"),
    "date": ("2024-01-15", '"2024-01-15"'),
    "varchar": ("42", '"42"'),
    "array": ("[1, 2]", '"[1, 2]"'),
    "row": ("{a=1}", '"{a=1}"'),
}


@pytest.mark.parametrize("kind", TYPED)
def test_json_has_types_and_loses_no_digit(kind: str) -> None:
    text, wanted = TYPED[kind]
    written = render.as_json(Result(["x"], [kind], [[text], [None]], 0.1))
    assert f'"x": {wanted}\n' in written
    assert json.loads(written)[1] == {"x": None}


def test_columns_of_one_name_are_all_in_json() -> None:
    rows: list[list[str | None]] = [["1", "2", "3"]]
    written = render.as_json(Result(["a", "a", "a_2"], ["bigint"] * 3, rows, 0.1))
    assert json.loads(written) == [{"a": 1, "a_2": 2, "a_2_2": 3}]


@given(st.text(), st.text())
def test_json_gives_the_true_value_and_no_terminal_obeys_it(name: str, value: str) -> None:
    written = render.as_json(Result([name], ["varchar"], [[value]], 0.1))
    assert json.loads(written) == [{name: value}]
    assert layout.visible(written, but="\n") == written
    assert json.loads(render.to_json({name: value})) == {name: value}


FLIGHT = ["flight", "_source_key", "_source_version", "_rescued_data"]


def flights(count: int) -> Result:
    rows: list[list[str | None]] = [
        [str(n), f"data/{n}", "v", "{}" if n == 1 else None] for n in range(count)
    ]
    return Result(FLIGHT, ["bigint", "varchar", "varchar", "varchar"], rows, 0.1)


def printed(
    monkeypatch: pytest.MonkeyPatch, console: Terminal, found: Result, **how: object
) -> str:
    monkeypatch.setattr(result, "out", console)
    result.print_result(found, result.Shown(**how))  # type: ignore[arg-type]  # as the test says
    return STYLES.sub("", said(console))


def test_a_terminal_gets_forty_rows_without_lineage_and_hears_of_the_rest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = printed(monkeypatch, terminal(200), flights(27_004))
    assert len(text.splitlines()) == 43
    assert "data/3" not in text
    assert text.splitlines()[-1] == (
        "27,004 rows (40 shown) in 0.1 s; 1 with values in _rescued_data; "
        "--lineage shows _source_key, _source_version, _rescued_data, too"
    )


def test_a_terminal_waits_for_no_more_rows_than_are_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(result, "out", terminal(200))
    assert result.Shown().most == 100_000
    assert result.Shown(limit=0).most is None
    assert result.Shown(form="csv").most is None
    monkeypatch.setattr(result, "out", pipe())
    assert result.Shown().most is None
    text = printed(monkeypatch, terminal(200), replace(flights(50), more=True))
    assert text.splitlines()[-1].startswith("more than 50 rows (40 shown) in")


def test_what_is_asked_for_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    named = "SELECT flight, _source_key, _rescued_data FROM flights"
    text = printed(monkeypatch, terminal(200), flights(50), limit=0, named=named)
    assert len(text.splitlines()) == 53
    assert "data/49" in text
    assert "--lineage shows _source_version, too" in text
    assert "data/2" in printed(monkeypatch, terminal(200), flights(3), lineage=True)


def test_a_pipe_gets_all_rows_and_columns(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    text = printed(monkeypatch, pipe(), flights(27_004))
    assert len(text.splitlines()) == 27_006
    assert text.splitlines()[0].split() == FLIGHT
    assert capfd.readouterr().err == "27,004 rows in 0.1 s\n"


@pytest.mark.parametrize("form", ["csv", "json"])
def test_programs_get_true_values(
    form: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    value = "a\x1b[31m\u202e\t,\n\x9b"
    printed(monkeypatch, pipe(), Result(["x"], ["varchar"], [[value]], 0.1), form=form)
    written = capfd.readouterr().out
    assert written == f'x\n"{value}"\n' if form == "csv" else json.loads(written)[0]["x"] == value
