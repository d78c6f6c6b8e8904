import asyncio

import pytest

from kalshi_assets.domain.account import Side
from kalshi_assets.domain.stream import (
    BadPayload,
    BookUpdate,
    FillNotice,
    Gap,
    Refusal,
    TradePrint,
)
from kalshi_assets.errors import (
    StreamClosed,
    StreamError,
)
from kalshi_assets.kalshi.stream.client import KalshiStream, StreamPolicy
from kalshi_assets_tests.kalshi.stream.exchange import frame, trade_msg
from kalshi_assets_tests.kalshi.stream.harness import sides_of
from kalshi_assets_tests.kalshi.stream.server import TICKERS, StreamServer, fill, until
from kalshi_assets_tests.kalshi.stream.stage import (
    FIRST,
    POLICY,
    Reader,
    all_whole,
    play,
    same_books,
)
from kalshi_assets_tests.kalshi.test_auth import NOW_MS


def test_books_and_trades_arrive(signer):
    async def scenario(server: StreamServer, stream: KalshiStream, reader: Reader) -> None:
        await until(lambda: all_whole(stream))
        await server.act(50)
        await same_books(server, stream)
        await until(lambda: [e for e in reader.events if isinstance(e, TradePrint)])
        assert reader.gaps() == []
        assert [e for e in reader.events if isinstance(e, BookUpdate)]

    play(signer, scenario)


def test_a_broken_connection_is_a_gap_that_closes_with_the_new_books(signer):
    async def scenario(server: StreamServer, stream: KalshiStream, reader: Reader) -> None:
        await until(lambda: all_whole(stream))
        await server.hang_up()
        await until(lambda: server.connections == 2 and all_whole(stream))
        await server.act(20)
        await same_books(server, stream)
        await until(lambda: sum(gap.to_at is not None for gap in reader.gaps()) == 3)
        assert {(gap.channel, gap.reason) for gap in reader.gaps()} == {
            ("orderbook_delta", "disconnected"),
            ("trade", "disconnected"),
        }

    play(signer, scenario)


def test_a_new_connection_subscribes_to_what_is_wanted_by_then(signer):
    async def scenario(server: StreamServer, stream: KalshiStream, reader: Reader) -> None:
        await until(lambda: all_whole(stream))
        stream.want("orderbook_delta", [FIRST])
        stream.drop("trade")
        await until(lambda: [*server.exchange.subs] == ["orderbook_delta"])
        await until(lambda: server.exchange.subs["orderbook_delta"].tickers == [FIRST])
        await server.hang_up()
        await until(lambda: server.connections == 2 and stream.book(FIRST) is not None)
        assert server.exchange.subs["orderbook_delta"].tickers == [FIRST]
        assert [*server.exchange.subs] == ["orderbook_delta"]
        assert stream.book(TICKERS[1]) is None

    play(signer, scenario)


def test_silence_is_told_and_ended_by_a_new_connection(signer):
    async def scenario(server: StreamServer, stream: KalshiStream, reader: Reader) -> None:
        await until(lambda: all_whole(stream))
        await until(lambda: server.connections >= 2 and all_whole(stream))
        await until(lambda: {gap.reason for gap in reader.gaps()} == {"silent"})

    policy = StreamPolicy(silence_seconds=0.2, look_seconds=0.01, retry=POLICY.retry)
    play(signer, scenario, policy)


def test_a_heartbeat_alone_keeps_a_quiet_connection(signer):
    async def scenario(server: StreamServer, stream: KalshiStream, reader: Reader) -> None:
        await until(lambda: all_whole(stream))
        for _ in range(25):
            await asyncio.sleep(0.05)
            await server.heartbeat()
        assert server.connections == 1
        assert reader.gaps() == []

    policy = StreamPolicy(silence_seconds=0.8, look_seconds=0.01, retry=POLICY.retry)
    play(signer, scenario, policy)


@pytest.mark.parametrize("code", [10, 25])
def test_a_subscription_the_exchange_ends_is_made_anew(signer, code):
    async def scenario(server: StreamServer, stream: KalshiStream, reader: Reader) -> None:
        await until(lambda: all_whole(stream))
        ended = server.exchange.subs.pop("orderbook_delta")
        body = {"type": "error", "sid": ended.sid, "seq": ended.seq + 1}
        await server.tell(frame(**body, msg={"code": code, "msg": "over"}))
        await until(lambda: "orderbook_delta" in server.exchange.subs and all_whole(stream))
        await server.act(20)
        await same_books(server, stream)
        assert server.connections == 1
        await until(lambda: {gap.reason for gap in reader.gaps()} == {"channel_error"})
        assert [e.code for e in reader.events if isinstance(e, Refusal)] == [code]

    play(signer, scenario)


def test_a_terminal_error_of_nobody_costs_the_connection(signer):
    async def scenario(server: StreamServer, stream: KalshiStream, reader: Reader) -> None:
        await until(lambda: all_whole(stream))
        await server.tell(frame(type="error", msg={"code": 10, "msg": "channel error"}))
        await until(lambda: server.connections == 2 and all_whole(stream))
        await server.hang_up()
        await until(lambda: server.connections == 3 and all_whole(stream))
        both = {"channel_error", "disconnected"}
        await until(lambda: {gap.reason for gap in reader.gaps()} == both)

    play(signer, scenario)


def test_a_garbled_frame_is_quarantined_with_its_bytes_and_its_book_healed(signer):
    async def scenario(server: StreamServer, stream: KalshiStream, reader: Reader) -> None:
        await until(lambda: all_whole(stream))
        sub = server.exchange.subs["orderbook_delta"]
        sub.seq += 1
        msg = {"market_ticker": FIRST, "price_dollars": 0.45, "delta_fp": "1.00", "side": "yes"}
        garbled = frame(type="orderbook_delta", sid=sub.sid, seq=sub.seq, msg=msg)
        await server.tell(garbled)
        await until(lambda: [e for e in reader.events if isinstance(e, BadPayload)])
        (bad,) = [e for e in reader.events if isinstance(e, BadPayload)]
        assert (bad.payload, bad.market_ticker) == (garbled, FIRST)
        assert "price_dollars" in bad.problem
        await until(lambda: all_whole(stream))
        assert {(gap.market_tickers, gap.reason) for gap in reader.gaps()} == {
            ((FIRST,), "payload")
        }

    play(signer, scenario)


def test_a_slow_reader_is_told_what_was_dropped_and_gets_the_newest_books(signer):
    async def scenario(server: StreamServer, stream: KalshiStream, reader: Reader) -> None:
        await until(lambda: all_whole(stream))
        reader.task.cancel()
        await asyncio.sleep(0)
        trades = server.exchange.subs["trade"]
        for number in range(20):
            trades.seq += 1
            msg = trade_msg(f"t{number}", FIRST, 1_786_400_000_000 + number)
            await server.tell(frame(type="trade", sid=trades.sid, seq=trades.seq, msg=msg))
            await server.tell(*server.exchange._delta(FIRST))
        await until(lambda: stream.counts["dropped.trade"] == 15)
        await same_books(server, stream)
        reader.events.clear()
        reader.task = asyncio.create_task(reader._read())
        await until(lambda: sum(isinstance(e, TradePrint) for e in reader.events) == 5)
        gap = reader.events[0]
        assert isinstance(gap, Gap)
        assert (gap.channel, gap.market_tickers, gap.reason) == ("trade", (FIRST,), "overflow")
        assert gap.to_at is not None
        kept = [e for e in reader.events if isinstance(e, TradePrint)]
        assert [trade.trade_id for trade in kept] == [f"t{n}" for n in range(15, 20)]
        assert gap.from_at <= gap.to_at <= kept[0].received_at
        await until(lambda: reader.books(FIRST))
        books = reader.books(FIRST)
        assert [sides_of(book) for book in books] == [server.exchange.true_book(FIRST)]

    play(signer, scenario, StreamPolicy(look_seconds=0.01, retry=POLICY.retry, bound=5))


def test_our_fills_arrive_in_exact_numbers(signer):
    async def scenario(server: StreamServer, stream: KalshiStream, reader: Reader) -> None:
        stream.drop("trade")
        stream.drop("orderbook_delta")
        await until(lambda: not server.exchange.subs)
        stream.want("fill", [FIRST])
        await until(lambda: "fill" in server.exchange.subs)
        sid = server.exchange.subs["fill"].sid
        sent = fill("f1", FIRST, NOW_MS).replace(b'"sid":1', b'"sid":%d' % sid)
        await server.tell(sent)
        await until(lambda: [e for e in reader.events if isinstance(e, FillNotice)])
        (got,) = [e for e in reader.events if isinstance(e, FillNotice)]
        side: Side = "no"
        assert (got.side, got.count, got.yes_price) == (side, 250, 400_000)
        assert (got.fee_micros, got.position_after, got.is_taker) == (17_500, -250, True)

    play(signer, scenario)


def test_frames_are_handed_on_as_received_and_a_failing_recording_ends_the_stream(signer):
    seen: list[tuple[int, bytes]] = []

    def record(received_ms: int, received: bytes) -> None:
        seen.append((received_ms, received))
        if len(seen) == 3:
            raise StreamError("the disk is full")

    async def run() -> None:
        async with StreamServer().running() as server, asyncio.timeout(10):
            stream = KalshiStream(
                server.url, signer, policy=POLICY, wall_ms=lambda: NOW_MS, on_frame=record
            )
            stream.want("orderbook_delta", TICKERS)
            async with stream:
                with pytest.raises(StreamError, match="disk is full"):
                    async for _ in stream:
                        pass
            assert stream.book(FIRST) is None

    asyncio.run(run())
    assert {at for at, _ in seen} == {NOW_MS}
    assert b'"type":"subscribed"' in seen[0][1].replace(b" ", b"")


def test_a_stream_that_is_not_entered_is_not_read(signer):
    async def run() -> None:
        with pytest.raises(StreamClosed, match="async with"):
            await anext(KalshiStream("ws://127.0.0.1:1/trade-api/ws/v2", signer))

    asyncio.run(run())


def test_books_of_all_markets_cannot_be_asked_for(signer):
    with pytest.raises(ValueError, match="name them"):
        KalshiStream("ws://h/trade-api/ws/v2", signer).want("orderbook_delta")
