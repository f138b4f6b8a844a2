"""Steps of the work as X-Ray shows them: a subsegment each, and no word of an error in it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aws_lambda_powertools import Tracer

    from store.steps import Steps


def steps(tracer: Tracer) -> Steps:
    """Give what opens a subsegment around a step.

    Parameters
    ----------
    tracer : Tracer
        Of the function. Where it is disabled, nothing is opened.

    Returns
    -------
    Steps
        Ready to be handed to a use case.
    """

    @contextmanager
    def step(name: str) -> Iterator[None]:
        if tracer.disabled:
            yield
            return
        recorder = tracer.provider
        segment = recorder.begin_subsegment(name)  # type: ignore[attr-defined]  # of X-Ray's recorder
        try:
            yield
        except BaseException:
            # X-Ray's own context keeps the error's text, which may quote a record.
            if segment is not None:
                segment.add_fault_flag()
            raise
        finally:
            recorder.end_subsegment()  # type: ignore[attr-defined]  # likewise

    return step
