"""Verifies signed requests the way the exchange does.

The signed string is `timestamp_ms + METHOD + path`, the path with `/trade-api/v2` and without the
query. The registered public key decides the algorithm. Freshness is judged by the wall clock. A key
may do what its scopes say, for its account.
"""

import base64
import binascii
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

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

Scope = Literal["read", "read::portfolio_balance", "write", "write::trade", "write::transfer"]
FULL_ACCESS: frozenset[Scope] = frozenset({"read", "write"})


@dataclass(frozen=True, slots=True)
class Key:
    """A registered public key.

    Attributes:
        pem: RSA or Ed25519.
        scopes: what it may do; `read` and `write` hold all that begin with `read::` and `write::`.
        account: whose key it is; empty for an account named like the key.
    """

    pem: str
    scopes: frozenset[Scope] = FULL_ACCESS
    account: str = ""

    def allows(self, scope: Scope) -> bool:
        """Tell whether the key may do what needs a scope."""
        return not self.scopes.isdisjoint({scope, scope.split("::", 1)[0]})


def wall_ms() -> int:
    """Return the wall clock in milliseconds: signatures are about real time, not venue time."""
    return time.time_ns() // 1_000_000


class Doorkeeper:
    """Knows the registered keys and lets signed requests in.

    Args:
        keys: each public key by key id; a bare PEM stands for a key that may do everything.
        wall_clock_ms: the wall clock.

    Raises:
        LocalExchangeError: if a PEM holds no RSA or Ed25519 public key, or a scope is unknown.
    """

    def __init__(
        self, keys: Mapping[str, str | Key], *, wall_clock_ms: Callable[[], int] = wall_ms
    ) -> None:
        self._keys = {
            key_id: Key(key) if isinstance(key, str) else key for key_id, key in keys.items()
        }
        self._public_keys = {key_id: _load(key_id, key) for key_id, key in self._keys.items()}
        self._wall_clock_ms = wall_clock_ms

    @property
    def accounts(self) -> list[str]:
        """The accounts the keys belong to."""
        return list(dict.fromkeys(self._account(key_id) for key_id in self._keys))

    def now_ms(self) -> int:
        """Return what the exchange takes for real time."""
        return self._wall_clock_ms()

    def ahead_by(self, offset_ms: Callable[[], int]) -> "Doorkeeper":
        """Return a doorkeeper of the same keys whose wall clock is ahead, or behind if negative."""
        clock = self._wall_clock_ms
        return Doorkeeper(self._keys, wall_clock_ms=lambda: clock() + offset_ms())

    def is_signed(self, headers: Mapping[str, str]) -> bool:
        """Tell whether a request carries anything of a signature."""
        return any(h in headers for h in (KEY_HEADER, TIMESTAMP_HEADER, SIGNATURE_HEADER))

    def admit(
        self, headers: Mapping[str, str], *, method: str, path: str, scope: Scope | None = None
    ) -> str:
        """Return the account whose key a request is signed with.

        Args:
            headers: of the request, by lower-case name.
            method: of the request.
            path: as it was sent, without the query.
            scope: what the key must allow; None for anything a key of any scope may do.

        Raises:
            Refusal: 401 with the exchange's own bodies; 403 if the key lacks the scope.
        """
        key_id = self._signer(headers, method=method, path=path)
        if scope is not None and not self._keys[key_id].allows(scope):
            raise Refusal.nested(403, "forbidden", details=f"the API key lacks the scope {scope}")
        return self._account(key_id)

    def _signer(self, headers: Mapping[str, str], *, method: str, path: str) -> str:
        """Return the id of the key a request is signed with."""
        if any(h not in headers for h in (KEY_HEADER, TIMESTAMP_HEADER, SIGNATURE_HEADER)):
            message = "signature is missing from headers"
            raise Refusal.nested(401, message.replace(" ", "_"), message=message)
        stamp, key_id = headers[TIMESTAMP_HEADER], headers[KEY_HEADER]
        if not self._is_fresh(stamp):
            raise Refusal.nested(401, "header_timestamp_expired")
        if key_id not in self._keys:
            raise _refused("NOT_FOUND")
        text = f"{stamp}{method.upper()}{path}"
        if not _verifies(self._public_keys[key_id], headers[SIGNATURE_HEADER], text):
            raise _refused("INCORRECT_API_KEY_SIGNATURE")
        return key_id

    def _account(self, key_id: str) -> str:
        return self._keys[key_id].account or key_id

    def _is_fresh(self, stamp: str) -> bool:
        if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 16):
            return False
        return -OLDEST_MS <= int(stamp) - self._wall_clock_ms() <= NEWEST_MS


def _refused(details: str) -> Refusal:
    code = "authentication_error"
    return Refusal.nested(401, code, message=code, details=details)


def _load(key_id: str, registered: Key) -> RSAPublicKey | Ed25519PublicKey:
    unknown = sorted(registered.scopes - set(get_args(Scope)))
    if unknown:
        known = ", ".join(get_args(Scope))
        raise LocalExchangeError(f"key {key_id}: scope {unknown[0]!r} is none of {known}")
    try:
        key = load_pem_public_key(registered.pem.encode())
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
