"""What MiniStack lacks of CloudWatch Logs: patterns of which any term is enough.

``?ERROR ?WARN`` means lines with one of both (Amazon CloudWatch Logs User Guide, "Filter pattern
syntax for unstructured log events"). MiniStack takes the question mark for a part of the term.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from localaws.internals import cloudwatch_logs

if TYPE_CHECKING:
    from collections.abc import Callable

#: A term with a question mark before it; a quoted one may hold spaces.
_OPTIONAL = re.compile(r'\?(?:"([^"]*)"|(\S+))')


def extend() -> None:
    """Teach MiniStack's filters."""
    before = cloudwatch_logs.compile_filter_pattern

    def compiled(pattern: str) -> Callable[[str], bool]:
        terms = [quoted or plain for quoted, plain in _OPTIONAL.findall(pattern)]
        if not terms:
            made: Callable[[str], bool] = before(pattern)
            return made
        return lambda message: any(term in message for term in terms)

    cloudwatch_logs.replace("compile_filter_pattern", compiled)
