"""How a stream connects, and what it does where it may not."""

import asyncio
import base64
import logging
from http import HTTPStatus

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from kalshi_assets.errors import ConfigurationError, ExchangeError, NotAuthorized
from kalshi_assets.kalshi.auth import RequestSigner
from kalshi_assets.kalshi.stream.client import KalshiStream
from kalshi_assets_tests.kalshi.stream.server import TICKERS, StreamServer, until
from kalshi_assets_tests.kalshi.stream.stage import FIRST, POLICY, Reader, all_whole, play
from kalshi_assets_tests.kalshi.test_auth import ED_KEY, KEY_ID, NOW_MS, RSA_KEY, write_key


@pytest.mark.parametrize("key", [RSA_KEY, ED_KEY], ids=["RSA", "Ed25519"])
def test_the_handshake_is_signed_over_time_method_and_path(tmp_path, key):
    async def scenario(server: StreamServer, stream: KalshiStream, reader: Reader) -> None:
        await until(lambda: server.handshakes)
        headers, text = server.handshakes[0], f"{NOW_MS}GET/trade-api/ws/v2".encode()
        signature = base64.b64decode(headers["KALSHI-ACCESS-SIGNATURE"], validate=True)
        if key is ED_KEY:
            key.public_key().verify(signature, text)
        else:
            pss = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32)
            key.public_key().verify(signature, text, pss, hashes.SHA256())
        assert headers["KALSHI-ACCESS-KEY"] == KEY_ID
        assert headers["KALSHI-ACCESS-TIMESTAMP"] == str(NOW_MS)
        assert server.paths == ["/trade-api/ws/v2"]

    play(RequestSigner(KEY_ID, write_key(tmp_path, key), wall_ms=lambda: NOW_MS), scenario)


BAD_SIGNATURE = (
    b'{"error":{"code":"authentication_error","message":"authentication_error",'
    b'"details":"INCORRECT_API_KEY_SIGNATURE"}}'
)


def test_a_refused_key_ends_the_stream_with_the_way_out(signer):
    async def run() -> None:
        async with StreamServer().running() as server, asyncio.timeout(10):
            for _ in range(3):
                server.refuse(HTTPStatus.UNAUTHORIZED, BAD_SIGNATURE)
            stream = KalshiStream(server.url, signer, policy=POLICY)
            stream.want("trade")
            async with stream:
                with pytest.raises(NotAuthorized, match="KALSHI_PRIVATE_KEY_PATH") as caught:
                    await anext(stream)
            assert caught.value.status == 401
            assert len(server.handshakes) == 1
            assert "KALSHI-ACCESS" not in str(caught.value)

    asyncio.run(run())


def test_a_key_that_is_revoked_later_ends_the_stream_too(signer):
    async def run() -> None:
        async with StreamServer().running() as server, asyncio.timeout(10):
            stream = KalshiStream(server.url, signer, policy=POLICY)
            stream.want("orderbook_delta", TICKERS)
            async with stream:
                await until(lambda: all_whole(stream))
                server.refuse(HTTPStatus.UNAUTHORIZED, BAD_SIGNATURE)
                await server.hang_up()
                reader = Reader(stream)
                with pytest.raises(NotAuthorized):
                    await reader.task
                gaps = reader.gaps()
                assert [(gap.to_at, gap.reason) for gap in gaps] == [(None, "disconnected")] * 2
                assert stream.book(FIRST) is None

    asyncio.run(run())


def test_a_redirect_is_not_followed(signer):
    async def run() -> None:
        async with StreamServer().running() as server, asyncio.timeout(10):
            server.refuse(HTTPStatus.FOUND, Location=server.url)
            async with KalshiStream(server.url, signer, policy=POLICY) as stream:
                with pytest.raises(ExchangeError, match="redirects are not followed"):
                    await anext(stream)
            assert len(server.handshakes) == 1

    asyncio.run(run())


def test_troubles_of_the_exchange_and_of_the_network_are_waited_out(signer, caplog):
    async def run() -> None:
        async with StreamServer().running() as server, asyncio.timeout(10):
            server.refuse(HTTPStatus.SERVICE_UNAVAILABLE)
            server.refuse(HTTPStatus.TOO_MANY_REQUESTS, b'{"error":"too many requests"}')
            stream = KalshiStream(server.url, signer, policy=POLICY)
            stream.want("orderbook_delta", TICKERS)
            async with stream:
                await until(lambda: all_whole(stream))
            assert len(server.handshakes) == 3

    with caplog.at_level(logging.WARNING):
        asyncio.run(run())
    assert [r.getMessage()[:35] for r in caplog.records][:2] == [
        "the stream is not reached: GET /tra"
    ] * 2


def test_a_proxy_of_the_environment_is_not_asked_for_a_loopback_address(signer, monkeypatch):
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "WS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
        monkeypatch.setenv(name.lower(), "http://127.0.0.1:9")

    async def scenario(server: StreamServer, stream: KalshiStream, reader: Reader) -> None:
        await until(lambda: all_whole(stream))

    play(signer, scenario)


@pytest.mark.parametrize(
    "url",
    [
        "https://h/trade-api/ws/v2",
        "ws://h/trade-api/v2",
        "ws:///trade-api/ws/v2",
        "ws://user:secret@h/trade-api/ws/v2",
        "ws://h/trade-api/ws/v2?x=1",
        "ws://h:port/trade-api/ws/v2",
    ],
)
def test_an_address_that_is_no_streams_is_refused_with_the_form_it_must_have(signer, url):
    with pytest.raises(ConfigurationError, match=r"ws\(s\)://<host>/trade-api/ws/v2") as caught:
        KalshiStream(url, signer)
    assert "secret" not in str(caught.value)
