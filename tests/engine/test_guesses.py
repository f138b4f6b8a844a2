"""Encodings guessed of tables of names and towns, by which letters stand where."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.open.guessing import Encoding, guessed, sample_of

if TYPE_CHECKING:
    from pathlib import Path

_CENTRAL = ("cp1250", "iso8859_2", "cp852")
_WEST = ("cp1252", "cp850", "mac_roman")

#: What people write, and what they write it in.
TABLES = {
    "Žďár,Šumperk,Třebíč,Jiří Dvořák,Božena Němcová,Tomáš Růžička": _CENTRAL,
    "Ľubomír Šťastný,Žilina,Ružomberok,Košice,Mária Kováčová,Oľga": _CENTRAL,
    "Kamiński,Wójcik,Łukasz,Gdańsk,Świątek,Żółkiewski,Wiśniewska,Zając": _CENTRAL,
    "Győző,Székesfehérvár,Őri Ödön,Szűcs Tímea,Kovács Béla,Füzesgyarmat": _CENTRAL,
    "Đurđica Kovačić,Šibenik,Žarko Marić,Čakovec,Vukušić,Požega": _CENTRAL,
    "Ştefan Brătianu,Timişoara,Constanţa,Piteşti,Târgu Mureş,Ioniţă": ("cp1250", "iso8859_2"),
    "Ayşe Yıldız,İzmir,Muğla,Çağrı Şahin,Gülşen Öztürk,Diyarbakır": ("cp1254",),
    "Jõgi,Põltsamaa,Tõnu Õunapuu,Märt Käärik,Hiiešaar,Küllike Mägi": ("cp1257", "iso8859_13"),
    "Jānis Bērziņš,Liepāja,Ķekava,Ģirts Kalniņš,Rēzekne,Līga Ozoliņa": ("cp1257", "iso8859_13"),
    "Žemaitė,Šiauliai,Panevėžys,Rūta Kazlauskienė,Ąžuolas,Kęstutis": ("cp1257", "iso8859_13"),
    "Λεωνίδας,Αλέξανδρος,Μύρων,Ευστόργιος": ("cp1253", "iso8859_7", "cp737"),
    "Мария Иванова,Нижний Новгород,Щёлково,Юлия": ("cp1251", "koi8_r", "cp866", "iso8859_5"),
    "Їжакевич,Київ,Вінниця,Євген Лисенко,Запоріжжя": ("cp1251", "koi8_u", "iso8859_5", "cp1125"),
    "Търговище,Велико Търново,Цветелина,Първанов": ("cp1251", "iso8859_5"),
    "Jürgen Groß,Köln,Düsseldorf,Bäcker,Schröder,Größe": _WEST,
    "François Lefèvre,Besançon,Orléans,Hélène,Benoît,Nîmes": _WEST,
    "José Muñoz,Málaga,Cádiz,Ángel Núñez,Peñíscola,Zúñiga": _WEST,
    "João Conceição,São Paulo,Brasília,Antônio Guimarães,Maceió": _WEST,
    "Åke Söderström,Malmö,Göteborg,Västerås,Mårten Öberg,Örebro": _WEST,
    "Søren Kjærgaard,Århus,Jørgen Møller,Næstved,Østergård": _WEST,
    "Þórður,Guðrún Sigurðardóttir,Hafnarfjörður,Björn Ægisson": ("cp1252",),
    "Curaçao,Réunion,Åland,Côte d’Ivoire,São Tomé,Österreich": ("cp1252", "mac_roman"),
    "O’Brien,don’t,women’s,Levi’s,it’s – “so”,years’,they’re": ("cp1252", "mac_roman"),
}


def read(body: bytes, folder: Path) -> tuple[str, str]:
    path = folder / "object"
    path.write_bytes(body)
    encoding = guessed(sample_of(path, lambda: None))
    return body.decode(encoding.name, "replace"), encoding.name


@pytest.mark.parametrize(("names", "codec"), [(t, c) for t, found in TABLES.items() for c in found])
def test_some_names_tell_the_encoding(names: str, codec: str, tmp_path: Path) -> None:
    text = "id,name\n" + "".join(f"{n},{name}\n" for n, name in enumerate(names.split(",")))
    # Some encodings have the same bytes for these letters.
    assert read(text.encode(codec), tmp_path)[0] == text


@pytest.mark.parametrize(
    ("body", "text", "codec"),
    [
        # Under ISO 8859-2 they hold control characters.
        (b"id,obec\n0,\xc8esk\xe9\n1,\x8e\xef\xe1r\n", "Žďár", "cp1250"),
        # A ñ does not stand before a consonant.
        (b"a,b\n1,Gda\xf1sk\n2,Ostr\xf3w\n", "Gdańsk", "cp1250"),
        # No character of another script stands between small letters.
        (b"a,b\n1,using the\xe6M'Kraan Crystal\n", "theæM", "cp1252"),
        # Spaces that do not break, as web pages have them.
        (b"a,b\n1,Name\xa0\n2,New\xa0York\n3,of\xa0the\n", "of\xa0the", "cp1252"),
        # A capital within a word.
        (b"a,b\n1,knowledge\xcaof\n2,don\xd5t\n", "don’t", "mac_roman"),
        (b"a,b\n1,\xa35\n2,20 \xb0C\n3,5 \x80\n", "£5", "cp1252"),
    ],
)
def test_what_hardly_ever_stands_so_is_read_otherwise(
    body: bytes, text: str, codec: str, tmp_path: Path
) -> None:
    found, name = read(body, tmp_path)
    assert text in found
    assert name == codec


def test_a_text_that_was_damaged_before_is_not_known(tmp_path: Path) -> None:
    path = tmp_path / "object"
    path.write_bytes(b"Alarc\x93\x98n,Lucero\nZu\x89\xdb\xd2Chen\nRomero\x89\xdb\xd2Raigoza\n")
    assert guessed(sample_of(path, lambda: None)) == Encoding(
        "cp1252", "encoding not known: read as Windows-1252 (cp1252)"
    )


def test_a_word_that_comes_again_is_no_more_evidence(tmp_path: Path) -> None:
    for word in ("Européen", "Tunesië", "boÿÿgie"):
        text = f"a,b\n1,{word}\n" * 3000
        assert read(text.encode("cp1252"), tmp_path) == (text, "cp1252")


@pytest.mark.parametrize("codec", ["cp932", "euc_jp", "gb18030", "big5hkscs", "cp949"])
@pytest.mark.parametrize("lines", [1, 300_000])
@pytest.mark.parametrize("before", ["", "a"])
def test_a_sample_may_end_within_a_character(
    codec: str, lines: int, before: str, tmp_path: Path
) -> None:
    word = {
        "gb18030": "数量和价格的单位",
        "big5hkscs": "數量和價格的單位",
        "cp949": "안녕하세요김철수",
    }.get(codec, "日本語の文章です")
    text = before + (word * (1 if lines > 1 else 1000) + "\n") * lines
    assert read(text.encode(codec), tmp_path) == (text, codec)
