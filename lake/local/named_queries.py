"""Named queries for MiniStack's CloudFormation, which cannot make them.

It refuses a template with a resource type that it does not know, and the template is
deployed unchanged. Its registry of types is the one place where it is extended; the work is
done by its own Athena.
"""

from __future__ import annotations

import json
from typing import Any

from ministack.services import athena
from ministack.services.cloudformation import provisioners

TYPE = "AWS::Athena::NamedQuery"


def _create(
    _logical_id: str, properties: dict[str, Any], _stack: str
) -> tuple[str, dict[str, Any]]:
    status, _, body = athena._create_named_query(properties)
    if status >= 400:
        raise ValueError(f"{TYPE} creation failed: {body!r}")
    identifier = str(json.loads(body)["NamedQueryId"])
    return identifier, {"NamedQueryId": identifier}


def _update(
    physical_id: str, _old: dict[str, Any], new: dict[str, Any], stack: str
) -> tuple[str, dict[str, Any]]:
    # Every property of the type requires replacement (CloudFormation reference).
    created = _create(physical_id, new, stack)
    _delete(physical_id, new)
    return created


def _delete(physical_id: str, _properties: dict[str, Any]) -> None:
    athena._delete_named_query({"NamedQueryId": physical_id})


def register() -> None:
    """Teach MiniStack's CloudFormation the type."""
    provisioners._RESOURCE_HANDLERS[TYPE] = {
        "create": _create,
        "update": _update,
        "delete": _delete,
    }
