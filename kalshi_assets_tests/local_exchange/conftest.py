from collections.abc import Iterator

import pytest

from kalshi_assets_tests.local_exchange.bench import Floor, floor
from kalshi_assets_tests.local_exchange.quiet import quiet_floor


@pytest.fixture
def venue() -> Iterator[Floor]:
    """A market quoted 0.47 / 0.52, three contracts on each side, accounts of $5000."""
    with floor() as running:
        yield running


@pytest.fixture
def quiet_venue() -> Iterator[Floor]:
    """The same market without a socket."""
    with quiet_floor() as running:
        yield running
