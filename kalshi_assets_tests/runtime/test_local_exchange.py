"""`kalshi-assets local-exchange` as a process: what it prints, whom it knows, how it ends."""

import base64
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa

from kalshi_assets.settings import PREFIX

PROGRAM = [sys.executable, "-c", "from kalshi_assets.runtime.cli import main; main()"]
WORDS = ["local-exchange", "--port", "0"]
KEYS: dict[str, rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey] = {
    "rsa": rsa.generate_private_key(public_exponent=65537, key_size=2048),
    "ed25519": ed25519.Ed25519PrivateKey.generate(),
}


@dataclass
class Alone:
    process: "subprocess.Popen[str]"
    told: dict[str, Any]

    def status(self, path: str, headers: dict[str, str] | None = None) -> int:
        try:
            with urlopen(Request(self.told["rest_url"] + path, headers=headers or {})) as answer:  # noqa: S310  loopback
                return int(answer.status)
        except HTTPError as refused:
            return refused.code

    def faults(self) -> list[dict[str, Any]]:
        with urlopen(f"{self.told['control_url']}/faults") as answer:  # noqa: S310  loopback
            faults: list[dict[str, Any]] = json.load(answer)["faults"]
            return faults


def environment(home: Path) -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    return {**own, "KALSHI_HOME": str(home)}


@contextmanager
def alone(folder: Path, *words: str, told: IO[str] | None = None) -> Iterator[Alone]:
    """Run it; what it says on stderr goes to `told`."""
    process = subprocess.Popen(  # noqa: S603  the words are ours
        [*PROGRAM, *WORDS, *words],
        env=environment(folder / "home"),
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL if told is None else told,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield Alone(process, json.loads(process.stdout.readline()))
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def write_public(folder: Path, kind: str) -> Path:
    file = folder / "public.pem"
    file.write_bytes(
        KEYS[kind]
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    return file


def signed(kind: str, key_id: str, path: str) -> dict[str, str]:
    stamp, key = str(time.time_ns() // 1_000_000), KEYS[kind]
    text = f"{stamp}GET/trade-api/v2{path}".encode()
    if isinstance(key, ed25519.Ed25519PrivateKey):
        signature = key.sign(text)
    else:
        pss = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32)
        signature = key.sign(text, pss, hashes.SHA256())
    return {
        "KALSHI-ACCESS-KEY": key_id,
        "KALSHI-ACCESS-TIMESTAMP": stamp,
        "KALSHI-ACCESS-SIGNATURE": base64.b64encode(signature).decode(),
    }


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_prints_one_line_and_ends_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    with alone(tmp_path) as exchange:
        assert exchange.told["rest_url"].startswith("http://127.0.0.1:")
        assert exchange.told["control_url"].endswith("/local")
        assert exchange.told["input"] == "cpi-week"
        assert Path(exchange.told["private_key_path"]).is_file()
        assert exchange.status("/exchange/status") == 200
        exchange.process.send_signal(number)
        rest, _ = exchange.process.communicate(timeout=20)
        assert rest == ""
        assert exchange.process.returncode == 0


@pytest.mark.parametrize("kind", ["rsa", "ed25519"])
def test_a_key_of_ones_own_is_registered_and_none_is_made(tmp_path: Path, kind: str) -> None:
    public = write_public(tmp_path, kind)
    with alone(tmp_path, "--public-key", str(public), "--key-id", "mine") as exchange:
        path = "/portfolio/balance"
        assert exchange.status(path, signed(kind, "mine", path)) == 200
        assert exchange.status(path, signed(kind, "another", path)) == 401
        assert not {"key_id", "private_key_path"} & exchange.told.keys()
        assert not (tmp_path / "home" / "keys").exists()


def test_faults_come_by_file_and_by_option(tmp_path: Path) -> None:
    file = tmp_path / "faults.json"
    file.write_text(json.dumps([{"fault": "error-burst", "operation": "GetMarkets", "times": 1}]))
    words = ["--faults", str(file), "--fault", "stale-feed:KXCPI-26OCT-T0.3"]
    with alone(tmp_path, *words) as exchange:
        assert [exchange.status("/markets") for _ in range(2)] == [503, 200]
        told = [(fault["rule"]["fault"], fault["struck"]) for fault in exchange.faults()]
        assert told == [("stale-feed", 0), ("error-burst", 1)]


def test_a_call_that_is_kept_waiting_does_not_keep_it_from_ending(tmp_path: Path) -> None:
    file = tmp_path / "faults.json"
    file.write_text(json.dumps([{"fault": "time-out", "seconds": 600}]))
    with alone(tmp_path, "--faults", str(file)) as exchange:
        url = exchange.told["rest_url"]
        waiting = subprocess.Popen(  # noqa: S603  the words are ours
            [sys.executable, "-c", f"from urllib.request import urlopen; urlopen('{url}/markets')"],
            stderr=subprocess.DEVNULL,
        )
        while not exchange.faults()[0]["struck"]:
            time.sleep(0.05)
        exchange.process.send_signal(signal.SIGTERM)
        assert exchange.process.wait(timeout=20) == 0
        assert waiting.wait(timeout=20) != 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--public-key", "faults.json", "--key-id", "mine"], "key mine: not a public key in PEM"),
        (["--faults", "faults.json"], "faults.json rule 1: fault 'moon-dust' is unknown"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(tmp_path: Path, words: list[str], said: str) -> None:
    (tmp_path / "faults.json").write_text('[{"fault": "moon-dust"}]')
    done = subprocess.run(  # noqa: S603  the words are ours
        [*PROGRAM, *WORDS, *words],
        env=environment(tmp_path / "home"),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
