"""Python's garbage collector, kept out of steps that make very many values."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_paused() -> Iterator[None]:
    """Let no garbage collection start meanwhile; as a decorator, during each call.

    A poll of thousands of markets makes some hundred thousand values that live until its step ends.
    Each full collection among them walks those and everything ever imported, and finds nothing:
    measured, a third of the step's time. What is not in a cycle is freed at once all the same.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
