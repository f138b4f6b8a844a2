"""Files that chance has spoiled: whatever comes ends in a verdict, and every record is counted.

``make fuzz SECONDS=600`` runs it. Every file follows from its number. A hundred files have
a process of their own, so that a crash, a hang or too much memory is a finding like any other.
What is found is kept in ``.fuzz/``; ``python -m tests.engine.fuzz --only NUMBER`` reads it again.
"""

from __future__ import annotations

import argparse
import bz2
import gzip
import io
import json
import lzma
import random
import subprocess
import sys
import time
import zipfile
from functools import cache
from pathlib import Path

from tests.conftest import ROOT
from tests.engine.neighbours import FORMATS
from tests.support.engine import convert
from tests.support.peak import peak_mb

FOUND = ROOT / ".fuzz"

#: Real and hostile files lie beside the checkout, where they do.
BESIDE = [ROOT.parent / "shared" / name for name in ("cases", "corpora")]

#: Larger ones would only be slower.
LARGEST = 100_000

#: Files of one process, and seconds that one of them may take.
RUN, PATIENCE = 100, 60

#: MB of a process that also holds the readers which check what was written.
MEMORY_MB = 1500

#: What readers divide files by, or take for something.
TOKENS = (
    b"\n", b"\r\n", b"\r", b"\0", b'"', b'""', b"'", b",", b";", b"\t", b"|", b"\\", b"{", b"}",
    b"[", b"]", b"[[", b":", b"#", b"null", b"NaN", b"1e999", b"-0", b"2024-01-15", b"99999-99-99",
    b"\xff", b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff\0", b"\x1f\x8b", b"PK\3\4", b"PAR1", b"Obj\1",
    b"ORC", b"\xc3", b"\xed\xa0\x80", b"\\ud800", b"\x1e", b"#Fields: a b", b"sep=;\n",
    b"_rescued_data", b"date_partition", b"%PDF-", b'{"Records":[', b"9" * 40, b" " * 40,
    b'{"a":' * 30,
)  # fmt: skip

NAMES = (
    "x", "x.json", "x.jsonl", "x.csv", "x.tsv", "x.txt", "x.log", "x.parquet", "x.avro", "x.orc",
    "x.gz", "x.json.gz", "x.csv.zst", "x.zip", "x.tar", "x.xlsx", "x.bin", "dt=2024-01-15/x.csv",
)  # fmt: skip


@cache
def originals() -> tuple[tuple[str, bytes], ...]:
    """Name and content of the files that are spoiled; they are the same in each run."""
    row = {"name": "wäß", "price": 0.25, "timestamp": "2024-01-15T10:00:00Z"}
    rows = [{"id": n, "n": n * 7, **row} for n in range(1, 30)]
    made = [(form.key.rpartition("/")[2], form.write(rows)) for form in FORMATS.values()]
    folders = [ROOT / "samples", *(one for one in BESIDE if one.is_dir())]
    kept = [
        (path.name, path.read_bytes())
        for folder in folders
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.stat().st_size <= LARGEST and path.suffix not in (".md", ".py")
    ]
    return (*made, *kept)


def spoiled(number: int) -> tuple[str, bytes]:
    """Give key and content of the file of a number."""
    chance = random.Random(number)
    known = originals()
    # The small ones that were made are as likely as the many that were found.
    name, body = known[chance.randrange(len(FORMATS) if chance.random() < 0.5 else len(known))]
    for _ in range(chance.choice((1, 1, 2, 3, 8))):
        body = _changed(body, chance)[: 4 * LARGEST]
    if chance.random() < 0.15:
        body, name = _packed(body, name, chance)
    if chance.random() < 0.3:
        name = chance.choice(NAMES)
    return f"data/t/{name}", body


def _changed(body: bytes, chance: random.Random) -> bytes:
    at, to = sorted(chance.randrange(len(body) + 1) for _ in range(2))
    near = min(to, at + chance.choice((1, 4, 64)))
    before, some, after = body[:at], body[at:near], body[near:]
    token, another = (chance.choice(TOKENS) for _ in range(2))
    other = chance.choice(originals())[1]
    flipped = bytes(byte ^ (1 << chance.randrange(8)) for byte in some)
    return chance.choice(
        (
            before,
            body[at:],
            before + after,
            body[:to] + some * chance.choice((1, 2, 50)) + body[to:],
            before + token + body[at:],
            before + token * chance.randrange(1, 200) + after,
            before + chance.randbytes(len(some)) + after,
            before + flipped + after,
            before + other[: chance.randrange(len(other) + 1)] + body[at:],
            body.replace(token, another, chance.choice((1, -1))),
        )
    )


def _packed(body: bytes, name: str, chance: random.Random) -> tuple[bytes, str]:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, body)
    packed, suffix = chance.choice(
        (
            (gzip.compress(body, mtime=0), ".gz"),
            (bz2.compress(body), ".bz2"),
            (lzma.compress(body), ".xz"),
            (held.getvalue(), ".zip"),
        )
    )
    return (packed if chance.random() < 0.5 else _changed(packed, chance)), name + suffix


def check(numbers: range) -> None:
    """Read some files in this process; say of each that it is begun, and what is wrong with it."""
    for number in numbers:
        key, body = spoiled(number)
        print(json.dumps({"begun": number}), flush=True)
        wrong = ""
        try:
            # It raises nothing but what a file may bring about, and compares its counts with the
            # rows that other readers find in what was written.
            convert(body, key)
        except Exception as error:  # whatever it is, it is a finding
            wrong = f"{type(error).__name__}: {error}"
        megabytes = peak_mb()
        if not wrong and megabytes > MEMORY_MB:
            wrong = f"{megabytes} MB"
        if wrong:
            print(json.dumps({"number": number, "wrong": wrong[:500]}), flush=True)


def run(seconds: float, first: int) -> tuple[int, dict[int, str]]:
    """Read files for some time; give how many, and what was wrong by number."""
    found: dict[int, str] = {}
    deadline, number = time.monotonic() + seconds, first
    while time.monotonic() < deadline:
        number, told = _watched(number, number + RUN)
        found |= told
    return number - first, found


def _watched(first: int, end: int) -> tuple[int, dict[int, str]]:
    """Have a process read files; give the number to go on with, and what was wrong."""
    command = [sys.executable, "-m", "tests.engine.fuzz", "--numbers", str(first), str(end)]
    found: dict[int, str] = {}
    # A run may take as long as its files may, one of which may hang.
    begun, why = first, ""
    try:
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=PATIENCE + RUN
        )
        said = done.stdout
        if done.returncode:
            why = f"the process ended with {done.returncode}: {done.stderr[-300:]}"
    except subprocess.TimeoutExpired as error:
        said = (error.stdout or b"").decode()
        why = f"it takes more than {PATIENCE} s, or it hangs"
    for line in said.splitlines():
        if not line.startswith("{"):
            continue
        told = json.loads(line)
        begun = told.get("begun", begun)
        if "wrong" in told:
            found[told["number"]] = told["wrong"]
    if why:
        found[begun] = why
        return begun + 1, found
    return end, found


def main() -> int:
    """Run it from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--first", type=int, default=0, help="number of the first file")
    parser.add_argument("--numbers", type=int, nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--only", type=int, help="read one file, and raise what it raises")
    words = parser.parse_args()
    if words.numbers:
        check(range(*words.numbers))
        return 0
    if words.only is not None:
        key, body = spoiled(words.only)
        print(key, len(body), convert(body, key).status)
        return 0
    read, found = run(words.seconds, words.first)
    for number, wrong in sorted(found.items()):
        key, body = spoiled(number)
        FOUND.mkdir(exist_ok=True)
        (FOUND / f"{number}-{Path(key).name}").write_bytes(body)
        print(f"{number} {key}: {wrong}")
    print(f"{read} files read, {len(found)} findings")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
