"""A warm process knows when what it has imported is no longer what is on the disk."""

import importlib
import sys
from collections.abc import Iterator
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
