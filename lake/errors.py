"""What the command says when it cannot do what was asked."""

from __future__ import annotations


class LakeCommandError(Exception):
    """When a command cannot go on; the message says why and, where known, what to do."""
