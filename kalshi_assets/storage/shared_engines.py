"""One engine in a process for all who want the same connections.

Sensors wait side by side in one process: with an engine each, each would hold sessions of its
own, and a session takes two megabytes of the server's memory.
"""

import os
import threading
from collections.abc import Callable, Hashable
from weakref import WeakKeyDictionary, WeakSet, WeakValueDictionary

from sqlalchemy import Engine

_engines: WeakValueDictionary[Hashable, Engine] = WeakValueDictionary()
_users: WeakKeyDictionary[Engine, WeakSet[object]] = WeakKeyDictionary()
_lock = threading.Lock()


def shared(user: object, key: Hashable, make: Callable[[], Engine]) -> Engine:
    """Return the engine of a key for one who uses it; it is made where nobody else has."""
    with _lock:
        engine = _engines.get(key)
        if engine is None:
            engine = _engines[key] = make()
        _users.setdefault(engine, WeakSet()).add(user)
        return engine


def leave(user: object, engine: Engine) -> None:
    """Use an engine no more; its connections are closed where nobody else does."""
    with _lock:
        users = _users[engine]
        users.discard(user)
        is_last = not users
    if is_last:
        engine.dispose()


def _forget_in_child() -> None:
    """Leave the parent's connections to the parent."""
    for engine in list(_users):
        engine.dispose(close=False)


os.register_at_fork(after_in_child=_forget_in_child)
