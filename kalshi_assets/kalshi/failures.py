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
    NotSent,
    RateLimited,
    Rejected,
    ServerError,
    TransportError,
)
from kalshi_assets.kalshi.auth import TIMESTAMP_HEADER

DUPLICATE_CODE = "order_already_exists"
# The V1 writes are off; some were answered with a success that carries this code.
V1_IS_GONE_CODE = "deprecated_v1_order_endpoint"
EXPIRED_CODE = "header_timestamp_expired"
# A gateway that gave up waiting: the exchange may have seen the request or not.
GATEWAY_GAVE_UP = frozenset({408, 499})
LONGEST_QUOTE = 200
# An error body is short. A longer answer is one only if it names an error, which is quickly seen.
LONGEST_BARE_ERROR = 4_096
ERROR_FIELDS = frozenset({"error", "msg", "code", "message", "details", "service"})

# httpx exceptions, most specific first; the first five are raised before anything is sent.
_NO_ANSWER: tuple[tuple[type[httpx.HTTPError], type[TransportError], str], ...] = (
    (httpx.ConnectTimeout, NotSent, "no connection in time; is the network up?"),
    (httpx.PoolTimeout, NotSent, "all connections are busy"),
    (httpx.ProxyError, NotSent, "the proxy refused; see HTTPS_PROXY and NO_PROXY"),
    (httpx.ConnectError, NotSent, "no connection; see KALSHI_API_URL and the network"),
    (httpx.UnsupportedProtocol, NotSent, "the request failed; see KALSHI_API_URL"),
    (httpx.ReadTimeout, TransportError, "no answer in time"),
    (httpx.WriteTimeout, TransportError, "the request could not be sent in time"),
    (httpx.ProtocolError, TransportError, "the connection broke off or spoke no HTTP"),
    (httpx.NetworkError, TransportError, "the connection broke off"),
    (httpx.DecodingError, TransportError, "the answer's compression is broken"),
    (httpx.HTTPError, TransportError, "the request failed"),
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
    V1_IS_GONE_CODE: "the V1 order writes are gone; only V2 orders are taken",
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
    error, what = next((error, text) for kind, error, text in _NO_ANSWER if isinstance(exc, kind))
    return error(f"{method} {path}: {what} ({type(exc).__name__}: {_quote(str(exc))})")


def from_response(method: str, path: str, response: httpx.Response) -> ExchangeError:
    """Return our error for an answer that is not the one asked for. Its content has been read."""
    status = response.status_code
    body = read_error_body(response.content)
    said = ", ".join(part for part in (body.message, body.details) if part)
    text = f"{method} {path}: {status} {body.code}".rstrip() + (f" ({said})" if said else "")
    return _kind(status, body.code)(
        f"{text}: {_way_out(body, response)}",
        status=status,
        code=body.code,
        message=body.message,
        details=body.details,
    )


def states_error(content: bytes) -> bool:
    """Tell whether a body states an error, whatever status it came with."""
    if len(content) > LONGEST_BARE_ERROR and b'"error"' not in content:
        return False
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return False
    if not isinstance(document, dict) or not document:
        return False
    return bool(document.get("error")) or document.keys() <= ERROR_FIELDS


def leaves_outcome_open(error: ExchangeError) -> bool:
    """Tell whether a write that failed like this may have been done all the same."""
    if isinstance(error, TransportError):
        return error.was_sent
    return isinstance(error, ServerError) or type(error) is ExchangeError


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
    if code == DUPLICATE_CODE and (status == 409 or _is_success(status)):
        return DuplicateOrder
    if code == V1_IS_GONE_CODE and _is_success(status):
        return Rejected
    if status >= 500 or _is_success(status):
        return ServerError
    if status >= 400:
        return exact.get(status, Rejected)
    return ExchangeError


def _is_success(status: int) -> bool:
    return 200 <= status < 300


def _way_out(body: ErrorBody, response: httpx.Response) -> str:
    if body.code == EXPIRED_CODE:
        return f"{_clock_offset(response)}; synchronise this machine's clock (NTP)"
    for word in (body.details, body.code):
        if word in _WAY_OUT:
            return _WAY_OUT[word]
    status = response.status_code
    if _is_success(status):
        return "a success that carries an error: the exchange is in trouble, later calls may pass"
    if status < 400:
        return "redirects are not followed, signatures would go along; correct KALSHI_API_URL"
    if status == 429:
        return "nothing was done; call less often or ask the exchange for a higher tier"
    if status in (401, 403):
        return "the key or its scopes do not allow this call; see the account's API keys"
    if status == 404:
        return "it is not known there; of an order this does not tell cancelled from filled"
    return (
        "the exchange is in trouble, later calls may pass"
        if status >= 500
        else "the exchange refused"
    )


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
