"""A warm process knows when what it has imported is no longer what is on the disk."""

import importlib
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kalshi_assets.runtime.warm_launcher.code import CodeState

NAMES = ("imported_first", "imported_later", "imported_last")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for name in NAMES:
        (tmp_path / f"{name}.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.import_module(NAMES[0])
    yield tmp_path
    for name in NAMES:
        sys.modules.pop(name, None)


@pytest.mark.parametrize("changed", NAMES)
def test_a_change_is_seen_whenever_the_module_was_imported(folder: Path, changed: str) -> None:
    state = CodeState.now()
    importlib.import_module(NAMES[1])
    state = state.with_later()
    importlib.import_module(NAMES[2])
    state = state.with_later().with_later()
    assert not state.has_changed()
    (folder / f"{changed}.py").write_text("changed = True")
    assert state.has_changed()


def test_what_changed_before_the_later_look_is_seen_too(folder: Path) -> None:
    state = CodeState.now()
    (folder / f"{NAMES[0]}.py").write_text("changed = True")
    importlib.import_module(NAMES[1])
    assert state.with_later().has_changed()


def test_a_later_one_is_found_where_the_newest_was_taken_away(folder: Path) -> None:
    state = CodeState.now()
    del sys.modules[NAMES[0]]
    importlib.import_module(NAMES[1])
    state = state.with_later()
    (folder / f"{NAMES[1]}.py").write_text("changed = True")
    assert state.has_changed()


PACKAGE = "imported_package"


@pytest.fixture
def package(folder: Path) -> Iterator[Path]:
    package = folder / PACKAGE
    (package / "inner").mkdir(parents=True)
    for name in ("__init__.py", "one.py", "inner/__init__.py", "inner/two.py"):
        (package / name).write_text("")
    importlib.import_module(PACKAGE)
    yield package
    sys.modules.pop(PACKAGE, None)


CHANGES: dict[str, Callable[[Path], object]] = {
    "a file never imported differs": lambda p: (p / "inner/two.py").write_text("changed = True"),
    "a file is new": lambda p: (p / "inner/three.py").write_text(""),
    "a file in a new folder is new": lambda p: _write(p / "further/__init__.py"),
    "a file is gone": lambda p: (p / "inner/two.py").unlink(),
    "a file has another name": lambda p: (p / "one.py").rename(p / "other.py"),
    "a folder is gone": lambda p: shutil.rmtree(p / "inner"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_in_a_package_is_seen_and_stays_so(package: Path, name: str) -> None:
    state = CodeState.now()
    _write_what_is_no_code(package)
    assert not state.has_changed(), "the first look after something else came"
    assert not state.has_changed(), "and the next"
    CHANGES[name](package)
    assert state.has_changed()
    assert state.has_changed()


def test_a_folder_that_came_without_code_is_looked_into(package: Path) -> None:
    state = CodeState.now()
    (package / "further").mkdir()
    assert not state.has_changed()
    (package / "further/late.py").write_text("")
    assert state.has_changed()


def _write_what_is_no_code(package: Path) -> None:
    _write(package / "inner/__pycache__/two.pyc")
    (package / "notes.txt").write_text("said")
    (package / ".#one.py").symlink_to("somebody@somewhere")  # as an editor marks what is open


def _write(path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text("")
