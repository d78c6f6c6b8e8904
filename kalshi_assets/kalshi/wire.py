"""The HTTP client below a connection, and an answer read within its time. Knows no limits.

Proxies: the environment's (`HTTPS_PROXY`, `NO_PROXY`) count for real venues and never for a
loopback address, where the local exchange lives. Redirects are not followed: the signature would
go along to another host.
"""

import ipaddress
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx

from kalshi_assets.errors import ConfigurationError, TransportError

API_PREFIX = "/trade-api/v2"
TIMEOUT = httpx.Timeout(connect=3, read=10, write=5, pool=3)
# `read` bounds a silence, not a whole answer: one that drips must end too.
WHOLE_ANSWER_SECONDS = 30.0
LARGEST_ANSWER_BYTES = 64 * 1024 * 1024
# A call with less time left than this is given as much all the same.
SHORTEST_SECONDS = 0.05


@dataclass(frozen=True)
class Wire:
    """How long to wait for an answer.

    Attributes:
        timeout: of a single call.
        whole_answer_seconds: the longest that the content of an answer may take.
        monotonic: seconds of a clock that only goes forward.
    """

    timeout: httpx.Timeout = field(default_factory=lambda: TIMEOUT)
    whole_answer_seconds: float = WHOLE_ANSWER_SECONDS
    monotonic: Callable[[], float] = field(default=time.monotonic, repr=False)

    def within(self, seconds: float) -> "Wire":
        """Return one that waits no longer than these seconds."""
        longest = max(SHORTEST_SECONDS, seconds)
        given = self.timeout.as_dict()
        shorter = {k: longest if v is None else min(v, longest) for k, v in given.items()}
        return Wire(
            httpx.Timeout(**shorter), min(self.whole_answer_seconds, longest), self.monotonic
        )

    def whole(self, response: httpx.Response, source: str) -> httpx.Response:
        """Return a streamed answer with its content read, and already decoded.

        Raises:
            TransportError: it does not end in time, or grows without end.
        """
        deadline = self.monotonic() + self.whole_answer_seconds
        content = bytearray()
        for chunk in response.iter_bytes():
            content += chunk
            if len(content) > LARGEST_ANSWER_BYTES or self.monotonic() > deadline:
                raise TransportError(
                    f"{source}: the answer does not end within {self.whole_answer_seconds:g} s and "
                    f"{LARGEST_ANSWER_BYTES} bytes; is there a proxy in between?"
                )
        headers = [(k, v) for k, v in response.headers.multi_items() if k != "content-encoding"]
        return httpx.Response(
            response.status_code, headers=headers, content=bytes(content), request=response.request
        )


def http_client(
    base_url: str, auth: httpx.Auth | None, transport: httpx.BaseTransport | None, *, wire: Wire
) -> httpx.Client:
    """Return the client of one exchange.

    Raises:
        ConfigurationError: the address, or the proxy's settings, are wrong.
    """
    try:
        url = httpx.URL(base_url)
    except httpx.InvalidURL as exc:
        raise _wrong_url(base_url) from exc
    if url.scheme not in ("http", "https") or not url.host or url.query or url.userinfo:
        raise _wrong_url(base_url)
    if url.path.rstrip("/") != API_PREFIX:
        raise _wrong_url(base_url)
    try:
        return httpx.Client(
            base_url=url,
            auth=auth,
            transport=transport,
            timeout=wire.timeout,
            # Certificates take 25 ms to load, and plain http has no use for them.
            verify=url.scheme == "https",
            follow_redirects=False,
            trust_env=not is_loopback(url.host),
            headers={"Accept": "application/json", "User-Agent": "kalshi-assets"},
        )
    except (ValueError, ImportError, OSError) as exc:
        raise ConfigurationError(f"the proxy or certificate settings are wrong: {exc}") from exc


def _wrong_url(base_url: str) -> ConfigurationError:
    without_password = base_url.rsplit("@", 1)[-1]
    return ConfigurationError(
        f"KALSHI_API_URL={without_password}: write http(s)://<host>{API_PREFIX}, "
        "without user and query"
    )


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine, by its name or address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
