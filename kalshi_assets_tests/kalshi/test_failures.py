import httpx
import pytest

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
from kalshi_assets.kalshi.failures import from_httpx, from_response, read_error_body

NESTED = b'{"error":{"code":"order_already_exists","message":"order already exists"}}'
FLAT = (
    b'{"code":"bad_request","message":"bad request","details":"json: cannot unmarshal number '
    b'into Go struct field CreateOrderV2Request.count of type string"}'
)
BARE = b'{"msg":"Parameter validation failed for GetMarkets: Limit failed on the lte tag"}'
TEXT = b'{"error":"too many requests"}'


def failure(status: int, content: bytes = b"", headers: dict[str, str] | None = None):
    request = httpx.Request(
        "POST",
        "http://127.0.0.1:8/trade-api/v2/x",
        headers={"KALSHI-ACCESS-TIMESTAMP": "1795359600000", "KALSHI-ACCESS-SIGNATURE": "s3cret"},
    )
    answer = httpx.Response(status, headers=headers, content=content, request=request)
    return from_response("POST", "/x", answer)


@pytest.mark.parametrize(
    ("content", "code", "message"),
    [
        (NESTED, "order_already_exists", "order already exists"),
        (FLAT, "bad_request", "bad request"),
        (BARE, "", "Parameter validation failed"),
        (TEXT, "", "too many requests"),
        (b"<html>\n502", "", "<html> 502"),
        (b"", "", ""),
        (b"[1]", "", "[1]"),
        (b'{"error": 7}', "", "7"),
        (b'{"error": {"code": 7, "message": null}}', "7", ""),
        (b"\xff\x00", "", "\N{REPLACEMENT CHARACTER}"),
    ],
)
def test_every_shape_of_error_body_is_read(content, code, message):
    body = read_error_body(content)
    assert body.code == code
    assert message in body.message


def test_a_long_body_is_cut():
    assert len(read_error_body(b"x" * 100_000).message) < 300


@pytest.mark.parametrize(
    ("status", "content", "kind"),
    [
        (400, BARE, Rejected),
        (400, FLAT, Rejected),
        (401, b"", NotAuthorized),
        (403, b"<html>", NotAuthorized),
        (404, b'{"error":{"code":"not_found","message":"not found"}}', NotFound),
        (408, b"", TransportError),
        (409, NESTED, DuplicateOrder),
        (409, b'{"error":{"code":"trading_is_paused","message":"m"}}', Rejected),
        (410, b'{"error":{"code":"deprecated_v1_order_endpoint"}}', Rejected),
        (429, TEXT, RateLimited),
        (500, b"", ServerError),
        (503, b"{}", ServerError),
        (504, b"<html>", ServerError),
        (302, b"", ExchangeError),
    ],
)
def test_every_status_has_its_error(status, content, kind):
    error = failure(status, content)
    assert type(error) is kind
    assert error.status == status
    assert str(error).startswith(f"POST /x: {status}")


def test_a_message_carries_the_code_the_details_and_the_way_out():
    error = failure(409, NESTED)
    assert error.code == "order_already_exists"
    assert "look it up by its client order id" in str(error)
    assert "Go struct field" in str(failure(400, FLAT))


@pytest.mark.parametrize(
    ("content", "way_out"),
    [
        (b'{"error":{"code":"signature_is_missing_from_headers"}}', "KALSHI_PRIVATE_KEY_PATH"),
        (
            b'{"error":{"code":"authentication_error","details":"INCORRECT_API_KEY_SIGNATURE"}}',
            "do not belong together",
        ),
        (
            b'{"error":{"code":"authentication_error","details":"NOT_FOUND"}}',
            "demo or production",
        ),
        (b"{}", "scopes"),
    ],
)
def test_a_refused_key_is_told_what_to_mend(content, way_out):
    assert way_out in str(failure(401, content))


@pytest.mark.parametrize(
    ("date", "words"),
    [
        ("Sun, 22 Nov 2026 15:00:31 GMT", "31 s behind"),
        ("Sun, 22 Nov 2026 14:55:00 GMT", "300 s ahead of"),
        ("yesterday", "too far"),
        (None, "too far"),
    ],
)
def test_an_expired_timestamp_tells_the_clock_offset(date, words):
    expired = b'{"error":{"code":"header_timestamp_expired","message":"header timestamp expired"}}'
    error = failure(401, expired, {} if date is None else {"date": date})
    assert words in str(error)
    assert "NTP" in str(error)


def test_no_message_carries_a_header():
    for status in (302, 400, 401, 409, 429, 500):
        assert "s3cret" not in str(failure(status, NESTED))


@pytest.mark.parametrize(
    ("exc", "words"),
    [
        (httpx.ConnectTimeout("x"), "no connection in time"),
        (httpx.ReadTimeout("x"), "no answer in time"),
        (httpx.ConnectError("refused"), "no connection;"),
        (httpx.RemoteProtocolError("x"), "broke off"),
        (httpx.ReadError("x"), "broke off"),
        (httpx.ProxyError("x"), "HTTPS_PROXY"),
        (httpx.DecodingError("x"), "compression"),
        (httpx.UnsupportedProtocol("x"), "failed"),
    ],
)
def test_every_httpx_exception_means_no_usable_answer(exc, words):
    error = from_httpx("GET", "/markets", exc)
    assert words in str(error)
    assert str(error).startswith("GET /markets: ")
    assert error.status is None
