"""What a feed makes of events: nothing guessed, nothing lost between a gap and its reading."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from kalshi_assets.domain.feed_batch import MOST_BAD, MOST_GAPS, Batch
from kalshi_assets.domain.feed_waiting import State, state_of
from kalshi_assets.domain.feeding import Feeding
from kalshi_assets.domain.market import BookLevel, OrderBook, Trade
from kalshi_assets.domain.stream import (
    BadPayload,
    BookUpdate,
    Channel,
    Gap,
    LifecycleNotice,
    TickerUpdate,
    TradePrint,
)

T0 = datetime(2026, 10, 13, 14, 30, tzinfo=UTC)
MARKET = "KXCPI-26OCT-T0.3"


def after(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def quote(at: datetime, bid: int = 400_000) -> TickerUpdate:
    sizes = {"yes_bid_size": 100, "yes_ask_size": 100, "volume": 5, "open_interest": 7}
    return TickerUpdate(
        MARKET, 410_000, yes_bid=bid, yes_ask=420_000, quoted_at=at, received_at=at, **sizes
    )


def gap(channel: Channel, start: float, end: float | None) -> Gap:
    to_at = None if end is None else after(end)
    return Gap(channel, (MARKET,), after(start), to_at, "disconnected")


def news(event: str) -> LifecycleNotice:
    return LifecycleNotice(MARKET, event, None, None, None, None, None, None, T0)


def feed(**bounds: int) -> Feeding:
    feeding = Feeding(T0, **bounds)
    feeding.track(frozenset({MARKET}), now=T0)
    return feeding


def open_feed(**bounds: int) -> Feeding:
    feeding = feed(**bounds)
    feeding.know({MARKET: State("active")})
    return feeding


def caught_up(feeding: Feeding) -> None:
    assert feeding.begin_catch_up() is not None
    feeding.caught_up()


def test_a_quote_waits_until_it_is_known_whether_its_market_is_open():
    feeding = feed()
    feeding.take(quote(after(1)))
    assert feeding.to_ask == {MARKET}
    assert not feeding.batch.ticks
    feeding.know({MARKET: State("active")})
    feeding.take(quote(after(2), bid=390_000))
    ticks = feeding.hand_out().ticks
    assert [(told.quoted_at, status) for told, status in ticks] == [
        (after(1), "active"),
        (after(2), "active"),
    ]
    assert not feeding.to_ask
    assert not feeding.batch


def test_after_news_of_its_market_a_quote_waits_again():
    feeding = open_feed()
    feeding.take(news("deactivated"))
    feeding.take(quote(after(3)))
    assert feeding.to_ask == {MARKET}
    assert feeding.hand_out().has_market_news
    feeding.know({MARKET: State("inactive")})
    assert [status for _, status in feeding.hand_out().ticks] == ["inactive"]


def test_a_start_reads_the_trades_since_the_last_ones_that_are_sure():
    feeding = feed()
    feeding.take(_trade(90))
    assert feeding.sure_until == T0
    assert feeding.begin_catch_up() == T0
    missed = Trade("a", MARKET, 100, 400_000, "yes", is_block_trade=False, created_at=after(5))
    feeding.add_read([missed], at=after(91))
    assert feeding.sure_until == T0, "not before all are read"
    feeding.caught_up()
    assert feeding.sure_until == after(90)
    batch = feeding.hand_out()
    (row,) = batch.read
    assert (row["trade_id"], row["source"], row["traded_at"]) == ("a", "rest", after(5))
    assert [trade["trade_id"] for trade in batch.trades] == ["90"]


def test_trades_are_sure_up_to_an_open_gap_and_read_when_it_has_closed():
    feeding = feed()
    caught_up(feeding)
    feeding.take(_trade(10))
    feeding.take(gap("trade", 10, None))
    feeding.take(_trade(60))
    assert feeding.sure_until == after(10)
    assert feeding.begin_catch_up() is None, "the end of the span is not known yet"
    feeding.take(gap("trade", 10, 50))
    assert feeding.sure_until == after(10)
    assert feeding.begin_catch_up() == after(10)
    feeding.not_caught_up()
    assert feeding.sure_until == after(10)
    caught_up(feeding)
    assert feeding.sure_until == after(60)


def test_a_gap_that_closes_while_another_is_read_is_read_too():
    feeding = feed()
    assert feeding.begin_catch_up() == T0
    feeding.take(_trade(30))
    feeding.take(gap("trade", 20, 21))
    feeding.caught_up()
    assert feeding.sure_until == after(20)
    assert feeding.begin_catch_up() == after(20)


def test_what_is_under_way_is_not_counted_as_sure():
    """However late it is: the mark stands where the newest trade told does, not at this moment."""
    feeding = feed()
    caught_up(feeding)
    feeding.take(_trade(10))
    feeding.take(quote(after(500)))
    assert feeding.sure_until == after(10), "a trade of the 100th second may still be under way"
    feeding.take(_trade(100))
    assert feeding.sure_until == after(100)


def test_a_book_in_doubt_is_not_kept_as_sure():
    feeding = feed()
    book = OrderBook(MARKET, (BookLevel(400_000, 100),), ())
    feeding.take(BookUpdate(book, T0, T0))
    feeding.take(gap("orderbook_delta", 1, None))
    assert (feeding.batch.books, feeding.batch.doubtful) == ({}, {MARKET})
    feeding.take(gap("orderbook_delta", 1, 2))
    feeding.take(BookUpdate(book, after(2), after(2)))
    batch = feeding.hand_out()
    assert (list(batch.books), batch.doubtful) == ([MARKET], set())
    assert [g.to_at for g in batch.gaps.values()] == [after(2)], "one gap, opened and closed"


def test_what_could_not_be_written_goes_before_what_came_since():
    feeding = open_feed()
    for seconds in (1, 2):
        feeding.take(quote(after(seconds)))
        feeding.take(_trade(seconds))
        if seconds == 1:
            failed = feeding.hand_out()
    feeding.put_back(failed)
    batch = feeding.hand_out()
    assert [told.quoted_at for told, _ in batch.ticks] == [after(1), after(2)]
    assert [trade["trade_id"] for trade in batch.trades] == ["1", "2"]


def _trade(seconds: int) -> TradePrint:
    at = after(seconds)
    return TradePrint(str(seconds), MARKET, 400_000, 100, "yes", None, at, at)


def test_nothing_is_read_while_the_channel_is_blind_again():
    feeding = feed()
    caught_up(feeding)
    feeding.take(gap("trade", 10, 20))
    feeding.take(gap("trade", 21, None))
    assert feeding.begin_catch_up() is None
    feeding.take(gap("trade", 21, 40))
    assert feeding.begin_catch_up() == after(10)


def test_a_quote_of_long_ago_is_no_observation_of_now():
    feeding = open_feed()
    feeding.take(replace(quote(after(0)), received_at=after(30 * 24 * 3600)))
    assert not feeding.batch


def test_a_book_in_doubt_since_a_failed_write_is_not_written_as_sure_with_the_next() -> None:
    feeding = feed()
    feeding.take(BookUpdate(OrderBook(MARKET, (), ()), T0, T0))
    failed = feeding.hand_out()
    feeding.take(gap("orderbook_delta", 1, None))
    feeding.put_back(failed)
    batch = feeding.hand_out()
    assert (batch.books, batch.doubtful) == ({}, {MARKET})


def test_a_market_that_opens_or_closes_is_asked_about_again() -> None:
    """The exchange tells neither on the stream."""
    feeding = feed()
    feeding.know({MARKET: State("initialized", until=after(10))})
    feeding.take(quote(after(9)))
    feeding.take(quote(after(10)))
    assert [status for _, status in feeding.hand_out().ticks] == ["initialized"]
    assert feeding.to_ask == {MARKET}
    feeding.know({MARKET: State("active", until=after(20))})
    feeding.take(quote(after(20)))
    assert [status for _, status in feeding.hand_out().ticks] == ["active"]
    assert feeding.to_ask == {MARKET}
    feeding.know({MARKET: State("closed")})
    assert [status for _, status in feeding.hand_out().ticks] == ["closed"]


@pytest.mark.parametrize(
    ("status", "seconds", "expected"),
    [
        ("initialized", 0, State("initialized", after(10))),
        ("initialized", 11, None),
        ("active", 11, State("active", after(20))),
        ("active", 20, None),
        ("inactive", 11, State("inactive", after(20))),
        ("inactive", 21, State("inactive")),
        ("closed", 21, State("closed")),
    ],
)
def test_an_answer_of_before_the_opening_or_the_close_tells_nothing_after_it(
    status: str, seconds: float, expected: State | None
) -> None:
    now = after(seconds)
    assert state_of(status, open_at=after(10), close_at=after(20), now=now) == expected


def test_quotes_that_wait_for_their_market_are_bounded_and_what_goes_is_a_gap() -> None:
    feeding = feed(most_waiting=3)
    for seconds in range(1, 7):
        feeding.take(quote(after(seconds)))
    (opened,) = feeding.hand_out().gaps.values()
    assert opened == Gap("ticker", (MARKET,), after(1), None, "overflow")
    feeding.know({MARKET: State("active")})
    batch = feeding.hand_out()
    assert [told.quoted_at for told, _ in batch.ticks] == [after(4), after(5), after(6)]
    assert [*batch.gaps.values()] == [replace(opened, to_at=after(3))]
    feeding.take(quote(after(7)))
    assert not feeding.hand_out().gaps


def test_what_waits_for_the_database_is_bounded_and_what_goes_is_a_gap() -> None:
    feeding = open_feed(most_rows=4)
    caught_up(feeding)
    for seconds in range(1, 8):
        failed = feeding.hand_out()
        feeding.take(quote(after(seconds)))
        feeding.take(_trade(seconds))
        feeding.put_back(failed)
        assert len(feeding.batch.ticks) <= 4
        assert len(feeding.batch.trades) <= 4
    batch = feeding.hand_out()
    assert [told.quoted_at for told, _ in batch.ticks] == [after(s) for s in (5, 6, 7)]
    assert [trade["trade_id"] for trade in batch.trades] == ["5", "6", "7"]
    spans = {(g.channel, g.from_at, g.to_at, g.reason) for g in batch.gaps.values()}
    assert spans == {
        (channel, *span, "overflow")
        for channel in ("ticker", "trade")
        for span in ((after(1), after(2)), (after(3), after(4)))
    }
    assert feeding.sure_until == after(1), "they are read over REST, from the first that went"
    assert feeding.begin_catch_up() == after(1)


def test_trades_that_were_read_never_make_others_go() -> None:
    """Else a long span that is read would be dropped and read again for ever."""
    feeding = open_feed(most_rows=2)
    assert feeding.begin_catch_up() == T0
    found = [
        Trade(str(n), MARKET, 100, 400_000, "yes", is_block_trade=False, created_at=after(n))
        for n in range(9)
    ]
    feeding.add_read(found, at=after(10))
    feeding.take(_trade(11))
    feeding.caught_up()
    batch = feeding.hand_out()
    assert (len(batch.read), len(batch.trades), batch.gaps) == (9, 1, {})
    assert feeding.begin_catch_up() is None


def test_gaps_and_unreadable_frames_that_wait_are_bounded_too() -> None:
    batch, markets = Batch(), 10
    for number in range(MOST_GAPS * 2):
        name = f"M{number % markets}"
        batch.add_gap(Gap("trade", (name,), after(number), after(number + 1), "disconnected"))
        batch.add_bad(BadPayload("wrong", b"{", None, None, T0))
    assert len(batch.gaps) <= MOST_GAPS + 1
    assert min(gap.from_at for gap in batch.gaps.values()) == T0
    assert max(gap.to_at or T0 for gap in batch.gaps.values()) == after(MOST_GAPS * 2)
    assert len(batch.bad) == MOST_BAD
    assert batch.bad_left_out == MOST_GAPS * 2 - MOST_BAD


def test_quotes_of_a_market_no_longer_tracked_are_not_waited_for() -> None:
    feeding = feed(most_waiting=1)
    for seconds in range(4):
        feeding.take(quote(after(seconds)))
    feeding.track(frozenset({"ANOTHER"}), now=after(5))
    feeding.take(quote(after(6)))
    assert feeding.to_ask == {"ANOTHER"}
    batch = feeding.hand_out()
    assert [gap.to_at for gap in batch.gaps.values()] == [after(2)]
    assert not batch.ticks


def test_the_time_without_a_feed_is_a_gap_of_every_channel_until_it_is_told_again() -> None:
    feeding = feed()
    feeding.stopped(after(-30))
    assert feeding.begin_catch_up() is None, "what is missing has no end yet"
    assert {gap.to_at for gap in feeding.hand_out().gaps.values()} == {None}
    feeding.resumed(["ticker", "trade"], at=after(3))
    feeding.resumed(["ticker", "trade", "orderbook_delta"], at=after(4))
    ends = {gap.channel: (gap.from_at, gap.to_at) for gap in feeding.hand_out().gaps.values()}
    told = (after(-30), after(3))
    assert ends == {"ticker": told, "trade": told, "orderbook_delta": (after(-30), after(4))}
    assert feeding.begin_catch_up() == after(-30)
