"""Leaves out what libraries import only because it is installed: a sixth of a process's memory.

pandas and Great Expectations take in pyarrow, which the archive alone needs and imports itself
(`storage/parquet.py`); httpx takes in its command line, and structlog all that colours a terminal.
Each does without what it does not find, so these are not found while it is being imported, and
found ever after. pandas then keeps text as Python's own, as where there is no pyarrow. A library
that was imported before this package stays as it is.
"""

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

# What is not found, and by whom.
LEFT_OUT = {
    "pyarrow": ("pandas", "great_expectations"),
    "httpx._main": ("httpx",),
    "rich": ("structlog",),
}


class LeftOut(MetaPathFinder):
    """Does not find these modules for those that would only try whether they are there."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Leave the search to the other finders.

        Raises:
            ModuleNotFoundError: one is asked for while a library that can do without is imported.
        """
        if any(map(_is_being_imported, LEFT_OUT.get(fullname, ()))):
            raise ModuleNotFoundError(f"{fullname} is left out here", name=fullname)
        return None


def _is_being_imported(name: str) -> bool:
    """Tell whether a module is being executed, by what the import system itself goes by."""
    spec = getattr(sys.modules.get(name), "__spec__", None)
    return bool(getattr(spec, "_initializing", False))


def leave_out() -> None:
    """Have them left out from now on."""
    if not any(isinstance(finder, LeftOut) for finder in sys.meta_path):
        sys.meta_path.insert(0, LeftOut())
