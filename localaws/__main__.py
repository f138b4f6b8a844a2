"""The local AWS: MiniStack behind a thin layer that closes its gaps.

Run as ``python -m localaws`` by :mod:`lake.local.process`, which sets the
environment that MiniStack reads when it is imported.
"""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Scope = dict[str, Any]
    Application = Callable[[Scope, Any, Any], Awaitable[None]]

_FORWARDED = b"x-forwarded-proto"


def over_tls(application: Application) -> Application:
    """Declare every request as having come by TLS.

    The bucket and queue policies refuse plain HTTP. On the loopback interface nobody listens
    in, and a certificate would have to be trusted by every client that someone tries here.
    """

    async def layer(scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            headers = [header for header in scope["headers"] if header[0] != _FORWARDED]
            scope = {**scope, "headers": [*headers, (_FORWARDED, b"https")]}
        await application(scope, receive, send)

    return layer


def main() -> None:
    """Serve until terminated."""
    from hypercorn.asyncio import serve
    from hypercorn.config import Config
    from ministack.app import app

    from localaws import crawler, extensions, queues
    from localaws.athena import service

    extensions.extend()
    queues.extend()
    crawler.extend()
    service.extend()
    config = Config()
    config.bind = [f"127.0.0.1:{os.environ['GATEWAY_PORT']}"]
    config.keep_alive_timeout = 75
    asyncio.run(serve(over_tls(app), config))


if __name__ == "__main__":
    main()
