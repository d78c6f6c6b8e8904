"""Leaves out what Great Expectations imports for expectations that are not used here.

Its measures of whole distributions want `scipy.stats`, and one draws with `altair`: together a
third of its memory and of its time to import. Their places are held by modules that import them
when something of them is asked for, so nothing is missing.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import Any

NAMES = ("altair", "scipy.stats")
# Of all names with underscores these are asked for by who means the module itself.
_TELLING = ("__path__", "__version__", "__all__")


class Later(ModuleType):
    """Holds the place of a module until something of it is asked for."""

    def __getattr__(self, name: str) -> Any:
        """Return the module's own attribute: it is imported now."""
        if name.startswith("__") and name not in _TELLING:
            raise AttributeError(name)
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(import_module(self.__name__), name)


def leave_out() -> None:
    """Have them imported when they are used, unless they are there already."""
    for name in NAMES:
        sys.modules.setdefault(name, Later(name))
