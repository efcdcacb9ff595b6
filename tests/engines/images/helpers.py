"""Asking an engine for pictures, and holding its pipeline at a step."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from chat.engines.base import Drawn, EngineRequest, Params, Stepped
from chat.engines.image import ImageEngine
from tests.engines.helpers import Answer, Gate

__all__ = ["Gate", "ask", "before_each_step", "pictures", "steps"]


def ask(prompt: str = "a red fox", **params: Any) -> EngineRequest:
    usual = {"size": (64, 64), "steps": 3, "seed": 5}
    messages = [{"role": "user", "content": prompt}]
    return EngineRequest("1.1", "fox", messages, Params(**{**usual, **params}))


def pictures(answer: Answer) -> list[Drawn]:
    return [event for event in answer.events if isinstance(event, Drawn)]


def steps(answer: Answer) -> list[Stepped]:
    return [event for event in answer.events if isinstance(event, Stepped)]


@contextmanager
def before_each_step(
    engine: ImageEngine, does: Callable[[int], None]
) -> Iterator[list[int]]:
    """Called in the worker with the number of the step, from 1. The list has the steps
    that were begun."""
    begun: list[int] = []

    def hook(*_args: object) -> None:
        begun.append(len(begun) + 1)
        does(begun[-1])

    assert engine._painter is not None
    handle = engine._painter._pipeline.unet.register_forward_pre_hook(hook)
    try:
        yield begun
    finally:
        handle.remove()
