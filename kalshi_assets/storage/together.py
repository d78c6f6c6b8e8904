"""Several things that each would be a transaction of its own, done as one."""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from sqlalchemy import Connection


class Together:
    """Lets all that a thread does in a block be one transaction, whatever opens connections."""

    def __init__(self, connect: Callable[[], AbstractContextManager[Connection]]) -> None:
        self._connect = connect
        self._open = threading.local()

    @property
    def is_open(self) -> bool:
        """Tell whether this thread is in a block."""
        return hasattr(self._open, "connection")

    def connect(self) -> AbstractContextManager[Connection]:
        """Return the connection of this thread's block, else a new one."""
        if self.is_open:
            return nullcontext(self._open.connection)
        return self._connect()

    @contextmanager
    def in_one_transaction(self) -> Iterator[Connection]:
        """Yield the connection of a block; its work is committed at the end, or not at all."""
        with self._connect() as connection:
            one = connection.execution_options(isolation_level="READ COMMITTED")
            with one.begin():
                self._open.connection = one
                try:
                    yield one
                finally:
                    del self._open.connection
