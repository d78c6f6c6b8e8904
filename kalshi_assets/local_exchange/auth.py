"""Verifies signed requests the way the exchange does.

The signed string is `timestamp_ms + METHOD + path`, the path with `/trade-api/v2` and without the
query. The registered public key decides the algorithm. Freshness is judged by the wall clock.
"""

import base64
import binascii
import time
from collections.abc import Callable, Mapping

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from kalshi_assets.local_exchange.errors import LocalExchangeError, Refusal

KEY_HEADER = "kalshi-access-key"
TIMESTAMP_HEADER = "kalshi-access-timestamp"
SIGNATURE_HEADER = "kalshi-access-signature"
OLDEST_MS = 10_000
NEWEST_MS = 30_000

_SALT_BYTES = 32


def wall_ms() -> int:
    """Return the wall clock in milliseconds: signatures are about real time, not venue time."""
    return time.time_ns() // 1_000_000


class Doorkeeper:
    """Knows the registered keys and lets signed requests in.

    Args:
        public_keys: PEM of each public key (RSA or Ed25519) by key id.
        wall_clock_ms: the wall clock.

    Raises:
        LocalExchangeError: if a PEM holds no RSA or Ed25519 public key.
    """

    def __init__(
        self, public_keys: Mapping[str, str], *, wall_clock_ms: Callable[[], int] = wall_ms
    ) -> None:
        self._keys = {key_id: _load(key_id, pem) for key_id, pem in public_keys.items()}
        self._wall_clock_ms = wall_clock_ms

    @property
    def key_ids(self) -> list[str]:
        """The registered key ids; each is an account of its own."""
        return list(self._keys)

    def is_signed(self, headers: Mapping[str, str]) -> bool:
        """Tell whether a request carries anything of a signature."""
        return any(h in headers for h in (KEY_HEADER, TIMESTAMP_HEADER, SIGNATURE_HEADER))

    def admit(self, headers: Mapping[str, str], *, method: str, path: str) -> str:
        """Return the key id a request is signed with.

        Raises:
            Refusal: 401 with the exchange's own bodies.
        """
        if any(h not in headers for h in (KEY_HEADER, TIMESTAMP_HEADER, SIGNATURE_HEADER)):
            message = "signature is missing from headers"
            raise Refusal.nested(401, message.replace(" ", "_"), message=message)
        stamp = headers[TIMESTAMP_HEADER]
        if not self._is_fresh(stamp):
            raise Refusal.nested(401, "header_timestamp_expired")
        key = self._keys.get(headers[KEY_HEADER])
        if key is None:
            raise _refused("NOT_FOUND")
        if not _verifies(key, headers[SIGNATURE_HEADER], f"{stamp}{method.upper()}{path}"):
            raise _refused("INCORRECT_API_KEY_SIGNATURE")
        return headers[KEY_HEADER]

    def _is_fresh(self, stamp: str) -> bool:
        if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 16):
            return False
        return -OLDEST_MS <= int(stamp) - self._wall_clock_ms() <= NEWEST_MS


def _refused(details: str) -> Refusal:
    code = "authentication_error"
    return Refusal.nested(401, code, message=code, details=details)


def _load(key_id: str, pem: str) -> RSAPublicKey | Ed25519PublicKey:
    try:
        key = load_pem_public_key(pem.encode())
    except ValueError as exc:
        raise LocalExchangeError(f"key {key_id}: not a public key in PEM: {exc}") from exc
    if not isinstance(key, RSAPublicKey | Ed25519PublicKey):
        raise LocalExchangeError(f"key {key_id}: {type(key).__name__} is neither RSA nor Ed25519")
    return key


def _verifies(key: RSAPublicKey | Ed25519PublicKey, signature: str, text: str) -> bool:
    try:
        raw = base64.b64decode(signature, validate=True)
        if isinstance(key, Ed25519PublicKey):
            key.verify(raw, text.encode())
        else:
            pss = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=_SALT_BYTES)
            key.verify(raw, text.encode(), pss, hashes.SHA256())
    except (InvalidSignature, binascii.Error):
        return False
    return True
