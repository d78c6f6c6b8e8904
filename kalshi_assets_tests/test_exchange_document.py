"""The examples of docs/exchange.md run as they stand, but for address, key and market."""

import re
import subprocess
import sys
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from kalshi_assets_tests.local_exchange.bench import TICKER, floor, private_key

DOCUMENT = Path(__file__).parents[1] / "docs" / "exchange.md"
LONGEST_SECONDS = 60.0


def examples() -> list[str]:
    return re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), flags=re.DOTALL)


def test_the_examples_trade_and_watch(tmp_path: Path) -> None:
    key = tmp_path / "kalshi.pem"
    key.touch(mode=0o600)
    pem = private_key("me").private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    key.write_bytes(pem)
    trading, watching = examples()
    with floor() as venue:
        stream = venue.url.replace("http", "ws").replace("/v2", "/ws/v2")
        script = (
            trading + watching.replace("print(event)", "print(event)\n            break")
        ).replace("https://external-api.demo.kalshi.co/trade-api/v2", venue.url)
        for written, here in (
            ("wss://external-api-ws.demo.kalshi.co/trade-api/ws/v2", stream),
            ("your-key-id", "me"),
            ("kalshi.pem", str(key)),
            ("KXCPI-26DEC-T0.3", TICKER),
            ("KXCPI", TICKER.split("-", 1)[0]),
        ):
            script = script.replace(written, here)
        done = subprocess.run(  # noqa: S603 - our own document
            [sys.executable, "-c", script],
            capture_output=True,
            text=True,
            timeout=LONGEST_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        [order] = venue.me.get("/portfolio/orders")["orders"]
    assert TICKER in done.stdout
    assert "BookUpdate" in done.stdout
    assert (order["client_order_id"], order["yes_price_dollars"]) == ("mine-1", "0.4200")
    assert order["initial_count_fp"] == "10.00"
