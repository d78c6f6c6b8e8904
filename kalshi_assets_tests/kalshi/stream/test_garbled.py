"""What does not read is quarantined and never believed."""

import pytest

from kalshi_assets.domain.stream import (
    BadPayload,
    Gap,
)
from kalshi_assets_tests.kalshi.stream.exchange import frame, trade_msg
from kalshi_assets_tests.kalshi.stream.talk import (
    MS,
    A,
    B,
    Talk,
    ack,
    delta,
    snapshot,
    spans,
    whole,
)
from kalshi_assets_tests.kalshi.stream.test_news import TICKER

GARBLED = {
    "a number for a price": delta(2, price_dollars=0.4),
    "a number for a count": delta(2, delta_fp=1),
    "no price": delta(2).replace(b"price_dollars", b"price"),
    "no such side": delta(2, side="both"),
    "no decimal": delta(2, "1e3"),
    "blanks": delta(2, " 1.00"),
    "a price of nothing": delta(2, price_dollars="0.0000"),
    "a price of a dollar": delta(2, price_dollars="1.0000"),
    "finer than a hundredth": delta(2, "0.001"),
    "more than rests there": delta(2, "-5.01"),
    "a time of 1970": delta(2, ts_ms=0),
    "an unknown type": delta(2).replace(b'"orderbook_delta"', b'"orderbook_change"'),
    "a level twice": snapshot(2, yes_dollars_fp=[["0.4", "1.00"], ["0.4000", "1.00"]]),
    "a count below nothing": snapshot(2, yes_dollars_fp=[["0.4000", "-1.00"]]),
}


@pytest.mark.parametrize("name", GARBLED)
def test_what_does_not_read_is_quarantined_with_its_bytes_and_its_book_healed(name):
    talk = whole(A, B).hear(delta(3, ticker=B))
    garbled = GARBLED[name].replace(b'"seq":2', b'"seq":4')
    talk.told()
    talk.hear(garbled)
    assert talk.session.book(A) is None
    assert talk.session.book(B) is not None
    events = talk.told()
    (bad,) = [event for event in events if isinstance(event, BadPayload)]
    assert (bad.payload, bad.market_ticker, bad.channel) == (garbled, A, "orderbook_delta")
    assert bad.problem
    assert spans(e for e in events if isinstance(e, Gap)) == [(A, None, "payload")]
    assert talk.send()[0]["params"]["market_tickers"] == [A]
    talk.hear(snapshot(5))
    assert talk.bids(A) == [(400_000, 500)]


@pytest.mark.parametrize("garbled", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b"null", b'"text"'])
def test_what_is_no_frame_at_all_is_quarantined_and_seen_by_the_next_number(garbled):
    talk = whole(A).hear(garbled)
    assert [e.payload for e in talk.told() if isinstance(e, BadPayload)] == [garbled]
    assert talk.session.book(A) is not None
    assert talk.hear(delta(3)).session.book(A) is None


def test_a_frame_without_its_number_puts_all_books_in_doubt():
    talk = whole(A, B).hear(delta(3).replace(b'"seq"', b'"sequence"').replace(A.encode(), b"?"))
    assert (talk.session.book(A), talk.session.book(B)) == (None, None)


def test_unknown_fields_are_counted_and_passed():
    talk = whole(A).hear(
        snapshot(2, A, mood="good"), frame(type="ok", id=7, sid=1, seq=3, weather="fine")
    )
    talk.hear(delta(4, tick="x"))
    assert talk.bids(A) == [(400_000, 100)]
    counts = {k: n for k, n in talk.session.counts.items() if k.startswith("unknown")}
    assert counts == {"unknown.orderbook_snapshot.msg.mood": 1, "unknown.ok.weather": 1}
    for number in range(5, 65):
        talk.hear(delta(number, tick="x"))
    assert talk.session.counts["unknown.orderbook_delta.msg.tick"] == 1


def test_a_garbled_fill_is_quarantined_and_its_moment_is_to_be_read_again():
    talk = Talk(channel="fill").hear(ack("fill"))
    events = talk.hear(frame(type="fill", sid=1, msg={"trade_id": "f1"})).told()
    assert [type(event) for event in events] == [Gap, BadPayload]
    assert spans(e for e in events if isinstance(e, Gap)) == [("", 1, "payload")]


def test_a_text_with_a_nul_is_quarantined():
    talk = Talk(channel="trade").hear(ack("trade"))
    msg = trade_msg("t\0", A, MS)
    assert any(
        isinstance(event, BadPayload)
        for event in talk.hear(frame(type="trade", sid=1, seq=1, msg=msg)).told()
    )


@pytest.mark.parametrize("channel", ["trade", "ticker"])
def test_what_is_dated_days_ahead_of_its_receipt_is_quarantined(channel):
    talk = Talk(A, channel=channel).hear(ack(channel))
    ahead, in_time = (
        frame(type=channel, sid=1, seq=seq, msg=msg)
        if channel == "trade"
        else frame(type=channel, sid=1, msg=TICKER | {"ts_ms": msg["ts_ms"]})
        for seq, msg in enumerate(
            [trade_msg("a", A, talk.ms + 90_000_000), trade_msg("b", A, talk.ms + 60_000)], start=1
        )
    )
    assert [e.payload for e in talk.hear(ahead).told() if isinstance(e, BadPayload)] == [ahead]
    assert not [e for e in talk.hear(in_time).told() if isinstance(e, BadPayload)]


def test_what_does_not_read_within_a_gap_opens_no_second_one():
    talk = Talk(channel="fill").hear(ack("fill"))
    talk.session.closed("disconnected", heard_ms=talk.ms)
    talk.told()
    events = talk.hear(frame(type="fill", sid=1, msg={})).told()
    assert [type(event) for event in events] == [BadPayload]
    (closed,) = talk.hear(ack("fill", 2)).told()
    assert isinstance(closed, Gap)
    assert closed.reason == "disconnected"
