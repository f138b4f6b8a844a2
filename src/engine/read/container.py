"""Avro's object container file: its header and its blocks, unpacked.

Avro 1.12, "Object Container Files", says what they are.
Blocks are unpacked here and not by fastavro: so every codec of the specification is there, what
a block may grow to is bounded, and the records are counted by other code than that which reads
them.
"""

from __future__ import annotations

import bz2
import json
import lzma
import zlib
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

import cramjam
from backports import zstd

from engine.read.varint import varint_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MAGIC = b"Obj\x01"

_SYNC = 16

#: A block that unpacks to more than this is refused: writers end theirs at kilobytes.
MAX_BLOCK = 64 * 1024 * 1024


class DamagedError(Exception):  # a signal to engine.read.avro, which says what it means
    """When bytes are not as the specification has them."""


class UnknownCodecError(Exception):  # likewise
    """When blocks are packed by a codec that is none of the specification's."""


class TooLargeBlockError(Exception):  # likewise
    """When a block is longer than memory allows."""


@dataclass(frozen=True, slots=True)
class Header:
    """What a container says of itself.

    Attributes
    ----------
    schema : Any
        Of its records, as parsed JSON.
    codec : str
        Of its blocks.
    sync : bytes
        What ends each of them.
    """

    schema: Any
    codec: str
    sync: bytes


def read_header(file: IO[bytes]) -> Header:
    """Read a container's header.

    Raises
    ------
    DamagedError
        When it is none.
    UnknownCodecError
        When nothing can unpack its blocks.
    """
    if file.read(len(MAGIC)) != MAGIC:
        raise DamagedError("it does not begin as an object container file")
    found: dict[str, bytes] = {}
    while count := read_long(file):
        if count < 0:
            # The size of the entries follows, for those who skip them.
            read_long(file)
        for _ in range(abs(count)):
            name = _bytes(file).decode("utf-8", "replace")
            found[name] = _bytes(file)
    try:
        schema = json.loads(found["avro.schema"])
    except (KeyError, ValueError, RecursionError) as error:
        raise DamagedError(f"the header has no schema: {error!r}") from error
    codec = found.get("avro.codec", b"null").decode("utf-8", "replace") or "null"
    if codec not in _CODECS:
        raise UnknownCodecError(f"its blocks are packed by the codec {codec!r}")
    return Header(schema, codec, _exactly(file, _SYNC))


def unpacked_blocks(file: IO[bytes], header: Header) -> Iterator[tuple[int, bytes]]:
    """Give each block: how many records it holds, and their bytes, unpacked.

    Raises
    ------
    DamagedError
        When a block is not what its length, its codec or its mark say.
    TooLargeBlockError
        When one is longer than memory allows.
    """
    unpack = _CODECS[header.codec]
    while (first := file.read(1)) != b"":
        count = read_long(file, first)
        size = read_long(file)
        if count < 0 or size < 0:
            raise DamagedError(f"a block says that it has {count} records in {size} bytes")
        if size > MAX_BLOCK:
            raise TooLargeBlockError(f"a block has {size:,} bytes, more than {MAX_BLOCK:,}")
        packed = _exactly(file, size)
        if _exactly(file, _SYNC) != header.sync:
            raise DamagedError("a block does not end with the file's mark")
        try:
            data = unpack(packed)
        except (ValueError, OSError, EOFError, lzma.LZMAError, zlib.error, zstd.ZstdError) as error:
            raise DamagedError(f"a block is no {header.codec}: {error}") from error
        if len(data) > MAX_BLOCK:
            raise TooLargeBlockError(f"a block unpacks to more than {MAX_BLOCK:,} bytes")
        yield count, data


def read_long(file: IO[bytes], first: bytes = b"") -> int:
    """Read a number in zigzag, seven bits a byte, of which the first may be known."""
    value = shift = 0
    while True:
        byte = (first or _exactly(file, 1))[0]
        first = b""
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return (value >> 1) ^ -(value & 1)
        shift += 7
        if shift > 63:
            raise DamagedError("a length has more than 64 bits")


def long_bytes(value: int) -> bytes:
    """Write a number as :func:`read_long` reads it; of lengths, which are not negative."""
    return varint_bytes(value << 1)


def _bytes(file: IO[bytes]) -> bytes:
    size = read_long(file)
    if not 0 <= size <= MAX_BLOCK:
        raise DamagedError(f"the header has an entry of {size} bytes")
    return _exactly(file, size)


def _exactly(file: IO[bytes], size: int) -> bytes:
    found = file.read(size)
    if len(found) < size:
        raise DamagedError("it is truncated")
    return found


def _deflate(packed: bytes) -> bytes:
    # Without the header and the sum that zlib puts around it (RFC 1951).
    unpacker = zlib.decompressobj(-15)
    data = unpacker.decompress(packed, MAX_BLOCK + 1)
    if not unpacker.eof and len(data) <= MAX_BLOCK:
        raise ValueError("it is truncated")
    return data


def _snappy(packed: bytes) -> bytes:
    # The checksum of the plain bytes follows.
    body, checksum = packed[:-4], packed[-4:]
    if cramjam.snappy.decompress_raw_len(body) > MAX_BLOCK:
        raise TooLargeBlockError(f"a block unpacks to more than {MAX_BLOCK:,} bytes")
    data = bytes(cramjam.snappy.decompress_raw(body))
    if zlib.crc32(data) != int.from_bytes(checksum, "big"):
        raise ValueError("the checksum is another one")
    return data


def _lz4(packed: bytes) -> bytes:
    # None of the specification's; fastavro and others write the length first.
    if int.from_bytes(packed[:4], "little") > MAX_BLOCK:
        raise TooLargeBlockError(f"a block unpacks to more than {MAX_BLOCK:,} bytes")
    return bytes(cramjam.lz4.decompress_block(packed))


def _bzip2(packed: bytes) -> bytes:
    return bz2.BZ2Decompressor().decompress(packed, MAX_BLOCK + 1)


def _xz(packed: bytes) -> bytes:
    return lzma.LZMADecompressor(memlimit=MAX_BLOCK * 2).decompress(packed, MAX_BLOCK + 1)


def _zstandard(packed: bytes) -> bytes:
    return zstd.ZstdDecompressor().decompress(packed, MAX_BLOCK + 1)


_CODECS: dict[str, Callable[[bytes], bytes]] = {
    "null": bytes,
    "deflate": _deflate,
    "snappy": _snappy,
    "zstandard": _zstandard,
    "bzip2": _bzip2,
    "xz": _xz,
    "lz4": _lz4,
}
