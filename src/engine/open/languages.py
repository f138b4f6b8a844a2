"""How texts look in the languages that old encodings were made for.

Libraries that detect encodings need some hundred bytes. Tables of names and towns often have
ten that are not ASCII, and those are enough once it is known which letters belong together.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Signs that texts of any language hold beside their letters.
_SIGNS = frozenset(
    "\xa0«»„“”‚‘’‹›–—…•·€£¥¢§©®™°²³¹ºªµ±×÷½¼¾¿¡№、。・「」『』（）：；！？，／～￥※【】《》"
)

#: Of these, one before or between letters is a letter of another encoding. The Portuguese õ
#: stands before an e; elsewhere it is Hungary's ő misread.
_MISPLACED = re.compile(
    r"[\xa0€£¥¢§©®™²³¹±×÷½¼¾](?=[^\W\d_])|(?<=[^\W\d_])[€£¥¢§©ªº±×÷¼½¾‚„‹¿¡](?=\w)|[õÕ](?![eE])"
)

_WORD = re.compile(r"[^\W\d_]+")
_ACCENTS = re.compile(r"[^\W\d_\x00-\x7f]{3,}")
_ASCII_LETTER = re.compile(r"[A-Za-z]")

#: One or two characters within a word of small Latin letters are accents in another encoding.
_WITHIN = re.compile(r"(?<=[a-z])[^\x00-\x7f]{1,2}(?=[a-z])")


@dataclass(frozen=True, slots=True)
class Language:
    """Letters, and the encodings that texts of them are found in.

    Attributes
    ----------
    codecs : tuple of str
        Python codecs, the likeliest first.
    letters : str
        Those beyond ASCII, in lower case; the most frequent first where that tells languages
        apart.
    common : str
        Of a script of thousands of characters, some that every text holds.
    rare : bool
        Whether others are likelier that the same bytes could be.
    """

    codecs: tuple[str, ...]
    letters: str
    common: str = ""
    rare: bool = False


_WEST = ("cp1252", "cp850", "mac_roman")
_CENTRAL = ("cp1250", "iso8859_2", "cp852")
_CYRILLIC = ("cp1251", "koi8_r", "cp866", "iso8859_5", "mac_cyrillic")

#: The likeliest first: where two explain a text as well, the first counts.
LATIN = (
    Language(_WEST, "äöüßé"),
    Language(_WEST, "éèàêçâîôûùëïœüæÿ"),
    Language(_WEST, "óíáéñúü"),
    Language(_WEST, "ãçáéóêíõâôúàü"),
    Language(_WEST, "èàùìòéóîí"),
    Language(_WEST, "åäöé"),
    Language(_WEST, "øåæéöä"),
    Language(_WEST, "àáâãäåæçèéêëíîïñòóôõöøùúûüßœ"),
    Language(_CENTRAL, "łąęóżśćńź"),
    Language(_CENTRAL, "áíéěýčřžšůúňťďóäĺľŕô"),
    Language(_CENTRAL, "áéőóíúüöű"),
    Language(_CENTRAL, "čšžćđ"),
    Language(_CENTRAL, "ăâîţş"),
    # İ in lower case is an i and a dot above.
    Language(("cp1254",), "ışğüöçâî\u0307"),
    Language(("cp1257",), "ėąšųžįčęūāēīķļņģõäöü"),
    Language(("cp1252",), "áðéíóúýþæö", rare=True),
)

ALPHABETS = (
    Language(_CYRILLIC, "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфёъ"),
    Language(("cp1251", "koi8_u"), "оанивтерілсдкумпязьбгйчхцжїєюшщфґ"),
    Language(("cp1251",), "аоиенрсткувјмдплгзбшчцњжљћђфхџ"),
    Language(("cp1253",), "αοτιενρσκπςυμλίόάγέδήωχθύφβξώζψϊϋ"),
    Language(("cp1255",), "יוהלרבתמאשנעםדקחפסכגטצןזךףץ"),
    Language(("cp1256",), "اليمنروتبةعدسفهكقأحجشطصىخإذضزثئءغظآؤپچژگ"),
    Language(("cp874",), "านรอกเงมยลวดทสตะปบคหแจพชขใไโถซผฟธณญศษฐฏฎฆฌฒฑฤำิีึืุู่้๊๋็์ัๆฯ"),
)

#: The signs of each script that its standard puts first, and some that every text holds.
_KANJI = (
    "日一人年大十二本中長出三時行見月分後前生間上東四今金入学高円子外八六下来気小七山話女北午"
    "百書先名川千水半男西電校語土木聞食車何南万毎白天母火右読友左休父雨商品価格数量備考住所番"
    "号都府県市区町村合計単位部課社会員国内税店青森果"
)
_HANZI = (
    "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之"
    "年过发后作里用道行所然家种事成方多经么去法学如都同现当没动面起看定天分还进好小部其些主样"
    "理心她本前开但因只从想实名称数量价格单位日期姓址电话编号公司城市区县北京海广东省备注苹果"
    "香蕉产品商订客户类型状态金额总计龄性别张王李赵刘陈杨黄周"
)
_FAN = (
    "的一是不了在人有我他這個們中來上大為和國地到以說時要就出會可也你對生能而子那得於著下自之"
    "年過發後作里用道行所然家種事成方多經麼去法學如都同現當沒動面起看定天分還進好小部其些主樣"
    "理心她本前開但因只從想實名稱數量價格單位日期姓址電話編號公司城市區縣臺北灣備註蘋果香蕉產"
    "品商訂客戶類型狀態金額總計"
)
_HANGUL = (
    "이다에의는로하을가고지서한은기으년대사시를리도인스일자어나아그정주제수보해들부전상원구장"
    "여성동만라공조계과용선경소김박최울호명번품격량름화바산천광안녕세요니습게면"
)

SCRIPTS = (
    Language(("cp932", "euc_jp"), "", common=_KANJI),
    Language(("gb18030",), "", common=_HANZI),
    Language(("cp949",), "", common=_HANGUL),
    Language(("big5hkscs",), "", common=_FAN),
)


#: What Windows wrote is likelier than what DOS, the Macintosh and the standards did.
_PRIOR = {"cp1252": 0.06, "cp1251": 0.04, "cp1250": 0.02, "cp850": -0.05, "cp852": -0.05}
_MACINTOSH = -0.08


def candidates(sample: bytes) -> Iterator[tuple[float, str]]:
    """Say how well each language and encoding explains a text.

    Parameters
    ----------
    sample : bytes
        Whole lines that hold bytes beyond ASCII.

    Yields
    ------
    tuple of float and str
        From 0 to 1.3, and a Python codec; the likelier languages first.
    """
    decoded: dict[str, str] = {}
    for languages, fit in ((LATIN, _latin), (ALPHABETS, _alphabet), (SCRIPTS, _script)):
        for language in languages:
            for codec in language.codecs:
                if codec not in decoded:
                    decoded[codec] = _decoded(sample, codec)
                if text := decoded[codec]:
                    prior = _MACINTOSH if codec.startswith("mac") else _PRIOR.get(codec, 0)
                    prior -= 0.1 * language.rare
                    yield fit(text, language) + prior, codec


def _decoded(sample: bytes, codec: str) -> str:
    try:
        return sample.decode(codec, "lake-latin-1" if codec == "cp1252" else "strict")
    except UnicodeDecodeError:
        return ""


def _latin(text: str, language: Language) -> float:
    """Count letters of the language that stand as letters do."""
    good = 0
    for word in _WORD.findall(text):
        if word.isascii() or _ACCENTS.search(word) or not _cased(word):
            continue
        # Where no letter of ASCII stands beside, it is another script.
        if len(word) > 2 and not _ASCII_LETTER.search(word):
            continue
        good += sum(letter in language.letters for letter in word.lower() if letter > "\x7f")
    return _share(good, text) + 0.15


def _alphabet(text: str, language: Language) -> float:
    """Count letters in words that are of the language as a whole."""
    good, weight = 0, 0.0
    ranks = {letter: 1 - n / len(language.letters) for n, letter in enumerate(language.letters)}
    for word in _WORD.findall(text):
        lower = word.lower()
        if _cased(word) and all(letter in ranks for letter in lower):
            good += len(word)
            # Words of capitals are rarer than texts in another encoding that look like them.
            weight += sum(ranks[letter] for letter in lower) * (0.5 if word.isupper() else 1)
    # One or two letters are no evidence for a script.
    return _share(good, text) + 0.3 * weight / max(good, 4)


def _script(text: str, language: Language) -> float:
    """Count characters of the script's first plane: encodings misread give rare ones."""
    codec = language.codecs[0]
    good = common = narrow = 0
    for character in _WITHIN.sub("", text):
        kana = codec == "cp932" and "\u3041" <= character <= "\u30fc"
        narrow += codec == "cp932" and "\uff66" <= character <= "\uff9f"
        good += kana or _is_first(character, codec)
        common += kana or character in language.common
    # Alone, narrow katakana are the letters of other encodings.
    if narrow <= 4 * good:
        good += narrow
    return _share(good, text) + 0.3 * common / max(good, 1)


#: Where the frequent characters of each standard begin and end, by their first byte.
_FIRST = {
    "cp932": ("euc_jp", 0xB0, 0xCF),
    "gb18030": ("gb2312", 0xB0, 0xD7),
    "cp949": ("euc_kr", 0xB0, 0xC8),
    "big5hkscs": ("big5", 0xA4, 0xC6),
}


def _is_first(character: str, codec: str) -> bool:
    standard, low, high = _FIRST[codec]
    try:
        packed = character.encode(standard)
    except UnicodeEncodeError:
        return False
    return len(packed) == 2 and low <= packed[0] <= high


def _cased(word: str) -> bool:
    return word.islower() or word.isupper() or word[1:].islower() or word.lower() == word.upper()


def _share(good: int, text: str) -> float:
    """Divide by all that has to be explained; signs explain themselves where they stand well."""
    others = sum(character > "\x7f" for character in text)
    signs = sum(character in _SIGNS for character in text)
    misplaced = len(_MISPLACED.findall(text))
    if others == signs and not misplaced:
        return 1
    return good / max(others - signs + misplaced, 1)
