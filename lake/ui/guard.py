"""Who may see the page: whoever has the token, from a browser that asked 127.0.0.1 for it.

A page of another site must not reach a server on this machine: neither by a form or a script
(``Origin``, ``SameSite``), nor by a name of its own that leads here (``Host``, against DNS
rebinding), nor by a frame. What is missing is answered by 403.
"""

from __future__ import annotations

import secrets
from hmac import compare_digest
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, MutableMapping

    Scope = MutableMapping[str, Any]
    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]
    App = Callable[[Scope, Receive, Send], Awaitable[None]]

_PARAMETER = "token"

_UNKNOWN = (
    "403: Open the address that `lake ui` printed: it has a token, which this request lacks. After "
    "a new start of `lake ui` there is a new one.\n"
)
_STRANGER = "403: This page answers only to 127.0.0.1 and localhost, on the port of `lake ui`.\n"

#: Vue makes functions of templates at run time, so that scripts cannot be forbidden altogether.
#: What is in attributes, such as ``onerror``, never runs, and nothing is fetched from elsewhere.
_HEADERS = {
    "content-security-policy": "; ".join(
        (
            "default-src 'none'",
            "script-src 'self' 'unsafe-inline' 'unsafe-eval'",
            "script-src-attr 'none'",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data:",
            "font-src 'self' data:",
            "connect-src 'self'",
            "form-action 'none'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
        )
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


class Guard:
    """Decides who may see the page on a port.

    Parameters
    ----------
    port : int
        Of the server.
    token : str, optional
        What whoever comes must know; else a random one.
    """

    def __init__(self, port: int, token: str | None = None) -> None:
        self.port = port
        self._token = token or secrets.token_urlsafe(32)
        self._hosts = (f"127.0.0.1:{port}", f"localhost:{port}")
        # Cookies of one host are those of all its ports.
        self._cookie = f"lake-ui-{port}"

    @property
    def address(self) -> str:
        """Give the address that opens the page."""
        return f"http://{self._hosts[0]}/?{urlencode({_PARAMETER: self._token})}"

    def around(self, app: App) -> App:
        """Let only those in to an ASGI application who may see the page."""

        async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] not in ("http", "websocket"):
                await app(scope, receive, send)
                return
            headers = {
                name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
            }
            if not self._is_ours(headers):
                await _refuse(scope, send, _STRANGER)
            elif self._has_cookie(headers):
                await app(scope, receive, _hardened(send) if scope["type"] == "http" else send)
            elif scope["type"] == "http" and (place := self._without_token(scope)):
                await self._admit(place, send)
            else:
                await _refuse(scope, send, _UNKNOWN)

        return guarded

    def _is_ours(self, headers: Mapping[str, str]) -> bool:
        origin = headers.get("origin")
        origins = [f"http://{host}" for host in self._hosts]
        return headers.get("host") in self._hosts and (origin is None or origin in origins)

    def _has_cookie(self, headers: Mapping[str, str]) -> bool:
        try:
            found = SimpleCookie(headers.get("cookie", "")).get(self._cookie)
        except CookieError:
            return False
        return found is not None and self._is_token(found.value)

    def _is_token(self, said: str) -> bool:
        return compare_digest(said.encode(), self._token.encode())

    def _without_token(self, scope: Scope) -> str:
        """Give the place that is asked for with the right token; empty without it."""
        query = parse_qsl(scope["query_string"].decode("latin-1"))
        if not any(name == _PARAMETER and self._is_token(value) for name, value in query):
            return ""
        rest = urlencode([pair for pair in query if pair[0] != _PARAMETER])
        path = "/" + scope["raw_path"].decode("latin-1").lstrip("/")
        return f"{path}?{rest}" if rest else path

    async def _admit(self, place: str, send: Send) -> None:
        cookie = f"{self._cookie}={self._token}; HttpOnly; SameSite=Strict; Path=/"
        await _answer(send, 303, "", {"location": place, "set-cookie": cookie})


async def _refuse(scope: Scope, send: Send, why: str) -> None:
    if scope["type"] == "websocket":
        # Closed before it is accepted, it is answered by 403 (ASGI specification, "Close").
        await send({"type": "websocket.close", "code": 1008})
        return
    await _answer(send, 403, why, {"content-type": "text/plain; charset=utf-8"})


async def _answer(send: Send, status: int, body: str, headers: Mapping[str, str]) -> None:
    told = [(name.encode(), value.encode()) for name, value in {**_HEADERS, **headers}.items()]
    await send({"type": "http.response.start", "status": status, "headers": told})
    await send({"type": "http.response.body", "body": body.encode()})


def _hardened(send: Send) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            more = [(name.encode(), value.encode()) for name, value in _HEADERS.items()]
            message["headers"] = [*message.get("headers", []), *more]
        await send(message)

    return sent
