import base64

import httpx
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from kalshi_assets.local_exchange.auth import Doorkeeper
from kalshi_assets.local_exchange.errors import LocalExchangeError, Refusal
from kalshi_assets.local_exchange.gate import PREFIX
from kalshi_assets_tests.local_exchange.bench import headers, private_key, public_pem, sign

BALANCE = f"{PREFIX}/portfolio/balance"
STALE = {"error": {"code": "header_timestamp_expired", "message": "header timestamp expired"}}


def balance(venue, signed, path="/portfolio/balance"):
    return httpx.get(venue.url + path, headers=signed, trust_env=False)


def authentication_error(details: str):
    code = "authentication_error"
    return {"error": {"code": code, "message": code, "details": details}}


@pytest.mark.parametrize("name", ["me", "rsa"])
def test_both_kinds_of_key_are_let_in(venue, name):
    assert balance(venue, headers(name, "GET", BALANCE)).status_code == 200


def test_missing_signature_is_named(venue):
    signed = headers("me", "GET", BALANCE)
    del signed["KALSHI-ACCESS-SIGNATURE"]
    code = "signature_is_missing_from_headers"
    response = balance(venue, signed)
    assert response.status_code == 401
    assert response.json() == {"error": {"code": code, "message": code.replace("_", " ")}}


def test_signature_over_another_path_is_refused(venue):
    response = balance(venue, headers("rsa", "GET", f"{PREFIX}/portfolio/fills"))
    assert response.status_code == 401
    assert response.json() == authentication_error("INCORRECT_API_KEY_SIGNATURE")


def test_path_without_the_api_prefix_is_refused(venue):
    assert balance(venue, headers("me", "GET", "/portfolio/balance")).status_code == 401


def test_query_is_not_part_of_what_is_signed(venue):
    signed = headers("me", "GET", f"{PREFIX}/portfolio/fills")
    assert balance(venue, signed, "/portfolio/fills?limit=5").status_code == 200


def test_unknown_key_is_not_found(venue):
    signed = headers("me", "GET", BALANCE) | {"KALSHI-ACCESS-KEY": "nobody"}
    assert balance(venue, signed).json() == authentication_error("NOT_FOUND")


def test_salt_of_another_length_is_refused(venue):
    key = private_key("rsa")
    assert isinstance(key, rsa.RSAPrivateKey)
    signed = headers("rsa", "GET", BALANCE)
    text = f"{signed['KALSHI-ACCESS-TIMESTAMP']}GET{BALANCE}".encode()
    pss = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=20)
    raw = key.sign(text, pss, hashes.SHA256())
    signed["KALSHI-ACCESS-SIGNATURE"] = base64.b64encode(raw).decode()
    assert balance(venue, signed).status_code == 401


@pytest.mark.parametrize("skew_ms", [-5_000, 5_000, 29_000])
def test_small_skew_is_forgiven(venue, skew_ms):
    assert balance(venue, headers("me", "GET", BALANCE, skew_ms=skew_ms)).status_code == 200


@pytest.mark.parametrize("skew_ms", [-30_000, -300_000, 300_000])
def test_large_skew_is_expired(venue, skew_ms):
    response = balance(venue, headers("me", "GET", BALANCE, skew_ms=skew_ms))
    assert response.status_code == 401
    assert response.json() == STALE


def test_the_window_is_ten_seconds_back_and_thirty_ahead():
    wall = [1_000_000]
    door = Doorkeeper({"me": public_pem(private_key("me"))}, wall_clock_ms=lambda: wall[0])

    def admit(stamp):
        text = f"{stamp}GET{BALANCE}"
        signed = {
            "kalshi-access-key": "me",
            "kalshi-access-timestamp": str(stamp),
            "kalshi-access-signature": sign(private_key("me"), text),
        }
        return door.admit(signed, method="GET", path=BALANCE)

    assert admit(990_000) == admit(1_030_000) == "me"
    for stamp in (989_999, 1_030_001):
        with pytest.raises(Refusal) as refused:
            admit(stamp)
        assert refused.value.body == STALE


@pytest.mark.parametrize("stamp", ["", "now", "-5", "1e12", "9" * 40])
def test_a_timestamp_that_is_no_number_is_expired(venue, stamp):
    signed = headers("me", "GET", BALANCE) | {"KALSHI-ACCESS-TIMESTAMP": stamp}
    assert balance(venue, signed).status_code == 401


def test_market_data_needs_no_signature_but_refuses_a_bad_one(venue):
    assert balance(venue, {}, "/markets").status_code == 200
    assert balance(venue, headers("me", "GET", BALANCE), "/markets").status_code == 401
    assert balance(venue, {"KALSHI-ACCESS-KEY": "me"}, "/markets").status_code == 401


@pytest.mark.parametrize("path", ["/portfolio/balance", "/portfolio/orders", "/account/limits"])
def test_account_data_needs_a_signature(venue, path):
    assert balance(venue, {}, path).status_code == 401


def test_a_private_matter_registered_as_key_is_named():
    with pytest.raises(LocalExchangeError, match="key k7"):
        Doorkeeper({"k7": "no pem"})
