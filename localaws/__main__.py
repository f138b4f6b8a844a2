"""The local AWS: MiniStack behind a thin layer that closes its gaps.

``python -m localaws --port 4566 --data FOLDER`` serves on the loopback interface, with IAM
enforced; what FOLDER holds from before is there again.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from pathlib import Path

#: What MiniStack reads when it is imported. Listeners that nobody asked for stay closed.
_SETTINGS = {
    "AUTH": "true",
    "IOT_MTLS_ENABLED": "0",
    "MINISTACK_REGION": "us-east-1",
    "PERSIST_STATE": "1",
    "S3_PERSIST": "1",
    "SFTP_ENABLED": "0",
}

_EVERYWHERE = "0.0.0.0"  # noqa: S104  # only where it is asked for


def main() -> None:
    """Serve until terminated."""
    parser = argparse.ArgumentParser(prog="python -m localaws", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--data", type=Path, required=True, help="where everything is kept")
    parser.add_argument("--bind", default="127.0.0.1", help="another address to listen on")
    parser.add_argument("--python", default=sys.executable, help="what runs functions in Python")
    told = parser.parse_args()
    state = told.data.absolute() / "state"
    os.environ.update(
        _SETTINGS,
        GATEWAY_PORT=str(told.port),
        STATE_DIR=str(state),
        S3_DATA_DIR=str(told.data.absolute() / "s3"),
    )
    serve(state, told.port, told.bind, told.python)


def serve(state: Path, port: int, bind: str, python: str) -> None:
    """Serve until terminated; MiniStack is imported here, after its environment is complete."""
    from hypercorn.asyncio import serve as listen
    from hypercorn.config import Config

    from localaws import (
        batching,
        crawler,
        extensions,
        gate,
        logs,
        persistence,
        queues,
        rights,
        tables,
        workers,
    )
    from localaws.athena import service
    from localaws.internals import application

    persistence.move(state, port)
    first = (extensions, rights, queues, batching)
    for part in (*first, crawler, tables, service, persistence):
        part.extend()
    workers.extend(python)
    logs.extend()
    config = Config()
    # The functions' workers call by the loopback interface, whatever else is listened on.
    hosts = [_EVERYWHERE] if bind == _EVERYWHERE else dict.fromkeys(["127.0.0.1", bind])
    config.bind = [f"{host}:{port}" for host in hosts]
    config.keep_alive_timeout = 75
    keeper = persistence.Keeper(state)
    try:
        asyncio.run(listen(gate.guarded(keeper.kept(application())), config))
    finally:
        service.end()


if __name__ == "__main__":
    main()
