"""The version of the code that decides: the package's own, and a hash of its sources."""

import hashlib
from functools import cache
from importlib.metadata import version
from pathlib import Path

PACKAGE = Path(__file__).parent.parent
# The rooms whose code a decision depends on.
DECIDING = ("domain", "analytics", "strategy", "risk", "quality", "execution")


@cache
def code_version() -> str:
    """Return `<version>+<hash>`: any change of a deciding module changes the hash."""
    found = hashlib.sha256()
    for room in DECIDING:
        for path in sorted((PACKAGE / room).rglob("*.py")):
            found.update(path.relative_to(PACKAGE).as_posix().encode())
            found.update(path.read_bytes())
    return f"{version('kalshi-assets')}+{found.hexdigest()[:12]}"
