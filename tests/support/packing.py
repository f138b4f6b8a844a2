"""Packed and archived bytes, made by other code than that which reads them."""

from __future__ import annotations

import bz2
import gzip
import importlib.util
import io
import lzma
import struct
import tarfile
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
from backports import zstd

if TYPE_CHECKING:
    from collections.abc import Callable

#: LZ4 and Snappy are packed by the library that unpacks them, if it is installed.
CRAMJAM = importlib.util.find_spec("cramjam") is not None
needs_cramjam = pytest.mark.skipif(not CRAMJAM, reason="cramjam is not installed")


def cramjam() -> Any:
    import cramjam

    return cramjam


def snappy_java(body: bytes) -> bytes:
    packed = b"".join(
        struct.pack(">L", len(block)) + block
        for start in range(0, len(body), 50_000)
        for block in [bytes(cramjam().snappy.compress_raw(body[start : start + 50_000]))]
    )
    return b"\x82SNAPPY\x00" + struct.pack(">LL", 1, 1) + packed


def snappy_hadoop(body: bytes) -> bytes:
    packed = b""
    for start in range(0, len(body), 100_000):
        piece = body[start : start + 100_000]
        packed += struct.pack(">L", len(piece))
        for at in range(0, len(piece), 60_000):
            block = bytes(cramjam().snappy.compress_raw(piece[at : at + 60_000]))
            packed += struct.pack(">L", len(block)) + block
    return packed


def compress(body: bytes, most: int = 16, *, blocks: bool = True) -> bytes:
    """What compress(1) writes; it clears its table when that is full, if it may."""
    packed = bytearray([0x1F, 0x9D, most | 0x80 * blocks])
    first = 257 if blocks else 256
    table = {bytes([n]): n for n in range(256)}
    width, free, group = 9, first, list[int]()

    def flush() -> None:
        bits = sum(code << (n * width) for n, code in enumerate(group))
        size = width if len(group) == 8 else -(-len(group) * width // 8)
        packed.extend(bits.to_bytes(size, "little"))
        group.clear()

    def pad() -> None:
        if group:
            group.extend([0] * (8 - len(group)))
            flush()

    def put(code: int) -> None:
        group.append(code)
        if len(group) == 8:
            flush()

    known, seen = b"", 0
    for byte in body:
        if known + bytes([byte]) in table:
            known += bytes([byte])
            continue
        put(table[known])
        seen += 1
        if free < 1 << most:
            table[known + bytes([byte])] = free
            # The reader's table lags by one entry.
            if seen > 1 and free == 1 << width and width < most:
                pad()
                width += 1
            free += 1
        elif blocks:
            put(256)
            pad()
            table = {bytes([n]): n for n in range(256)}
            width, free, seen = 9, first, 0
        known = bytes([byte])
    if known:
        put(table[known])
    flush()
    return bytes(packed)


PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "zstd": zstd.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
}
if CRAMJAM:
    PACKINGS["lz4"] = lambda body: bytes(cramjam().lz4.compress(body))
    PACKINGS["snappy"] = lambda body: bytes(cramjam().snappy.compress(body))


def zipped(*members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, body in members:
            archive.writestr(name, body)
    return file.getvalue()


def tarred(*members: tuple[str, bytes], mode: str = "w", form: int = tarfile.GNU_FORMAT) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode, format=form) as archive:  # type: ignore[call-overload]  # the mode is a variable
        for name, body in members:
            info = tarfile.TarInfo(name)
            info.size = len(body)
            archive.addfile(info, io.BytesIO(body))
    return file.getvalue()
