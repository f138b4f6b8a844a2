"""Archives: their members are the object's parts, all of them or none."""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
import zipfile
from typing import TYPE_CHECKING

import pytest
from backports.zstd import zipfile as newer

from engine.open import room, tars, zips
from engine.open.stored import NotReadError
from store.errors import ObjectTooLargeError, RejectedObjectError
from tests.engine.test_layers import opened
from tests.support.engine import convert
from tests.support.packing import tarred, zipped

if TYPE_CHECKING:
    from pathlib import Path

CSV = b"id,name\n1,ann\n2,bob\n"
MORE = b"id,name\n3,cid\n"


def found(body: bytes, folder: Path, key: str = "data/t/object") -> list[tuple[str, bytes, str]]:
    return [(p.name, p.path.read_bytes(), p.compression) for p in opened(body, folder, key)]


@pytest.mark.parametrize(
    "method",
    [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2],
)
def test_a_zip_of_one_file_is_that_file(method: int, tmp_path: Path) -> None:
    body = zipped(("export.csv", CSV), method=method)
    assert found(body, tmp_path, "data/t/export.zip") == [("export.csv", CSV, "zip")]


def test_a_zip_packed_by_zstd_is_read(tmp_path: Path) -> None:
    file = io.BytesIO()
    with newer.ZipFile(file, "w", newer.ZIP_ZSTANDARD) as archive:
        archive.writestr("export.csv", CSV * 100)
    assert found(file.getvalue(), tmp_path) == [("export.csv", CSV * 100, "zip")]
    broken = bytearray(file.getvalue())
    at = broken.find(b"PK\x01\x02") + 16
    broken[at] ^= 1
    broken[14] ^= 1
    with pytest.raises(RejectedObjectError) as caught:
        found(bytes(broken), tmp_path)
    assert "checksum" in caught.value.detail


def test_each_member_is_a_part(tmp_path: Path) -> None:
    body = zipped(("a/", b""), ("a/1.csv", CSV), ("b.csv.gz", gzip.compress(MORE)))
    assert found(body, tmp_path) == [("a/1.csv", CSV, "zip"), ("b.csv", MORE, "gzip+zip")]


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_a_tar_of_any_kind_is_opened(mode: str, form: int, tmp_path: Path) -> None:
    name = "größe/" * 15 + "1.csv"
    body = tarred((name, CSV), ("2.csv", MORE), mode=mode, form=form)
    packed = {"w": "tar", "w:gz": "tar+gzip", "w:bz2": "tar+bzip2", "w:xz": "tar+xz"}[mode]
    wanted = [(name, CSV, packed), ("2.csv", MORE, packed)]
    assert found(body, tmp_path, "data/t/orders.tgz") == wanted


def test_a_tar_of_old_that_has_no_magic_is_opened(tmp_path: Path) -> None:
    body = bytearray(tarred(("a.csv", CSV)))
    body[257:265] = bytes(8)
    body[148:156] = b" " * 8
    body[148:156] = b"%06o\0 " % sum(body[:512])
    assert found(bytes(body), tmp_path) == [("a.csv", CSV, "tar")]


def test_what_is_no_data_is_skipped(tmp_path: Path) -> None:
    members = [
        ("__MACOSX/._a.csv", b"x"),
        ("__MACOSX/a.csv", b"x"),
        (".DS_Store", b"x"),
        ("out/_SUCCESS", b""),
        ("out/.part-0.crc", b"x"),
        ("out/Thumbs.db", b"x"),
        ("desktop.ini", b"x"),
        ("./a.csv", CSV),
    ]
    assert [name for name, _, _ in found(zipped(*members), tmp_path)] == ["./a.csv"]
    assert [name for name, _, _ in found(tarred(*members), tmp_path)] == ["./a.csv"]


def test_a_file_beside_what_windows_and_macos_add_is_that_file() -> None:
    members = [("a.csv", CSV), ("Thumbs.db", b"\xd0\xcf\x11\xe0"), ("__MACOSX/._a.csv", b"\0\5")]
    alone = convert(CSV, "data/t/a.csv")
    for archive in (zipped(*members), tarred(*members)):
        both = convert(archive, "data/t/a.zip")
        assert (both.status, both.values) == ("DONE", alone.values)


def test_links_folders_and_devices_of_a_tar_are_no_members(tmp_path: Path) -> None:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for kind in (tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE):
            info = tarfile.TarInfo("a.csv")
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
        info = tarfile.TarInfo("a.csv")
        info.size = len(CSV)
        archive.addfile(info, io.BytesIO(CSV))
    assert found(file.getvalue(), tmp_path) == [("a.csv", CSV, "tar")]


def test_archives_in_archives_are_opened(tmp_path: Path) -> None:
    body = gzip.compress(tarred(("in.zip", zipped(("a.csv", CSV))), ("b.csv", MORE)))
    assert found(body, tmp_path) == [
        ("a.csv", CSV, "zip+tar+gzip"),
        ("b.csv", MORE, "tar+gzip"),
    ]
    # The object, and the two parts.
    assert len(list(tmp_path.iterdir())) == 3


def test_an_archive_of_nothing_has_no_part(tmp_path: Path) -> None:
    assert found(zipped(), tmp_path) == []
    assert found(zipped(("_SUCCESS", b"")), tmp_path) == []


def test_a_member_without_an_extension_has_that_of_the_key(tmp_path: Path) -> None:
    assert found(zipped(("export", CSV)), tmp_path, "data/t/x.csv.zip")[0][0] == "data/t/x.csv"


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "/etc/passwd", "..\\x", "C:\\x", "a\0b", "\n"]
)
def test_a_name_is_no_path(name: str, tmp_path: Path) -> None:
    for body in (zipped((name, CSV)), tarred((name, CSV))):
        (part,) = opened(body, tmp_path)
        assert part.path.parent == tmp_path
        assert part.path.read_bytes() == CSV


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_members_of_one_name_are_both_parts(tmp_path: Path) -> None:
    members = [("a.csv", CSV), ("a.csv", MORE)]
    for body in (zipped(*members), tarred(*members)):
        assert [content for _, content, _ in found(body, tmp_path)] == [CSV, MORE]


def test_too_many_members_are_refused(tmp_path: Path) -> None:
    members = [(f"{n}.csv", b"x") for n in range(10_000)]
    for body in (zipped(*members), tarred(*members), tarred(*members, mode="w:gz")):
        with pytest.raises(ObjectTooLargeError) as caught:
            opened(body, tmp_path)
        assert "1,000 files" in caught.value.detail


def test_a_directory_that_the_memory_does_not_hold_is_refused(tmp_path: Path) -> None:
    body = zipped(*((f"{n:0500}/", b"") for n in range(5_000)))
    with pytest.raises(ObjectTooLargeError):
        opened(body, tmp_path)


def test_a_header_that_the_memory_does_not_hold_is_refused(tmp_path: Path) -> None:
    pax = tarfile.TarInfo("a.csv")
    pax.pax_headers = {"comment": "x" * 3_000_000}
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as archive:
        archive.addfile(pax)
    with pytest.raises(ObjectTooLargeError) as caught:
        opened(file.getvalue(), tmp_path)
    assert "header" in caught.value.detail


def test_an_archive_that_contains_itself_ends(tmp_path: Path) -> None:
    body = zipped(("a.csv", CSV))
    for _ in range(room.MAX_DEPTH):
        body = zipped(("again.zip", body))
    with pytest.raises(ObjectTooLargeError) as caught:
        opened(body, tmp_path)
    assert "layers" in caught.value.detail


def test_members_count_together_for_the_room(tmp_path: Path) -> None:
    body = zipped(*((f"{n}.csv", bytes(300_000)) for n in range(10)))
    with pytest.raises(ObjectTooLargeError):
        opened(body, tmp_path, size=2_000_000)


@pytest.mark.parametrize("change", [1, -1, 1000, 2**31])
def test_a_size_that_is_a_lie_is_damage(change: int, tmp_path: Path) -> None:
    body = bytearray(zipped(("a.csv", CSV * 50)))
    for at in (22, body.find(b"PK\x01\x02") + 24):
        size = struct.unpack_from("<L", body, at)[0]
        struct.pack_into("<L", body, at, (size + change) % 2**32)
    with pytest.raises(RejectedObjectError) as caught:
        opened(bytes(body), tmp_path)
    assert caught.value.code == "CORRUPT_COMPRESSION"


def test_damage_of_a_zip_is_damage(tmp_path: Path) -> None:
    body = zipped(("a.csv", CSV * 50), ("b.csv", MORE * 50))
    cases = [body[:-10], body[: len(body) // 2], body[:10]]
    for at in (45, 60, body.find(b"PK\x01\x02") + 16):
        broken = bytearray(body)
        broken[at] ^= 0xFF
        cases.append(bytes(broken))
    for case in cases:
        with pytest.raises(RejectedObjectError) as caught:
            opened(case, tmp_path)
        assert caught.value.code == "CORRUPT_COMPRESSION"


def test_damage_of_a_tar_is_damage(tmp_path: Path) -> None:
    body = tarred(("a.csv", CSV), ("b.csv", MORE))
    second = 1024
    wrong = bytearray(body)
    wrong[second] ^= 0xFF
    cases = [bytes(wrong), body[:600], body[: second + 100], body.rstrip(b"\0") + body]
    for case in cases:
        with pytest.raises(RejectedObjectError) as caught:
            opened(case, tmp_path)
        assert caught.value.code == "CORRUPT_COMPRESSION"


def test_headers_after_headers_without_end_are_damage(tmp_path: Path) -> None:
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 2
    body = (info.tobuf(tarfile.GNU_FORMAT) + b"a\0".ljust(512, b"\0")) * 5_000
    with pytest.raises(RejectedObjectError):
        opened(body, tmp_path)


def test_what_is_damaged_in_a_member_names_the_member(tmp_path: Path) -> None:
    body = zipped(("a.csv", CSV), ("b.csv.gz", gzip.compress(MORE)[:-3]))
    with pytest.raises(RejectedObjectError) as caught:
        opened(body, tmp_path)
    assert "'b.csv.gz': gzip" in caught.value.detail


def test_encrypted_members_are_not_read(tmp_path: Path) -> None:
    body = bytearray(zipped(("a.csv", CSV)))
    body[6] |= 1
    body[body.find(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(NotReadError) as caught:
        opened(bytes(body), tmp_path)
    assert "encrypted" in caught.value.detail


def test_a_method_that_is_not_read_is_named(tmp_path: Path) -> None:
    body = bytearray(zipped(("a.csv", CSV)))
    for at in (8, body.find(b"PK\x01\x02") + 10):
        struct.pack_into("<H", body, at, 9)
    with pytest.raises(NotReadError) as caught:
        opened(bytes(body), tmp_path)
    assert "deflate64" in caught.value.detail


@pytest.mark.parametrize(
    ("members", "media_type"),
    [
        (["[Content_Types].xml", "xl/workbook.xml"], "spreadsheetml.sheet"),
        (["[Content_Types].xml", "word/document.xml"], "wordprocessingml.document"),
        (["META-INF/MANIFEST.MF", "A.class"], "application/java-archive"),
        (["mimetype", "content.xml"], "application/vnd.oasis.opendocument.spreadsheet"),
    ],
)
def test_what_is_a_zip_by_its_packing_only_is_one_file(
    members: list[str], media_type: str, tmp_path: Path
) -> None:
    said = b"application/vnd.oasis.opendocument.spreadsheet"
    body = zipped(*((name, said) for name in members))
    assert found(body, tmp_path, "data/t/x.xlsx") == [("data/t/x.xlsx", body, "none")]
    path = tmp_path / "file"
    path.write_bytes(body)
    assert media_type in zips.packaged(path)


def test_a_text_is_no_tar() -> None:
    assert not tars.is_tar(b"")
    assert not tars.is_tar(b"a,b\n" * 300)
    assert not tars.is_tar(bytes(1024))


@pytest.mark.parametrize("turned", [False, True])
def test_types_follow_from_all_members_whichever_is_the_first(turned: bool) -> None:
    members = [("1.csv", b"id,n,name\n1,2,7\n"), ("2.csv", b"id,n,name\n2,2.5,ann\n")]
    result = convert(zipped(*members[:: -1 if turned else 1]), "data/t/a.zip")
    assert result.types == {"id": "bigint", "n": "double", "name": "string"}
    rows = sorted(result.values, key=lambda row: row["id"])
    assert rows == [{"id": 1, "n": 2.0, "name": "7"}, {"id": 2, "n": 2.5, "name": "ann"}]
    assert result.rescued == [None, None]
    assert result.conversion is not None
    assert result.conversion.added == ("id", "n", "name")


def test_members_do_not_change_the_types_of_the_table() -> None:
    body = zipped(("1.csv", b"id,n\n1,2.5\n"), ("2.csv", b"id,n\n2,x\n"))
    result = convert(body, "data/t/a.zip", table={"id": "bigint", "n": "bigint"})
    assert result.types == {"id": "bigint", "n": "bigint"}
    assert result.rescued == [{"n": "2.5"}, {"n": "x"}]


def test_folders_of_members_name_columns_and_a_date() -> None:
    row = b"id\n1\n"
    several = zipped(("dt=2024-02-03/a.csv", row), ("dt=2024-02-04/a.csv", row))
    found = convert(several, "data/t/country=at/a.zip")
    assert [(r["dt"], r["country"], r["date_partition"]) for r in found.rows] == [
        ("2024-02-03", "at", "2024-02-03"),
        ("2024-02-04", "at", "2024-02-04"),
    ]
    alone = convert(zipped(("dt=2024-02-03/a.csv", row)), "data/t/a.zip")
    assert [(r["dt"], r["date_partition"]) for r in alone.rows] == [("2024-02-03", "2024-02-03")]
