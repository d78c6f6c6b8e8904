"""Kalshi's own Python SDK against the local exchange: it must not be able to tell.

The SDK is installed aside, never beside our own packages; `OFFICIAL_SDK` names its folder.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kalshi_assets_tests.local_exchange.bench import private_key, public_pem

SDK = Path(os.environ.get("OFFICIAL_SDK", "/nowhere"))
SCRIPT = Path(__file__).with_name("trade.py")
MAIN = "from kalshi_assets.runtime.cli import main; main()"
KEY_ID = "0d9a7c52-6c36-4a8e-9b1e-7f3f8e4f4f10"
SPEED = 900  # the market that closes in three hours is settled after some twenty seconds

pytestmark = [
    pytest.mark.official_sdk,
    pytest.mark.skipif(
        not (SDK / "kalshi_python_sync").is_dir(),
        reason="Kalshi's SDK is not there: see official_sdk/trade.py, then set OFFICIAL_SDK",
    ),
]


@pytest.fixture(params=["rsa", "ed25519"])
def key_files(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, Path]:
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    key = private_key(request.param)
    private, public = tmp_path / "private.pem", tmp_path / "public.pem"
    private.touch(mode=0o600)
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public.write_text(public_pem(key))
    return private, public


@pytest.fixture
def exchange(key_files: tuple[Path, Path], tmp_path: Path) -> Iterator[dict[str, Any]]:
    command = [sys.executable, "-c", MAIN, "local-exchange", "--port", "0"]
    command += ["--speed", str(SPEED), "--public-key", str(key_files[1]), "--key-id", KEY_ID]
    running = subprocess.Popen(  # noqa: S603 - our own command
        command,
        stdout=subprocess.PIPE,
        env={**os.environ, "KALSHI_HOME": str(tmp_path / "home")},
        text=True,
    )
    assert running.stdout is not None
    try:
        yield json.loads(running.stdout.readline())
    finally:
        running.terminate()
        assert running.wait(timeout=30) == 0


def test_the_sdk_quotes_trades_and_is_paid(
    exchange: dict[str, Any], key_files: tuple[Path, Path]
) -> None:
    command = [sys.executable, str(SCRIPT), "--url", exchange["rest_url"], "--key-id", KEY_ID]
    command += ["--private-key", str(key_files[0]), "--market", "KXCPI-26OCT-T0.3"]
    command += ["--settles", "KXPAYROLLS-26SEP-T75000"]
    done = subprocess.run(  # noqa: S603 - our own script
        command,
        env={**os.environ, "PYTHONPATH": str(SDK)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("done\n"), done.stdout
