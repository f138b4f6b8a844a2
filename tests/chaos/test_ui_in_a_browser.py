"""The page of `lake ui` in headless Chromium, as its user sees it; `make test-ui` runs it.

With ``PICTURES=1`` it takes the pictures of the documentation.
"""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import time
from typing import TYPE_CHECKING, Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Page, expect, sync_playwright

from tests.conftest import ROOT, lake_up
from tests.support.console import console

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, BrowserContext

    from tests.conftest import LocalLake

pytestmark = pytest.mark.chaos

_CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)

#: Pages of which the documentation has pictures.
_SHOWN = ("live", "table", "file", "query")

_PICTURES = ROOT / "docs" / "pictures" if os.environ.get("PICTURES") else None

#: What must never become an element, in a key, a column and values.
IMAGE, SCRIPT = "<img src=x onerror=window.owned=1>", "<script>window.owned=1</script>"

ORDERS = [
    {"id": n, "customer": f"c{n % 7}", "total": 3 * n, "date": f"2024-02-{1 + n % 20:02d}"}
    for n in range(60)
]
#: Neither is the first record JSON, nor is the total of the second a number.
BAD = (
    '{"id": 61, "customer": \n{"id": 62, "customer": "c2", "total": "much", "date": "2024-02-03"}\n'
)

PAGES = {
    "live": ("/", "Live"),
    "tables": ("/tables", "Tables"),
    "table": ("/table?name=flights", "flights"),
    "wide": ("/table?name=measurements_of_the_northern_stations", "measurements_of_the_northern"),
    "files": ("/files", "Files"),
    "file": ("/file?key=data/orders/orders.jsonl", "data/orders/orders.jsonl"),
    "refused": ("/refused", "Refused"),
    "upload": ("/upload", "Upload"),
    "query": ("/query?table=flights", "Query"),
    "models": ("/models", "Models"),
    "model": ("/model?name=flight_delays", "flight_delays"),
    "nothing": ("/table?name=nothing_at_all", "nothing_at_all"),
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if _CHROMIUM is None:
        pytest.skip("no Chromium is installed: `apt-get install chromium` brings one")
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=_CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture(scope="module")
def lake(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalLake]:
    """A lake with the project's own models, and data for every page."""
    del browser  # without one no lake is needed
    folder = tmp_path_factory.mktemp("lake")
    with lake_up(folder / "state", models=ROOT / "models") as found:
        yield filled(found)


def filled(lake: LocalLake) -> LocalLake:
    samples = ROOT / "samples"
    lines = "".join(json.dumps(one) + "\n" for one in ORDERS)
    wide = {f"measure_{n:03d}": n * 1.5 for n in range(300)}
    odd = {"date": "2024-04-01", "note": SCRIPT, IMAGE: IMAGE, "a:b": "\u202etxt.exe"}
    for key, body in {
        "data/airlines/airlines.csv": (samples / "airlines.csv").read_bytes(),
        "data/flights/2013-01.jsonl.gz": (samples / "flights-2013-01.jsonl.gz").read_bytes(),
        "data/test-data.json": (samples / "test-data.json").read_bytes(),
        "data/measurements_of_the_northern_stations/2024.jsonl": "".join(
            json.dumps({"date": f"2024-03-{day:02d}", **wide}) + "\n" for day in range(1, 13)
        ).encode(),
        f"data/odd/{IMAGE}.jsonl": f"{json.dumps(odd)}\n{SCRIPT}\n".encode(),
        "data/orders/first.jsonl": json.dumps(ORDERS[0]).encode(),
        "data/orders/orders.jsonl": (lines + BAD).encode(),
    }.items():
        lake.ingest(key, body)
    lake.command("lake", "curate", "flight_delays")
    return lake


@pytest.fixture(scope="module")
def address(lake: LocalLake, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    told = tmp_path_factory.mktemp("ui") / "told"
    with console(lake, told) as page:
        yield page.address
        assert page.end() == 0
        # Neither a traceback nor a warning came into the terminal.
        assert len(told.read_text().splitlines()) == 4, told.read_text()


class User:
    """Somebody with a browser in which the page is open."""

    def __init__(self, context: BrowserContext, address: str) -> None:
        self.base = address.partition("/?")[0]
        self.page: Page = context.new_page()
        self.wrong: list[str] = []
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("dialog", lambda dialog: self.wrong.append(f"dialog {dialog.message}"))
        self.page.on(
            "console",
            lambda said: self.wrong.append(said.text) if said.type == "error" else None,
        )
        self.page.goto(address)

    def open(self, path: str) -> Page:
        """Open a page, and wait until it waits for nothing."""
        self.page.goto(self.base + path)
        self.settle()
        return self.page

    def settle(self) -> None:
        self.page.locator("h1").wait_for()
        quiet = 0
        deadline = time.monotonic() + 30
        while quiet < 3:
            assert time.monotonic() < deadline, "the page still waits"
            self.page.wait_for_timeout(250)
            quiet = 0 if self.page.locator("div.waiting").count() else quiet + 1

    def write(self, sql: str) -> None:
        """Put a query into the editor."""
        self.page.locator(".cm-content").click()
        self.page.keyboard.press("Control+a")
        self.page.keyboard.insert_text(sql)

    def picture(self, name: str) -> None:
        if _PICTURES is None:
            return
        path = _PICTURES / f"ui-{name}.png"
        self.page.screenshot(path=path, full_page=True)
        # Few colours are enough, and make a third of the file.
        Image.open(path).convert("RGB").quantize(
            256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE
        ).save(path, optimize=True)


@pytest.fixture
def user(browser: Browser, address: str) -> Iterator[User]:
    with browser.new_context(viewport={"width": 1280, "height": 720}) as context:
        one = User(context, address)
        yield one
        assert one.wrong == []


@pytest.mark.parametrize("look", ["light", "dark"])
def test_each_page_is_there_and_axe_finds_no_fault(
    browser: Browser, address: str, look: Any
) -> None:
    size = {"width": 1280, "height": 720}
    with browser.new_context(viewport=size, color_scheme=look) as context:  # type: ignore[arg-type]  # it is one
        user = User(context, address)
        for name, (path, title) in PAGES.items():
            page = user.open(path)
            expect(page.get_by_role("heading", level=1)).to_contain_text(title)
            expect(page.get_by_role("navigation", name="Sections")).to_be_visible()
            if name == "query":
                user.write(
                    "SELECT carrier, count(*) AS flights, avg(dep_delay) AS delay\n"
                    "FROM flights\nGROUP BY carrier\nORDER BY flights DESC"
                )
                page.keyboard.press("Control+Enter")
                page.get_by_role("tab", name="Chart").click()
                page.locator(".chart svg").wait_for()
            found = Axe().run(page).response["violations"]
            assert [(one["id"], one["nodes"][0]["html"]) for one in found] == [], name
            if name in _SHOWN:
                user.picture(f"{name}-{look}")
        assert user.wrong == []


def test_a_small_window_shows_everything_without_scrolling_aside(
    browser: Browser, address: str
) -> None:
    with browser.new_context(viewport={"width": 400, "height": 800}) as context:
        user = User(context, address)
        for path, _ in PAGES.values():
            page = user.open(path)
            assert page.evaluate("document.documentElement.scrollWidth") <= 400, path


def test_what_data_says_is_never_obeyed(user: User) -> None:
    key = f"data/odd/{IMAGE}.jsonl"
    quoted = key.replace("<", "%3C").replace(">", "%3E").replace(" ", "%20").replace("=", "%3D")
    for path in ("/", "/tables", "/table?name=odd", "/files", f"/file?key={quoted}", "/refused",
                 f"/refused?key={quoted}", "/upload?dataset=%3Cimg%20src%3Dx%20onerror%3D1%3E",
                 "/table?name=%3Cscript%3E", "/model?name=%3Cscript%3E"):  # fmt: skip
        page = user.open(path)
        assert page.locator("img, main script").count() == 0, path
    page = user.open(f"/file?key={quoted}")
    expect(page.get_by_role("heading", level=1)).to_have_text(key)
    expect(page.locator("pre").first).to_have_text(SCRIPT)
    page = user.open("/query")
    # In a name, a value, a chart, an error, and what is remembered.
    user.write(f'SELECT \'{IMAGE}\' AS "{SCRIPT}", 1 AS "{IMAGE}", chr(8238) AS turned')
    page.keyboard.press("Control+Enter")
    expect(page.locator(".ag-header-cell-text").first).to_have_text(SCRIPT)
    expect(page.locator(".ag-cell").first).to_have_text(IMAGE)
    expect(page.locator(".ag-row .ag-cell").nth(2)).to_have_text("\\u202e")
    page.get_by_role("tab", name="Chart").click()
    page.locator(".chart svg").hover()
    page.wait_for_timeout(500)
    user.write(f"SELECT '{SCRIPT}' FROM \"{IMAGE}\"")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("alert")).to_contain_text(IMAGE)
    page.get_by_role("button", name="History").click()
    expect(page.get_by_role("menu")).to_contain_text(SCRIPT)
    assert page.locator("img, main script").count() == 0
    assert page.evaluate("window.owned === undefined")


def test_files_are_uploaded_after_a_question_and_tell_their_fate(
    user: User, lake: LocalLake, tmp_path: Path
) -> None:
    good, bad = tmp_path / "july.csv", tmp_path / "august.jsonl"
    good.write_text("id,date\n1,2024-07-01\n2,2024-07-02\n")
    bad.write_text('{"id": 3, "date": "2024-08-01"}\n{"id": \n')
    page = user.open("/upload")
    page.get_by_label("Dataset").fill("summer")
    page.set_input_files("input[type=file]", [good, bad])
    expect(page.get_by_text("2 files chosen")).to_be_visible()
    page.get_by_role("button", name="Upload…").click()
    question = page.get_by_role("dialog", name="Upload 2 files?")
    expect(question).to_contain_text("data/summer/july.csv")
    question.get_by_role("button", name="Cancel").click()
    expect(question).to_be_hidden()
    there = {"Bucket": lake.outputs["RawBucketName"], "Prefix": "data/summer/"}
    assert "Contents" not in lake.client("s3").list_objects_v2(**there)

    page.get_by_role("button", name="Upload…").click()
    page.get_by_role("dialog").get_by_role("button", name="Upload", exact=True).click()
    cards = page.get_by_role("article")
    expect(cards).to_have_count(2, timeout=30_000)
    expect(cards.filter(has_text="july.csv")).to_contain_text("DONE")
    expect(cards.filter(has_text="july.csv")).to_contain_text(
        "2 partitions (2024-07-01, 2024-07-02)"
    )
    told = cards.filter(has_text="august.jsonl")
    expect(told).to_contain_text("PARTIAL")
    expect(told).to_contain_text("MALFORMED_JSON: 1 record, first record 2")
    user.picture("fate-light")
    told.get_by_role("link", name="What was refused").click()
    expect(page.locator("pre")).to_have_text('{"id":')

    page = user.open("/upload?dataset=summer")
    page.set_input_files("input[type=file]", [good])
    page.get_by_role("button", name="Upload…").click()
    expect(page.get_by_role("dialog")).to_contain_text("it is replaced, with all of its rows")


def test_a_refused_file_is_ingested_again_after_a_question(user: User, lake: LocalLake) -> None:
    key = "data/orders/orders.jsonl"
    before = lake.entry(key)
    page = user.open("/refused")
    page.get_by_role("link", name=key).click()
    expect(page.locator("article pre")).to_have_text('{"id": 61, "customer":')
    expect(
        page.get_by_role("listitem").filter(has_text="total: 1 value did not fit")
    ).to_be_visible()
    page.get_by_role("button", name="Ingest again…").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    page.wait_for_timeout(500)
    assert lake.entry(key) == before
    page.get_by_role("button", name="Ingest again…").click()
    page.get_by_role("dialog").get_by_role("button", name="Ingest again").click()
    expect(page.get_by_text("Ingested again: 1 PARTIAL")).to_be_visible(timeout=30_000)
    assert lake.entry(key)["updated_at"] > before["updated_at"]


def test_a_query_is_written_with_help_run_and_exported(user: User, tmp_path: Path) -> None:
    page = user.open("/query?table=flights")
    editor = page.locator(".cm-content")
    expect(editor).to_have_text('SELECT *FROM "flights"LIMIT 100')
    user.write("SELECT flights.carr")
    page.keyboard.press("Control+Space")
    page.get_by_role("option", name="carrier").click(timeout=10_000)
    expect(editor).to_have_text("SELECT flights.carrier")
    page.keyboard.insert_text(", count(*) AS many FROM fli")
    page.keyboard.press("Control+Space")
    page.get_by_role("option", name="flights").click()
    page.keyboard.insert_text(" GROUP BY 1 ORDER BY 2 DESC")
    page.get_by_role("button", name="Run").click()
    expect(page.get_by_text("16 rows in")).to_be_visible(timeout=30_000)
    expect(page.locator(".ag-row").first).to_contain_text("UA")
    with page.expect_download() as download:
        page.get_by_role("button", name="Export as CSV").click()
    download.value.save_as(tmp_path / "rows.csv")
    rows = list(csv.reader(io.StringIO((tmp_path / "rows.csv").read_text())))
    assert rows[:2] == [["carrier", "many"], ["UA", "4637"]]
    assert len(rows) == 17


def test_a_query_that_gives_more_rows_says_so_and_one_that_fails_says_why(user: User) -> None:
    page = user.open("/query")
    user.write("SELECT flight FROM flights")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("The first 1,000 rows")).to_be_visible(timeout=30_000)
    expect(page.get_by_role("button", name="Export these 1,000 rows as CSV")).to_be_visible()
    user.write("SELECT nope FROM flights")
    page.keyboard.press("Control+Enter")
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("Athena knows no such column (line 1, column 8)")
    expect(alert).to_contain_text("^^^^")
    page.get_by_role("button", name="History").click()
    page.get_by_role("menuitem", name="SELECT flight FROM flights").click()
    expect(page.locator(".cm-content")).to_have_text("SELECT flight FROM flights")


def test_a_query_is_stopped(user: User) -> None:
    page = user.open("/query")
    user.write(
        "SELECT count(*) FROM flights a, flights b, flights c WHERE a.flight < b.flight + c.flight"
    )
    page.keyboard.press("Control+Enter")
    page.get_by_role("button", name="Stop").click(timeout=5_000)
    expect(page.get_by_role("alert")).to_contain_text("You stopped the query", timeout=15_000)
    expect(page.get_by_role("button", name="Run")).to_be_enabled()


def test_a_table_shows_its_columns_partitions_and_profile(user: User) -> None:
    page = user.open("/table?name=measurements_of_the_northern_stations")
    expect(page.locator(".ag-row").first).to_contain_text("2024-03-12")
    page.get_by_role("tab", name="Columns (305)").click()
    expect(page.get_by_role("cell", name="measure_299")).to_be_visible()
    page.get_by_role("tab", name="Partitions (12)").click()
    page.get_by_role("link", name="2024-03-07").click()
    expect(page.locator(".cm-content")).to_contain_text("date_partition = '2024-03-07'")
    page = user.open("/table?name=orders")
    page.get_by_role("tab", name="Profile").click()
    page.get_by_role("button", name="Profile the table").click()
    row = page.get_by_role("row").filter(has_text="total")
    expect(row).to_contain_text("177", timeout=30_000)


def test_a_model_tells_its_lineage_and_is_made_anew_after_a_question(
    user: User, lake: LocalLake
) -> None:
    page = user.open("/model?name=flight_delays")
    row = page.get_by_role("row").filter(has_text="mean_arrival_delay")
    expect(row).to_contain_text("flights.arr_delay")
    page.get_by_role("button", name="Make all anew…").click()
    question = page.get_by_role("dialog")
    expect(question).to_contain_text("costs money in AWS")
    question.get_by_role("button", name="Make it anew").click()
    said = page.get_by_text("flight_delays: 32 partitions refreshed")
    expect(said).to_be_visible(timeout=60_000)
    assert lake.query("SELECT count(*) AS n FROM flight_delays")[0]["n"] > 32


def test_the_flow_is_live(user: User, lake: LocalLake) -> None:
    page = user.open("/")
    name = f"data/orders/late-{time.time_ns()}.jsonl"
    lake.ingest(name, b'{"id": 99, "customer": "c1", "total": 5, "date": "2024-02-21"}\n')
    expect(page.get_by_role("link", name=name)).to_be_visible(timeout=15_000)


def test_the_keyboard_reaches_everything_and_leaves_the_editor(user: User) -> None:
    page = user.open("/query")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.locator(".cm-content")).to_be_focused()
    page.keyboard.insert_text("-- ")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Run")).to_be_focused()
    page.keyboard.press("Shift+Tab")
    expect(page.locator(".cm-content")).to_be_focused()


def test_colours_are_chosen(user: User) -> None:
    page = user.open("/tables")
    button = page.get_by_role("button", name="Colours: auto")
    button.click()
    page.get_by_role("button", name="Colours: light").click()
    expect(page.locator("body.body--dark")).to_be_visible()
    user.open("/files")
    expect(page.locator("body.body--dark")).to_be_visible()
    page.get_by_role("button", name="Colours: dark").click()
    expect(page.locator("body.body--dark")).to_have_count(0)


def test_what_aws_refuses_is_said_in_one_sentence(
    browser: Browser, lake: LocalLake, tmp_path: Path
) -> None:
    iam = lake.client("iam")
    iam.create_user(UserName="onlooker")
    allowed = {"Effect": "Allow", "Action": "cloudformation:DescribeStacks", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    iam.put_user_policy(UserName="onlooker", PolicyName="look", PolicyDocument=policy)
    key = iam.create_access_key(UserName="onlooker")["AccessKey"]
    keys = {
        "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
    }
    with console(lake, tmp_path / "told", **keys) as running:
        with browser.new_context() as context:
            user = User(context, running.address)
            page = user.open("/files")
            alert = page.get_by_role("alert")
            expect(alert).to_contain_text("AWS refused")
            expect(alert).to_contain_text("ask for the right that the message names")
            assert user.wrong == []
        assert "Traceback" not in (tmp_path / "told").read_text()


def test_a_slow_answer_does_not_freeze_the_page(user: User) -> None:
    page = user.open("/query")
    user.write(
        "SELECT count(*) FROM flights a, flights b, flights c WHERE a.flight < b.flight + c.flight"
    )
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("Athena is at work…")).to_be_visible()
    began = time.monotonic()
    page.get_by_role("button", name="History").click()
    expect(page.get_by_role("menu")).to_be_visible()
    assert time.monotonic() - began < 3
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Stop").click()
