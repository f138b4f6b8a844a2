"""Which letters the languages have that old encodings were made for, and which are frequent.

Libraries that detect encodings need some hundred bytes. Tables of names and towns often have
ten that are not ASCII, and those are enough once it is known which letters belong together.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Language:
    """Letters, and the encodings that texts of them are found in.

    Attributes
    ----------
    codecs : tuple of str
        Python codecs, the likeliest first.
    letters : str
        Those beyond ASCII, in lower case, the most frequent first; of a script of thousands
        of characters, some that every text holds.
    """

    codecs: tuple[str, ...]
    letters: str


_WEST = ("cp1252", "cp850", "mac_roman", "iso8859_15")
#: Those of the West that have the signs of typography.
_SIGNS = ("cp1252", "mac_roman", "iso8859_15")
_CENTRAL = ("cp1250", "iso8859_2", "cp852")
_BALTIC = ("cp1257", "iso8859_13", "cp775")
_CYRILLIC = ("cp1251", "koi8_r", "cp866", "iso8859_5", "mac_cyrillic")

#: The likeliest first: where two explain a text as well, the first counts.
LATIN = (
    # English has hardly any letters beyond ASCII, but signs.
    Language(_SIGNS, "’“”–…"),
    # A byte FF, in it an ÿ, is mostly damage.
    Language(_SIGNS, "\xa0°€£©®²ÿ"),
    Language(_WEST, "äüößé"),
    Language(_WEST, "éèàçêïôîâëûùœ"),
    Language(_WEST, "íóáéñúü"),
    Language(_WEST, "ãçáéóíêõâúôàü"),
    Language(_WEST, "àèùìòéóîí"),
    Language(_WEST, "äöåéšž"),
    Language(_WEST, "øåæéöä"),
    Language(_WEST, "ëéïèüöçêûâô"),
    # Of tables that hold names of many countries.
    Language(_WEST, "éüöäáóíñèçåøãêôúëïàßæâòùõîûìœ"),
    Language(_CENTRAL, "łóąężśćńź"),
    Language(_CENTRAL, "áíéěřýčžšůúňťďó"),
    Language(_CENTRAL, "áíéýčžúšľťôňóďäŕĺ"),
    Language(_CENTRAL, "áéőóíüöúű"),
    Language(_CENTRAL, "čšžćđ"),
    Language(_CENTRAL, "ăţşîâ"),
    # İ in lower case is an i and a dot above.
    Language(("cp1254", "cp857"), "ışüğöç\u0307âîû"),
    Language((*_BALTIC, "cp1252"), "õäüöšž"),
    Language(_BALTIC, "āīēšūņļģķžč"),
    Language(_BALTIC, "ėųšžąįūčę"),
    Language(("cp1252",), "íáðóéúöýþæ"),
)

ALPHABETS = (
    Language(_CYRILLIC, "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъё"),
    Language(
        ("cp1251", "koi8_u", "iso8859_5", "mac_cyrillic", "cp1125"),
        "оанивтерілсдкумпязьбгйчхцжїєюшщфґ",
    ),
    Language(_CYRILLIC, "аиоентрсвлкдпмзгъучбщжйхцюшяфь"),
    Language(("cp1251", "iso8859_5"), "аоиенрсткувјмдплгзбшчцњжљћђфхџ"),
    Language(("cp1253", "iso8859_7", "cp737"), "αοτιενρσκπςυμλίόάγέδήωχθύφβξώζψϊϋ"),
    Language(("cp1255",), "יוהלרבתמאשנעםדקחפסכגטצןזךףץ"),
    Language(("cp1256",), "اليمنروتبةعدسفهكقأحجشطصىخإذضزثئءغظآؤپچژگ"),
    Language(
        ("cp874",),
        "านรอกเงมยลวดทสตะปบคหแจพชขใไโถซผฟธณญศษฐฏฎฆฌฒฑฤำิีึืุู่้๊๋็์ัๆฯ",
    ),
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
    Language(("cp932", "euc_jp"), _KANJI),
    Language(("gb18030",), _HANZI),
    Language(("cp949",), _HANGUL),
    Language(("big5hkscs",), _FAN),
)
