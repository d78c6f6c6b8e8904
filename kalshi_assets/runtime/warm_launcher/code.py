"""What a warm process has imported: whether the files on disk are still the same."""

import os
import sys
import sysconfig
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

Look = dict[str, tuple[int, int]]


@dataclass
class CodeState:
    """The sources of the packages and modules that were imported and are not installed ones.

    Whole packages count: what is not imported yet may be later. An installed package changes by
    installing, after which everything is started anew.
    """

    entries: tuple[Path, ...]
    seen: Look
    folders: Look
    newest: str

    @classmethod
    def now(cls) -> "CodeState":
        """Look at the disk."""
        entries, newest = tuple(sorted(_entries(list(sys.modules)))), next(reversed(sys.modules))
        sources, folders = _found(entries)
        return cls(entries, _look(sources), folders, newest)

    def with_later(self) -> "CodeState":
        """Return this state and, beside, that of what was imported since, as it is now.

        Only that is looked at: to touch every module in a forked process would copy their pages.
        """
        later = list(takewhile(lambda name: name != self.newest, reversed(sys.modules)))
        entries = tuple(sorted({*self.entries, *_entries(later)}))
        sources, folders = _found(entries)
        return CodeState(entries, _look(sources) | self.seen, folders, [*later, self.newest][0])

    def has_changed(self) -> bool:
        """Tell whether a file differs, is gone, or is new.

        It is asked before every run, so folders are read only where something came or went.
        """
        if _look(self.seen) != self.seen:
            return True
        if _look(self.folders) != self.folders:
            sources, folders = _found(self.entries)
            if _look(sources) != self.seen:
                return True
            self.folders = folders
        return False


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


def _found(entries: Iterable[Path]) -> tuple[list[str], Look]:
    """Return all sources, and the folders they are in as they were before they were read."""
    sources: list[str] = []
    folders: Look = {}
    for entry in entries:
        if entry.name != "__init__.py":
            sources.append(str(entry))
            continue
        waiting = [str(entry.parent)]
        while waiting:
            folder = waiting.pop()
            folders |= _look([folder])
            with suppress(OSError), os.scandir(folder) as inside:  # or it is gone: that shows
                for item in inside:
                    if item.is_dir(follow_symlinks=False):
                        waiting += [item.path] if item.name != "__pycache__" else []
                    elif item.name.endswith(".py"):
                        sources.append(item.path)
    return sources, folders


def _look(paths: Iterable[str]) -> Look:
    found: Look = {}
    for path in paths:
        try:
            told = os.stat(path)  # noqa: PTH116  a Path for each takes four times as long
        except OSError:
            continue
        found[path] = (told.st_size, told.st_mtime_ns)
    return found
