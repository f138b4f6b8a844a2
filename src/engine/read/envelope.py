"""A document that is one object, most of which is a list of objects: these may be the records."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.read.jsonmarks import Buffer

#: Bytes of a document that is looked into: it is a hint.
_SMALL = 1024 * 1024

#: Objects around the list.
_DEEPEST = 3

#: A name that a path has without brackets, as of :mod:`contract.records`.
_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)


_DECODER = json.JSONDecoder(strict=False, parse_int=str)


def hint(data: Buffer) -> str:
    """Say how a contract makes the objects of such a list records; empty where there is none.

    Parameters
    ----------
    data : Buffer
        One object, as JSON.
    """
    if len(data) > _SMALL:
        return ""
    text = data[:].decode("utf-8", "replace")
    try:
        # What the exact reader takes or refuses does not matter here.
        value, _ = _DECODER.raw_decode(text, text.index("{"))
    except (ValueError, RecursionError):
        return ""
    lists = _lists(value, "$")
    found = next((one for one in lists if 2 * len(json.dumps(one[1])) > len(data)), None)
    if found is None:
        return ""
    path, records = found
    return (
        f"most of the document is a list of {len(records):,} objects: if these are the records, "
        f'say "x-records": {json.dumps(path)} in the contract'
    )


def _lists(value: dict[str, Any], path: str, depth: int = 1) -> Iterator[tuple[str, list[Any]]]:
    """Give lists of several objects, and the way to each."""
    for name, inner in value.items():
        way = f"{path}.{name}" if _NAME.fullmatch(name) else f"{path}[{json.dumps(name)}]"
        if isinstance(inner, dict) and depth < _DEEPEST:
            yield from _lists(inner, way, depth + 1)
        elif _are_objects(inner):
            yield way, inner


def _are_objects(value: Any) -> bool:
    is_list = isinstance(value, list) and len(value) > 1
    return is_list and all(isinstance(one, dict) for one in value)
