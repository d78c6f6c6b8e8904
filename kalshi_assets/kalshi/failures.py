"""Turns httpx exceptions and HTTP statuses into our errors: the one place where that happens.

A message names method, path, status, the exchange's own code, and the way out. It never carries
headers, keys or signatures.
"""

import json
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

import httpx

from kalshi_assets.errors import (
    DuplicateOrder,
    ExchangeError,
    NotAuthorized,
    NotFound,
    RateLimited,
    Rejected,
    ServerError,
    TransportError,
)
from kalshi_assets.kalshi.auth import TIMESTAMP_HEADER

DUPLICATE_CODE = "order_already_exists"
EXPIRED_CODE = "header_timestamp_expired"
# A gateway that gave up waiting: the exchange may have seen the request or not.
GATEWAY_GAVE_UP = frozenset({408, 499})
LONGEST_QUOTE = 200

# httpx exceptions, most specific first.
_NO_ANSWER = (
    (httpx.ConnectTimeout, "no connection in time; is the network up?"),
    (httpx.ReadTimeout, "no answer in time"),
    (httpx.WriteTimeout, "the request could not be sent in time"),
    (httpx.PoolTimeout, "all connections are busy"),
    (httpx.ProxyError, "the proxy refused; see HTTPS_PROXY and NO_PROXY"),
    (httpx.ConnectError, "no connection; see KALSHI_API_URL and the network"),
    (httpx.ProtocolError, "the connection broke off or spoke no HTTP"),
    (httpx.NetworkError, "the connection broke off"),
    (httpx.DecodingError, "the answer's compression is broken"),
    (httpx.HTTPError, "the request failed"),
)

_WAY_OUT = {
    "signature_is_missing_from_headers": (
        "this call needs a key: set KALSHI_API_KEY_ID and KALSHI_PRIVATE_KEY_PATH"
    ),
    "INCORRECT_API_KEY_SIGNATURE": (
        "the key id and the key file do not belong together: "
        "see KALSHI_API_KEY_ID and KALSHI_PRIVATE_KEY_PATH"
    ),
    "NOT_FOUND": (
        "the exchange does not know this key id: a key belongs to one environment, "
        "demo or production; see KALSHI_API_KEY_ID and KALSHI_VENUE"
    ),
    DUPLICATE_CODE: "the order is there: look it up by its client order id",
    "deprecated_v1_order_endpoint": "the V1 order writes are gone; only V2 orders are taken",
    "insufficient_balance": "the account's cash does not cover the order and what already rests",
    "invalid_price": "the price is not on the market's grid, see its price_ranges",
}


@dataclass(frozen=True)
class ErrorBody:
    """What an error body says, whichever of its shapes it came in."""

    code: str
    message: str
    details: str


def from_httpx(method: str, path: str, exc: httpx.HTTPError) -> TransportError:
    """Return our error for an exception of httpx: no usable answer came."""
    what = next(text for kind, text in _NO_ANSWER if isinstance(exc, kind))
    return TransportError(f"{method} {path}: {what} ({type(exc).__name__}: {_quote(str(exc))})")


def from_response(method: str, path: str, response: httpx.Response) -> ExchangeError:
    """Return our error for an answer that is not the one asked for. Its content has been read."""
    status = response.status_code
    body = read_error_body(response.content)
    kind = _kind(status, body.code)
    said = ", ".join(part for part in (body.message, body.details) if part)
    text = f"{method} {path}: {status} {body.code}".rstrip() + (f" ({said})" if said else "")
    return kind(f"{text}: {_way_out(body, response)}", status=status, code=body.code)


def read_error_body(content: bytes) -> ErrorBody:
    """Return what an error body says. The exchange uses four shapes; anything else is quoted.

    They are `{"error": {code, message, details}}`, `{"error": "text"}`, `{"msg": "text"}` and
    `{code, message, details}`.
    """
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return ErrorBody("", _quote(content.decode("utf-8", "replace")), "")
    if not isinstance(document, dict):
        return ErrorBody("", _quote(str(document)), "")
    error = document.get("error", document)
    if isinstance(error, str):
        return ErrorBody("", _quote(error), "")
    if not isinstance(error, dict):
        return ErrorBody("", _quote(str(document)), "")
    message = _text(error, "message") or _text(error, "msg")
    return ErrorBody(_text(error, "code"), message, _text(error, "details"))


def _kind(status: int, code: str) -> type[ExchangeError]:
    exact: dict[int, type[ExchangeError]] = {
        401: NotAuthorized,
        403: NotAuthorized,
        404: NotFound,
        429: RateLimited,
    }
    if status in GATEWAY_GAVE_UP:
        return TransportError
    if status == 409 and code == DUPLICATE_CODE:
        return DuplicateOrder
    if status >= 500:
        return ServerError
    if status >= 400:
        return exact.get(status, Rejected)
    return ExchangeError


def _way_out(body: ErrorBody, response: httpx.Response) -> str:
    if body.code == EXPIRED_CODE:
        return f"{_clock_offset(response)}; synchronise this machine's clock (NTP)"
    for word in (body.details, body.code):
        if word in _WAY_OUT:
            return _WAY_OUT[word]
    status = response.status_code
    if status < 400:
        return "redirects are not followed, signatures would go along; correct KALSHI_API_URL"
    if status == 429:
        return "nothing was done; call less often or ask the exchange for a higher tier"
    if status in (401, 403):
        return "the key or its scopes do not allow this call; see the account's API keys"
    if status == 404:
        return "it is not known there; of an order this does not tell cancelled from filled"
    return "the exchange is in trouble, try later" if status >= 500 else "the exchange refused"


def _clock_offset(response: httpx.Response) -> str:
    """Return by how much the signed time was off, judged by the answer's own Date."""
    try:
        theirs = parsedate_to_datetime(response.headers["date"]).timestamp()
        ours = int(response.request.headers[TIMESTAMP_HEADER]) / 1000
    except (KeyError, ValueError):
        return "the signed time is too far from the exchange's"
    offset = ours - theirs
    direction = "ahead of" if offset > 0 else "behind"
    return f"the signed time is {abs(offset):.0f} s {direction} the exchange's"


def _text(error: dict[str, object], name: str) -> str:
    value = error.get(name)
    return "" if value is None else _quote(str(value))


def _quote(text: str) -> str:
    printable = "".join(c if c.isprintable() else " " for c in text[: LONGEST_QUOTE + 1])
    return printable if len(printable) <= LONGEST_QUOTE else printable[:LONGEST_QUOTE] + "..."
