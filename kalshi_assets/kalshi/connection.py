"""Sends requests: limits, time-outs, retries of reads, pages. Does not know what rows mean.

Proxies: the environment's (`HTTPS_PROXY`, `NO_PROXY`) count for real venues and never for a
loopback address, where the local exchange lives. Redirects are not followed: the signature would
go along to another host.
"""

import ipaddress
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from kalshi_assets.errors import ConfigurationError, PayloadError, TransportError
from kalshi_assets.kalshi import failures
from kalshi_assets.kalshi.body import Body
from kalshi_assets.kalshi.rate_limit import DEFAULT_COST, RateLimits
from kalshi_assets.kalshi.retry import DEFAULT_RETRY, RetryPolicy

API_PREFIX = "/trade-api/v2"
TIMEOUT = httpx.Timeout(connect=3, read=10, write=5, pool=3)
# `read` bounds a silence, not a whole answer: one that drips must end too.
WHOLE_ANSWER_SECONDS = 30
LARGEST_ANSWER_BYTES = 64 * 1024 * 1024
MOST_PAGES = 1_000

# A list is sent as one parameter an item.
Params = Mapping[str, str | int | list[str] | None]
Hooks = Mapping[str, list[Callable[..., Any]]]


@dataclass(frozen=True)
class Wire:
    """How long to wait for an answer, and who looks on.

    Attributes:
        timeout: of a single call; None is the ordinary one.
        whole_answer_seconds: the longest that the content of an answer may take.
        hooks: httpx's own: functions of each `request` and of each `response`.
    """

    timeout: httpx.Timeout | None = None
    whole_answer_seconds: float = WHOLE_ANSWER_SECONDS
    hooks: Hooks = field(default_factory=dict)


ORDINARY_WIRE = Wire()


def is_success(response: httpx.Response) -> bool:
    """Tell whether the answer is what was asked for: a success, by its status and by its body."""
    return response.is_success and not failures.states_error(response.content)


class Connection:
    """One account's way to one exchange; may be shared by threads."""

    def __init__(
        self,
        base_url: str,
        *,
        auth: httpx.Auth | None = None,
        transport: httpx.BaseTransport | None = None,
        retry: RetryPolicy = DEFAULT_RETRY,
        limits: RateLimits | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        wire: Wire = ORDINARY_WIRE,
    ) -> None:
        self._client = _http_client(base_url, auth, transport, wire=wire)
        self._wire = wire
        self._retry = retry
        self._limits = RateLimits() if limits is None else limits
        self._monotonic = monotonic

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def get(
        self,
        path: str,
        params: Params | None = None,
        *,
        is_answer: Callable[[httpx.Response], bool] = is_success,
    ) -> Body:
        """Read, again if a failure may pass by itself.

        Args:
            path: the path behind `/trade-api/v2`.
            params: query parameters; those that are None are left out.
            is_answer: tells the answers to return from those to raise.

        Raises:
            ExchangeError: no usable answer, see `errors.py`.
        """

        def read() -> Body:
            self._limits.read.take(DEFAULT_COST)
            return self._send("GET", path, params=params, is_answer=is_answer)

        return self._retry.call(read)

    def pages(
        self, path: str, params: Params, *, cursor_is_optional: bool = False
    ) -> Iterator[Body]:
        """Read page after page until the cursor is empty.

        Raises:
            ExchangeError: no usable answer, see `errors.py`.
            PayloadError: a cursor is missing, is no text, or leads in a circle.
        """
        cursor, seen = "", set[str]()
        for _ in range(MOST_PAGES):
            page = self.get(path, {**params, "cursor": cursor or None})
            yield page
            cursor = _cursor(page, is_optional=cursor_is_optional)
            if not cursor:
                return
            if cursor in seen:
                raise PayloadError(f"{page.source}: the cursor repeats", payload=page.content)
            seen.add(cursor)
        raise PayloadError(f"{page.source}: over {MOST_PAGES} pages", payload=page.content)

    def write_once(
        self,
        method: str,
        path: str,
        *,
        params: Params | None = None,
        json: Mapping[str, str | int] | None = None,
        cost: int = DEFAULT_COST,
    ) -> Body:
        """Send a write exactly once, whatever happens.

        Raises:
            ExchangeError: after TransportError and ServerError the outcome is unknown.
        """
        self._limits.write.take(cost)
        return self._send(method, path, params=params, json=json)

    def _send(
        self,
        method: str,
        path: str,
        *,
        params: Params | None = None,
        json: Mapping[str, str | int] | None = None,
        is_answer: Callable[[httpx.Response], bool] = is_success,
    ) -> Body:
        given = {k: v for k, v in (params or {}).items() if v is not None}
        request = self._client.build_request(method, path, params=given, json=json)
        source = f"{method} {path}"
        try:
            response = self._client.send(request, stream=True)
            try:
                content = self._read(response, source)
            finally:
                response.close()
        except httpx.HTTPError as exc:
            raise failures.from_httpx(method, path, exc) from exc
        whole = _whole(response, content)
        if not is_answer(whole):
            raise failures.from_response(method, path, whole)
        return Body(content, source)

    def _read(self, response: httpx.Response, source: str) -> bytes:
        longest = self._wire.whole_answer_seconds
        deadline = self._monotonic() + longest
        content = bytearray()
        for chunk in response.iter_bytes():
            content += chunk
            if len(content) > LARGEST_ANSWER_BYTES or self._monotonic() > deadline:
                raise TransportError(
                    f"{source}: the answer does not end within {longest:g} s and "
                    f"{LARGEST_ANSWER_BYTES} bytes; is there a proxy in between?"
                )
        return bytes(content)


def _http_client(
    base_url: str, auth: httpx.Auth | None, transport: httpx.BaseTransport | None, *, wire: Wire
) -> httpx.Client:
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
            timeout=TIMEOUT if wire.timeout is None else wire.timeout,
            event_hooks=wire.hooks,
            follow_redirects=False,
            trust_env=not _is_loopback(url.host),
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


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _cursor(page: Body, *, is_optional: bool) -> str:
    document = page.whole.value
    if is_optional and isinstance(document, dict) and "cursor" not in document:
        return ""
    cursor = page.row("cursor").value
    if not isinstance(cursor, str):
        raise PayloadError(f"{page.source}: the cursor is no text", payload=page.content)
    return cursor


def _whole(response: httpx.Response, content: bytes) -> httpx.Response:
    """Return the answer with its content read, and already decoded."""
    headers = [(k, v) for k, v in response.headers.multi_items() if k != "content-encoding"]
    return httpx.Response(
        response.status_code, headers=headers, content=content, request=response.request
    )
