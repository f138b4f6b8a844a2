"""The shapes in which S3 announces an object, reduced to one.

Sources: Amazon S3 User Guide, "Event message structure" and "Using EventBridge";
Amazon SNS Developer Guide, "Parsing message formats".
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus, unquote_plus

from store.errors import MalformedEventError, UnknownEventError
from store.model import ObjectEvent

if TYPE_CHECKING:
    from collections.abc import Mapping

    Payload = Mapping[str, Any]

#: Fields may be added within a major version; another major version may mean anything.
_MAJOR_VERSION = "2"

#: Not of S3: `lake replay` asks in this field for what is committed already.
_REPLAY = "lakeReplay"

#: Nor this: the rows are read in place of the object.
_REWRITE = "lakeRewrite"

#: Nor this: somebody asks what would become of an object.
_REHEARSAL = "lakeRehearsal"

#: What reading a record raises that lacks something, or has something else in its place.
_INCOMPLETE = (KeyError, TypeError, AttributeError, ValueError)


def is_queue_batch(payload: Payload) -> bool:
    """Tell whether the payload is a batch of SQS messages."""
    records = payload.get("Records")
    return (
        isinstance(records, list)
        and bool(records)
        and all(isinstance(r, dict) and r.get("eventSource") == "aws:sqs" for r in records)
    )


def is_schedule(payload: Payload) -> bool:
    """Tell whether the payload is what EventBridge sends on a schedule."""
    return payload.get("source") == "aws.events"


def parse_message(body: str, *, removals: bool = False) -> tuple[ObjectEvent, ...]:
    """Read the body of one queue message, unwrapping an SNS envelope.

    Parameters
    ----------
    body : str
        Text of the message.
    removals : bool
        See :func:`parse`.

    Returns
    -------
    tuple of ObjectEvent
        See :func:`parse`.

    Raises
    ------
    MalformedEventError
        When the body is nested too deep to be read.
    UnknownEventError
        When the body is not JSON or not an event of S3.
    """
    try:
        payload = json.loads(body)
    except RecursionError as error:
        raise MalformedEventError(f"message is nested too deep: {body[:200]!r}") from error
    except ValueError as error:
        raise UnknownEventError(f"message is not JSON ({error}): {body[:200]!r}") from error
    if isinstance(payload, dict) and payload.get("Type") == "Notification" and "Message" in payload:
        return parse_message(str(payload["Message"]), removals=removals)
    return parse(payload, removals=removals)


def parse(payload: Any, *, removals: bool = False) -> tuple[ObjectEvent, ...]:
    """Read one S3 notification or one EventBridge event.

    Parameters
    ----------
    payload : Any
        The decoded JSON.
    removals : bool
        Whether deletions count, too. Those that the operator himself announces always do.

    Returns
    -------
    tuple of ObjectEvent
        The creations it announces, and the deletions that count, whatever else happened beside
        them; none for ``s3:TestEvent``, which S3 sends when a notification is configured.

    Raises
    ------
    MalformedEventError
        When a number in it is none.
    UnknownEventError
        When the payload is anything else.
    """
    if isinstance(payload, dict):
        if payload.get("Event") == "s3:TestEvent":
            return ()
        if payload.get("source") == "aws.s3":
            return (_from_eventbridge(payload, removals=removals),)
        records = payload.get("Records")
        if isinstance(records, list) and records:
            read = filter(None, map(_from_notification, records))
            found = tuple(one for one in read if removals or one.replay or not one.removal)
            if not found:
                names = ", ".join(sorted({repr(record["eventName"]) for record in records}))
                raise UnknownEventError(f"event {names} creates no object")
            return found
    raise UnknownEventError(
        "expected an S3 notification, an SQS batch of them or an EventBridge 'Object Created' "
        f"event, got {_shown(payload)}"
    )


def announcement(
    bucket: str, key: str, replay: str = "", *, removal: bool = False, rewrite: bool = False
) -> dict[str, Any]:
    """Write the event of an object as if it had just been created, or deleted.

    Parameters
    ----------
    bucket, key : str
        The raw object. The event names no version: the function takes the one that is current.
    replay : str
        Names a replay: the object is ingested again, once, though its version is committed.
        Of a deleted object it is the operator's word that its rows shall go.
    removal : bool
        Whether it is the event of a deletion.
    rewrite : bool
        Whether a replay reads the object's rows, and not the object.

    Returns
    -------
    dict
        What :func:`parse` reads.
    """
    record: dict[str, Any] = {
        "eventVersion": f"{_MAJOR_VERSION}.1",
        "eventSource": "aws:s3",
        "eventName": "ObjectRemoved:Delete" if removal else "ObjectCreated:Put",
        "s3": {"bucket": {"name": bucket}, "object": {"key": quote_plus(key)}},
    }
    if replay:
        record[_REPLAY] = replay
    if rewrite:
        record[_REWRITE] = True
    return {"Records": [record]}


#: The question by which contracts records are judged, as :data:`store.touch.ASKING` is of models.
ASKING = {"source": "lake", "asking": "contracts"}


def rehearsal(bucket: str, key: str, contract: Any = None) -> dict[str, Any]:
    """Write the question what would become of an object, if it were ingested now.

    Parameters
    ----------
    bucket, key : str
        The raw object.
    contract : Any, optional
        The JSON document that its records are judged by, in place of the deployed contract.

    Returns
    -------
    dict
        What :func:`rehearsal_of` reads.
    """
    return {_REHEARSAL: {"bucket": bucket, "key": key, "contract": contract}}


def rehearsal_of(payload: Payload) -> tuple[str, str, Any] | None:
    """Read bucket, key and contract of such a question; None where the payload is something else.

    Raises
    ------
    UnknownEventError
        When something is missing.
    """
    asked = payload.get(_REHEARSAL)
    if asked is None:
        return None
    try:
        return str(asked["bucket"]), str(asked["key"]), asked.get("contract")
    except _INCOMPLETE as error:
        raise UnknownEventError(f"the question names no object: {str(asked)[:200]}") from error


def _from_notification(record: Any) -> ObjectEvent | None:
    """Read one record; None for one that tells neither of a creation nor of a deletion."""
    try:
        if record["eventSource"] != "aws:s3":
            raise UnknownEventError(f"event source {record['eventSource']!r} is not 'aws:s3'")
        version = str(record.get("eventVersion", _MAJOR_VERSION))
        if version.split(".")[0] != _MAJOR_VERSION:
            raise UnknownEventError(f"event version {version!r} is not {_MAJOR_VERSION}.x")
        happened = str(record["eventName"]).removeprefix("s3:").partition(":")[0]
        # What a lifecycle rule expires is LifecycleExpiration, and no deletion by anybody.
        if happened not in ("ObjectCreated", "ObjectRemoved"):
            return None
        bucket, entity = record["s3"]["bucket"]["name"], record["s3"]["object"]
        return ObjectEvent(
            bucket=str(bucket),
            # S3 form-encodes the key here: "red flower.jpg" arrives as "red+flower.jpg".
            key=_text(unquote_plus(entity["key"])),
            version=str(entity.get("versionId") or ""),
            etag=str(entity.get("eTag") or "").strip('"'),
            size=int(entity.get("size", -1)),
            sequencer=str(entity.get("sequencer") or ""),
            time=str(record.get("eventTime") or ""),
            replay=str(record.get(_REPLAY) or ""),
            removal=happened == "ObjectRemoved",
            rewrite=bool(record.get(_REWRITE)),
        )
    except OverflowError as error:
        raise MalformedEventError(f"S3 record has no size ({error}): {_shown(record)}") from error
    except _INCOMPLETE as error:
        raise UnknownEventError(f"S3 record is incomplete ({error!r}): {_shown(record)}") from error


def _from_eventbridge(payload: Payload, *, removals: bool) -> ObjectEvent:
    kind = payload.get("detail-type")
    if kind != "Object Created" and not (removals and kind == "Object Deleted"):
        raise UnknownEventError(f"event {kind!r} creates no object")
    try:
        detail = payload["detail"]
        if str(detail.get("reason")) == "Lifecycle Expiration":
            raise UnknownEventError("an object expired by a lifecycle rule: nobody deleted it")
        entity, key = detail["object"], _text(str(detail["object"]["key"]))
        return ObjectEvent(
            bucket=str(detail["bucket"]["name"]),
            key=key,
            # The documentation does not say whether EventBridge encodes keys, and public
            # clients disagree: the reader of the object tries both, as it is first.
            other_key=unquote_plus(key) if unquote_plus(key) != key else "",
            version=str(entity.get("version-id") or ""),
            etag=str(entity.get("etag") or "").strip('"'),
            size=int(entity.get("size", -1)),
            sequencer=str(entity.get("sequencer") or ""),
            time=str(payload.get("time") or ""),
            removal=kind == "Object Deleted",
        )
    except OverflowError as error:
        raise MalformedEventError(f"event has no size ({error}): {_shown(payload)}") from error
    except _INCOMPLETE as error:
        raise UnknownEventError(
            f"EventBridge event is incomplete ({error!r}): {_shown(payload)}"
        ) from error


def _text(key: str) -> str:
    """Give a key that can be sent to S3: half of a surrogate pair is no character."""
    key.encode()
    return key


def _shown(payload: Any) -> str:
    try:
        return json.dumps(payload, default=str)[:300]
    except RecursionError:
        return f"{type(payload).__name__} nested too deep to be shown"
