"""What a session sends to have what is wanted, whatever is lost on the way."""

from kalshi_assets.domain.stream import (
    Refusal,
)
from kalshi_assets.kalshi.stream.sequence import MOST_REPEATS
from kalshi_assets_tests.kalshi.stream.exchange import frame
from kalshi_assets_tests.kalshi.stream.talk import (
    A,
    B,
    Talk,
    ack,
    delta,
    snapshot,
    spans,
    whole,
)


def test_frames_ahead_of_the_lost_answer_are_taken_for_what_was_asked():
    assert Talk(A).hear(snapshot(1), delta(2)).bids(A) == [(400_000, 600)]


def test_frames_of_an_id_not_ours_are_dropped_and_the_id_given_back():
    talk = whole(A).hear(delta(1, sid=9))
    assert talk.session.counts["strange"] == 1
    assert [sent["cmd"] for sent in talk.send()] == ["unsubscribe"]
    assert talk.sent[0]["params"] == {"sids": [9]}
    talk.hear(delta(2, sid=9))
    assert talk.send() == []
    assert talk.bids(A) == [(400_000, 500)]


def test_a_lost_answer_is_settled_by_the_list_of_subscriptions():
    talk = Talk(A)
    assert talk.sent[0]["cmd"] == "subscribe"
    (asked,) = talk.send(after=5.1)
    assert asked["cmd"] == "list_subscriptions"
    rows = [{"channel": "orderbook_delta", "sid": 3}]
    talk.hear(frame(type="ok", id=asked["id"], msg=rows))
    assert talk.send() == []
    assert talk.hear(snapshot(1, sid=3)).bids(A) == [(400_000, 500)]


def test_a_lost_command_is_sent_again_when_the_list_does_not_have_it():
    talk = Talk(A)
    (asked,) = talk.send(after=5.1)
    talk.hear(frame(type="ok", id=asked["id"], msg=[]))
    assert [sent["cmd"] for sent in talk.send()] == ["subscribe"]


def test_a_lost_list_is_asked_for_again():
    talk = Talk(A)
    assert [sent["cmd"] for sent in talk.send(after=5.1)] == ["list_subscriptions"]
    assert talk.send(after=1.0) == []
    assert [sent["cmd"] for sent in talk.send(after=5.1)] == ["list_subscriptions"]


def test_a_subscription_that_ended_unheard_is_found_by_the_audit():
    talk = whole(A)
    assert talk.send(after=1.0) == []
    (asked,) = talk.send(after=60.0)
    assert asked["cmd"] == "list_subscriptions"
    talk.hear(frame(type="ok", id=asked["id"], msg=[]))
    assert talk.session.book(A) is None
    assert spans(talk.gaps()) == [(A, None, "channel_error")]
    assert [sent["cmd"] for sent in talk.send()] == ["subscribe"]


def test_a_list_asked_for_before_a_subscription_was_there_does_not_end_it():
    talk = whole(A)
    talk.session.want("trade", ())
    (first, second) = talk.send(after=61.0)
    assert (first["cmd"], second["cmd"]) == ("subscribe", "list_subscriptions")
    talk.hear(ack("trade", 2))
    rows = [{"channel": "orderbook_delta", "sid": 1}]
    talk.hear(frame(type="ok", id=second["id"], msg=rows))
    assert talk.send() == []
    assert talk.session.book(A) is not None


def test_a_refused_command_is_told_and_sent_again_after_a_pause():
    talk = Talk(A)
    refused = frame(type="error", id=talk.sent[0]["id"], msg={"code": 8, "msg": "Unknown channel"})
    talk.hear(refused)
    (refusal,) = talk.told()
    assert isinstance(refusal, Refusal)
    assert (refusal.channel, refusal.code) == ("orderbook_delta", 8)
    assert talk.send() == []
    assert talk.send(after=29.0) == []
    assert [sent["cmd"] for sent in talk.send(after=1.5)] == ["subscribe"]


def test_markets_are_added_and_removed_on_the_living_subscription():
    talk = whole(A)
    talk.session.want("orderbook_delta", [A, B])
    (added,) = talk.send()
    assert (added["params"]["action"], added["params"]["market_tickers"]) == ("add_markets", [B])
    talk.hear(
        frame(type="ok", id=added["id"], sid=1, seq=2, msg={"market_tickers": [A, B]}),
        snapshot(3, B),
    )
    assert talk.session.book(B) is not None
    talk.session.want("orderbook_delta", [B])
    (removed,) = talk.send()
    assert removed["params"]["action"] == "delete_markets"
    assert talk.session.book(A) is None
    talk.hear(frame(type="ok", id=removed["id"], sid=1, seq=4, msg={"market_tickers": [B]}))
    assert talk.send() == []
    assert talk.gaps() == []


def test_a_market_the_exchange_no_longer_lists_is_not_believed():
    talk = whole(A, B)
    talk.hear(frame(type="ok", sid=1, seq=3, msg={"market_tickers": [A]}))
    assert talk.session.book(B) is None
    assert talk.session.book(A) is not None
    assert talk.send()[0]["params"]["action"] == "add_markets"


def test_a_lost_connection_starts_from_nothing_and_closes_its_gaps_with_the_next():
    talk = whole(A)
    talk.session.want("trade", ())
    talk.send()
    talk.hear(ack("trade", 2))
    talk.session.closed("disconnected", heard_ms=talk.ms)
    assert talk.session.book(A) is None
    assert sorted(spans(talk.gaps())) == [("", None, "disconnected"), (A, None, "disconnected")]
    assert [sent["cmd"] for sent in talk.send()] == ["subscribe", "subscribe"]
    talk.hear(ack("trade", 1), ack("orderbook_delta", 2), snapshot(1, sid=2), delta(2, sid=2))
    assert talk.bids(A) == [(400_000, 600)]
    closed = talk.gaps()
    assert {gap.to_at is None for gap in closed} == {False}
    assert {gap.channel for gap in closed} == {"trade", "orderbook_delta"}


def test_a_feed_that_repeats_for_ever_costs_the_connection():
    talk = whole(A).hear(delta(2))
    talk.hear(*[delta(1)] * MOST_REPEATS)
    assert not talk.session.broken
    talk.hear(delta(1))
    assert talk.session.broken
    assert talk.session.is_restless
