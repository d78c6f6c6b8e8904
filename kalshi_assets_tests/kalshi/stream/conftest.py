"""A signer whose public key the tests know."""

from pathlib import Path

import pytest

from kalshi_assets.kalshi.auth import RequestSigner
from kalshi_assets_tests.kalshi.test_auth import ED_KEY, KEY_ID, NOW_MS, write_key


@pytest.fixture
def signer(tmp_path: Path) -> RequestSigner:
    return RequestSigner(KEY_ID, write_key(tmp_path, ED_KEY), wall_ms=lambda: NOW_MS)
