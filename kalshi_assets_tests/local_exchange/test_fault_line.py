"""Faults of the line: WebSockets are cut on demand and by schedule."""

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from kalshi_assets.local_exchange.stream import STREAM_PATH, stream_url
from kalshi_assets_tests.local_exchange.bench import Floor, headers


def test_all_websockets_are_cut_on_demand_and_by_rule(venue: Floor) -> None:
    url = stream_url(venue.url)
    for path, body in (("disconnect", None), ("faults", {"fault": "disconnect"})):
        with connect(url, additional_headers=headers("me", "GET", STREAM_PATH)) as line:
            httpx.post(f"{venue.local_url}/{path}", json=body, trust_env=False)
            with pytest.raises(ConnectionClosed):
                line.recv(timeout=5)
