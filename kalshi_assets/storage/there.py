"""Which tables and columns of Dagster's there are, asked until they are there."""

from collections.abc import Callable


class There:
    """Remembers what was there: what is there stays, what is not may come by a migration."""

    def __init__(self) -> None:
        self._names: set[str] = set()

    def asked(self, name: str, ask: Callable[[], bool]) -> bool:
        """Tell whether `name` is there: by memory, or by what `ask` returns now."""
        if name not in self._names and ask():
            self._names.add(name)
        return name in self._names
