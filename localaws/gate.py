"""Who may come in: nothing that MiniStack answers unsigned can be reached, but its health.

With ``AUTH`` MiniStack authorises each service's calls. Around them it answers, to anybody, how to
wipe everything, what queues hold, credentials as an instance's metadata, and a list of buckets.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Scope = dict[str, Any]
    Application = Callable[[Scope, Any, Any], Awaitable[None]]

HEALTH = "/_ministack/health"

_FORWARDED = b"x-forwarded-proto"

#: MiniStack's own, an instance's metadata and a container's: no part of any service's API.
_NO_SERVICE = re.compile(r"/(_|latest(/|$)|v\d/(credentials|metadata|tasks?)|health$)")

_HEADER_SIGNED = re.compile(r"AWS4-[A-Z0-9-]+ .*\bCredential=[^/,\s]+/|AWS [^:\s]+:\S")


def refusal(scope: Scope) -> tuple[str, str] | None:
    """Say why a request does not come in.

    Parameters
    ----------
    scope : dict
        The request, as ASGI describes it.

    Returns
    -------
    (str, str) or None
        AWS's code and a message; None for one that is MiniStack's to authorise.
    """
    headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
    path = scope["path"]
    if path == HEALTH and scope["method"] in ("GET", "HEAD"):
        return None
    # Every page that is open in a browser could call a server of this machine.
    if b"origin" in headers or headers.get(b"sec-fetch-site", "none") != "none":
        return "AccessDenied", "The local AWS answers no web pages."
    if _NO_SERVICE.match(path):
        return "AccessDenied", f"The local AWS does not serve {path}."
    query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
    presigned = {"X-Amz-Credential", "X-Amz-Signature"} <= query.keys() or {
        "AWSAccessKeyId",
        "Signature",
    } <= query.keys()
    if presigned or _HEADER_SIGNED.match(headers.get(b"authorization", "")):
        return None
    return "MissingAuthenticationToken", "The request is not signed."


def guarded(application: Application) -> Application:
    """Let in only what is signed, and declare it as having come by TLS.

    The bucket and queue policies refuse plain HTTP. On the loopback interface nobody listens
    in, and a certificate would have to be trusted by every client that someone tries here.
    """

    async def layer(scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] == "http":
            if told := refusal(scope):
                await _refuse(scope, send, *told)
                return
            headers = [header for header in scope["headers"] if header[0] != _FORWARDED]
            scope = {**scope, "headers": [*headers, (_FORWARDED, b"https")]}
        await application(scope, receive, send)

    return layer


async def _refuse(scope: Scope, send: Any, code: str, message: str) -> None:
    body = json.dumps({"__type": code, "Code": code, "message": message}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"x-amzn-errortype", code.encode()),
        # What was not read of the request must not be taken for the next one.
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    body = b"" if scope["method"] == "HEAD" else body
    await send({"type": "http.response.body", "body": body})
