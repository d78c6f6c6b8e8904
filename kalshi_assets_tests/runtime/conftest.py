"""Fixtures of the commands that look."""

import pytest

from kalshi_assets_tests.runtime.commands import Shell
from kalshi_assets_tests.stand import Stand


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(monkeypatch, capsys)


@pytest.fixture
def keyless(stand: Stand) -> Stand:
    """The settings of paper without a key; the exchange is the stand's."""
    stand.change(venue="paper", input_name="", api_key_id=None, private_key_path=None)
    for name in ("API_KEY_ID", "PRIVATE_KEY_PATH", "INPUT_NAME"):
        stand.patch.delenv(f"KALSHI_{name}", raising=False)
    stand.execute("UPDATE kalshi.installation SET identity = 'paper'")
    return stand
