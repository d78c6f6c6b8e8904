from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from kalshi_assets.domain.stream import BadPayload, Gap, Refusal, StreamEvent, TradePrint
from kalshi_assets.kalshi.stream.book import MarketBook
from kalshi_assets.kalshi.stream.outbox import Outbox

START = datetime(2026, 11, 22, 15, tzinfo=UTC)


def at(second: float) -> datetime:
    return START + timedelta(seconds=second)


def trade(number: int, ticker: str = "A") -> TradePrint:
    return TradePrint(
        trade_id=str(number),
        market_ticker=ticker,
        yes_price=500_000,
        count=100,
        taker_side="yes",
        is_block_trade=False,
        traded_at=at(number),
        received_at=at(number),
    )


def put(outbox: Outbox, event: TradePrint) -> None:
    outbox.put_news("trade", event.market_ticker, event=event, received_at=event.received_at)


def drained(outbox: Outbox) -> list[StreamEvent]:
    events = []
    while (event := outbox.take()) is not None:
        events.append(event)
    return events


@given(bound=st.integers(1, 6), reads=st.lists(st.booleans(), max_size=40))
def test_every_trade_is_read_or_lies_in_an_overflow(bound: int, reads: list[bool]):
    outbox, sent, got = Outbox(bound), 0, list[StreamEvent]()
    for is_read in reads:
        if is_read:
            event = outbox.take()
            got += [] if event is None else [event]
        else:
            put(outbox, trade(sent))
            sent += 1
    got += drained(outbox)
    read = [int(event.trade_id) for event in got if isinstance(event, TradePrint)]
    assert read == sorted(set(read))
    gaps = [event for event in got if isinstance(event, Gap)]
    lost = set(range(sent)) - set(read)
    for number in lost:
        assert any(g.from_at <= at(number) <= g.to_at for g in gaps if g.to_at is not None)
    assert outbox.dropped["trade"] == len(lost)
    assert all(gap.reason == "overflow" for gap in gaps)


def test_an_overflow_is_read_first_and_names_its_markets():
    outbox = Outbox(2)
    for number, ticker in enumerate("BACA"):
        put(outbox, trade(number, ticker))
    first, *rest = drained(outbox)
    assert first == Gap("trade", ("A", "B"), at(0), at(1), "overflow")
    assert [e.trade_id for e in rest if isinstance(e, TradePrint)] == ["2", "3"]


def test_channels_and_books_take_turns():
    outbox = Outbox()
    for number in range(3):
        put(outbox, trade(number))
    book = MarketBook("A", is_whole=True)
    outbox.put_book(book)
    kinds = [type(event).__name__ for event in drained(outbox)]
    assert kinds == ["TradePrint", "BookUpdate", "TradePrint", "TradePrint"]


def test_gaps_are_never_dropped_but_joined_past_the_bound():
    outbox = Outbox(10)
    for number in range(0, 100, 2):
        ticker = "AB"[number % 4 // 2]
        outbox.put_gap(Gap("orderbook_delta", (ticker,), at(number), None, "sequence"))
        outbox.put_gap(Gap("orderbook_delta", (ticker,), at(number), at(number + 1), "sequence"))
    outbox.put_gap(Gap("orderbook_delta", ("A",), at(200), None, "silent"))
    gaps = [event for event in drained(outbox) if isinstance(event, Gap)]
    assert len(gaps) <= 13
    for number in range(0, 100, 2):
        ticker = "AB"[number % 4 // 2]
        assert any(
            gap.market_tickers == (ticker,)
            and gap.from_at <= at(number)
            and gap.to_at is not None
            and gap.to_at >= at(number + 1)
            for gap in gaps
        )
    assert Gap("orderbook_delta", ("A",), at(200), None, "silent") in gaps


def test_notices_past_the_bound_are_counted():
    outbox = Outbox(2)
    for number in range(3):
        outbox.put_notice(BadPayload("x", b"%d" % number, None, None, START))
    outbox.put_notice(Refusal(None, 8, "no", START))
    kept = drained(outbox)
    assert [type(event) for event in kept] == [BadPayload, Refusal]
    assert outbox.dropped["notices"] == 2
