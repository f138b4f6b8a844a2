"""What the names of encodings mean."""

from __future__ import annotations

import codecs

#: What is written under these names is this, as browsers read it (WHATWG Encoding Standard).
_MEANT = {
    "utf-8-sig": "utf-8",
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "shift_jis": "cp932",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "euc_kr": "cp949",
    "big5": "big5hkscs",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
}

#: Python's own notations, which nobody sends.
_NO_CHARSETS = frozenset({"idna", "punycode", "unicode-escape", "raw-unicode-escape", "undefined"})


def codec_named(name: str) -> str:
    """Give Python's codec for a name of an encoding; nothing for what is none."""
    try:
        found = codecs.lookup(name)
    except (LookupError, ValueError):
        return ""
    # Some of Python's codecs are for bytes: base64, zlib.
    if found.name in _NO_CHARSETS or not getattr(found, "_is_text_encoding", True):
        return ""
    return _MEANT.get(found.name, found.name)


def decoded(sample: bytes, name: str) -> str:
    """Decode what may end within a character, or raise ``UnicodeError``."""
    errors = "lake-latin-1" if name == "cp1252" else "strict"
    return codecs.getincrementaldecoder(name)(errors).decode(sample)


def _latin_1(error: UnicodeError) -> tuple[str, int]:
    # Five bytes have no character in Windows' code page: they become those of ISO 8859-1.
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode("latin-1"), error.end


codecs.register_error("lake-latin-1", _latin_1)
