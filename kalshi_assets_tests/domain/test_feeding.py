"""What a feed makes of events: nothing guessed, nothing lost between a gap and its reading."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from kalshi_assets.domain.feeding import Feeding
from kalshi_assets.domain.market import BookLevel, OrderBook, Trade
from kalshi_assets.domain.stream import (
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


def caught_up(feeding: Feeding) -> None:
    assert feeding.begin_catch_up() is not None
    feeding.caught_up([], at=T0)


def test_a_quote_waits_until_it_is_known_whether_its_market_is_open():
    feeding = Feeding(T0)
    feeding.take(quote(after(1)))
    assert feeding.to_ask == {MARKET}
    assert not feeding.batch.ticks
    feeding.know({MARKET: "active"})
    feeding.take(quote(after(2), bid=390_000))
    ticks = feeding.hand_out().ticks
    assert [(t["observed_at"], t["status"]) for t in ticks] == [
        (after(1), "active"),
        (after(2), "active"),
    ]
    assert not feeding.to_ask
    assert not feeding.batch


def test_after_news_of_its_market_a_quote_waits_again():
    feeding = Feeding(T0)
    feeding.know({MARKET: "active"})
    feeding.take(news("deactivated"))
    feeding.take(quote(after(3)))
    assert feeding.to_ask == {MARKET}
    assert feeding.hand_out().has_market_news
    feeding.know({MARKET: "inactive"})
    assert [t["status"] for t in feeding.hand_out().ticks] == ["inactive"]


def test_a_start_reads_the_trades_since_the_last_ones_that_are_sure():
    feeding = Feeding(T0)
    assert feeding.sure_until(after(90)) == T0
    assert feeding.begin_catch_up() == T0
    assert feeding.sure_until(after(90)) == T0, "not before they are read"
    missed = Trade("a", MARKET, 100, 400_000, "yes", is_block_trade=False, created_at=after(5))
    feeding.caught_up([missed], at=after(91))
    assert feeding.sure_until(after(92)) == after(92)
    (row,) = feeding.hand_out().trades
    assert (row["trade_id"], row["source"], row["traded_at"]) == ("a", "rest", after(5))


def test_trades_are_sure_up_to_an_open_gap_and_read_when_it_has_closed():
    feeding = Feeding(T0)
    caught_up(feeding)
    feeding.take(gap("trade", 10, None))
    assert feeding.sure_until(after(60)) == after(10)
    assert feeding.begin_catch_up() is None, "the end of the span is not known yet"
    feeding.take(gap("trade", 10, 50))
    assert feeding.sure_until(after(60)) == after(10)
    assert feeding.begin_catch_up() == after(10)
    feeding.not_caught_up()
    assert feeding.sure_until(after(60)) == after(10)
    caught_up(feeding)
    assert feeding.sure_until(after(60)) == after(60)


def test_a_gap_that_closes_while_another_is_read_is_read_too():
    feeding = Feeding(T0)
    assert feeding.begin_catch_up() == T0
    feeding.take(gap("trade", 20, 21))
    feeding.caught_up([], at=after(22))
    assert feeding.sure_until(after(30)) == after(20)
    assert feeding.begin_catch_up() == after(20)


def test_a_book_in_doubt_is_not_kept_as_sure():
    feeding = Feeding(T0)
    book = OrderBook(MARKET, (BookLevel(400_000, 100),), ())
    feeding.take(BookUpdate(book, T0, T0))
    feeding.take(gap("orderbook_delta", 1, None))
    assert (feeding.batch.books, feeding.batch.doubtful) == ({}, {MARKET})
    feeding.take(gap("orderbook_delta", 1, 2))
    feeding.take(BookUpdate(book, after(2), after(2)))
    batch = feeding.hand_out()
    assert (list(batch.books), batch.doubtful) == ([MARKET], set())
    assert len(batch.gaps) == 2


def test_what_could_not_be_written_goes_before_what_came_since():
    feeding = Feeding(T0)
    feeding.know({MARKET: "active"})
    for seconds in (1, 2):
        feeding.take(quote(after(seconds)))
        feeding.take(_trade(seconds))
        if seconds == 1:
            failed = feeding.hand_out()
    feeding.put_back(failed)
    batch = feeding.hand_out()
    assert [tick["observed_at"] for tick in batch.ticks] == [after(1), after(2)]
    assert [trade["trade_id"] for trade in batch.trades] == ["1", "2"]


def _trade(seconds: int) -> TradePrint:
    at = after(seconds)
    return TradePrint(str(seconds), MARKET, 400_000, 100, "yes", None, at, at)


def test_nothing_is_read_while_the_channel_is_blind_again():
    feeding = Feeding(T0)
    caught_up(feeding)
    feeding.take(gap("trade", 10, 20))
    feeding.take(gap("trade", 21, None))
    assert feeding.begin_catch_up() is None
    feeding.take(gap("trade", 21, 40))
    assert feeding.begin_catch_up() == after(10)


def test_a_quote_of_long_ago_is_no_observation_of_now():
    feeding = Feeding(T0)
    feeding.know({MARKET: "active"})
    feeding.take(replace(quote(after(0)), received_at=after(30 * 24 * 3600)))
    assert not feeding.batch
