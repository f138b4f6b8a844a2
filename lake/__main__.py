"""``python -m lake``."""

from lake.cli import run

run()
