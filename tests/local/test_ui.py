"""The page of `lake ui`, without a browser: who may see it, and that it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.console import console

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import LocalLake
    from tests.support.console import Page

pytestmark = pytest.mark.local

PAGES = {
    "/": "Live",
    "/tables": "Tables",
    "/table?name=orders": "orders",
    "/upload": "Upload",
    "/files": "Files",
    "/file?key=data/%3Cb%3E.json": "data/&lt;b&gt;.json",
    "/refused": "Refused",
    "/query": "Query",
    "/models": "Models",
    "/model?name=daily": "daily",
}


@pytest.fixture(scope="module")
def page(local_lake: LocalLake, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with console(local_lake, tmp_path_factory.mktemp("ui") / "told") as one:
        yield one


def test_without_the_token_nothing_is_seen(page: Page) -> None:
    for path in [*PAGES, "/static/console.css", "/_nicegui_ws/socket.io/?EIO=4&transport=polling"]:
        answer = page.get(path)
        assert answer.status == 403, path
        assert "token" in answer.text


def test_the_printed_address_opens_the_page(page: Page) -> None:
    answer = page.get(page.address.partition(str(page.port))[2])
    assert (answer.status, answer.headers["location"]) == (303, "/")
    assert answer.headers["set-cookie"].startswith(f"{page.cookie}; HttpOnly; SameSite=Strict")


@pytest.mark.parametrize(("path", "title"), PAGES.items())
def test_each_page_is_there(page: Page, path: str, title: str) -> None:
    answer = page.get(path, Cookie=page.cookie)
    assert answer.status == 200
    assert f"<title>{title} · Data lake</title>" in answer.text


def test_a_name_that_leads_here_is_refused(page: Page) -> None:
    for headers in ({"Host": f"evil.example:{page.port}"}, {"Origin": "http://evil.example"}):
        assert page.get("/", Cookie=page.cookie, **headers).status == 403
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    upgrade |= {"Sec-WebSocket-Key": "x3JJHMbDL1EzLkh9GBhXDw==", "Origin": "http://evil.example"}
    place = "/_nicegui_ws/socket.io/?EIO=4&transport=websocket"
    assert page.get(place, Cookie=page.cookie, **upgrade).status == 403


def test_ctrl_c_ends_it_without_a_word_too_many(local_lake: LocalLake, page: Page) -> None:
    assert page.end() == 0
    assert page.told.read_text().splitlines() == [
        f"Using stack DataLakeStack of the lake at {local_lake.endpoint}.",
        f"The page is at {page.address}",
        "Ctrl-C ends it.",
        "The page is closed.",
    ]
