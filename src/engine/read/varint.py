"""Numbers as Avro, Thrift and others write them: seven bits a byte, the lowest first."""

from __future__ import annotations


def varint_bytes(value: int) -> bytes:
    """Write a number that is not negative."""
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)
