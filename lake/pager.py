"""Show a long text by the user's pager, as psql and git do."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess

#: What less is told where LESS says nothing: leave at once what fits, show colours, keep the
#: screen. Git chooses the same (git-config(1), core.pager). And whoever never saw it is told how to
#: leave it: its short prompt ends with the dollar sign.
_LESS = "FRXPsarrows move, q leaves$"


def page(text: str) -> bool:
    """Show a text by the program that PAGER names, else by less.

    Parameters
    ----------
    text : str
        What may not fit on the screen.

    Returns
    -------
    bool
        False where there is no such program, or PAGER is empty or ``cat``.
    """
    words = shlex.split(os.environ.get("PAGER", "less"))
    if not words or words[0] == "cat" or shutil.which(words[0]) is None:
        return False
    environment = {"LESS": _LESS, "LV": "-c", **os.environ}
    # Ctrl-C is for the pager, which goes on.
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        process = subprocess.Popen(
            words, stdin=subprocess.PIPE, env=environment, text=True, encoding="utf-8"
        )
        # It does not mind that the user leaves before the end.
        process.communicate(text)
    finally:
        signal.signal(signal.SIGINT, before)
    return True
