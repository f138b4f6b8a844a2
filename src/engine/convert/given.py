"""The types that a contract gives to fields and columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contract.node import ANY, Node, column_name
from engine.types.kinds import NULL, Array, Kind, Scalar, Struct

if TYPE_CHECKING:
    from collections.abc import Mapping


def given(node: Node, shape: Kind = NULL) -> Kind:
    """Give the type that a contract gives a value, or else the shape that was seen.

    Parameters
    ----------
    node : Node
        The schema of the value.
    shape : Kind
        What values showed; ``null`` where none was seen.

    Returns
    -------
    Kind
        Several types, or none, leave it to the values; so does an array or an object of
        which the contract does not say what is in it.
    """
    match node.column:
        case "array":
            inside = shape.item if isinstance(shape, Array) else NULL
            item = given(node.items or ANY, inside)
            return Array(item) if item != NULL or isinstance(shape, Array) else shape
        case "struct":
            seen = dict(shape.fields) if isinstance(shape, Struct) else {}
            fields = fields_given(node, seen)
            return Struct(tuple(fields.items())) if fields else shape
        case "":
            return shape
    return Scalar(node.column)


def fields_given(node: Node, seen: Mapping[str, Kind]) -> dict[str, Kind]:
    """Give the types of an object's properties, those named by the contract first.

    Parameters
    ----------
    node : Node
        The schema of the object.
    seen : mapping of str to Kind
        What its values showed.

    Returns
    -------
    dict
        Without what the contract does not allow. A property is called as the field is that fills
        it, and where there is none, as the contract calls it.
    """
    spelled: dict[str, list[str]] = {}
    for name in seen:
        spelled.setdefault(column_name(name), []).append(name)
    named = [
        field
        for written in node.properties
        for field in spelled.get(column_name(written), (written,))
    ]
    found = {
        name: given(node.property(name), seen.get(name, NULL))
        for name in dict.fromkeys((*named, *seen))
    }
    return {
        name: kind
        for name, kind in found.items()
        if not node.property(name).never and (kind != NULL or name in seen)
    }


def given_alone(node: Node, field: str) -> Kind | None:
    """Give the type that an object's schema gives a field, whatever its values are.

    Returns
    -------
    Kind or None
        None where the type depends on the values, or the field is not named.
    """
    kind = given(node.property(field)) if node.names(field) else NULL
    return None if kind == NULL else kind
