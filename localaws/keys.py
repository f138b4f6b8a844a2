"""What KMS decides in calls of S3 and SQS: MiniStack keeps who encrypts what, and asks nobody.

- S3 reads an object with ``kms:Decrypt`` and writes it with ``kms:GenerateDataKey``; what is sent
  in parts needs both (Amazon S3 User Guide, "Using server-side encryption with AWS KMS keys").
  HeadObject needs none (Amazon S3 API Reference).
- Where a bucket blocks SSE-C, an object with a key that its producer has is refused (Amazon S3 User
  Guide, "Blocking or unblocking SSE-C for a general purpose bucket").
- SQS takes a message in with ``kms:GenerateDataKey`` and ``kms:Decrypt``, and gives it out with
  ``kms:Decrypt`` (Amazon SQS Developer Guide, "Key management").
- Both ask in the name of the caller, and ``kms:ViaService`` says who asks.

Rights to a key come from its policy and from IAM, as MiniStack decides it for calls of KMS. What
S3, Lambda and CloudWatch do by themselves is not asked about.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from localaws.internals import AuthError, kms, s3, sqs

#: Says why the caller may not do something with a key; None where they may.
Ask = Callable[[str, str], Any]

#: A key, if there is one, and what is done with it.
Use = tuple[str | None, tuple[str, ...]]

Request = Mapping[str, Any]

Find = Callable[[str, str, Request], Use]

_SSE = "x-amz-server-side-encryption"
_KEY = f"{_SSE}-aws-kms-key-id"
_READ, _WRITE = ("kms:Decrypt",), ("kms:GenerateDataKey",)

#: What a service calls it when KMS refuses.
_DENIED = {"s3": "AccessDenied", "sqs": "KMS.AccessDeniedException"}


def refusal(service: str, action: str, resource: str, request: Request, ask: Ask) -> Any:
    """Say why a key keeps a call from being done.

    Parameters
    ----------
    service, action, resource : str
        That IAM allowed, as ``s3:GetObject`` and an ARN.
    request : mapping
        Its ``method``, ``headers`` and ``query``.
    ask : callable
        Of an action of KMS and the ARN of a key.

    Returns
    -------
    AuthError or None
        None where no key is needed, or it may be used.
    """
    if action == "s3:PutObject" and _is_blocked(resource, request.get("headers", {})):
        return AuthError("AccessDenied", "The bucket does not accept objects with SSE-C")
    find: Find = _BY_SERVICE.get(service, _of_none)
    key, actions = find(action, resource, request)
    if not key:
        return None
    record = kms.resolve_key(key)
    if record is None:
        return AuthError("KMS.NotFoundException", f"Key '{key}' does not exist")
    if record["KeyState"] != "Enabled":
        return AuthError("KMS.DisabledException", f"{record['Arn']} is {record['KeyState']}.")
    for one in actions:
        if denied := ask(one, record["Arn"]):
            who = getattr(denied, "principal_arn", "")
            return AuthError(
                _DENIED[service],
                f"User: {who} is not authorized to perform: {one} on resource: {record['Arn']}",
            )
    return None


def _is_blocked(resource: str, headers: Mapping[str, str]) -> bool:
    bucket = resource.partition(":::")[2].partition("/")[0]
    blocked = "<EncryptionType>SSE-C</EncryptionType>" in (s3.bucket_encryption.get(bucket) or "")
    return blocked and f"{_SSE}-customer-algorithm" in headers


def _of_object(action: str, resource: str, request: Request) -> Use:
    bucket, _, name = resource.partition(":::")[2].partition("/")
    if action == "s3:PutObject":
        return _of_write(bucket, request)
    if action not in ("s3:GetObject", "s3:GetObjectVersion") or request.get("method") == "HEAD":
        return _of_none()
    version = _one(request, "versionId")
    there = (s3.buckets.get(bucket) or {"objects": {}})["objects"].get(name) or {}
    if version and there.get("version_id") != version:
        kept = s3.object_versions.get((bucket, name), [])
        there = next((one for one in kept if one["version_id"] == version), {})
    return there.get("preserved_headers", {}).get(_KEY), _READ


def _of_write(bucket: str, request: Request) -> Use:
    headers, query = request.get("headers", {}), request.get("query", {})
    if upload := s3.multipart_uploads.get(_one(request, "uploadId")):
        return upload.get("preserved_headers", {}).get(_KEY), _WRITE + _READ
    chosen = _SSE in headers
    told = headers if chosen else s3.bucket_default_sse_headers(bucket)
    return told.get(_KEY), _WRITE + _READ if "uploads" in query else _WRITE


def _of_message(action: str, resource: str, _request: Request) -> Use:
    actions = {"sqs:SendMessage": _WRITE + _READ, "sqs:ReceiveMessage": _READ}.get(action, ())
    queue = sqs.queue_by_arn(resource) if actions else None
    return queue["attributes"].get("KmsMasterKeyId") if queue else None, actions


def _of_none(*_: Any) -> Use:
    return None, ()


def _one(request: Request, name: str) -> str:
    told = request.get("query", {}).get(name, "")
    return str(told[0] if isinstance(told, list) else told)


_BY_SERVICE: dict[str, Find] = {"s3": _of_object, "sqs": _of_message}
