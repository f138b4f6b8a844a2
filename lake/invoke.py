"""The command `lake invoke`: hand an event to the function that ingests, and say its answer."""

from __future__ import annotations

import base64
import json
import sys
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from botocore.config import Config

from lake import render
from lake.context import err, out
from lake.errors import LakeCommandError
from store.errors import UnknownEventError
from store.events import is_queue_batch, parse, parse_message

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lake.context import Choice
    from lake.target import Target

#: Seconds that an invocation may take in Lambda, and some more.
_LONGEST = 930


@dataclass(frozen=True)
class Answer:
    """What the function answered.

    Attributes
    ----------
    log : str
        The end of what it logged: Lambda gives 4 KB.
    result : Any
        What it gave back, or what it says of its failure.
    failed : bool
        Whether it failed, or hands messages back.
    """

    log: str
    result: Any
    failed: bool


@click.command()
@click.argument("event", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--upload",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="First upload this file as each object that the event names; to the local lake only.",
)
@render.json_option
@click.pass_obj
def invoke(choice: Choice, event: Path, upload: Path | None, as_json: bool) -> None:
    """Hand an event to the deployed function that ingests, without the queue.

    The function runs as it was built and deployed, with the rights of its role. Prints what it
    logged on standard error, and what it answered. Ends with 1 if it failed. With --upload the
    queue is not read until the function has answered, so that the queue's message about the upload
    does not come first.
    """
    target, payload = choice.target(), event.read_text(encoding="utf-8")
    try:
        named = objects(json.loads(payload))
    except (ValueError, UnknownEventError) as error:
        raise LakeCommandError(f"{event} is no event of S3: {error}") from error
    if upload is None:
        answer = ask(target, payload)
    elif target.endpoint is None:
        raise LakeCommandError(
            "--upload is for a lake on this machine, since it stops reading the queue for a while: "
            "upload the object by `lake put`, and the lake in AWS ingests it by itself."
        )
    else:
        with _queue_unread(target):
            for bucket, key in named:
                target.client("s3").put_object(Bucket=bucket, Key=key, Body=upload.read_bytes())
                err.print(f"Uploaded {upload} to s3://{bucket}/{key}")
            answer = ask(target, payload)
    err.print(answer.log, markup=False, highlight=False, soft_wrap=True)
    if as_json:
        render.show_json(asdict(answer))
    else:
        out.print(json.dumps(answer.result, ensure_ascii=False, indent=2), soft_wrap=True)
    if answer.failed:
        sys.exit(1)


def objects(payload: Any) -> list[tuple[str, str]]:
    """Name the objects that an event tells of, each once.

    Parameters
    ----------
    payload : Any
        The event.

    Returns
    -------
    list of (str, str)
        Bucket and key; none for an event without an object.

    Raises
    ------
    UnknownEventError
        When it is none that the function knows.
    """
    if isinstance(payload, dict) and is_queue_batch(payload):
        found = [one for record in payload["Records"] for one in parse_message(record["body"])]
    else:
        found = list(parse(payload))
    return list(dict.fromkeys((one.bucket, one.key) for one in found))


def ask(target: Target, payload: str) -> Answer:
    """Invoke the function that ingests, and wait for its answer.

    Parameters
    ----------
    target : Target
        The lake.
    payload : str
        The event.

    Returns
    -------
    Answer
        What it logged, and what it gave back.
    """
    client = target.session.client(
        "lambda",
        endpoint_url=target.endpoint,
        # An invocation that is asked for again would run twice.
        config=Config(read_timeout=_LONGEST, retries={"total_max_attempts": 1}),
    )
    told = client.invoke(
        FunctionName=target.outputs["ProcessorFunctionName"],
        LogType="Tail",
        Payload=payload.encode(),
    )
    log = base64.b64decode(told.get("LogResult", "")).decode(errors="replace")
    result = json.loads(told["Payload"].read() or "null")
    again = isinstance(result, dict) and bool(result.get("batchItemFailures"))
    return Answer(log.rstrip(), result, "FunctionError" in told or again)


@contextmanager
def _queue_unread(target: Target) -> Iterator[None]:
    """Keep the function from what its queue has."""
    client = target.client("lambda")
    (mapping,) = client.list_event_source_mappings(
        FunctionName=target.outputs["ProcessorFunctionName"]
    )["EventSourceMappings"]
    _read(client, mapping["UUID"], enabled=False)
    try:
        yield
    finally:
        _read(client, mapping["UUID"], enabled=True)


def _read(client: Any, identifier: str, *, enabled: bool) -> None:
    client.update_event_source_mapping(UUID=identifier, Enabled=enabled)
    wanted = "Enabled" if enabled else "Disabled"
    deadline = time.monotonic() + 60
    while client.get_event_source_mapping(UUID=identifier)["State"] != wanted:
        if time.monotonic() > deadline:
            raise LakeCommandError(f"The queue's mapping did not become {wanted} in a minute.")
        time.sleep(0.2)
