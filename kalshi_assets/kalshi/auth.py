"""Signed requests: reads the private key and signs each request with it. Knows nothing of answers.

Rule (Kalshi API keys): sign `milliseconds + METHOD + path`, the path with `/trade-api/v2` and
without host and query. An RSA key signs RSA-PSS over SHA-256 with a salt as long as the digest, an
Ed25519 key signs the text as it is; the key itself says which.
"""

import base64
import stat
import sys
from collections.abc import Callable, Generator
from pathlib import Path

import httpx
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from kalshi_assets.domain import clock
from kalshi_assets.errors import ConfigurationError

KEY_HEADER = "KALSHI-ACCESS-KEY"
TIMESTAMP_HEADER = "KALSHI-ACCESS-TIMESTAMP"
SIGNATURE_HEADER = "KALSHI-ACCESS-SIGNATURE"

OWNER_ONLY = stat.S_IRUSR | stat.S_IWUSR

SigningKey = RSAPrivateKey | Ed25519PrivateKey


class RequestSigner(httpx.Auth):
    """Signs every request with one API key. Its repr shows the key's path, never the key.

    Args:
        key_id: the id the exchange gave the key.
        private_key_path: PEM file of the private key, without a password.
        wall_ms: wall clock in milliseconds since the epoch.

    Raises:
        ConfigurationError: the id or the file cannot be used.
    """

    def __init__(
        self, key_id: str, private_key_path: Path, *, wall_ms: Callable[[], int] = clock.wall_ms
    ) -> None:
        if not key_id or not key_id.isascii() or not key_id.isprintable():
            raise ConfigurationError(
                "KALSHI_API_KEY_ID is empty or holds characters no key id has; "
                "copy the id shown beside the key in the exchange's account settings"
            )
        self._key_id = key_id
        self._path = private_key_path
        self._key = load_private_key(private_key_path)
        self._wall_ms = wall_ms

    @property
    def key_id(self) -> str:
        """The id the exchange gave the key: the account whose limits are spent."""
        return self._key_id

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Sign the request as it is about to be sent; a repeated request is signed anew."""
        path = request.url.raw_path.split(b"?", 1)[0]
        request.headers.update(self.headers(request.method, path.decode("ascii")))
        yield request

    def headers(self, method: str, path: str) -> dict[str, str]:
        """Return the headers of a request sent now; `path` is without host and query."""
        timestamp = str(self._wall_ms())
        signature = _sign(self._key, f"{timestamp}{method.upper()}{path}".encode())
        return {
            KEY_HEADER: self._key_id,
            TIMESTAMP_HEADER: timestamp,
            SIGNATURE_HEADER: base64.b64encode(signature).decode(),
        }

    def __repr__(self) -> str:
        return f"RequestSigner(private_key_path={str(self._path)!r})"


def load_private_key(path: Path) -> SigningKey:
    """Return the RSA or Ed25519 private key in a PEM file.

    Raises:
        ConfigurationError: the file is missing, unreadable or open to others, or holds no such key,
            or one with a password; the message names the path and the way out.
    """
    try:
        pem = path.read_bytes()
    except OSError as exc:
        raise _unusable(path, f"cannot be read ({exc.strerror})") from exc
    mode = wide_mode(path)
    if mode is not None:
        raise ConfigurationError(
            f"KALSHI_PRIVATE_KEY_PATH={path}: the file has mode {mode:04o}, others than its owner "
            f"may use it: chmod 600 {path}"
        )
    if b"PUBLIC KEY-----" in pem:
        raise _unusable(path, "holds a public key, not the private one")
    try:
        key = load_pem_private_key(pem, password=None)
    except TypeError as exc:
        raise _unusable(path, "is protected by a password; store the key without one") from exc
    except (ValueError, UnsupportedAlgorithm) as exc:
        raise _unusable(path, "holds no private key in PEM form") from exc
    if not isinstance(key, RSAPrivateKey | Ed25519PrivateKey):
        raise _unusable(path, f"holds a {type(key).__name__}; the exchange takes RSA and Ed25519")
    return key


def wide_mode(path: Path) -> int | None:
    """Return the mode of a key file that gives more than reading and writing by its owner.

    None where it does not, where there is no such file, and on Windows, which has no modes.
    """
    if sys.platform == "win32" or not path.is_file():
        return None
    mode = stat.S_IMODE(path.stat().st_mode)
    return mode if mode & ~OWNER_ONLY else None


def _sign(key: SigningKey, text: bytes) -> bytes:
    if isinstance(key, Ed25519PrivateKey):
        return key.sign(text)
    sha256 = hashes.SHA256()
    pss = padding.PSS(mgf=padding.MGF1(sha256), salt_length=padding.PSS.DIGEST_LENGTH)
    return key.sign(text, pss, sha256)


def _unusable(path: Path, why: str) -> ConfigurationError:
    return ConfigurationError(
        f"KALSHI_PRIVATE_KEY_PATH={path}: the file {why}; point it to the private key file that "
        "the exchange gave out with the key id"
    )
