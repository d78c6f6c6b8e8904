"""What a warm process has imported: whether the files on disk are still the same."""

import sys
import sysconfig
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import takewhile
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
    newest: str

    @classmethod
    def now(cls) -> "CodeState":
        """Look at the disk."""
        entries, newest = tuple(sorted(_entries(list(sys.modules)))), next(reversed(sys.modules))
        return cls(entries, _look(entries), newest)

    def with_later(self) -> "CodeState":
        """Return this state and, beside, that of what was imported since, as it is now.

        Only that is looked at: to touch every module in a forked process would copy their pages.
        """
        later = list(takewhile(lambda name: name != self.newest, reversed(sys.modules)))
        entries = tuple(sorted({*self.entries, *_entries(later)}))
        return CodeState(entries, _look(entries) | self.seen, [*later, self.newest][0])

    def has_changed(self) -> bool:
        """Tell whether a file differs, is gone, or is new."""
        return _look(self.entries) != self.seen


def _entries(names: Iterable[str]) -> set[Path]:
    """Return the files that those that are top packages, outside of the installation, came from."""
    installed = tuple(
        str(Path(sysconfig.get_path(name)).resolve()) for name in ("purelib", "platlib", "stdlib")
    )
    named = {
        Path(file).resolve()
        for name in names
        if "." not in name
        and (file := getattr(sys.modules.get(name), "__file__", None)) is not None
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
