import base64
import sys
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from kalshi_assets.errors import ConfigurationError
from kalshi_assets.kalshi.auth import RequestSigner, load_private_key
from kalshi_assets_tests.kalshi.payloads import BALANCE, FakeExchange, answer, client_of

KEY_ID = "2f1c4c1e-0d7c-4f0e-9f5e-6f1d2f3a4b5c"
NOW_MS = 1_795_359_600_123
RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
ED_KEY = ed25519.Ed25519PrivateKey.generate()
Key = rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey


def write_key(folder: Path, key: Key, how: PrivateFormat = PrivateFormat.PKCS8) -> Path:
    path = folder / "key.pem"
    path.touch(mode=0o600)
    path.write_bytes(key.private_bytes(Encoding.PEM, how, NoEncryption()))
    return path


def signed_request(path: Path) -> httpx.Request:
    exchange = FakeExchange(answer(**BALANCE))
    signer = RequestSigner(KEY_ID, path, wall_ms=lambda: NOW_MS)
    with client_of(exchange, auth=signer) as client:
        client.balance()
    return exchange.requests[0]


def signature(request: httpx.Request) -> bytes:
    return base64.b64decode(request.headers["KALSHI-ACCESS-SIGNATURE"], validate=True)


@pytest.mark.parametrize("how", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
def test_rsa_signature_is_pss_over_time_method_and_path(tmp_path, how):
    request = signed_request(write_key(tmp_path, RSA_KEY, how))
    text = f"{NOW_MS}GET/trade-api/v2/portfolio/balance".encode()
    pss = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32)
    RSA_KEY.public_key().verify(signature(request), text, pss, hashes.SHA256())
    assert request.headers["KALSHI-ACCESS-KEY"] == KEY_ID
    assert request.headers["KALSHI-ACCESS-TIMESTAMP"] == str(NOW_MS)


def test_ed25519_signature_is_over_the_same_text(tmp_path):
    request = signed_request(write_key(tmp_path, ED_KEY))
    text = f"{NOW_MS}GET/trade-api/v2/portfolio/balance".encode()
    ED_KEY.public_key().verify(signature(request), text)
    assert request.headers["KALSHI-ACCESS-TIMESTAMP"] == str(NOW_MS)


def test_the_query_is_sent_but_not_signed(tmp_path):
    exchange = FakeExchange(answer(orders=[], cursor=""))
    signer = RequestSigner(KEY_ID, write_key(tmp_path, ED_KEY), wall_ms=lambda: NOW_MS)
    with client_of(exchange, auth=signer) as client:
        client.orders(status="resting")
    request = exchange.requests[0]
    assert b"status=resting" in request.url.query
    text = f"{NOW_MS}GET/trade-api/v2/portfolio/orders".encode()
    ED_KEY.public_key().verify(signature(request), text)


def test_a_retried_read_is_signed_anew(tmp_path):
    times = iter([NOW_MS, NOW_MS + 700])
    exchange = FakeExchange(answer(503), answer(**BALANCE))
    signer = RequestSigner(KEY_ID, write_key(tmp_path, ED_KEY), wall_ms=lambda: next(times))
    with client_of(exchange, auth=signer) as client:
        client.balance()
    sent = [r.headers["KALSHI-ACCESS-TIMESTAMP"] for r in exchange.requests]
    assert sent == [str(NOW_MS), str(NOW_MS + 700)]


def test_repr_shows_neither_key_nor_id(tmp_path):
    path = write_key(tmp_path, RSA_KEY)
    shown = repr(RequestSigner(KEY_ID, path))
    assert str(path) in shown
    assert KEY_ID not in shown
    assert all(line not in shown for line in path.read_text().splitlines())


def public_pem(key: Key) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def locked_pem(key: Key) -> bytes:
    lock = BestAvailableEncryption(b"secret")
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "no private key"),
        (b"hello", "no private key"),
        (public_pem(RSA_KEY), "public key"),
        (locked_pem(RSA_KEY), "password"),
        (locked_pem(ED_KEY), "password"),
        (
            ec.generate_private_key(ec.SECP256R1()).private_bytes(
                Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
            ),
            "RSA and Ed25519",
        ),
    ],
)
def test_an_unusable_key_file_is_named_with_the_way_out(tmp_path, content, why):
    path = tmp_path / "key.pem"
    path.touch(mode=0o600)
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=why) as caught:
        load_private_key(path)
    assert str(path) in str(caught.value)
    assert "point it to" in str(caught.value)


@pytest.mark.parametrize("name", ["missing.pem", "."])
def test_a_missing_file_or_a_folder_is_a_configuration_error(tmp_path, name):
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_private_key(tmp_path / name)


@pytest.mark.parametrize("key_id", ["", "schlüssel", "a\nb"])
def test_an_impossible_key_id_is_a_configuration_error(tmp_path, key_id):
    with pytest.raises(ConfigurationError, match="KALSHI_API_KEY_ID"):
        RequestSigner(key_id, write_key(tmp_path, ED_KEY))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no modes")
@pytest.mark.parametrize("mode", [0o604, 0o640, 0o644, 0o666, 0o700])
def test_a_key_file_that_others_may_use_is_refused_with_the_command_that_closes_it(tmp_path, mode):
    path = write_key(tmp_path, ED_KEY)
    path.chmod(mode)
    with pytest.raises(ConfigurationError, match=f"mode {mode:04o}") as caught:
        RequestSigner(KEY_ID, path)
    assert str(caught.value).endswith(f"chmod 600 {path}")
    for closed in (0o600, 0o400):
        path.chmod(closed)
        RequestSigner(KEY_ID, path)
