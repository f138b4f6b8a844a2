"""Layers of compression: each is undone, none is trusted."""

from __future__ import annotations

import gzip
import importlib
import lzma
import random
import shutil
import struct
import subprocess
import zlib
from typing import TYPE_CHECKING

import pytest
from backports import zstd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.open import blocks, room
from engine.open.archive import Part, parts
from engine.open.stored import NotReadError
from engine.open.unpack import plain_name
from store.errors import ObjectTooLargeError, OutOfTimeError, RejectedObjectError
from tests.support import packing
from tests.support.chance import examples
from tests.support.packing import PACKINGS, needs_cramjam

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ROOM = 10**9


def opened(
    body: bytes,
    folder: Path,
    key: str = "data/t/object",
    size: int = ROOM,
    check_time: Callable[[], None] = lambda: None,
) -> list[Part]:
    for old in folder.iterdir():
        old.unlink()
    path = folder / "object"
    path.write_bytes(body)
    return parts(path, key, folder, size, check_time)


def plain(body: bytes, folder: Path, key: str = "data/t/object") -> tuple[bytes, str]:
    (part,) = opened(body, folder, key)
    return part.path.read_bytes(), part.compression


def lines(count: int) -> bytes:
    return b"".join(b'{"n": %d, "text": "%d"}\n' % (n, n * n) for n in range(count))


@given(
    body=st.binary(max_size=3000).map(lambda b: b"x" + b),
    layers=st.lists(st.sampled_from(sorted(PACKINGS)), max_size=room.MAX_DEPTH),
)
@settings(
    deadline=None,
    max_examples=examples(80),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_any_layers_of_any_bytes_give_the_bytes_back(
    body: bytes, layers: list[str], tmp_path: Path
) -> None:
    packed = body
    for layer in layers:
        packed = PACKINGS[layer](packed)
    assert plain(packed, tmp_path) == (body, "+".join(layers) or "none")


def test_what_cloudwatch_packed_and_firehose_packed_again_is_plain(tmp_path: Path) -> None:
    packed = gzip.compress(gzip.compress(b'{"a": 1}\n') + gzip.compress(b'{"a": 2}\n'))
    assert plain(packed, tmp_path) == (b'{"a": 1}\n{"a": 2}\n', "gzip+gzip")


def test_layers_between_leave_nothing_on_the_disk(tmp_path: Path) -> None:
    opened(gzip.compress(zstd.compress(gzip.compress(b"x" * 1000))), tmp_path)
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("name", PACKINGS)
@pytest.mark.parametrize("damage", ["cut", "junk", "flipped"])
def test_a_damaged_stream_is_rejected(name: str, damage: str, tmp_path: Path) -> None:
    body = PACKINGS[name](lines(5000))
    middle = len(body) // 2
    body = {
        "cut": body[:-9],
        "junk": body + b"junk",
        "flipped": body[:middle] + bytes([body[middle] ^ 0xFF]) + body[middle + 1 :],
    }[damage]
    with pytest.raises(RejectedObjectError) as caught:
        opened(body, tmp_path)
    assert caught.value.code == "CORRUPT_COMPRESSION"


@needs_cramjam
def test_every_frame_of_lz4_is_read(tmp_path: Path) -> None:
    frame = PACKINGS["lz4"]
    skipped = struct.pack("<LL", 0x184D2A53, 3) + b"abc"
    body = frame(lines(3)) + skipped + frame(b"") + frame(lines(4))
    assert plain(body, tmp_path) == (lines(3) + lines(4), "lz4")


@needs_cramjam
@pytest.mark.skipif(shutil.which("lz4") is None, reason="the lz4 command is not installed")
@pytest.mark.parametrize("option", ["-BD", "-B4", "-BX", "--content-size", "-9", "--no-frame-crc"])
def test_what_the_lz4_command_writes_is_read(option: str, tmp_path: Path) -> None:
    body = lines(100_000)
    packed = subprocess.run(["lz4", option, "-c"], input=body, capture_output=True, check=True)
    assert plain(packed.stdout, tmp_path) == (body, "lz4")


@needs_cramjam
@pytest.mark.parametrize("body", [b"x", lines(20_000)])
def test_snappy_of_java_and_of_hadoop_is_read(body: bytes, tmp_path: Path) -> None:
    assert plain(packing.snappy_java(body), tmp_path) == (body, "snappy-java")
    packed = packing.snappy_hadoop(body)
    assert plain(packed, tmp_path, "data/t/part-0.snappy") == (body, "snappy-hadoop")
    for cut in (packing.snappy_java(body)[:-1], packed[:-1]):
        if len(body) > 1:
            with pytest.raises(RejectedObjectError):
                opened(cut, tmp_path, "data/t/part-0.snappy")


@needs_cramjam
def test_a_block_that_lies_about_its_size_takes_no_memory(tmp_path: Path) -> None:
    block = b"\xff\xff\xff\xff\x0f" + b"\x00a"
    body = b"\x82SNAPPY\x00" + struct.pack(">LLL", 1, 1, len(block)) + block
    with pytest.raises(RejectedObjectError) as caught:
        opened(body, tmp_path)
    assert "larger than it can be" in caught.value.detail


def test_a_codec_that_is_missing_is_no_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(importlib.import_module("sys").modules, "cramjam", None)
    body = blocks.LZ4 + bytes.fromhex("6040820000000000")
    with pytest.raises(NotReadError) as caught:
        opened(body, tmp_path)
    assert "no codec" in caught.value.detail


def _noise(size: int) -> bytes:
    return random.Random(4).randbytes(size)


@pytest.mark.parametrize("most", [9, 10, 12, 16])
@pytest.mark.parametrize("block_mode", [True, False])
def test_what_compress_packed_is_read(most: int, block_mode: bool, tmp_path: Path) -> None:
    for body in (b"a", b"a" * 3000, lines(3000), _noise(90_000), b"ab" * 500):
        packed = packing.compress(body, most, blocks=block_mode)
        assert plain(packed, tmp_path) == (body, "compress")


@pytest.mark.skipif(shutil.which("gzip") is None, reason="the gzip command is not installed")
def test_the_test_writes_what_compress_writes() -> None:
    for body in (b"a", lines(3000), _noise(90_000)):
        packed = packing.compress(body)
        done = subprocess.run(["gzip", "-dc"], input=packed, capture_output=True, check=True)
        assert done.stdout == body


def test_a_code_that_names_nothing_is_damage(tmp_path: Path) -> None:
    with pytest.raises(RejectedObjectError) as caught:
        opened(b"\x1f\x9d\x90" + b"\xff" * 30, tmp_path)
    assert caught.value.code == "CORRUPT_COMPRESSION"


def test_layers_without_end_are_refused(tmp_path: Path) -> None:
    body = b"x"
    for _ in range(room.MAX_DEPTH + 1):
        body = gzip.compress(body)
    with pytest.raises(ObjectTooLargeError) as caught:
        opened(body, tmp_path)
    assert "layers" in caught.value.detail


def test_more_than_the_room_is_refused(tmp_path: Path) -> None:
    for name in PACKINGS:
        with pytest.raises(ObjectTooLargeError) as caught:
            opened(PACKINGS[name](bytes(3_000_000)), tmp_path, size=2_000_000)
        assert "EphemeralStorage" in caught.value.detail


def test_the_disk_counts_and_not_the_parameter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=17 * 1024**2))
    opened(gzip.compress(bytes(900_000)), tmp_path)
    with pytest.raises(ObjectTooLargeError):
        opened(gzip.compress(bytes(2_000_000)), tmp_path)


def test_a_bomb_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "_HARMLESS", 1_000_000)
    with pytest.raises(ObjectTooLargeError) as caught:
        opened(gzip.compress(gzip.compress(bytes(30_000_000))), tmp_path)
    assert "bomb" in caught.value.detail


@pytest.mark.parametrize("name", PACKINGS)
def test_time_is_watched_while_unpacking(name: str, tmp_path: Path) -> None:
    def late() -> None:
        raise OutOfTimeError("late")

    with pytest.raises(OutOfTimeError):
        opened(PACKINGS[name](lines(10)), tmp_path, check_time=late)


def test_a_million_empty_members_are_watched(tmp_path: Path) -> None:
    asked = 0

    def ask() -> None:
        nonlocal asked
        asked += 1
        if asked > 1000:
            raise OutOfTimeError("late")

    with pytest.raises(OutOfTimeError):
        opened(gzip.compress(b"") * 20_000, tmp_path, check_time=ask)


def test_a_window_that_the_memory_does_not_hold_is_no_damage(tmp_path: Path) -> None:
    options = {int(zstd.CompressionParameter.window_log): 28}
    packer = zstd.ZstdCompressor(options=options)
    large = packer.compress(bytes(1000)) + packer.flush()
    xz = lzma.compress(b"x", filters=[{"id": lzma.FILTER_LZMA2, "dict_size": 2**28}])
    for body in (large, xz):
        with pytest.raises(ObjectTooLargeError) as caught:
            opened(body, tmp_path)
        assert "256 MB of memory" in caught.value.detail


def test_a_dictionary_that_is_elsewhere_is_no_damage(tmp_path: Path) -> None:
    samples = [b'{"n": %d, "text": "some words %d"}' % (n, n * n) for n in range(3000)]
    known = zstd.train_dict(samples, 4096)
    with pytest.raises(NotReadError) as caught:
        opened(zstd.compress(samples[7], zstd_dict=known), tmp_path)
    assert "dictionary" in caught.value.detail


@pytest.mark.parametrize(
    "body",
    [
        b"BZh9 is how bzip2 begins\n",
        b"\x1f\x8b\x00not gzip",
        b"\x1f\x9d\x00no header of compress",
        b"\x1f",
        b"",
    ],
)
def test_a_beginning_that_only_resembles_one_is_left_alone(body: bytes, tmp_path: Path) -> None:
    assert plain(body, tmp_path) == (body, "none")


@needs_cramjam
def test_a_file_named_snappy_that_is_none_is_left_alone(tmp_path: Path) -> None:
    body = b"id,name\n1,ann\n"
    assert plain(body, tmp_path, "data/t/part-0.snappy") == (body, "none")


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("data/t/orders.csv", "data/t/orders.csv"),
        ("data/t/orders.csv.gz", "data/t/orders.csv"),
        ("data/t/orders.csv.tar.GZ", "data/t/orders.csv"),
        ("data/t/orders.csv.tgz", "data/t/orders.csv"),
        ("data/t/orders.jsonl.lz4", "data/t/orders.jsonl"),
        ("data/a.gz/orders", "data/a.gz/orders"),
        ("data/t/.gz", "data/t/.gz"),
    ],
)
def test_a_name_without_its_packing(key: str, name: str) -> None:
    assert plain_name(key) == name


def test_the_checksum_of_gzip_is_verified(tmp_path: Path) -> None:
    body = gzip.compress(lines(10))
    wrong = body[:-8] + struct.pack("<L", zlib.crc32(b"")) + body[-4:]
    with pytest.raises(RejectedObjectError):
        opened(wrong, tmp_path)
