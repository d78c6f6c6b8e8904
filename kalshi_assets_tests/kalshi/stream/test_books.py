"""Which books a session believes, and the gaps of those it does not."""

from typing import Any

import pytest

from kalshi_assets.domain.stream import (
    BookUpdate,
    Gap,
)
from kalshi_assets.kalshi.stream.numbers import instant
from kalshi_assets_tests.kalshi.stream.exchange import frame
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


def test_a_book_is_not_read_before_its_first_snapshot():
    talk = Talk(A).hear(ack())
    assert talk.session.book(A) is None
    assert talk.hear(snapshot(1)).bids(A) == [(400_000, 500)]
    assert talk.gaps() == []


def test_deltas_add_take_and_empty_levels():
    talk = whole(A).hear(delta(2, "2.50"), delta(3, "1.00", price_dollars="0.0100"))
    assert talk.bids(A) == [(10_000, 100), (400_000, 750)]
    assert talk.hear(delta(4, "-7.50")).bids(A) == [(10_000, 100)]


def test_a_no_level_in_yes_prices_is_an_offer_and_reads_as_a_bid_for_no():
    update = whole(A).session.book(A)
    assert update is not None
    assert update.yes_ask is not None
    assert (update.yes_ask.price, update.yes_ask.count) == (600_000, 100)
    assert [(level.price, level.count) for level in update.book.no_bids] == [(400_000, 100)]


def test_the_best_no_bid_comes_last():
    no_side = [["0.6000", "1.00"], ["0.5500", "2.00"], ["0.7000", "3.00"]]
    update = Talk(A).hear(ack(), snapshot(1, no_dollars_fp=no_side)).session.book(A)
    assert update is not None
    assert [level.price for level in update.book.no_bids] == [300_000, 400_000, 450_000]
    assert update.yes_ask is not None
    assert (update.yes_ask.price, update.yes_ask.count) == (550_000, 200)
    assert update.yes_bid is None


@pytest.mark.parametrize("side", ["yes_dollars_fp", "no_dollars_fp"])
def test_the_key_of_an_empty_side_may_be_absent(side):
    sides: dict[str, Any] = {side: [["0.4000", "5.00"]]}
    talk = Talk(A).hear(ack(), snapshot(1, **sides))
    update = talk.session.book(A)
    assert update is not None
    assert len(update.book.yes_bids) + len(update.book.no_bids) == 1


def test_a_missed_number_puts_all_books_of_the_subscription_in_doubt_and_asks_for_them():
    talk = whole(A, B).hear(delta(4))
    assert talk.session.book(A) is None
    assert talk.session.book(B) is None
    (sent,) = talk.send()
    assert sent["params"] == {"sids": [1], "action": "get_snapshot", "market_tickers": [A, B]}
    talk.hear(snapshot(5, B))
    assert (talk.session.book(A), talk.session.book(B) is not None) == (None, True)
    talk.hear(delta(6, ticker=B), snapshot(7, A))
    assert talk.bids(A) == [(400_000, 500)]
    assert talk.bids(B) == [(400_000, 600)]


def test_a_gap_opens_with_its_reason_and_closes_where_the_book_is_whole_again():
    talk = whole(A).hear(delta(3))
    assert spans(talk.gaps()) == [(A, None, "sequence")]
    talk.hear(snapshot(4))
    assert spans(talk.gaps()) == [(A, 2, "sequence")]


def test_a_gap_that_opens_and_closes_unread_is_told_once():
    assert spans(whole(A).hear(delta(3), snapshot(4)).gaps()) == [(A, 2, "sequence")]


def test_numbers_already_passed_change_nothing():
    talk = whole(A).hear(delta(2), delta(2), delta(1), snapshot(1))
    assert talk.bids(A) == [(400_000, 600)]
    assert talk.session.counts["repeated"] == 3
    assert talk.gaps() == []


def test_a_late_snapshot_does_not_make_a_book_whole():
    """It lacks the change that overtook it; another one has to come."""
    talk = Talk(A).hear(ack(), delta(2), snapshot(1))
    assert talk.session.book(A) is None
    assert talk.send()[0]["params"]["action"] == "get_snapshot"


def test_a_second_gap_while_healing_needs_a_later_snapshot():
    talk = whole(A, B).hear(delta(4))
    talk.send()
    talk.hear(snapshot(5, A), delta(7, ticker=B))
    assert talk.session.book(A) is None
    assert talk.send()[0]["params"]["market_tickers"] == [A]
    talk.hear(snapshot(8, B), snapshot(9, A))
    assert None not in (talk.session.book(A), talk.session.book(B))


def test_changes_of_a_book_in_doubt_are_not_held_against_it():
    talk = whole(A).hear(delta(3))
    talk.told()
    talk.hear(delta(4, "-9.00"))
    assert talk.told() == []


def test_a_lost_snapshot_is_asked_for_again_after_a_while():
    talk = whole(A).hear(delta(3))
    assert len(talk.send()) == 1
    assert talk.send(after=1.9) == []
    assert talk.send(after=0.2)[0]["params"]["action"] == "get_snapshot"


def test_a_first_snapshot_that_does_not_come_is_asked_for():
    talk = Talk(A).hear(ack())
    assert talk.send() == []
    assert talk.send(after=2.1)[0]["params"]["action"] == "get_snapshot"


def test_answers_use_up_numbers_of_their_subscription():
    ok = frame(type="ok", id=9, sid=1, seq=2, msg={"market_tickers": [A]})
    assert whole(A).hear(ok, delta(3)).bids(A) == [(400_000, 600)]
    assert whole(A).hear(delta(3)).bids(A) is None


def test_numbers_count_over_all_markets_of_a_subscription():
    talk = whole(A, B).hear(delta(3, ticker=B), delta(4), delta(5, ticker=B))
    assert (talk.bids(A), talk.bids(B)) == ([(400_000, 600)], [(400_000, 700)])


def test_another_book_in_a_later_snapshot_is_taken_and_told_as_a_gap():
    talk = whole(A).hear(delta(2), snapshot(3, yes_dollars_fp=[["0.4100", "1.00"]]))
    assert talk.bids(A) == [(410_000, 100)]
    assert spans(talk.gaps()) == [(A, 1, "snapshot")]


def test_the_same_book_in_a_later_snapshot_is_no_gap():
    talk = whole(A).hear(delta(2), snapshot(3, yes_dollars_fp=[["0.4000", "6.00"]]))
    assert spans(talk.gaps()) == [(A, 1, "snapshot")]
    talk.hear(delta(4, "1.00"), snapshot(5, yes_dollars_fp=[["0.4000", "7.00"]]))
    assert talk.gaps() == []


def test_a_book_in_doubt_is_not_handed_out_although_it_waits_to_be_read():
    talk = whole(A).hear(delta(2), delta(4))
    assert [type(event) for event in talk.told()] == [Gap]


def test_many_changes_are_one_update_with_the_newest_book():
    talk = whole(A).hear(*(delta(number, ts_ms=MS + number) for number in range(2, 50)))
    (update,) = talk.told()
    assert isinstance(update, BookUpdate)
    assert update.yes_bid is not None
    assert update.yes_bid.count == 500 + 48 * 100
    assert update.changed_at == instant(MS + 49)
