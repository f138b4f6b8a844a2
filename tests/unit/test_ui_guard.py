"""Who may see the page of `lake ui`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from lake.errors import LakeCommandError
from lake.ui import command
from lake.ui.guard import Guard

if TYPE_CHECKING:
    from collections.abc import MutableMapping

TOKEN = "secret"
GUARD = Guard(4700, TOKEN)
COOKIE = f"other=1; lake-ui-4700={TOKEN}"


def ask(
    path: str = "/tables", query: str = "", kind: str = "http", **headers: str
) -> list[MutableMapping[str, Any]]:
    """Give what is answered; the page behind answers with ``hello``."""
    sent: list[MutableMapping[str, Any]] = []
    told = {"host": "127.0.0.1:4700", **headers}
    scope = {
        "type": kind,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in told.items()],
    }

    async def page(scope: Any, _: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.accept"})
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"hello"})

    async def receive() -> MutableMapping[str, Any]:
        return {}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    async def go() -> None:
        await GUARD.around(page)(scope, receive, send)

    asyncio.run(go())
    return sent


def headers_of(answer: list[MutableMapping[str, Any]]) -> dict[str, str]:
    return {name.decode(): value.decode() for name, value in answer[0]["headers"]}


def test_with_the_cookie_one_sees_the_page_and_nothing_runs_that_data_brings() -> None:
    answer = ask(cookie=COOKIE)
    assert (answer[0]["status"], answer[1]["body"]) == (200, b"hello")
    policy = headers_of(answer)["content-security-policy"]
    assert "script-src-attr 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "http:" not in policy


def test_the_token_becomes_a_cookie_that_no_script_and_no_other_site_uses() -> None:
    answer = ask("/table", f"name=a%20b&token={TOKEN}")
    told = headers_of(answer)
    assert answer[0]["status"] == 303
    assert told["location"] == "/table?name=a+b"
    assert told["set-cookie"] == f"lake-ui-4700={TOKEN}; HttpOnly; SameSite=Strict; Path=/"


def test_the_token_leads_to_no_other_site() -> None:
    assert headers_of(ask("//evil.example", f"token={TOKEN}"))["location"] == "/evil.example"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"cookie": "lake-ui-4700=guess"},
        {"cookie": f"lake-ui-4701={TOKEN}"},
        {"cookie": "a=\x01;;;="},
        # A name that leads here, as of DNS rebinding; a page of another site.
        {"cookie": COOKIE, "host": "evil.example:4700"},
        {"cookie": COOKIE, "host": "127.0.0.1"},
        {"cookie": COOKIE, "origin": "http://evil.example"},
        {"cookie": COOKIE, "origin": "http://127.0.0.1:8000"},
        {"cookie": COOKIE, "origin": "null"},
    ],
)
def test_others_are_refused(headers: dict[str, str]) -> None:
    answer = ask(**headers)
    assert answer[0]["status"] == 403
    assert b"hello" not in answer[1]["body"]
    assert ask(kind="websocket", **headers)[0]["type"] == "websocket.close"


def test_a_wrong_token_is_refused_and_a_web_socket_needs_the_cookie() -> None:
    assert ask(query="token=guess")[0]["status"] == 403
    assert ask(query=f"token={TOKEN}", kind="websocket")[0]["type"] == "websocket.close"
    assert ask(kind="websocket", cookie=COOKIE)[0]["type"] == "websocket.accept"


def test_each_page_has_a_token_of_its_own() -> None:
    one, other = Guard(4700).address, Guard(4700).address
    assert one != other
    assert len(one.partition("token=")[2]) >= 32


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "find_spec", lambda _: None)
    with pytest.raises(LakeCommandError, match=r"pip install '\.\[ui\]'"):
        command.ui.main(["--no-browser"], standalone_mode=False)
