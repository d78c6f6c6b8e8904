"""What a warm process has imported: whether the files on disk are still the same."""

import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

Look = dict[Path, tuple[int, int]]


@dataclass(frozen=True)
class CodeState:
    """The sources of the packages and modules that were imported and are not installed ones.

    Whole packages count: what is not imported yet may be later. An installed package changes by
    installing, after which everything is started anew.
    """

    entries: tuple[Path, ...]
    seen: Look

    @classmethod
    def now(cls) -> "CodeState":
        """Look at the disk."""
        entries = tuple(sorted(_entries()))
        return cls(entries, _look(entries))

    def with_later(self) -> "CodeState":
        """Return this state and, beside, that of what was imported since, as it is now."""
        now = self.now()
        return CodeState(now.entries, now.seen | self.seen)

    def has_changed(self) -> bool:
        """Tell whether a file differs, is gone, or is new."""
        return _look(self.entries) != self.seen


def _entries() -> set[Path]:
    """Return the files that top packages and modules outside of the installation came from."""
    installed = tuple(
        str(Path(sysconfig.get_path(name)).resolve()) for name in ("purelib", "platlib", "stdlib")
    )
    named = {
        Path(file).resolve()
        for name, module in list(sys.modules.items())
        if "." not in name and (file := getattr(module, "__file__", None)) is not None
    }
    return {path for path in named if path.suffix == ".py" and not str(path).startswith(installed)}


def _look(entries: tuple[Path, ...]) -> Look:
    found: Look = {}
    for entry in entries:
        for path in _sources(entry):
            try:
                told = path.stat()
            except OSError:
                continue
            found[path] = (told.st_size, told.st_mtime_ns)
    return found


def _sources(entry: Path) -> Iterator[Path]:
    if entry.name == "__init__.py":
        return entry.parent.rglob("*.py")
    return iter([entry])
