"""Encodings: found, or guessed with a word; never another text without one."""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING

import pytest

from engine.open.charsets import codec_named
from engine.open.detect import Said
from engine.open.encoding import encoding_of, find_encoding
from engine.open.guessing import Encoding
from engine.open.opened import Opened, opened
from engine.open.room import Room
from engine.open.transcode import as_utf8
from store.errors import ContractError, ObjectTooLargeError, OutOfTimeError, RejectedObjectError

if TYPE_CHECKING:
    from pathlib import Path

#: Tables as people write them: a header, two rows, some ten letters that are not ASCII.
TEXTS = {
    "russian": "имя;город;сумма\nИван;Казань;10\nОльга;Пермь;20\n",
    "ukrainian": "назва,місто\nЇжак,Київ\n",
    "bulgarian": "име\nСофия\n",
    "greek": "όνομα,πόλη\nΓιώργος,Αθήνα\n",
    "polish": "imię;miasto\nŁukasz;Łódź\nŻaneta;Gdańsk\n",
    "czech": "jméno,město\nJiří,Plzeň\nŽofie,České Budějovice\n",
    "hungarian": "név;város\nGyőző;Győr\n",
    "turkish": "ad,şehir\nAyşe,İzmir\nÇağrı,Muğla\n",
    "german": "Name;Straße\nMüller;Königsallee\n",
    "french": "nom;ville\nZoé;Orléans\nFrançois;Besançon\n",
    "spanish": "nombre;país\nJosé;España\n",
    "swedish": "namn;ort\nÅsa;Malmö\n",
    "icelandic": "nafn\nÞórður\nGuðrún\n",
    "hebrew": "שם,עיר\nדוד,חיפה\n",
    "arabic": "اسم,مدينة\nأحمد,القاهرة\n",
    "thai": "ชื่อ,เมือง\nสมชาย,กรุงเทพ\n",
    "japanese": "商品,価格,備考\nりんご,120,青森産\nみかん,80,愛媛産\n",
    "chinese": "名称,数量\n苹果,3\n香蕉,5\n",
    "taiwanese": "名稱,數量\n蘋果,3\n香蕉,5\n",
    "korean": "이름,도시\n김철수,서울\n박영희,부산\n",
    "of many": "name\nMüller\nZoé\nJosé Peña\nÅsa\nSão Paulo\n",
    "signs": "text\nit’s “fine” – 5 €, £5, 20 °C\n",
}
WRITTEN = [
    *(("russian", c) for c in ("cp1251", "koi8_r", "cp866", "iso8859_5", "mac_cyrillic")),
    *(("polish", c) for c in ("cp1250", "iso8859_2")),
    *(("czech", c) for c in ("cp1250", "iso8859_2")),
    *(("japanese", c) for c in ("cp932", "euc_jp")),
    *(("german", c) for c in ("cp1252", "cp850")),
    *(("french", c) for c in ("cp1252", "cp850")),
    *(("spanish", c) for c in ("cp1252", "mac_roman")),
    ("ukrainian", "cp1251"),
    ("bulgarian", "cp1251"),
    ("greek", "cp1253"),
    ("hungarian", "cp1250"),
    ("turkish", "cp1254"),
    ("swedish", "cp1252"),
    ("icelandic", "cp1252"),
    ("hebrew", "cp1255"),
    ("arabic", "cp1256"),
    ("thai", "cp874"),
    ("chinese", "gb18030"),
    ("taiwanese", "big5"),
    ("korean", "cp949"),
    ("of many", "cp1252"),
    ("signs", "cp1252"),
]


def read(
    body: bytes,
    folder: Path,
    content_type: str = "",
    named: str = "",
    key: str = "data/t/object.csv",
) -> tuple[str, str]:
    """Give the text as the engine gets it, and what was guessed."""
    for old in folder.iterdir():
        old.unlink()
    path = folder / "object"
    path.write_bytes(body)
    said = Said(content_type, encoding=named)
    found = opened(path, key, said, folder, 10**9, lambda: None)
    assert isinstance(found, list)
    (part,) = found
    assert isinstance(part, Opened)
    return part.path.read_bytes().decode("utf-8", "backslashreplace"), part.guess


@pytest.mark.parametrize(("text", "codec"), WRITTEN)
def test_a_small_table_is_read_as_it_was_written(text: str, codec: str, tmp_path: Path) -> None:
    found, guess = read(TEXTS[text].encode(codec), tmp_path)
    assert found == TEXTS[text]
    assert guess.startswith("encoding guessed: ")


@pytest.mark.parametrize(
    ("body", "text", "codec"),
    [
        (
            (
                b"\xe8\xec\xff;\xe3\xee\xf0\xee\xe4;\xf1\xf3\xec\xec\xe0\n"
                b"\xc8\xe2\xe0\xed;\xca\xe0\xe7\xe0\xed\xfc;10\n"
            ),
            "Казань",
            "cp1251",
        ),
        (b"\xc3\xfb\xb3\xc6,\xca\xfd\xc1\xbf\n\xc6\xbb\xb9\xfb,3\n", "苹果", "gb18030"),
        (b"imi\xea;miasto\n\xa3ukasz;\xa3\xf3d\x9f\n\xafaneta;Gda\xf1sk\n", "Łódź", "cp1250"),
        (b"\x8f\xa4\x95i,\x89\xbf\x8ai\n\x82\xe8\x82\xf1\x82\xb2,120\n", "りんご", "cp932"),
    ],
)
def test_the_published_cases_hold(body: bytes, text: str, codec: str, tmp_path: Path) -> None:
    found, guess = read(body, tmp_path)
    assert text in found
    assert guess == f"encoding guessed: {codec}"


@pytest.mark.parametrize("letter", "éüäñß€°")
def test_one_letter_of_the_west_is_one(letter: str, tmp_path: Path) -> None:
    for text in (f"a,b\n1,{letter}\n", f"a,b\n1,x{letter}\n", f"a,b\n1{letter},2\n"):
        assert read(text.encode("cp1252"), tmp_path) == (text, "encoding guessed: cp1252")


def test_what_is_not_known_is_said(tmp_path: Path) -> None:
    found, guess = read(b"a,b\n1,x\x98\x81\x8dy\xa4\xbe\x90\n", tmp_path)
    assert found.isprintable() is False
    assert guess == "encoding not known: read as Windows-1252 (cp1252)"


@pytest.mark.parametrize("text", [t for t in TEXTS if t != "signs"])
def test_what_says_it_is_not_guessed(text: str, tmp_path: Path) -> None:
    for codec in ("utf-8", "utf-8-sig", "utf-16", "utf-32"):
        assert read(TEXTS[text].encode(codec), tmp_path) == (TEXTS[text], "")
    for codec in ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"):
        assert read(TEXTS[text].encode(codec), tmp_path) == (TEXTS[text], "")


@pytest.mark.parametrize(
    "content_type", ["text/csv; charset=shift_jis", 'text/csv; Charset="Shift_JIS"; header=present']
)
def test_the_charset_of_the_content_type_counts(content_type: str, tmp_path: Path) -> None:
    body = "名前,数\n髙橋,1\n".encode("cp932")
    assert read(body, tmp_path, content_type) == ("名前,数\n髙橋,1\n", "")


def test_the_bytes_count_more_than_the_charset(tmp_path: Path) -> None:
    text = TEXTS["french"]
    for charset in ("shift_jis", "iso-8859-1", "utf-16", "nonsense", "base64"):
        assert read(text.encode(), tmp_path, f"text/csv; charset={charset}") == (text, "")
    # No text in Shift-JIS holds these.
    body = TEXTS["russian"].encode("cp1251")
    assert read(body, tmp_path, "text/csv; charset=euc-jp")[0] == TEXTS["russian"]


def test_the_contract_counts_most(tmp_path: Path) -> None:
    body = "name\nŠimon\n".encode("iso8859_2")
    assert read(body, tmp_path, "text/csv; charset=cp1252", "iso-8859-2") == ("name\nŠimon\n", "")
    assert read("Ã©\n".encode("cp1252"), tmp_path, "", "cp1252") == ("Ã©\n", "")
    assert read("日本\n".encode("utf-16-le"), tmp_path, "", "UTF-16LE") == ("日本\n", "")
    with pytest.raises(ContractError):
        read(b"a\n", tmp_path, "", "utf-7-and-a-half")


def test_damage_under_a_known_encoding_is_damage_of_its_line(tmp_path: Path) -> None:
    body = "一,1\n".encode("cp932") + b"x\x82,2\n\xfc\n" + "二,3\n".encode("cp932")
    found, guess = read(body, tmp_path, "", "shift_jis")
    assert found == "一,1\nx\\xff,2\n\\xff\n二,3\n"
    assert guess == ""


def test_a_text_in_utf8_with_some_broken_lines_is_utf8(tmp_path: Path) -> None:
    body = TEXTS["french"].encode() + b"nom\xe9;x\n" + TEXTS["german"].encode()
    found, guess = read(body, tmp_path)
    assert found == TEXTS["french"] + "nom\\xe9;x\n" + TEXTS["german"]
    assert guess == ""


def test_json_is_utf8_and_a_broken_byte_is_damage(tmp_path: Path) -> None:
    body = '{"a": "é"}\n'.encode("cp1252")
    for key in ("data/t/object", "data/t/object.json"):
        assert read(body, tmp_path, key=key) == ('{"a": "\\xe9"}\n', "")
    said = "application/json; charset=windows-1252"
    assert read(body, tmp_path, said) == ('{"a": "é"}\n', "")


def test_escaped_japanese_is_read(tmp_path: Path) -> None:
    text = "名前,数\nりんご,1\n"
    found, guess = read(text.encode("iso2022_jp"), tmp_path)
    assert (found, guess) == (text, "encoding guessed: iso2022_jp")
    assert read(b"\x1b[31mred\x1b[0m\n", tmp_path)[1] == ""


def test_an_encoding_is_found_by_places_further_on(tmp_path: Path) -> None:
    body = b"id;city\n" + b"1;Moscow\n" * 400_000 + TEXTS["russian"].encode("cp1251")
    found, guess = read(body, tmp_path)
    assert found.endswith(TEXTS["russian"])
    assert guess == "encoding guessed: cp1251"


@pytest.mark.parametrize("codec", ["cp932", "gb18030", "utf-8", "utf-16"])
def test_characters_that_blocks_divide_are_whole(codec: str, tmp_path: Path) -> None:
    line = "数量和价格的单位。\n" if codec == "gb18030" else "日本語の文章です。\n"
    text = "a" + line * 200_000
    found, _ = read(text.encode(codec), tmp_path)
    assert found == text


@pytest.mark.parametrize("body", [b"\xff\xfea\0b", b"\xff\xfe\0\xd8a\0", b"\0\0\xfe\xff\0\x11\0\0"])
def test_damage_of_a_wide_encoding_rejects_the_file(body: bytes, tmp_path: Path) -> None:
    with pytest.raises(RejectedObjectError) as caught:
        read(body, tmp_path)
    assert caught.value.code == "CORRUPT_FILE"


@pytest.mark.parametrize(
    "body", [b"\0", b"\0\0", b"ab\0d", bytes(range(256)), b"\x07\x08\x0e" * 20, b"a\0\0b\0c\0\0"]
)
def test_bytes_that_are_no_text_are_none(body: bytes) -> None:
    assert encoding_of(body) == ""


@pytest.mark.parametrize("body", [b"", b"a", b"1\x01ann\x01\\N\x013.5\n", b"8=FIX\x019=65\x01\n"])
def test_text_with_control_characters_that_divide_fields_is_text(body: bytes) -> None:
    assert encoding_of(body) == "utf-8"


def test_names_of_encodings_mean_what_browsers_read() -> None:
    assert codec_named("Shift_JIS") == "cp932"
    assert codec_named("latin1") == "cp1252"
    assert codec_named("gb2312") == "gb18030"
    assert codec_named("utf8") == "utf-8"
    for name in ("hex", "rot13", "unicode_escape", "", "no such", "a\0b"):
        assert codec_named(name) == ""


def test_time_is_watched(tmp_path: Path) -> None:
    def late() -> None:
        raise OutOfTimeError("late")

    path = tmp_path / "object"
    path.write_bytes("é\n".encode("cp1252"))
    with pytest.raises(OutOfTimeError):
        find_encoding(path, "", "", late)
    room = Room.of(path, tmp_path, 10**9, late)
    with pytest.raises(OutOfTimeError):
        as_utf8(path, "cp1252", room)


def test_a_copy_has_to_have_room(tmp_path: Path) -> None:
    path = tmp_path / "object"
    path.write_bytes(codecs.BOM_UTF8 + b"a" * 1000)
    for encoding in ("utf-8", "cp1252"):
        with pytest.raises(ObjectTooLargeError):
            as_utf8(path, encoding, Room.of(path, tmp_path, 500, lambda: None))


def test_an_encoding_is_a_value() -> None:
    assert Encoding("utf-8") == Encoding("utf-8", "")


@pytest.mark.parametrize("name", ["x.csv", "x.tsv", "x.log", "x.jsonl"])
@pytest.mark.parametrize("codec", ["utf-8", "cp1252"])
@pytest.mark.parametrize("at", ["within", "first of a line", "last of a line"])
def test_a_zero_byte_in_a_row_of_thousands_is_that_row_s(
    name: str, codec: str, at: str, tmp_path: Path
) -> None:
    row = {"x.jsonl": '{"a": 1, "b": "é"}'}.get(name, "1,é,x")
    rows = [row.replace(",", "\t") if name == "x.tsv" else row] * 3000
    for odd in ("", "y"):
        rows[1000] = odd + {"within": "1,\0,x", "first of a line": "\0,2"}.get(at, "1,2\0")
        body = "\n".join(rows).encode(codec) + b"\n"
        text, _ = read(body, tmp_path, key=f"data/t/{name}")
        assert text.count("\n") == 3000
        assert text.count("\0") == 1


@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_counts_more_than_the_contract_and_that_is_said(
    codec: str, tmp_path: Path
) -> None:
    text = "name\nJosé\nZoë\n"
    found, guess = read(text.encode(codec), tmp_path, named="cp1252")
    marked = codec.removesuffix("-sig")
    assert (found, guess) == (
        text,
        f"read as {marked} by its byte order mark: the contract says cp1252",
    )
    assert read(text.encode(codec), tmp_path, named=codec) == (text, "")


def test_a_byte_order_mark_counts_more_than_the_content_type(tmp_path: Path) -> None:
    body = "name\nJosé\nZoë\n".encode("utf-8-sig") + b"broken \xff\n"
    found, _ = read(body, tmp_path, "text/csv; charset=iso-8859-1")
    assert found.startswith("name\nJosé\nZoë\n")


def test_a_sign_within_words_of_latin_letters_is_no_evidence_for_another_script(
    tmp_path: Path,
) -> None:
    body = b"name,state\nGeorgina Osme\xcc\xb1a,CA\nRocky Ch\xcc\xc1vez,CA\n"
    _, guess = read(body, tmp_path)
    assert guess == "encoding not known: read as Windows-1252 (cp1252)"
    text = "name,state\n名称,数量\n使用Python的说明,北京\n"
    assert read(text.encode("gb18030"), tmp_path) == (text, "encoding guessed: gb18030")
