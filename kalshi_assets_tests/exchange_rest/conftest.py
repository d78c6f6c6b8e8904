"""The key of the account `me`, and a world that every test has for itself."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from kalshi_assets_tests.exchange_rest.world import World, quiet_world, write_key


@pytest.fixture(scope="session")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_key(tmp_path_factory.mktemp("keys"))


@pytest.fixture
def venue(key: Path) -> Iterator[World]:
    with quiet_world(key) as made:
        yield made
