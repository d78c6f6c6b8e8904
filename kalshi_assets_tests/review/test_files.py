"""A review's files are whole: the new ones, or those from before."""

from pathlib import Path

import pytest

from kalshi_assets.errors import ConfigurationError
from kalshi_assets.review.files import write_files


def test_each_text_has_its_file_in_place_of_the_one_before(tmp_path: Path) -> None:
    folder = tmp_path / "home" / "reviews"
    write_files(folder, "2026-10-11", {"md": "old", "json": "{}"})
    written = write_files(folder, "2026-10-11", {"md": "42 ¢"})
    assert written == {"md": folder / "2026-10-11.md"}
    assert written["md"].read_text(encoding="utf-8") == "42 ¢"
    assert sorted(path.name for path in folder.iterdir()) == ["2026-10-11.json", "2026-10-11.md"]


def test_what_cannot_be_written_whole_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    [old] = write_files(tmp_path, "2026-10-11", {"md": "old"}).values()
    whole = Path.write_text

    def full_disk(path: Path, text: str, encoding: str) -> int:
        whole(path, text[:2], encoding=encoding)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full_disk)
    with pytest.raises(ConfigurationError, match="No space left on device"):
        write_files(tmp_path, "2026-10-11", {"md": "new"})
    assert old.read_text() == "old"
    assert list(tmp_path.iterdir()) == [old], "nothing half written lies about"
