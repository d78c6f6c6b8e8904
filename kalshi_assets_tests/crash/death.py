"""The death of a process at a named point, by a SIGKILL of its own.

The functions of the product are wrapped in the process that shall die; no hook is in the product.
"""

import importlib
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from kalshi_assets.storage.engine import Database


@dataclass(frozen=True)
class Point:
    """A point at which a process dies.

    Attributes:
        scenes: in which it lies on the way.
        at: the function, as "module:name" or "module:Class.name"; an operation of the exchange
            where the process dies while its request is there.
        when: before the function does anything, after it has returned or raised, or after the
            transaction that it wrote in is committed.
        once: the point counts only after this function was called.
    """

    name: str
    scenes: Sequence[str]
    at: str
    when: Literal["before", "after", "committed"]
    once: str = ""

    @property
    def is_at_exchange(self) -> bool:
        """Tell whether the exchange sees the death."""
        return ":" not in self.at


@dataclass
class _Fuse:
    """Whether the point counts yet, and whether the next commit is the last."""

    is_lit: bool
    is_last_commit: bool = field(default=False)


def arm(point: Point) -> None:
    """Let this process die at a point."""
    if point.is_at_exchange:
        return
    fuse = _Fuse(is_lit=not point.once)
    if point.once:
        _wrap(point.once, lambda original: _lighting(original, fuse))
    _wrap(point.at, lambda original: _dying(original, point, fuse))
    if point.when == "committed":
        _wrap("kalshi_assets.storage.engine:Database.transaction", lambda o: _committing(o, fuse))


def _dying(original: Callable[..., Any], point: Point, fuse: _Fuse) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        if not fuse.is_lit:
            return original(*args, **kwargs)
        if point.when == "before":
            die()
        try:
            return original(*args, **kwargs)
        finally:
            if point.when == "after":
                die()
            fuse.is_last_commit = True

    return call


def _lighting(original: Callable[..., Any], fuse: _Fuse) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        fuse.is_lit = True
        return original(*args, **kwargs)

    return call


def _committing(original: Callable[..., Any], fuse: _Fuse) -> Callable[..., Any]:
    @contextmanager
    def transaction(database: Database) -> Iterator[Any]:
        with original(database) as connection:
            yield connection
        if fuse.is_last_commit:
            die()

    return transaction


def _wrap(address: str, make: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
    module, _, path = address.partition(":")
    owner: Any = importlib.import_module(module)
    *holders, name = path.split(".")
    for holder in holders:
        owner = getattr(owner, holder)
    setattr(owner, name, make(getattr(owner, name)))


def die() -> None:
    """End this process as the system would, at once."""
    os.kill(os.getpid(), signal.SIGKILL)
