"""What a process has taken of memory."""

from __future__ import annotations

from pathlib import Path


def peak_mb() -> int:
    """Give the most that this process ever held, in MB.

    Unlike ``ru_maxrss``, it is not inherited from the process that started this one (proc(5)).
    """
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.split("VmHWM:")[1].split()[0]) // 1024
