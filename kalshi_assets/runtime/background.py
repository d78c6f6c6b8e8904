"""Work that may hang, in a thread of its own that keeps nobody from ending."""

from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import TypeVar

Result = TypeVar("Result")


def in_background(work: Callable[[], Result]) -> "Future[Result]":
    """Start work in a daemon thread; return what it will come to."""
    future: Future[Result] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except Exception as exc:  # handed to whoever asks for the result
            future.set_exception(exc)

    Thread(target=run, daemon=True).start()
    return future
