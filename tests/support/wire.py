"""Real clients of AWS whose answers a test writes; nothing leaves this process."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from botocore.awsrequest import AWSPreparedRequest


@dataclass(frozen=True)
class Answer:
    """What a service says: a status, a body and headers."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


class _Raw(io.BytesIO):
    def stream(self, amount: int = 2**16, **_: Any) -> Iterator[bytes]:
        while block := self.read(amount):
            yield block


def connected(service: str, url: str | None = None, **config: Any) -> Any:
    """A client that asks only once."""
    session = Session()
    session.set_credentials("test", "test")
    once = Config(retries={"total_max_attempts": 1}, **config)
    return session.create_client(service, "us-east-1", endpoint_url=url, config=once)


class Wire:
    """One service; to make its client takes longer than to ask it, so tests share one."""

    def __init__(self, service: str) -> None:
        self.answer: Callable[[AWSPreparedRequest], Answer]
        self.client = connected(service)
        self.client.meta.events.register("before-send", self._send)

    def _send(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        answer = self.answer(request)
        raw = _Raw(b"" if request.method == "HEAD" else answer.body)
        headers: Any = {"Content-Length": str(len(answer.body)), **answer.headers}
        return AWSResponse(request.url, answer.status, headers, raw)


@cache
def wire(service: str) -> Wire:
    """The session's one."""
    return Wire(service)


def refusal(service: str, code: str, status: int = 400, message: str = "no") -> Answer:
    """An error in the words of the service's protocol."""
    if service == "s3":
        body = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
        return Answer(status, body.encode(), {"Content-Type": "application/xml"})
    # SQS tells the code that it had before it spoke JSON in a header of its own.
    told = {"x-amzn-query-error": f"{code};Sender"} if service == "sqs" else {}
    said = {"__type": f"com.amazonaws.{service}#{code}", "message": message}
    return Answer(status, json.dumps(said).encode(), told)


def sent(request: AWSPreparedRequest) -> bytes:
    """The body of a request, with what its encoding adds."""
    body: Any = request.body
    return bytes(body.read() if hasattr(body, "read") else body)
